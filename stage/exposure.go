package stage

import (
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// exposures estimates for each week how much of the organisation was at work: the people seen in it, of all teams and
// whatever they did, compared with the median of the covered weeks before, at most 1. In a week in which half of the
// people are away, half of the silence is theirs.
func exposures(o Org, cal *calendar) []float64 {
	out := make([]float64, cal.weeks)
	for w := range out {
		out[w] = 1
	}
	if len(o.Teams) < o.Criteria.QuietTeams {
		return out
	}
	seen := peopleSeen(o, cal)
	for w := range out {
		var read []string
		for name, s := range cal.sources {
			if s.covered[w] {
				read = append(read, name)
			}
		}
		now := seen.sum(read, w)
		var past []int
		for v := w - 1; v >= 0 && len(past) < o.Criteria.QuietWeeks; v-- {
			if !slices.ContainsFunc(read, func(name string) bool { return !cal.sources[name].covered[v] }) {
				past = append(past, seen.sum(read, v))
			}
		}
		if len(read) == 0 || len(past) < o.Criteria.CoveredWeeks {
			continue
		}
		slices.Sort(past)
		if usual := past[len(past)/2]; usual > 0 {
			out[w] = min(float64(now)/float64(usual), 1)
		}
	}
	return out
}

// crowd is how many different people each source showed, by week.
type crowd map[string][]int

func (c crowd) sum(sources []string, w int) int {
	n := 0
	for _, name := range sources {
		n += c[name][w]
	}
	return n
}

func peopleSeen(o Org, cal *calendar) crowd {
	c := make(crowd, len(cal.sources))
	for name := range cal.sources {
		c[name] = make([]int, cal.weeks)
	}
	type sighting struct {
		source string
		week   int
		who    activity.ActorID
	}
	for _, t := range o.Teams {
		seen := map[sighting]bool{}
		for i := range t.Acts {
			a := &t.Acts[i]
			w, ok := cal.week(a.Date)
			k := sighting{a.Source, w, a.Actor}
			if !ok || !counted(a) || seen[k] || c[a.Source] == nil {
				continue
			}
			seen[k] = true
			c[a.Source][w]++
		}
	}
	return c
}
