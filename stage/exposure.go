package stage

import "slices"

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
	seen := o.Folded.crowd
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

// crowd is how many different people of each team each source showed, all teams together, by week.
type crowd map[string][]int

func (c crowd) sum(sources []string, w int) int {
	n := 0
	for _, name := range sources {
		n += c[name][w]
	}
	return n
}
