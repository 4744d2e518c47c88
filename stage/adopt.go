package stage

import (
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// recordings is, by metric, who recorded it first and when.
type recordings map[string]map[string]activity.Date

// stranger stands for an author who is known not to be of the team that owns the rule.
const stranger = ""

// newRecordings reads the rules of all teams.
func newRecordings(teams []Team) recordings {
	r := recordings{}
	for _, t := range teams {
		for i := range t.Acts {
			a := &t.Acts[i]
			if a.Kind != activity.KindRule || a.Records == "" || a.Detail == activity.RuleRemoved || a.ByTeam == activity.Unknown {
				continue
			}
			author := t.Name
			if a.ByTeam == activity.No {
				author = stranger
			}
			by := r[a.Records]
			if by == nil {
				by = map[string]activity.Date{}
				r[a.Records] = by
			}
			if first, ok := by[author]; !ok || a.Date < first {
				by[author] = a.Date
			}
		}
	}
	return r
}

// byOthers returns since when a metric is known to be recorded by others than the team's people.
func (r recordings) byOthers(metric, team string) (since activity.Date, ok bool) {
	for author, first := range r[metric] {
		if author != team && (!ok || first < since) {
			since, ok = first, true
		}
	}
	return since, ok
}

// addition is a metric that the team may have made for itself.
type addition struct {
	act    *activity.Act
	metric string
	rule   bool // a Grafana-managed rule that records nothing: what it is about must be used after it
}

// adopted are the metrics that the team's own people added, and that the team then used.
func (o *observer) adopted() series {
	additions := o.additions()
	uses := o.uses(additions)
	var facts []fact
	for _, add := range additions {
		used, ok := o.firstUse(add, uses[add.metric])
		if !ok {
			continue
		}
		f := o.fact(add.act, 0)
		f.known = used
		f.subject = add.metric
		if add.act.ByTeam != activity.Yes {
			if since, ok := o.recorded.byOthers(add.metric, o.team); ok {
				f.void, _ = o.cal.week(max(since, o.cal.first))
			}
		}
		facts = append(facts, f)
	}
	return newSeries(facts, o.cal.weeks, 1, 0)
}

// additions lists the metrics that the team's own people added. What has no known author is the team's own only by
// a selector on metrics.
func (o *observer) additions() []addition {
	var out []addition
	for _, a := range o.acts[activity.KindRule] {
		if a.Detail != activity.RuleAdded || a.ByTeam != activity.Yes {
			continue
		}
		switch {
		case a.Records != "":
			out = append(out, addition{act: a, metric: a.Records})
		case o.grafanaManaged(a):
			for _, m := range a.Metrics {
				out = append(out, addition{act: a, metric: m, rule: true})
			}
		}
	}
	for _, a := range o.acts[activity.KindMetric] {
		if a.Subject != "" && (a.ByTeam == activity.Yes || a.ByTeam == activity.Unknown && a.Own == activity.Yes) {
			out = append(out, addition{act: a, metric: a.Subject})
		}
	}
	return out
}

func (o *observer) grafanaManaged(a *activity.Act) bool {
	s := o.cal.sources[a.Source]
	return s != nil && strings.HasPrefix(s.Type, "grafana")
}

// uses files the team's views, queries and rules, in order of their days, under the added metrics that they are about.
func (o *observer) uses(additions []addition) map[string][]*activity.Act {
	uses := map[string][]*activity.Act{}
	for _, add := range additions {
		uses[add.metric] = nil
	}
	if len(uses) == 0 {
		return uses
	}
	for _, kind := range []activity.Kind{activity.KindView, activity.KindQuery, activity.KindRule} {
		for _, a := range o.acts[kind] {
			if kind == activity.KindRule && (a.Detail == activity.RuleRemoved || a.ByTeam == activity.No) {
				continue
			}
			for _, m := range a.Metrics {
				file(uses, m, a)
			}
		}
	}
	sortDays(uses)
	return uses
}

// firstUse returns the week in which an added metric was first used, soon enough.
func (o *observer) firstUse(add addition, uses []*activity.Act) (week int, ok bool) {
	added, _ := times(add.act)
	for _, use := range between(uses, add.act.Date, add.act.Date+activity.Date(o.criteria.AdoptDays)) {
		_, last := times(use)
		if use == add.act || last.Before(added) || add.rule && !last.After(added) {
			continue
		}
		return o.cal.week(use.Date)
	}
	return 0, false
}
