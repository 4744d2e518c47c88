package stage

import (
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// calendar numbers the complete weeks of an organisation, 0 being the first, and knows which source was read when.
type calendar struct {
	first   activity.Date // Monday of week 0
	weeks   int
	sources map[string]*sourceWeeks
}

// sourceWeeks is the coverage of one source.
type sourceWeeks struct {
	Source
	start   int    // the week of its first covered day; calendar.weeks if there is none
	covered []bool // by week: enough of its weekdays
}

// maxWeeks bounds the work whatever dates the sources bring: a commit can be dated 1970.
const maxWeeks = 20 * 52

// newCalendar returns the weeks from the first data to AsOf.
func newCalendar(o Org) *calendar {
	c := &calendar{sources: make(map[string]*sourceWeeks, len(o.Sources))}
	from := o.From
	if from == 0 {
		from = o.AsOf
		for _, day := range o.Coverage {
			from = min(from, day.Date)
		}
	}
	c.first = max(from.Monday(), o.AsOf.Monday()-7*maxWeeks)
	if o.AsOf > c.first {
		c.weeks = int(o.AsOf-c.first) / 7
	}
	for _, s := range o.Sources {
		c.sources[s.Name] = &sourceWeeks{Source: s, start: c.weeks, covered: make([]bool, c.weeks)}
	}
	c.cover(o)
	return c
}

// cover fills in the covered weeks of every source.
func (c *calendar) cover(o Org) {
	weekdays := make(map[string][]uint8, len(c.sources)) // by week, a bit for each of Monday to Friday
	for _, day := range o.Coverage {
		s := c.sources[day.Source]
		w, ok := c.week(day.Date)
		if s == nil || !ok || day.Class == activity.ClassSome || s.Class == activity.ClassView && day.Class != activity.ClassView {
			continue
		}
		s.start = min(s.start, w)
		bits := weekdays[day.Source]
		if bits == nil {
			bits = make([]uint8, c.weeks)
			weekdays[day.Source] = bits
		}
		if i := day.Date - c.monday(w); i < 5 {
			bits[w] |= 1 << i
		}
	}
	for name, bits := range weekdays {
		for w, b := range bits {
			n := 0
			for ; b != 0; b &= b - 1 {
				n++
			}
			c.sources[name].covered[w] = n >= o.Criteria.CoveredWeekdays
		}
	}
}

// week returns the number of the week that holds d, and false if d is outside of all.
func (c *calendar) week(d activity.Date) (int, bool) {
	if d < c.first {
		return 0, false
	}
	w := int(d-c.first) / 7
	return w, w < c.weeks
}

// monday returns the first day of week w.
func (c *calendar) monday(w int) activity.Date { return c.first + activity.Date(7*w) }

// giving returns those of the named sources that give a kind of the group.
func (c *calendar) giving(names []string, group []activity.Kind) []*sourceWeeks {
	var out []*sourceWeeks
	for _, name := range names {
		s := c.sources[name]
		if s != nil && slices.ContainsFunc(group, func(k activity.Kind) bool { return slices.Contains(s.Gives, k) }) {
			out = append(out, s)
		}
	}
	return out
}
