package stage

import (
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// actTags are the tags of annotations that say that something was done.
var actTags = []string{"action", "decision", "deployment", "rollback"}

// lookThenAct are the changes that followed a look at the same thing.
func (o *observer) lookThenAct() series {
	changes := o.changes()
	looks := o.looksAt(changes)
	var facts []fact
	for _, c := range changes {
		follows := func(t tie) bool {
			recent := between(looks[t], c.Date-activity.Date(o.criteria.ActDays), c.Date)
			return slices.ContainsFunc(recent, func(look *activity.Act) bool { return before(look, c) })
		}
		if slices.ContainsFunc(ties(c), follows) {
			facts = append(facts, o.fact(c, 0))
		}
	}
	return newSeries(facts, o.cal.weeks, 1, 0)
}

// tie is what a look and a change are both about: a dashboard or a metric, by the kind of the look.
type tie struct {
	look   activity.Kind
	metric bool
	name   string
}

// ties lists what a look must be about for the change to follow it. One dashboard that is viewed and another one that is
// edited share metrics as a matter of course, so a view and an edit are tied by the dashboard alone.
func ties(change *activity.Act) []tie {
	var out []tie
	metrics := change.Metrics
	if change.Records != "" {
		metrics = append(slices.Clone(metrics), change.Records)
	}
	for _, m := range metrics {
		out = append(out, tie{activity.KindQuery, true, m})
	}
	if change.Kind == activity.KindEdit || change.Kind == activity.KindAnnotation {
		return append(out, tie{activity.KindView, false, change.Subject})
	}
	for _, m := range metrics {
		out = append(out, tie{activity.KindView, true, m})
	}
	return out
}

// looksAt files the team's looks, in order of their days, under what was changed.
func (o *observer) looksAt(changes []*activity.Act) map[tie][]*activity.Act {
	looks := map[tie][]*activity.Act{}
	for _, c := range changes {
		for _, t := range ties(c) {
			looks[t] = nil
		}
	}
	if len(looks) == 0 {
		return looks
	}
	for _, kind := range []activity.Kind{activity.KindView, activity.KindQuery} {
		for _, a := range o.acts[kind] {
			file(looks, tie{kind, false, a.Subject}, a)
			for _, m := range a.Metrics {
				file(looks, tie{kind, true, m}, a)
			}
		}
	}
	sortDays(looks)
	return looks
}

// before says whether a look preceded a change of the same day, or was on an earlier one.
func before(look, change *activity.Act) bool {
	first, _ := times(look)
	_, last := times(change)
	return look.Date < change.Date || look.Date == change.Date && !first.After(last)
}

// changes lists what the team's people changed: thresholds, targets, dashboards, and annotations that say so.
func (o *observer) changes() []*activity.Act {
	var out []*activity.Act
	for _, a := range o.acts[activity.KindRule] {
		if a.Detail == activity.RuleThresholdChanged && a.ByTeam == activity.Yes {
			out = append(out, a)
		}
	}
	for _, a := range o.acts[activity.KindGoal] {
		if a.Detail == activity.GoalChanged && a.ByTeam != activity.No {
			out = append(out, a)
		}
	}
	for _, a := range o.acts[activity.KindEdit] {
		if a.Detail != activity.EditDeleted && a.Subject != "" && (o.criteria.Version < 2 || a.Own != activity.No) {
			out = append(out, a)
		}
	}
	for _, a := range o.acts[activity.KindAnnotation] {
		if tagged(a, actTags...) && a.Subject != "" {
			out = append(out, a)
		}
	}
	return out
}
