package main

import (
	"slices"

	"github.com/metrics-maturity/metrics-maturity/stage"
)

// teamView is the page of a team.
type teamView struct {
	teamReport
	Number   int // for links within one file
	Headline string
	Evidence []string // sentences, as explain says them
	LeftOut  []string // what was discounted and passed over
	SetAside []setAside
	Chart    chart
	Boards   []dashboardReport // that it owns
	Differs  []historyWeekReport
}

func (s *site) teamView(t teamReport) teamView {
	v := teamView{teamReport: t, Number: s.at[t.Team], LeftOut: stage.LeftOut(t.assessment), SetAside: s.setAside[t.Team], Chart: newChart(t.History)}
	sentences := stage.Explain(t.assessment)
	v.Headline = sentences[0]
	for _, sentence := range sentences[1:max(1, len(sentences)-len(t.nextSentences()))] {
		if !slices.Contains(v.LeftOut, sentence) {
			v.Evidence = append(v.Evidence, sentence)
		}
	}
	for _, d := range s.Usage.Dashboards {
		if slices.Contains(d.Owners, t.Team) {
			v.Boards = append(v.Boards, d)
		}
	}
	for _, h := range t.History {
		if h.Exported != nil {
			v.Differs = append(v.Differs, h)
		}
	}
	return v
}

// nextSentences are those with which explain ends: what is missing for the next stage.
func (t teamReport) nextSentences() []string {
	if t.Next == nil || t.Next.Stage == 0 {
		return nil
	}
	return t.Next.Missing
}

// FoundationList is each foundation, and whether it is there.
func (v teamView) FoundationList() []foundationView {
	var out []foundationView
	for _, name := range []string{"collection", "query_tooling", "dashboards"} {
		f := foundationView{Name: name, State: "not known"}
		if have := v.Foundations[name]; have != nil {
			f.State = "no"
			if *have {
				f.State = "yes"
			}
		}
		out = append(out, f)
	}
	return out
}

type foundationView struct{ Name, State string }
