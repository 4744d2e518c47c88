package owner

import (
	"cmp"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Count is how many rows and acts were judged alike.
type Count struct {
	Team    string
	Outcome activity.Outcome
	Reason  string
	Rows    int
	Acts    int64
}

// Summary counts acts by team, outcome and reason: teams by name, what is nobody's first; in a team the most acts first.
func Summary(acts []activity.Act) []Count {
	type key struct {
		team    string
		outcome activity.Outcome
		reason  string
	}
	at := map[key]int{}
	var out []Count
	for i := range acts {
		a := &acts[i]
		k := key{a.Team, a.Outcome, a.Reason}
		j, ok := at[k]
		if !ok {
			j = len(out)
			at[k] = j
			out = append(out, Count{Team: a.Team, Outcome: a.Outcome, Reason: a.Reason})
		}
		out[j].Rows++
		out[j].Acts += a.Count
	}
	slices.SortFunc(out, func(x, y Count) int {
		return cmp.Or(cmp.Compare(x.Team, y.Team), cmp.Compare(x.Outcome, y.Outcome), cmp.Compare(y.Acts, x.Acts), cmp.Compare(x.Reason, y.Reason))
	})
	return out
}
