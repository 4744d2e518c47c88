package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/metrics-maturity/metrics-maturity/stage"
)

// writeTable shows a report in a terminal: a picture of teams by stage, a row for each team, and what it rests on.
func writeTable(w io.Writer, r *report, loc *time.Location) error {
	var b strings.Builder
	fmt.Fprintf(&b, "metrics maturity as of %s (criteria version %d)\n\n", formatInstant(r.AsOf, loc), r.CriteriaVersion)
	ladderText(&b, r.Teams)
	b.WriteByte('\n')
	teamTable(&b, r.Teams)
	b.WriteByte('\n')
	for _, s := range r.Sources {
		b.WriteString(sourceLine(s))
	}
	b.WriteString(eventsLine(r.Events))
	if r.PeopleKnownFrom != nil {
		fmt.Fprintf(&b, "before %s people were forgotten: those acts stay with the team as owned then\n", r.PeopleKnownFrom)
	}
	if n := differing(r.Teams); n > 0 {
		fmt.Fprintf(&b, "history differs from what was exported in %d team weeks: see report --format json --history\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// rung is one stage of the ladder with the teams that stand on it.
type rung struct {
	Stage   int
	Name    string
	Unknown bool // teams of which too little is known
	Teams   []teamReport
}

// ladder groups teams by stage, the highest first, those of whom too little is known last.
func ladder(teams []teamReport) []rung {
	var rungs []rung
	names := stage.Names()
	for s := len(names) - 1; s >= 0; s-- {
		rungs = append(rungs, rung{Stage: s, Name: names[s]})
	}
	rungs = append(rungs, rung{Name: "not enough data", Unknown: true})
	for _, t := range teams {
		i := len(rungs) - 1
		if t.Stage != nil {
			i = len(names) - 1 - *t.Stage
		}
		rungs[i].Teams = append(rungs[i].Teams, t)
	}
	return rungs
}

func ladderText(b *strings.Builder, teams []teamReport) {
	for _, r := range ladder(teams) {
		label := fmt.Sprintf("%d %s", r.Stage, r.Name)
		if r.Unknown {
			if len(r.Teams) == 0 {
				continue
			}
			label = "? " + r.Name
		}
		var names []string
		for _, t := range r.Teams {
			names = append(names, visible(t.Team))
		}
		line := fmt.Sprintf("%-18s │%s %s", label, strings.Repeat("██", len(r.Teams)), strings.Join(names, " "))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// teamTable writes a row for each team.
func teamTable(b *strings.Builder, teams []teamReport) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TEAM\tSTAGE\tNAME\tCONFIDENCE\tSINCE\tBEFORE\tFOUNDATIONS\tNEXT")
	for _, t := range byStage(teams) {
		name := statusWords(t)
		if t.StageName != nil {
			name = *t.StageName
			if t.Status != stage.StatusOK {
				name += " (" + statusWords(t) + ")"
			}
		}
		confidence := "-"
		if t.Confidence != nil {
			confidence = percent(*t.Confidence)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			visible(t.Team), orDash(t.Stage), name, confidence, orDash(t.Since), orDash(t.PreviousStage), foundationWords(t), nextWords(t))
	}
	_ = w.Flush() // a strings.Builder takes everything
}

// byStage sorts teams for people: the highest stage first, those of whom too little is known last.
func byStage(teams []teamReport) []teamReport {
	sorted := slices.Clone(teams)
	slices.SortStableFunc(sorted, func(x, y teamReport) int { return stageOrder(y) - stageOrder(x) })
	return sorted
}

func stageOrder(t teamReport) int {
	if t.Stage == nil {
		return -1
	}
	return *t.Stage
}

func statusWords(t teamReport) string {
	switch {
	case t.Status == stage.StatusStale:
		return "stale"
	case t.Status == stage.StatusOK:
		return ""
	case t.AssessableFrom != nil:
		return "not enough data until " + t.AssessableFrom.String()
	}
	return "not enough data"
}

// foundationWords lists the technical foundations that are there; "?" marks those that no source can tell.
func foundationWords(t teamReport) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(t.Foundations)) {
		switch have := t.Foundations[name]; {
		case have == nil:
			words = append(words, name+"?")
		case *have:
			words = append(words, name)
		}
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ",")
}

// nextWords is what is counted for the next stage, and of how much; explain says it in sentences.
func nextWords(t teamReport) string {
	if t.Next == nil {
		return "-"
	}
	for _, c := range t.Criteria {
		if c.Stage == t.Next.Stage {
			return fmt.Sprintf("%d: %s %d of %d", c.Stage, c.Name, c.Value, c.Enter)
		}
	}
	return "-"
}

func sourceLine(s sourceReport) string {
	state := "up"
	switch {
	case s.Up:
	case s.Error != "":
		state = "down: " + visible(firstLine(s.Error))
	default:
		state = "never read"
	}
	line := fmt.Sprintf("source %s: %s, %d events, %d malformed, %d days covered, %d missing", visible(s.Name), state, s.Events, s.Malformed, s.CoveredDays, len(s.MissingDays))
	if s.Note != "" {
		line += " (" + visible(firstLine(s.Note)) + ")"
	}
	return line + "\n"
}

func eventsLine(e eventsReport) string {
	line := fmt.Sprintf("acts: %d counted, %d automated, %d under no team", e.Counted, e.Automated, e.Unattributed)
	if words := reasonWords(e); len(words) > 0 {
		line += " (" + strings.Join(words, ", ") + ")"
	}
	return line + "\n"
}

// reasonWords lists why acts were not counted, the most frequent reason first.
func reasonWords(e eventsReport) []string {
	reasons := slices.SortedFunc(maps.Keys(e.Reasons), func(x, y string) int {
		if d := e.Reasons[y] - e.Reasons[x]; d != 0 {
			return int(max(min(d, 1), -1))
		}
		return strings.Compare(x, y)
	})
	words := make([]string, len(reasons))
	for i, r := range reasons {
		words[i] = fmt.Sprintf("%s %d", r, e.Reasons[r])
	}
	return words
}

func differing(teams []teamReport) (weeks int) {
	for _, t := range teams {
		for _, h := range t.History {
			if h.Exported != nil {
				weeks++
			}
		}
	}
	return weeks
}

func orDash[T any](v *T) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

func percent(share float64) string { return fmt.Sprintf("%.0f%%", share*100) }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// formatInstant writes a date alone if t is its first instant.
func formatInstant(t time.Time, loc *time.Location) string {
	t = t.In(loc)
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04 MST")
}
