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
	dashboards, metrics := map[string][]*activity.Act{}, map[string][]*activity.Act{}
	for _, c := range changes {
		if c.Kind == activity.KindEdit || c.Kind == activity.KindAnnotation {
			dashboards[c.Subject] = nil
		}
		for _, m := range tiedBy(c) {
			metrics[m] = nil
		}
	}
	if len(changes) > 0 {
		o.indexLooks(dashboards, metrics)
	}
	var facts []fact
	for _, c := range changes {
		follows := func(look *activity.Act) bool { return o.follows(look, c) }
		seen := (c.Kind == activity.KindEdit || c.Kind == activity.KindAnnotation) && slices.ContainsFunc(dashboards[c.Subject], follows)
		for _, m := range tiedBy(c) {
			seen = seen || slices.ContainsFunc(metrics[m], func(look *activity.Act) bool {
				// One dashboard viewed and another one edited share metrics as a matter of course.
				return follows(look) && (look.Kind == activity.KindQuery || c.Kind == activity.KindRule || c.Kind == activity.KindGoal)
			})
		}
		if seen {
			facts = append(facts, o.fact(c, 0))
		}
	}
	return newSeries(facts, o.cal.weeks, 1, 0)
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
		if a.Detail != activity.EditDeleted && a.Subject != "" {
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

// tiedBy returns the metrics by which a look and a change are about the same thing.
func tiedBy(c *activity.Act) []string {
	if c.Records != "" {
		return append(slices.Clone(c.Metrics), c.Records)
	}
	return c.Metrics
}

// indexLooks files the team's looks under the dashboards and metrics that were changed.
func (o *observer) indexLooks(dashboards, metrics map[string][]*activity.Act) {
	for _, kind := range []activity.Kind{activity.KindView, activity.KindQuery} {
		for _, a := range o.acts[kind] {
			if looks, ok := dashboards[a.Subject]; ok && kind == activity.KindView {
				dashboards[a.Subject] = append(looks, a)
			}
			for _, m := range a.Metrics {
				if looks, ok := metrics[m]; ok {
					metrics[m] = append(looks, a)
				}
			}
		}
	}
}

// follows says whether a change came after a look, and soon.
func (o *observer) follows(look, change *activity.Act) bool {
	if look.Date == change.Date {
		first, _ := times(look)
		_, last := times(change)
		return !first.After(last)
	}
	return look.Date < change.Date && int(change.Date-look.Date) <= o.criteria.ActDays
}
