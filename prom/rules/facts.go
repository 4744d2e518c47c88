package rules

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

// facts turns what files say into what is kept of it.
type facts struct {
	fingerprints *prom.Fingerprinter
	annotations  []string // names of those kept
	repository   string
}

func (k *facts) scope(path string) string { return k.repository + ":" + path }

// ruleFacts returns the facts about rules that a commit changed, in each file for itself, ordered by scope, kind and name.
func (k *facts) ruleFacts(from time.Time, was, is []version) []activity.Rule {
	before, after := k.rules(was), k.rules(is)
	var out []activity.Rule
	for id, n := range after {
		if o, ok := before[id]; !ok || !sameFact(o, n) {
			n.From = from
			out = append(out, n)
		}
	}
	for id, o := range before {
		if _, ok := after[id]; !ok {
			out = append(out, activity.Rule{From: from, Scope: o.Scope, Kind: o.Kind, Name: o.Name, Removed: true})
		}
	}
	slices.SortFunc(out, func(a, b activity.Rule) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// factID is what a fact about a rule is known by.
type factID struct {
	path string
	ruleID
}

// rules collects the facts of versions. Where several rules of a file have one name, labels that they don't agree
// on are left out: which of them would decide is not known.
func (k *facts) rules(versions []version) map[factID]activity.Rule {
	out := map[factID]activity.Rule{}
	for _, v := range versions {
		for _, r := range v.file.rules {
			n := activity.Rule{Scope: k.scope(v.path), Kind: r.kind, Name: r.name, Labels: impersonal(r.labels), Annotations: k.kept(r.annotations)}
			for _, e := range r.exprs {
				n.Metrics = append(n.Metrics, k.fingerprints.Query(e).Metrics...)
			}
			if r.seen != nil {
				n.Metrics = append(n.Metrics, r.seen.metrics...)
			}
			id := factID{v.path, r.ruleID}
			if o, twice := out[id]; twice {
				n.Metrics = append(n.Metrics, o.Metrics...)
				n.Labels, n.Annotations = agreed(n.Labels, o.Labels), agreed(n.Annotations, o.Annotations)
			}
			slices.Sort(n.Metrics)
			n.Metrics = slices.Compact(n.Metrics)
			out[id] = n
		}
	}
	return out
}

// impersonal leaves out labels whose value may be somebody's address: no owner rule is about a person.
func impersonal(labels map[string]string) map[string]string {
	out := maps.Clone(labels)
	maps.DeleteFunc(out, func(_, v string) bool { return strings.Contains(v, "@") })
	if len(out) == 0 {
		return nil
	}
	return out
}

// toKeep are the names of annotations by which real repositories say whose a rule is. They are kept even if no owner rule uses them
// yet, so that one which does later needs no new reading.
func toKeep(configured []string) []string {
	names := append([]string{"team", "support_group", "service"}, configured...)
	slices.Sort(names)
	return slices.Compact(names)
}

func (k *facts) kept(annotations map[string]string) map[string]string {
	var out map[string]string
	for _, name := range k.annotations {
		if v, ok := annotations[name]; ok && !strings.Contains(v, "@") {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = v
		}
	}
	return out
}

// agreed returns what both maps say.
func agreed(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.DeleteFunc(out, func(k, v string) bool { return b[k] != v })
	if len(out) == 0 {
		return nil
	}
	return out
}

func sameFact(a, b activity.Rule) bool {
	return maps.Equal(a.Labels, b.Labels) && maps.Equal(a.Annotations, b.Annotations) && slices.Equal(a.Metrics, b.Metrics)
}

// goalFacts returns the facts about goals that a commit changed, in each file for itself.
func (k *facts) goalFacts(from time.Time, was, is []version) []activity.Goal {
	type id struct {
		path string
		goalID
	}
	before, after, held := map[id]goal{}, map[id]goal{}, map[id]bool{}
	for _, v := range was {
		for _, g := range v.file.goals {
			before[id{v.path, g.goalID}] = g
		}
	}
	for _, v := range is {
		for _, g := range v.file.goals {
			after[id{v.path, g.goalID}] = g
		}
		for h := range v.file.held {
			held[id{v.path, h}] = true
		}
	}
	var out []activity.Goal
	for at, g := range after {
		if o, ok := before[at]; ok && o == g {
			continue
		}
		out = append(out, activity.Goal{From: from, Scope: k.scope(at.path), Team: g.team, Name: g.name, Query: g.query,
			Metrics: slices.Clone(k.fingerprints.Query(g.query).Metrics), Baseline: g.baseline, Target: g.target,
			Start: g.start, Due: g.due, Result: g.result})
	}
	for at, g := range before {
		if _, ok := after[at]; !ok && !held[at] {
			out = append(out, activity.Goal{From: from, Scope: k.scope(at.path), Team: g.team, Name: g.name, Removed: true})
		}
	}
	slices.SortFunc(out, func(a, b activity.Goal) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Team, b.Team), cmp.Compare(a.Name, b.Name))
	})
	return out
}
