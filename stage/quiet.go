package stage

import "slices"

// quietWeeks finds the weeks in which all teams together did far less than usual, as at the end of December. They
// say as little about a team as a week that was not read.
//
// A week is compared with the covered weeks before it by the sources that were read in it, so that a source that
// is down is not taken for a holiday, and hides none.
func quietWeeks(o Org, cal *calendar) []bool {
	quiet := make([]bool, cal.weeks)
	if len(o.Teams) < o.Criteria.QuietTeams || o.Criteria.QuietShare <= 0 {
		return quiet
	}
	totals := o.Folded.totals
	run := 0 // low weeks in a row
	for w := range quiet {
		total, usual, ok := compare(totals, cal, quiet, w, o.Criteria)
		switch {
		case !ok: // not read, or nothing to compare with: it neither ends a run nor lengthens it
		case float64(total) >= o.Criteria.QuietShare*usual:
			run = 0
		default:
			run++
			quiet[w] = run <= o.Criteria.QuietRun
		}
	}
	return quiet
}

// compare returns what was done in week w, and the median of the weeks before it that the same sources cover.
func compare(totals map[string][]int64, cal *calendar, quiet []bool, w int, k Criteria) (total int64, usual float64, ok bool) {
	var read []string
	for name, s := range cal.sources {
		if s.covered[w] {
			read = append(read, name)
			total += totals[name][w]
		}
	}
	if len(read) == 0 {
		return 0, 0, false
	}
	var past []int64
	for v := w - 1; v >= 0 && len(past) < k.QuietWeeks; v-- {
		sum := int64(0)
		seen := !quiet[v]
		for _, name := range read {
			seen = seen && cal.sources[name].covered[v]
			sum += totals[name][v]
		}
		if seen {
			past = append(past, sum)
		}
	}
	if len(past) < k.CoveredWeeks {
		return 0, 0, false
	}
	slices.Sort(past)
	middle := len(past) / 2
	usual = float64(past[middle])
	if len(past)%2 == 0 {
		usual = (usual + float64(past[middle-1])) / 2
	}
	return total, usual, true
}
