package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// sourcesReport says how far what is read can be relied on.
type sourcesReport struct {
	Schema  int            `json:"schema"`
	Sources []sourceDetail `json:"sources"`
	Events  eventsReport   `json:"events"`
	Kinds   []kindReport   `json:"kinds"`
	Mend    []mendReport   `json:"mend"`
}

// sourceDetail is a source with the days that were read of it.
type sourceDetail struct {
	sourceReport
	Days []calendarDay `json:"days"` // the last calendarWeeks, oldest first
}

// What was read of a source of a day.
const (
	dayFull = "full"
	dayPart = "part" // less than the source could show, as of a Grafana log without views
	dayNone = "none" // after the first day that was read
)

// calendarDay is a day of a source; nothing is said of it before the first that was read.
type calendarDay struct {
	Date    activity.Date `json:"date"`
	Covered string        `json:"covered"`
}

// kindReport counts acts by kind, outcome and reason.
type kindReport struct {
	Kind    activity.Kind    `json:"kind"`
	Outcome activity.Outcome `json:"outcome"`
	Reason  string           `json:"reason"` // empty for those that counted
	Count   int64            `json:"count"`
}

// mendReport is something that keeps the result from being complete, and what to do about it.
type mendReport struct {
	Source  string `json:"source"` // empty for what is not of one source
	Problem string `json:"problem"`
	Hint    string `json:"hint"`
}

// calendarWeeks is how many weeks a calendar shows.
const calendarWeeks = 26

func newSources(c *config, p *picture) *sourcesReport {
	r := &sourcesReport{Schema: reportSchema, Sources: []sourceDetail{}, Events: p.report.Events, Kinds: newKinds(p.tally), Mend: []mendReport{}}
	for i, s := range p.report.Sources {
		d := sourceDetail{sourceReport: s, Days: newCalendar(p.org.Sources[i], p.facts.Coverage, p.org.AsOf)}
		_, hint := blindness(c.Sources[i], p.facts.Coverage)
		r.Sources = append(r.Sources, d)
		r.Mend = append(r.Mend, mendSource(s, hint)...)
	}
	if of := r.Events.Counted + r.Events.Unattributed; 4*r.Events.Unattributed > of {
		r.Mend = append(r.Mend, mendReport{
			Problem: fmt.Sprintf("%s of the acts of people belong to no team", percent(float64(r.Events.Unattributed)/float64(of))),
			Hint:    "metrics-maturity check shows what a sample is attributed to and why the rest is not: name people, folders or metrics in the owner rules",
		})
	}
	return r
}

// newCalendar tells the days of the weeks before end.
func newCalendar(source stage.Source, coverage []activity.CoveredDay, end activity.Date) []calendarDay {
	covered := map[activity.Date]string{}
	first := end
	for _, c := range coverage {
		if c.Source != source.Name {
			continue
		}
		first = min(first, c.Date)
		switch {
		case classRank(c.Class) >= classRank(source.Class):
			covered[c.Date] = dayFull
		case covered[c.Date] == "":
			covered[c.Date] = dayPart
		}
	}
	days := []calendarDay{}
	for day := (end - 1).Monday() - 7*(calendarWeeks-1); day < end; day++ {
		read := covered[day]
		if read == "" && day > first {
			read = dayNone
		}
		days = append(days, calendarDay{day, read})
	}
	return days
}

func newKinds(t *tally) []kindReport {
	counts := map[kindReport]int64{}
	for k, n := range t.all() {
		counts[kindReport{Kind: k.kind, Outcome: k.outcome, Reason: k.reason}] += n
	}
	kinds := []kindReport{}
	for k, n := range counts {
		k.Count = n
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(x, y kindReport) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), strings.Compare(string(y.Outcome), string(x.Outcome)), cmp.Compare(y.Count, x.Count), cmp.Compare(x.Reason, y.Reason))
	})
	return kinds
}

// mendSource says what is wrong with a source. hint is what mends its note.
func mendSource(s sourceReport, hint string) []mendReport {
	var out []mendReport
	add := func(problem, hint string) { out = append(out, mendReport{s.Name, problem, hint}) }
	problem, advice, _ := strings.Cut(s.Error, "\nhint: ")
	switch {
	case s.neverRead():
		add("was never read", "run collect, or wait for the first cycle of serve; metrics-maturity check reaches it")
	case !s.Up:
		add(cmp.Or(firstLine(problem), "could not be read the last time"), cmp.Or(strings.ReplaceAll(advice, "\nhint: ", "; "), "metrics-maturity check reaches it again"))
	}
	if s.Note != "" {
		note, advice, _ := strings.Cut(s.Note, "\nhint: ")
		add(firstLine(note), cmp.Or(strings.ReplaceAll(advice, "\nhint: ", "; "), hint))
	}
	if s.Malformed > 0 {
		add(fmt.Sprintf("%d lines or files could not be read", s.Malformed), "the log of the collector shows a sample; check files: and type:")
	}
	if s.coveredRatio != nil && *s.coveredRatio < 0.9 {
		add(fmt.Sprintf("only %s of the last %d days were read", percent(*s.coveredRatio), coverageWindow), "logs that are still there are read by the next run; days that are gone stay uncovered, and no team falls for it")
	}
	return out
}

// calendar is the days of a source as a grid: a column a week, a row a weekday.
type calendar struct {
	Width, Height int
	Cells         []calendarCell
	Months        []tick
}

type calendarCell struct {
	calendarDay
	X, Y int
}

// calendarCellSize is the side of a day, with the gap to the next.
const calendarCellSize = 12

// Calendar draws the days of the source.
func (d sourceDetail) Calendar() calendar {
	c := calendar{Width: calendarWeeks*calendarCellSize + 40, Height: 7*calendarCellSize + 18}
	for i, day := range d.Days {
		if day.Covered != "" {
			c.Cells = append(c.Cells, calendarCell{day, i / 7 * calendarCellSize, 16 + i%7*calendarCellSize})
		}
		if month := day.Date.String()[:len("2006-01")]; i%7 == 0 && (i == 0 || month != d.Days[i-7].Date.String()[:len(month)]) {
			if n := len(c.Months); n == 0 || i/7*calendarCellSize-c.Months[n-1].At >= 50 {
				c.Months = append(c.Months, tick{i / 7 * calendarCellSize, month})
			}
		}
	}
	return c
}

// CoveredWords says what was read of the day.
func (d calendarDay) CoveredWords() string {
	switch d.Covered {
	case dayFull:
		return "read"
	case dayPart:
		return "read, but not all is logged that it could show"
	}
	return "not read"
}

// MissingWords lists the days that were not read, in stretches.
func (s sourceReport) MissingWords() string {
	var words []string
	for i := 0; i < len(s.MissingDays); {
		j := i
		for j+1 < len(s.MissingDays) && s.MissingDays[j+1] == s.MissingDays[j]+1 {
			j++
		}
		text := s.MissingDays[i].String()
		if j > i {
			text += " to " + s.MissingDays[j].String()
		}
		words = append(words, text)
		i = j + 1
	}
	if most := 12; len(words) > most {
		words = append([]string{fmt.Sprintf("%d stretches, the last of them", len(words))}, words[len(words)-most:]...)
	}
	return strings.Join(words, ", ")
}
