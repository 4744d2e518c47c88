package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/stage"
)

//go:embed web/report.html
var reportPage string

// page is a report with what only the web page shows.
type page struct {
	*report
	Ladder  []pageRung
	Rows    []pageTeam
	Reasons []string
}

type pageRung struct {
	rung
	Teams []pageTeam
}

// pageTeam is a team's report, numbered so that links on the page find it whatever its name.
type pageTeam struct {
	teamReport
	Number          int
	Sentences       []string
	FoundationWords string
	StatusWords     string
	Strip           []bar
	StripWidth      int
}

// bar is one week of a team's history: the higher the stage, the higher the bar.
type bar struct {
	Stage, X, Y, Height int
	Held                bool
	Title               string
}

// writeHTML writes a report as one page that needs nothing else: no script, no font, no image.
func writeHTML(w io.Writer, r *report, loc *time.Location) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"date":    func(t time.Time) string { return formatInstant(t, loc) },
		"percent": percent,
	}).Parse(reportPage)
	if err != nil {
		return err
	}
	p := page{report: r, Reasons: reasonWords(r.Events)}
	numbers := map[string]int{}
	for i, t := range byStage(r.Teams) {
		numbers[t.Team] = i
		p.Rows = append(p.Rows, newPageTeam(i, t))
	}
	for _, rung := range ladder(r.Teams) {
		pr := pageRung{rung: rung}
		for _, t := range rung.Teams {
			pr.Teams = append(pr.Teams, p.Rows[numbers[t.Team]])
		}
		p.Ladder = append(p.Ladder, pr)
	}
	var b strings.Builder // a page is sent whole or not at all
	if err := t.Execute(&b, p); err != nil {
		return fmt.Errorf("web page: %w", err)
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func newPageTeam(number int, t teamReport) pageTeam {
	p := pageTeam{
		teamReport: t, Number: number, Sentences: stage.Explain(t.assessment), FoundationWords: strings.ReplaceAll(foundationWords(t), ",", ", "), StatusWords: statusWords(t),
	}
	const barWidth, unit = 4, 4
	weeks := t.History
	if most := 104; len(weeks) > most {
		weeks = weeks[len(weeks)-most:]
	}
	for i, h := range weeks {
		if h.Stage == nil {
			continue
		}
		height := 2 + unit**h.Stage
		p.Strip = append(p.Strip, bar{
			Stage: *h.Stage, X: i * barWidth, Y: 2 + unit*6 - height, Height: height, Held: h.Status != stage.StatusOK,
			Title: fmt.Sprintf("week of %s: stage %d", h.Week, *h.Stage),
		})
	}
	p.StripWidth = len(weeks) * barWidth
	return p
}
