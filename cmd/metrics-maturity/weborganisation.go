package main

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/stage"
)

// organisationView is the page of the organisation.
type organisationView struct {
	Rungs []rungView
	Trend trend
	Rose  []teamRow
	Fell  []teamRow
	Rows  []teamRow
	Total int
	Query listQuery
	Heads []head
	Live  bool // all teams are in the table, so that a script may hide some
}

// rungView is one stage of the ladder.
type rungView struct {
	rung
	Shown []teamReport // the first of its teams
	More  int          // how many more there are
}

// teamRow is a team in the table.
type teamRow struct {
	teamReport
	Moved     string // rose, fell, or empty
	NextWords string
	Spark     spark
}

// movedWeeks is how long a change of stage is news.
const movedWeeks = 4

// rungTeams is how many teams of a stage the ladder names.
const rungTeams = 30

// organisation is the page for a query: q, stage, status, moved, sort and order.
func (s *site) organisation(values url.Values) organisationView {
	v := organisationView{Query: newListQuery(values, "stage", "q", "stage", "status", "moved"), Total: len(s.Teams), Trend: s.trend}
	for _, r := range ladder(s.Teams) {
		n := min(len(r.Teams), rungTeams)
		v.Rungs = append(v.Rungs, rungView{r, r.Teams[:n], len(r.Teams) - n})
	}
	var rows []teamRow
	for _, row := range s.rows {
		switch row.Moved {
		case "rose":
			v.Rose = append(v.Rose, row)
		case "fell":
			v.Fell = append(v.Fell, row)
		}
		if v.Query.accepts(row) {
			rows = append(rows, row)
		}
	}
	v.Query.sort(rows)
	v.Rows, v.Live = rows, len(rows) == len(s.Teams)
	v.Heads = v.Query.heads([]head{
		{Key: "team", Label: "Team"}, {Key: "stage", Label: "Stage"}, {Key: "previous", Label: "Before", Num: true}, {Key: "since", Label: "Since"},
		{Key: "confidence", Label: "Confidence", Num: true}, {Key: "status", Label: "Status"}, {Label: "Last 52 weeks"}, {Key: "next", Label: "Next step"},
	})
	return v
}

// moved says whether a team's stage changed lately, and which way.
func moved(t teamReport) string {
	if t.Stage == nil || t.PreviousStage == nil || t.Since == nil || len(t.History) == 0 || *t.Since <= t.History[len(t.History)-1].Week-7*movedWeeks {
		return ""
	}
	if *t.Stage > *t.PreviousStage {
		return "rose"
	}
	return "fell"
}

// nextStep is what is counted for the next stage, shortly.
func nextStep(t teamReport) string {
	if t.Next == nil {
		return ""
	}
	for _, c := range t.Criteria {
		if c.Stage == t.Next.Stage && c.Known {
			return strconv.Itoa(c.Stage) + ": " + strings.ReplaceAll(c.Name, "_", " ") + " " + strconv.Itoa(c.Value) + " of " + strconv.Itoa(c.Enter)
		}
	}
	return strconv.Itoa(t.Next.Stage) + ": not known yet"
}

// accepts says whether a team is asked for.
func (q listQuery) accepts(t teamRow) bool {
	if name := q.Get("q"); name != "" && !strings.Contains(strings.ToLower(t.Team), strings.ToLower(name)) {
		return false
	}
	if want := q.Get("stage"); want != "" && want != stageWord(t.Stage) {
		return false
	}
	if want := q.Get("status"); want != "" && want != t.Status {
		return false
	}
	want := q.Get("moved")
	return want == "" || want == t.Moved
}

// stageWord is a stage as queries of pages write it.
func stageWord(stage *int) string {
	if stage == nil {
		return "unknown"
	}
	return strconv.Itoa(*stage)
}

// sort puts teams in the order asked for; teams that are alike by that are in the order of their names. What is unknown comes last.
func (q listQuery) sort(rows []teamRow) {
	compare := map[string]func(x, y teamRow) int{
		"team":     func(x, y teamRow) int { return strings.Compare(strings.ToLower(x.Team), strings.ToLower(y.Team)) },
		"stage":    func(x, y teamRow) int { return knownFirst(q, x.Stage, y.Stage) },
		"previous": func(x, y teamRow) int { return knownFirst(q, x.PreviousStage, y.PreviousStage) },
		"since":    func(x, y teamRow) int { return knownFirst(q, x.Since, y.Since) },
		"confidence": func(x, y teamRow) int {
			return knownFirst(q, x.Confidence, y.Confidence)
		},
		"status": func(x, y teamRow) int { return strings.Compare(x.Status, y.Status) },
		"next":   func(x, y teamRow) int { return strings.Compare(x.NextWords, y.NextWords) },
	}[q.Sort]
	slices.SortStableFunc(rows, func(x, y teamRow) int { return strings.Compare(strings.ToLower(x.Team), strings.ToLower(y.Team)) })
	if compare == nil {
		return
	}
	slices.SortStableFunc(rows, func(x, y teamRow) int {
		if q.Descending {
			return compare(y, x)
		}
		return compare(x, y)
	})
}

// knownFirst compares what may be unknown, which comes last in either order.
func knownFirst[T cmp.Ordered](q listQuery, x, y *T) int {
	last := 1
	if q.Descending {
		last = -1 // the caller turns it round
	}
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil:
		return last
	case y == nil:
		return -last
	}
	return cmp.Compare(*x, *y)
}

// StatusOptions are the values that a team's status may have.
func (organisationView) StatusOptions() []string {
	return []string{stage.StatusOK, stage.StatusStale, stage.StatusInsufficient}
}
