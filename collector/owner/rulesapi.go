package owner

import (
	"slices"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// A server with Prometheus' API tells of rules and metrics without their author, on the day on which a snapshot showed them first.
// Where git, Grafana or Kubernetes tells of the same rule too, it tells more, and earlier: then the server's row is a duplicate.
//
// Rules are the same if they are of one kind and name and ask for the same metrics in some version: alerts of different teams
// share names. A metric is a rule's if the rule records it.

// toldByRules reports whether another source told of the rule or metric of d.
func (b *Book) toldByRules(d *activity.Day) bool {
	if d.Actor != 0 || b.config.Types[d.Source] != typePrometheus {
		return false
	}
	switch d.Kind {
	case activity.KindMetric:
		return b.ruleElsewhere(d.Subject, func(r activity.Rule) bool { return r.Kind == activity.RuleRecording })
	case activity.KindRule:
		return slices.ContainsFunc(b.rules[place{d.Scope, d.Subject}], func(own activity.Rule) bool {
			return !own.Removed && b.ruleElsewhere(d.Subject, func(r activity.Rule) bool {
				return r.Kind == own.Kind && slices.Equal(r.Metrics, own.Metrics)
			})
		})
	}
	return false
}

// ruleElsewhere reports whether a rule of that name that no server's API told of is as wanted in some version.
func (b *Book) ruleElsewhere(name string, wanted func(activity.Rule) bool) bool {
	return slices.ContainsFunc(b.written[name], func(scope string) bool {
		return slices.ContainsFunc(b.rules[place{scope, name}], func(r activity.Rule) bool { return !r.Removed && wanted(r) })
	})
}

// learnWritten notes where a rule is written, if that is not a server's API.
func (b *Book) learnWritten(r *activity.Rule) {
	for source, kind := range b.config.Types {
		if kind == typePrometheus && strings.HasPrefix(r.Scope, source+":") {
			return
		}
	}
	if !slices.Contains(b.written[r.Name], r.Scope) {
		b.written[r.Name] = append(b.written[r.Name], r.Scope)
	}
}
