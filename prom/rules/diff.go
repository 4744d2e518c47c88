package rules

import (
	"cmp"
	"maps"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

// version is what a file said before or after a commit.
type version struct {
	path string
	file *file
}

// ruleChange is what a commit did to a rule, where the rule is now (or was, if removed).
type ruleChange struct {
	ruleID
	path   string
	detail string
}

// strength orders details: of several changes to the rules of one name the strongest is told.
func strength(detail string) int {
	return slices.Index([]string{"", activity.RuleOtherChanged, activity.RuleThresholdChanged, activity.RuleExprChanged,
		activity.RuleRemoved, activity.RuleAdded}, detail)
}

// placed is a rule in a file.
type placed struct {
	path string
	rule *rule
}

// sides are the rules of one name before and after.
type sides struct{ old, new []placed }

// diffRules compares the rules of all files that a commit changed, and tells for each rule the strongest change.
// Rules of one name are a multiset: equal ones are where they were or moved, the others are paired as the least change.
func diffRules(before, after []version) []ruleChange {
	byID := map[ruleID]*sides{}
	at := func(id ruleID) *sides {
		s := byID[id]
		if s == nil {
			s = &sides{}
			byID[id] = s
		}
		return s
	}
	for _, v := range before {
		for i := range v.file.rules {
			s := at(v.file.rules[i].ruleID)
			s.old = append(s.old, placed{v.path, &v.file.rules[i]})
		}
	}
	for _, v := range after {
		for i := range v.file.rules {
			s := at(v.file.rules[i].ruleID)
			s.new = append(s.new, placed{v.path, &v.file.rules[i]})
		}
	}
	var out []ruleChange
	for _, id := range slices.SortedFunc(maps.Keys(byID), func(a, b ruleID) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	}) {
		if c, ok := byID[id].change(); ok {
			c.ruleID = id
			out = append(out, c)
		}
	}
	return out
}

// change tells what happened to the rules of one name.
func (s *sides) change() (c ruleChange, ok bool) {
	s.cancel(func(o, n placed) bool { return o.path == n.path && o.rule.all == n.rule.all })
	s.cancel(func(o, n placed) bool { return o.rule.all == n.rule.all })
	if len(s.old)+len(s.new) == 0 {
		return c, false
	}
	tell := func(detail string, at placed) {
		if strength(detail) > strength(c.detail) {
			c.detail, c.path = detail, at.path
		}
	}
	if len(s.old)*len(s.new) > maxPairs { // nobody wrote these: paired as they stand
		for i := range min(len(s.old), len(s.new)) {
			tell(compare(s.old[i].rule, s.new[i].rule), s.new[i])
		}
		shorter := min(len(s.old), len(s.new))
		s.old, s.new = s.old[shorter:], s.new[shorter:]
	} else {
		details := newPairs(s)
		for _, samePath := range []bool{true, false} {
			for _, detail := range []string{"", activity.RuleOtherChanged, activity.RuleThresholdChanged, activity.RuleExprChanged} {
				s.cancel(func(o, n placed) bool {
					found := (o.path == n.path || !samePath) && details.of(o, n) == detail
					if found {
						tell(detail, n)
					}
					return found
				})
			}
		}
	}
	for _, o := range s.old {
		tell(activity.RuleRemoved, o)
	}
	for _, n := range s.new {
		tell(activity.RuleAdded, n)
	}
	return c, c.detail != ""
}

// maxPairs bounds how many pairs of rules of one name are compared.
const maxPairs = 1024

// cancel takes out pairs of an old and a new rule that belong together.
func (s *sides) cancel(together func(o, n placed) bool) {
	s.old = slices.DeleteFunc(s.old, func(o placed) bool {
		for i, n := range s.new {
			if together(o, n) {
				s.new = slices.Delete(s.new, i, i+1)
				return true
			}
		}
		return false
	})
}

// pairs remembers comparisons, which parse expressions.
type pairs map[[2]*rule]string

func newPairs(s *sides) pairs { return make(pairs, len(s.old)*len(s.new)) }

func (p pairs) of(o, n placed) string {
	key := [2]*rule{o.rule, n.rule}
	d, ok := p[key]
	if !ok {
		d = compare(o.rule, n.rule)
		p[key] = d
	}
	return d
}

// compare tells how two rules of one name differ; nothing if they mean the same.
func compare(o, n *rule) string {
	strongest := prom.SameExpr
	switch {
	case o.seen != nil && n.seen != nil:
		strongest = o.seen.sketch.Change(n.seen.sketch)
	case len(o.exprs) != len(n.exprs):
		strongest = prom.Different
	default:
		for i := range o.exprs {
			if o.exprs[i] != n.exprs[i] {
				strongest = max(strongest, prom.Diff(o.exprs[i], n.exprs[i]))
			}
		}
	}
	switch {
	case strongest == prom.Different:
		return activity.RuleExprChanged
	case strongest == prom.ThresholdOnly:
		return activity.RuleThresholdChanged
	case o.rest != n.rest:
		return activity.RuleOtherChanged
	}
	return ""
}
