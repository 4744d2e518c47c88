package owner

import (
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// class is what sort of thing the subject of a row is.
type class uint8

const (
	classNone class = iota
	classDashboard
	classQuery
	classRule
	classMetric
	classGoal
)

type subjectKey struct {
	class       class
	scope, name string
}

// span is what is known of a subject from a day on, until the next span.
type span struct {
	from    activity.Date
	owners  []int  // teams that own it: several teams conflict
	reason  string // why they do
	known   bool   // facts tell what it is
	foreign bool   // a goal of a team that is not configured
	metrics []string
	records string
}

// subject returns what the row's subject is, and what is known of it on the row's day.
func (b *Book) subject(d *activity.Day) (class, span) {
	c, spans := b.subjectSpans(d)
	return c, spans[spanOn(spans, d.Date)]
}

// spanOn returns the number of the span of a date. Before the first fact, the first one holds: an inventory often begins later than
// the logs.
func spanOn(spans []span, date activity.Date) int {
	at := 0
	for at+1 < len(spans) && spans[at+1].from <= date {
		at++
	}
	return at
}

// nothing is what is known of no subject.
var nothing = []span{{}}

// subjectSpans returns what the row's subject is, and what is known of it over time. There is always one span.
func (b *Book) subjectSpans(d *activity.Day) (class, []span) {
	c := b.class(d)
	if c == classNone {
		return c, nothing
	}
	key := subjectKey{class: c, scope: d.Scope, name: d.Subject}
	if name, ok := b.inventory.uids[place{d.Scope, d.Subject}]; ok && c == classRule {
		key.name = name // Grafana's log knows its rules by uid
	}
	if c == classQuery || c == classMetric {
		key.scope = "" // known by fingerprint or name wherever it is asked
	}
	if d.Kind == activity.KindQuery && d.Detail != "" {
		if variant := d.Subject + d.Detail; b.queries[variant].Fingerprint == d.Subject {
			key.name = variant
		}
	}
	return c, b.cached(key)
}

func (b *Book) cached(key subjectKey) []span {
	if key.class == classDashboard && len(b.dashboards[place{key.scope, key.name}]) == 0 && len(b.uids[key.name]) == 0 {
		return unknownSpans[:] // of dashboards that are not known there may be any number
	}
	spans, ok := b.subjects[key]
	if !ok {
		spans = b.spans(key)
		b.subjects[key] = spans
	}
	return spans
}

// class reads off the kind of a row what its subject is.
func (b *Book) class(d *activity.Day) class {
	if d.Subject == "" {
		return classNone
	}
	switch d.Kind {
	case activity.KindView, activity.KindEdit, activity.KindAnnotation:
		return classDashboard
	case activity.KindQuery, activity.KindComment:
		return classQuery
	case activity.KindRule:
		return classRule
	case activity.KindMetric:
		return classMetric
	case activity.KindGoal:
		return classGoal
	case activity.KindShare, activity.KindOpen:
		// A link to a query or to a dashboard; a link whose target the log does not tell is neither.
		if _, ok := b.queries[d.Subject]; ok || d.Detail == activity.ShareStarredQuery {
			return classQuery
		}
		if _, ok := b.dashboards[place{d.Scope, d.Subject}]; ok || d.Kind == activity.KindShare || len(b.uids[d.Subject]) > 0 {
			return classDashboard
		}
	}
	return classNone
}

// unknownSpans is that nothing is known of a subject, at any time.
var unknownSpans [1]span

// spans works out a subject's owners over time, oldest first. There is always one.
func (b *Book) spans(key subjectKey) []span {
	var out []span
	switch key.class {
	case classDashboard:
		for _, d := range whole(b.dashboards[place{key.scope, key.name}]) {
			s := span{from: b.dateOf(d.Seen), known: true, metrics: d.Metrics, owners: b.uids[key.name]}
			if len(s.owners) == 0 {
				s.owners = b.folderOwners(key.scope, d.Folders)
			}
			out = append(out, s)
		}
		if len(out) == 0 {
			out = []span{{owners: b.uids[key.name]}}
		}
	case classQuery:
		q := b.queries[key.name]
		out = []span{{known: q.Metrics != nil || len(q.Matchers) > 0, metrics: q.Metrics, owners: b.selectors.owners(q.Metrics, q.Matchers), reason: ReasonMetric}}
	case classMetric:
		names := []string{key.name}
		out = []span{{known: true, metrics: names, owners: b.selectors.owners(names, nil), reason: ReasonMetric}}
	case classRule:
		for _, r := range b.rules[place{key.scope, key.name}] {
			if !r.Removed { // a removed rule was its last owner's
				out = append(out, b.ruleSpan(r))
			}
		}
		if len(out) == 0 {
			out = []span{b.ruleSpan(activity.Rule{Scope: key.scope})}
			out[0].known = false
		}
	case classGoal:
		out = b.goalSpans(key)
	}
	return out
}

// whole fills in what single sightings of a dashboard, oldest first, do not tell: before an inventory knew it too.
func whole(seen []activity.Dashboard) []activity.Dashboard {
	out := slices.Clone(seen)
	for i := 1; i < len(out); i++ {
		out[i] = out[i].After(out[i-1])
	}
	for i := len(out) - 2; i >= 0; i-- {
		if out[i+1].Removed {
			continue
		}
		out[i] = out[i].After(out[i+1])
	}
	return out
}

// ruleSpan finds the owner of a rule. What is written on the rule is the most explicit, its file's path comes next, and
// the selector of the metric that it records last. Two teams that answer at one level conflict.
func (b *Book) ruleSpan(r activity.Rule) span {
	s := span{from: b.dateOf(r.From), known: true, metrics: r.Metrics}
	if r.Kind == activity.RuleRecording {
		s.records = r.Name
	}
	for i, t := range b.config.Teams {
		byLabel := carries(r.Labels, t.RuleLabels) || slices.ContainsFunc(t.NamedBy, func(label string) bool { return r.Labels[label] == t.Name })
		if !byLabel && !carries(r.Annotations, t.RuleAnnotations) {
			continue
		}
		if s.reason == "" {
			s.reason = ReasonRuleAnnotation
			if byLabel {
				s.reason = ReasonRuleLabel
			}
		}
		s.owners = append(s.owners, i)
	}
	if len(s.owners) == 0 {
		s.owners, s.reason = b.folderOwners(r.Scope, r.Folders), ReasonRuleFolder
	}
	if len(s.owners) == 0 {
		s.owners, s.reason = b.pathOwners(r.Scope), ReasonRulePath
	}
	if len(s.owners) == 0 && s.records != "" {
		var on []activity.Matcher
		for _, name := range sortedNames(r.Labels) {
			on = append(on, activity.Matcher{Name: name, Op: labels.MatchEqual.String(), Value: r.Labels[name]})
		}
		s.owners, s.reason = b.selectors.owners([]string{s.records}, on), ReasonMetric
	}
	return s
}

// goalSpans finds the owner of a goal: the team that it names, whatever its file. Only a goal that names none is owned
// by path.
func (b *Book) goalSpans(key subjectKey) []span {
	byPath := func(s span) span {
		s.owners, s.reason = b.pathOwners(key.scope), ReasonRulePath
		return s
	}
	live := map[string]bool{}
	var out []span
	for _, g := range b.goals[place{key.scope, key.name}] {
		if g.Removed {
			delete(live, g.Team)
			continue // a removed goal was its last owner's
		}
		live[g.Team] = true
		s := span{from: b.dateOf(g.From), known: true, metrics: g.Metrics, reason: ReasonGoal}
		for _, name := range sortedKeys(live) {
			if i, ok := b.byName[name]; ok {
				s.owners = append(s.owners, i)
			} else if name != "" {
				s.foreign = true
			}
		}
		if len(s.owners) == 0 && !s.foreign {
			s = byPath(s)
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		out = []span{byPath(span{})}
	}
	return out
}

// pathOwners returns the teams that have a glob for the path of a rule file, which is what follows the first colon of its scope, else
// those that the repository's CODEOWNERS file names.
func (b *Book) pathOwners(scope string) []int {
	if owners, ok := b.paths[scope]; ok {
		return owners
	}
	var owners []int
	if repository, path, ok := strings.Cut(scope, ":"); ok && !grafanaScope(scope) {
		for i, t := range b.config.Teams {
			if slices.ContainsFunc(t.RulePaths, func(glob string) bool { return doublestar.MatchUnvalidated(glob, path) }) {
				owners = append(owners, i)
			}
		}
		if len(owners) == 0 {
			owners = b.codeowners.owners(repository, path)
		}
	}
	b.paths[scope] = owners
	return owners
}

// carries reports whether have holds every pair of want, of which there is at least one.
func carries(have, want map[string]string) bool {
	for name, value := range want {
		if have[name] != value {
			return false
		}
	}
	return len(want) > 0
}

// own reports whether a subject is team's own. It is unknown where no owner rule of the team could have told, and where
// nobody owns a rule that came to the team by its author.
func (b *Book) own(team int, c class, s span) activity.Tri {
	if slices.Contains(s.owners, team) {
		return activity.Yes
	}
	t := b.config.Teams[team]
	told := len(s.owners) > 0
	switch c {
	case classDashboard:
		// Only facts tell the folder of a dashboard.
		told = told || (s.known && len(t.Folders)+len(t.Dashboards) > 0) || (len(t.Dashboards) > 0 && len(t.Folders) == 0)
	case classQuery:
		told = told || (s.known && len(t.Metrics) > 0)
	}
	if told {
		return activity.No
	}
	return activity.Unknown
}
