package stage

import (
	"slices"
	"strings"
)

// coverage is what could be seen for one criterion, week by week.
//
// A week is covered if every source that the criterion needs was read on enough of its weekdays, and if the
// organisation was not quiet. A source is needed from its first covered day on: one that is connected later makes
// no earlier week unknown, one that fails does.
type coverage struct {
	configured bool   // some source could show it, covered or not
	covered    []bool // by week
	quiet      []bool // by week: uncovered only because of it
	before     []int  // before[w]: covered weeks before week w
	from       []int  // from[w]: the first week of the window that ends with w
}

// coverages answers for teams with the same sources once.
type coverages struct {
	calendar *calendar
	criteria Criteria
	quiet    []bool
	known    map[string][]coverage
}

// of returns the coverage of each rung for a team with these sources.
func (c *coverages) of(sources []string) []coverage {
	names := slices.Clone(sources)
	slices.Sort(names)
	names = slices.Compact(names)
	key := strings.Join(names, "\x00")
	if have, ok := c.known[key]; ok {
		return have
	}
	all := make([]coverage, len(rungs))
	for i, r := range rungs {
		all[i] = c.rung(r, names)
	}
	c.known[key] = all
	return all
}

func (c *coverages) rung(r rung, sources []string) coverage {
	weeks := c.calendar.weeks
	out := coverage{configured: true, covered: make([]bool, weeks), quiet: make([]bool, weeks)}
	start := 0
	var needed []*sourceWeeks
	for _, group := range r.needs {
		giving := c.calendar.giving(sources, group)
		if len(giving) == 0 {
			out.configured = false
		}
		started := weeks
		for _, s := range giving {
			started = min(started, s.start)
		}
		start = max(start, started)
		needed = append(needed, giving...)
	}
	for w := start; w < weeks && out.configured; w++ {
		seen := !slices.ContainsFunc(needed, func(s *sourceWeeks) bool { return s.start <= w && !s.covered[w] })
		out.covered[w] = seen && !c.quiet[w]
		out.quiet[w] = seen && c.quiet[w]
	}
	out.windows(c.criteria.ByName[r.name].Window, c.criteria.Stretch)
	return out
}

// windows computes for each week the window that ends with it: back to the length-th covered week, but no further
// than stretch times the length.
func (c *coverage) windows(length, stretch int) {
	c.before = make([]int, len(c.covered)+1)
	c.from = make([]int, len(c.covered))
	for w, covered := range c.covered {
		c.before[w+1] = c.before[w]
		if covered {
			c.before[w+1]++
		}
	}
	from := 0
	for w := range c.covered {
		// The window's first week never moves back: one covered week more at the end is one less to look for.
		for from < w && (w-from+1 > stretch*length || c.before[w+1]-c.before[from+1] >= length) {
			from++
		}
		c.from[w] = from
	}
}

// count returns the number of covered weeks in the window that ends with w.
func (c *coverage) count(w int) int { return c.before[w+1] - c.before[c.from[w]] }

// tells says whether a criterion can be evaluated in week w. A week that is not covered is no evaluation.
func (c *coverage) tells(all Criteria, k Criterion, w int) bool {
	return c.covered[w] && c.before[w+1] >= all.CoveredWeeks && c.count(w) >= min(all.CoveredWeeks, k.Window)
}
