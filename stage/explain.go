package stage

import (
	"fmt"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// next returns what would take the team to the next stage.
func (r *run) next() Next {
	stage := *r.state.stage
	if stage >= len(rungs) {
		return Next{}
	}
	c := r.result(stage)
	n := Next{Stage: stage + 1}
	w := wordings()[stage]
	if !c.Known {
		if !r.coverage[stage].configured {
			n.Missing = append(n.Missing, "connect a source that shows "+w.shows+": none of the team's does")
		} else {
			n.Missing = append(n.Missing, fmt.Sprintf("%s that show %s, before this can be told", number(r.lacking(stage), "more covered week"), w.shows))
		}
	}
	return Next{Stage: n.Stage, Missing: append(n.Missing, step(c, w))}
}

// step says what the criterion asks for, and how much of it is there.
func step(c CriterionResult, w wording) string {
	s := w.step(c)
	switch {
	case !c.Known:
		return s
	case c.Value >= c.Enter && c.People == nil:
		return s // what lacks is people, of whom nothing is to be told
	case c.Value >= c.Enter:
		return fmt.Sprintf("%s: so far it %s", s, w.did(c))
	}
	return fmt.Sprintf("%s: %d of %d so far in the last %s", s, c.Value, c.Enter, number(c.CoveredWeeks, "covered week"))
}

// Explain says in sentences why a team is where it is, what was passed over, and what would change it. It names no
// person, and counts people only where the assessment does.
func Explain(a Assessment) []string {
	var out []string
	if a.Stage == nil {
		out = append(out, a.Team+": insufficient data, because "+a.Reason)
		if a.PreviousStage != nil {
			out = append(out, fmt.Sprintf("the last stage known was %d, %s", *a.PreviousStage, Names()[*a.PreviousStage]))
		}
		if a.AssessableFrom != 0 {
			out = append(out, fmt.Sprintf("it can be assessed from %s on, if everything is read from now on", a.AssessableFrom))
		}
		return append(out, passedOver(a)...)
	}
	out = append(out, headline(a))
	words := wordings()
	for _, c := range a.Criteria {
		if line, ok := holding(c, words[c.Stage-1], a); ok {
			out = append(out, line)
		}
	}
	switch {
	case *a.Stage == 0 && len(out) == 1:
		out = append(out, "no behaviour was seen, although it could have been")
	case *a.Stage == 0:
		out = append(out, "none of this is enough for a stage")
	}
	out = append(out, LeftOut(a)...)
	for _, m := range a.Next.Missing {
		out = append(out, fmt.Sprintf("for stage %d, %s: %s", a.Next.Stage, Names()[a.Next.Stage], m))
	}
	return out
}

// LeftOut is the part of Explain that says what was discounted and passed over: machines, trouble, quiet weeks and weeks that could
// not be seen.
func LeftOut(a Assessment) []string {
	if a.Stage == nil {
		return passedOver(a)
	}
	return append(discounted(a), passedOver(a)...)
}

// headline says where the team is.
func headline(a Assessment) string {
	s := fmt.Sprintf("%s is at stage %d, %s", a.Team, *a.Stage, Names()[*a.Stage])
	if a.Since != nil {
		s += ", since the week of " + a.Since.String()
	}
	if a.PreviousStage != nil {
		s += fmt.Sprintf(" (before: stage %d, %s)", *a.PreviousStage, Names()[*a.PreviousStage])
	}
	if a.Confidence != nil {
		s += fmt.Sprintf("; confidence %.0f %%", *a.Confidence*100)
		if a.Version < 2 {
			s += " (an estimate, not calibrated)"
		}
	}
	if a.Status == StatusStale {
		s += "; held through weeks of which nothing is known"
	}
	return s
}

// holding says what a criterion that holds, or that has something to tell, rests on.
func holding(c CriterionResult, w wording, a Assessment) (string, bool) {
	if !c.Known || c.Value == 0 && !c.Met {
		return "", false
	}
	s := "nothing seen of late"
	if c.Value > 0 {
		s = w.did(c)
	}
	if c.Name == QueryDays || c.Name == Baselines || c.Name == Revisits {
		s += fmt.Sprintf(" in the last %s", number(c.CoveredWeeks, "covered week"))
	}
	switch {
	case c.Habit != nil:
		s += c.rhythm(a.asOf())
	case c.Last != 0:
		s += "; last on " + c.Last.String()
	}
	if c.Name == WeeksWithAView {
		s += ownAndOthers(c.Evidence)
	}
	switch {
	case c.Met && c.Below > 0:
		s += fmt.Sprintf("; below the %d that it takes to stay for %s now", c.Leave, number(c.Below, "week"))
	case !c.Met && c.People != nil && c.Value >= c.Enter && (c.Habit == nil || *c.People <= 1 && !c.Habit.Alone):
		s += "; it takes more than one person to be a ritual of the team"
	case c.Met && c.Stage > *a.Stage:
		s += fmt.Sprintf("; this would be stage %d, if stage %d held", c.Stage, rungs[c.Stage-1].below)
	}
	if c.Habit != nil {
		s += c.belief(a.HidePeople)
	}
	return fmt.Sprintf("stage %d: %s", c.Stage, s), true
}

// ownAndOthers tells views of the team's own dashboards from those of others.
func ownAndOthers(rows []Evidence) string {
	var own, others int64
	for _, e := range rows {
		switch e.Own {
		case activity.Yes:
			own += e.Count
		case activity.No:
			others += e.Count
		}
	}
	if own+others == 0 {
		return ""
	}
	return fmt.Sprintf("; own dashboards %d times, others' %d times", own, others)
}

// passedOver says which weeks say nothing about the stage and the next one.
func passedOver(a Assessment) []string {
	var out []string
	for _, kind := range []struct {
		says  string
		weeks func(CriterionResult) []activity.Date
	}{
		{"could not be seen for %s, so neither for nor against the team: %s", func(c CriterionResult) []activity.Date { return c.Uncovered }},
		{"quiet in the whole organisation, so passed over for %s: %s", func(c CriterionResult) []activity.Date { return c.Quiet }},
	} {
		stages := map[string][]int{}
		var order []string
		for _, c := range relevant(a) {
			weeks := kind.weeks(c)
			if !c.Known || len(weeks) == 0 {
				continue
			}
			text := weeksOf(weeks)
			if stages[text] == nil {
				order = append(order, text)
			}
			stages[text] = append(stages[text], c.Stage)
		}
		for _, text := range order {
			out = append(out, fmt.Sprintf(kind.says, stagesOf(stages[text]), text))
		}
	}
	return out
}

// relevant returns the criteria of the present stage and of the next; below stage 1, of those that stand alone.
func relevant(a Assessment) []CriterionResult {
	from, to := 1, unassisted
	if a.Stage != nil && *a.Stage > 0 {
		from, to = *a.Stage, *a.Stage+1
	}
	var out []CriterionResult
	for _, c := range a.Criteria {
		if from <= c.Stage && c.Stage <= to {
			out = append(out, c)
		}
	}
	return out
}
