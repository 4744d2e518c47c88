package stage

import (
	"cmp"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// fact is one thing that a criterion counts.
type fact struct {
	week  int // in which it happened
	known int // the week from which it is known: a metric is adopted only once it is used
	void  int // the week from which it counts no longer
	key   int // facts of one key count once
	who   int // the person, numbered from 1; 0 if unknown

	date    activity.Date
	kind    activity.Kind
	subject string
	count   int64
	own     activity.Tri
}

// forever is a week that never comes.
const forever = int(^uint(0) >> 1)

// series is what one criterion counts of one team, in order of weeks.
type series struct {
	facts []fact
	at    []int // at[w]: the first fact of week w; one more entry than there are weeks
	keys  int
	who   int
	shown *series // the evidence, where what is counted is no thing that could be shown; else nil
}

// newSeries orders facts, of which keys and who are the numbers of different keys and people.
func newSeries(facts []fact, weeks, keys, who int) series {
	slices.SortStableFunc(facts, func(a, b fact) int { return cmp.Compare(a.week, b.week) })
	s := series{facts: facts, at: make([]int, weeks+1), keys: keys, who: who}
	i := 0
	for w := range s.at {
		for i < len(facts) && facts[i].week < w {
			i++
		}
		s.at[w] = i
	}
	return s
}

// span returns the facts of the weeks from..to.
func (s *series) span(from, to int) []fact { return s.facts[s.at[from]:s.at[to+1]] }

// tally counts what a criterion counts in the window that ends with week w.
//
// What was seen in a week that is not covered counts where things are counted (it did happen), but such a week is
// none of the weeks with a view, of which there are so many covered ones in a window.
func (s *series) tally(r rung, k Criterion, c *coverage, w int, mark *marks) (value, people int) {
	mark.next(s.keys, s.who)
	last := -1 // the week or month counted last
	for i := range s.span(c.from[w], w) {
		f := &s.facts[s.at[c.from[w]]+i]
		if f.known > w || f.void <= w || r.counts == countWeeks && !c.covered[f.week] {
			continue
		}
		switch unit := f.unit(r, c, w); {
		case r.counts == countKeys:
			if mark.key(f.key) {
				value++
			}
		case r.counts == countMonths && unit >= k.Window/monthWeeks:
		case unit != last:
			value++
			last = unit
		}
		if f.who > 0 && mark.person(f.who-1) {
			people++
		}
	}
	return value, people
}

// unit returns the week or month that f belongs to; months are counted back from week w over covered weeks.
func (f *fact) unit(r rung, c *coverage, w int) int {
	if r.counts == countMonths {
		return (c.before[w+1] - c.before[f.week+1]) / monthWeeks
	}
	return f.week
}

// evidence sums the facts that count in the window that ends with week w, newest week first, and returns the day of
// the latest.
func (s *series) evidence(r rung, c *coverage, cal *calendar, w int) (rows []Evidence, last activity.Date) {
	type row struct {
		week    int
		kind    activity.Kind
		subject string
		own     activity.Tri
	}
	if s.shown != nil {
		s = s.shown
	}
	sums := map[row]int64{}
	for _, f := range s.span(c.from[w], w) {
		if f.known > w || f.void <= w || r.counts == countWeeks && !c.covered[f.week] {
			continue
		}
		sums[row{f.week, f.kind, f.subject, f.own}] += f.count
		last = max(last, f.date)
	}
	for k, n := range sums {
		rows = append(rows, Evidence{Week: cal.monday(k.week), Kind: k.kind, Subject: k.subject, Count: n, Own: k.own})
	}
	slices.SortFunc(rows, func(a, b Evidence) int {
		return cmp.Or(cmp.Compare(b.Week, a.Week), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Own, b.Own))
	})
	return rows, last
}

// marks tells whether a number was seen before in this round, without clearing anything between rounds.
type marks struct {
	round     int
	keys, who []int
}

func (m *marks) next(keys, who int) {
	m.round++
	if len(m.keys) < keys {
		m.keys = make([]int, keys)
	}
	if len(m.who) < who {
		m.who = make([]int, who)
	}
}

func (m *marks) key(i int) bool    { return m.first(m.keys, i) }
func (m *marks) person(i int) bool { return m.first(m.who, i) }

func (m *marks) first(seen []int, i int) bool {
	if seen[i] == m.round {
		return false
	}
	seen[i] = m.round
	return true
}

// numbers gives equal values equal numbers, from 0.
type numbers[K comparable] map[K]int

func (n numbers[K]) of(k K) int {
	i, ok := n[k]
	if !ok {
		i = len(n)
		n[k] = i
	}
	return i
}
