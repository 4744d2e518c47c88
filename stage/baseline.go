package stage

import (
	"cmp"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// place is where a baseline was written down, and where one would look to revisit it.
type place struct {
	kind    activity.Kind // query, view (a dashboard), or goal
	scope   string        // of a goal
	subject string
}

// tags of annotations that write down where one stands or wants to be, and that look back at it.
var (
	baselineTags = []string{"baseline", "target"}
	followUpTags = []string{"follow-up"}
)

// baselineBook is what the team wrote down. Writing the same down again is the same baseline.
type baselineBook struct {
	numbers numbers[place]
	since   []activity.Date // by number: the first day
	facts   []fact
	weeks   int

	snapshots map[string]activity.Date // by dashboard, when the first snapshot of it was taken
}

func (b *baselineBook) written() series {
	return newSeries(b.facts, b.weeks, len(b.numbers), 0)
}

// baselines collects what the team wrote down: one-off queries made durable by those who asked them, snapshots,
// annotations and goals. A link to a dashboard alone says nothing of where one stands.
func (o *observer) baselines() *baselineBook {
	b := &baselineBook{numbers: numbers[place]{}, weeks: o.cal.weeks, snapshots: map[string]activity.Date{}}
	add := func(a *activity.Act, p place) {
		i := b.numbers.of(p)
		if i == len(b.since) {
			b.since = append(b.since, a.Date)
		}
		b.since[i] = min(b.since[i], a.Date)
		b.facts = append(b.facts, o.fact(a, i))
	}
	for _, a := range o.acts[activity.KindShare] {
		switch {
		case a.Detail == activity.ShareSnapshot:
			if first, ok := b.snapshots[a.Subject]; !ok || a.Date < first {
				b.snapshots[a.Subject] = a.Date
			}
			add(a, place{kind: activity.KindView, subject: a.Subject})
		case a.Subject != "" && o.sharedOwn(a):
			add(a, place{kind: activity.KindQuery, subject: a.Subject})
		}
	}
	for _, a := range o.acts[activity.KindAnnotation] {
		if tagged(a, baselineTags...) {
			add(a, place{kind: activity.KindView, subject: a.Subject})
		}
	}
	for _, a := range o.acts[activity.KindGoal] {
		if a.Detail == activity.GoalAdded {
			add(a, goalPlace(a))
		}
	}
	return b
}

func goalPlace(a *activity.Act) place {
	return place{kind: activity.KindGoal, scope: a.Scope, subject: a.Subject}
}

// revisits are looks back at a baseline, late enough to find out something.
func (o *observer) revisits(b *baselineBook) series {
	var facts []fact
	add := func(a *activity.Act, p place) bool {
		i, ok := b.numbers[p]
		if !ok || !o.late(b.since[i], a.Date) {
			return false
		}
		facts = append(facts, o.fact(a, i))
		return true
	}
	for _, a := range o.acts[activity.KindQuery] {
		add(a, place{kind: activity.KindQuery, subject: a.Subject})
		for _, p := range o.goals.due(a) {
			add(a, p)
		}
	}
	for _, a := range o.acts[activity.KindOpen] {
		if a.Subject != "" && !add(a, place{kind: activity.KindQuery, subject: a.Subject}) {
			add(a, place{kind: activity.KindView, subject: a.Subject})
		}
	}
	if o.criteria.Version >= 2 {
		o.lookBacks(b, add)
	}
	for _, a := range o.acts[activity.KindGoal] {
		if a.Detail == activity.GoalResult {
			add(a, goalPlace(a))
		}
	}
	for _, a := range o.acts[activity.KindAnnotation] {
		if !tagged(a, followUpTags...) || add(a, place{kind: activity.KindView, subject: a.Subject}) {
			continue
		}
		// It calls itself a follow-up, so it follows something: what was written down last.
		if p, ok := o.latest(b, a.Date, nil); ok {
			add(a, p)
		}
	}
	return newSeries(facts, o.cal.weeks, len(b.numbers), 0)
}

// late says whether a look on a day is a revisit of a baseline of the day since.
func (o *observer) late(since, on activity.Date) bool {
	return int(on-since) >= o.criteria.RevisitDays
}

// latest returns the newest baseline that a look on a day would revisit, of those that are wanted.
func (o *observer) latest(b *baselineBook, on activity.Date, of func(place) bool) (found place, ok bool) {
	var since activity.Date
	for p, i := range b.numbers {
		if !o.late(b.since[i], on) || of != nil && !of(p) {
			continue
		}
		if newer := cmp.Or(cmp.Compare(b.since[i], since), cmp.Compare(p.kind, found.kind), cmp.Compare(p.scope, found.scope),
			cmp.Compare(p.subject, found.subject)) > 0; !ok || newer {
			found, since, ok = p, b.since[i], true
		}
	}
	return found, ok
}

// goalBook is every version of every goal, by the fingerprint of its query.
type goalBook map[string][]goalVersion

// goalVersion is a goal from a day on.
type goalVersion struct {
	place place
	from  activity.Date
	until activity.Date // of the next version
	due   activity.Date
}

// newGoalBook reads the versions of goals in the order of their time.
func newGoalBook(goals []activity.Goal) goalBook {
	sorted := slices.Clone(goals)
	slices.SortStableFunc(sorted, func(a, b activity.Goal) int { return a.From.Compare(b.From) })
	type identity struct{ scope, team, name string }
	book, open := goalBook{}, map[identity]*goalVersion{}
	var versions []*goalVersion
	queries := []string{}
	for _, g := range sorted {
		id := identity{g.Scope, g.Team, g.Name}
		from := activity.DateOf(g.From)
		if v := open[id]; v != nil {
			v.until = from
			delete(open, id)
		}
		if g.Removed || g.Query == "" {
			continue
		}
		v := &goalVersion{
			place: place{kind: activity.KindGoal, scope: g.Scope, subject: g.Name},
			from:  from, until: maxDate, due: g.Due,
		}
		open[id] = v
		versions, queries = append(versions, v), append(queries, g.Query)
	}
	for i, v := range versions {
		book[queries[i]] = append(book[queries[i]], *v)
	}
	return book
}

const maxDate = activity.Date(1<<31 - 1)

// due returns the goals whose query a is, and which were due before it.
func (b goalBook) due(a *activity.Act) []place {
	var out []place
	for _, v := range b[a.Subject] {
		if v.from <= a.Date && a.Date < v.until && (v.due == 0 || a.Date > v.due) {
			out = append(out, v.place)
		}
	}
	return out
}
