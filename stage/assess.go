package stage

import (
	"fmt"
	"maps"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Assess returns an assessment of each team, in the order of o.Teams, as of the last complete week before o.AsOf.
// o.Criteria must be valid.
func Assess(o Org) []Assessment { return assess(o, nil) }

// assess assesses each team, and shows each of its weeks, numbered by team, to each unless that is nil.
func assess(o Org, each func(team int, r *run)) []Assessment {
	if o.Folded == nil {
		o.Folded = fold(o)
	}
	cal := newCalendar(o)
	cover := &coverages{calendar: cal, criteria: o.Criteria, quiet: quietWeeks(o, cal), known: map[string][]coverage{}}
	goals, recorded := newGoalBook(o.Goals), newRecordings(o.Teams)
	mark := &marks{}
	var present []float64
	var habits *chain
	if o.Criteria.Version >= 2 {
		present, habits = exposures(o, cal), o.Criteria.Ladder.chain()
	}
	out := make([]Assessment, 0, len(o.Teams))
	for i, t := range o.Teams {
		ob := newObserver(t, cal, o.Criteria, &o.Folded.teams[i], goals, recorded)
		r := &run{
			team: t, criteria: o.Criteria, cal: cal, coverage: cover.of(t.Sources),
			series: ob.series(), mark: mark,
		}
		if o.Criteria.Version >= 2 {
			r.facts, r.exposure = ob.facts2(), present
			r.judge = newJudge(o.Criteria, r.facts, habits)
		}
		if each != nil {
			r.each = func() { each(i, r) }
		}
		out = append(out, r.assess(o.AsOf))
	}
	return out
}

// assess evaluates all weeks.
func (r *run) assess(asOf activity.Date) Assessment {
	a := Assessment{Team: r.team.Name, Foundations: maps.Clone(r.team.Foundations), HidePeople: r.team.HidePeople, Version: r.criteria.Version}
	r.state.latches = make([]latch, len(rungs))
	for i := range r.state.latches {
		r.state.latches[i].last = -1
	}
	a.History = make([]WeekStage, 0, r.cal.weeks)
	for w := range r.cal.weeks {
		stage, status := r.week(w)
		row := WeekStage{Week: r.cal.monday(w), Stage: stage, Status: status}
		if stage != nil && r.judge != nil {
			p := r.believed(w)
			row.Confidence = &p
		}
		a.History = append(a.History, row)
		if r.each != nil {
			r.each()
		}
	}
	for i := range rungs {
		a.Criteria = append(a.Criteria, r.result(i))
	}
	a.Status = r.status()
	if a.Status == StatusInsufficient {
		a.PreviousStage = r.state.stage
		a.Reason, a.AssessableFrom = r.insufficient(asOf)
		a.Next = Next{Missing: []string{a.Reason}}
		return a
	}
	raw := r.top(func(l *latch) bool { return l.meets })
	since := r.cal.monday(r.state.since)
	confidence := r.confidence()
	if r.judge != nil {
		confidence = *a.History[len(a.History)-1].Confidence
	}
	a.Stage, a.StageName, a.RawStage = r.state.stage, Names()[*r.state.stage], &raw
	a.Since, a.PreviousStage, a.Confidence = &since, r.state.previous, &confidence
	a.Next = r.next()
	return a
}

// result describes rung i as of its last evaluation.
func (r *run) result(i int) CriterionResult {
	k, l, c := r.criteria.ByName[rungs[i].name], &r.state.latches[i], &r.coverage[i]
	out := CriterionResult{
		Stage: rungs[i].stage, Name: rungs[i].name, Known: l.last >= 0,
		Enter: k.Enter, Leave: k.Leave, WindowWeeks: k.Window,
	}
	from := max(0, r.cal.weeks-k.Window)
	if out.Known {
		from = c.from[l.last]
		out.Value, out.Met, out.Below, out.CoveredWeeks = l.reading.value, l.holds, l.below, l.reading.weeks
		out.From, out.To = r.cal.monday(from), r.cal.monday(l.last+1)
		out.Evidence, out.Last = r.series[i].evidence(rungs[i], c, r.cal, l.last)
		out.Habit = r.habitResult(i, from, l.last)
		if rungs[i].people && !r.team.HidePeople {
			people := l.reading.people
			out.People = &people
		}
	}
	for w := from; w < r.cal.weeks; w++ {
		switch {
		case c.quiet[w]:
			out.Quiet = append(out.Quiet, r.cal.monday(w))
		case !c.covered[w]:
			out.Uncovered = append(out.Uncovered, r.cal.monday(w))
		}
	}
	return out
}

// insufficient says why no stage can be told, and from when on one can be, if everything is read from now on.
func (r *run) insufficient(asOf activity.Date) (reason string, from activity.Date) {
	configured := false
	for i := range rungs[:unassisted] {
		configured = configured || r.coverage[i].configured
	}
	switch {
	case !configured:
		return "no owner rule of the team can match a source that shows what people do", 0
	case !r.team.HasPeople && r.holding() == 0:
		return "no owner rule names the team's people, so their silence means nothing", 0
	}
	weeks := 1
	var shows []string
	for i := range rungs {
		if r.decides(i) {
			weeks = max(weeks, r.lacking(i))
			if r.state.latches[i].last < 0 {
				shows = append(shows, wordings()[i].shows)
			}
		}
	}
	next := r.cal.monday(r.cal.weeks)
	if r.cal.weeks == 0 {
		next = (asOf + 6).Monday()
	}
	reason = fmt.Sprintf("what its stage rests on could not be seen for %s", number(r.state.gap, "week"))
	if !r.state.seen {
		reason = fmt.Sprintf("there are fewer than %s in which %s could be seen", number(r.criteria.CoveredWeeks, "week"), strings.Join(shows, " and "))
	}
	return reason, next + activity.Date(7*weeks)
}

// decides says whether the stage that is held rests on rung i; stage 0 rests on those that show looking, if they can.
func (r *run) decides(i int) bool {
	if stage := r.holding(); stage > 0 {
		return !r.all(stage-1, func(j int) bool { return j != i })
	}
	return i < unassisted && r.coverage[i].configured && (rungs[i].looks || !r.canLook())
}

// canLook says whether some source could show looking.
func (r *run) canLook() bool {
	for i, k := range rungs[:unassisted] {
		if k.looks && r.coverage[i].configured {
			return true
		}
	}
	return false
}

// lacking returns how many covered weeks more rung i needs before it can be evaluated.
func (r *run) lacking(i int) int {
	k, c := r.criteria.ByName[rungs[i].name], &r.coverage[i]
	need := min(r.criteria.CoveredWeeks, k.Window)
	for n := 1; n < r.criteria.CoveredWeeks; n++ {
		from := max(0, r.cal.weeks+n-r.criteria.Stretch*k.Window)
		inWindow := n
		if from < r.cal.weeks {
			inWindow += c.before[r.cal.weeks] - c.before[from]
		}
		if inWindow >= need && c.before[r.cal.weeks]+n >= r.criteria.CoveredWeeks {
			return n
		}
	}
	return r.criteria.CoveredWeeks
}
