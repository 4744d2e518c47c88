package stage

import (
	"fmt"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Comparison is what two criteria say of the same organisation.
type Comparison struct {
	Before, After int // versions

	Weeks  int // team weeks of which both tell a stage
	Differ int // of those, weeks with different stages
	Moves  []Move
}

// Move is a stretch of weeks in which two criteria tell different things of a team.
type Move struct {
	Team     string
	From, To activity.Date // Mondays of its first and last week
	Before   *int          // nil where there is insufficient data
	After    *int
	Last     bool // it lasts up to the last week: this team moves now
	Why      []string
}

// Compare assesses o by two criteria and tells which teams would move, when and why, in the order of o.Teams and of
// time. It is the data of a replay: nothing but the stored days is needed.
func Compare(o Org, before, after Criteria) Comparison {
	c := Comparison{Before: before.Version, After: after.Version}
	old, oldTraces := trace(o, before)
	now, nowTraces := trace(o, after)
	for i := range o.Teams {
		c.team(old[i], now[i], oldTraces[i], nowTraces[i])
	}
	return c
}

// team finds the stretches of one team.
func (c *Comparison) team(old, now Assessment, oldTrace, nowTrace []weekTrace) {
	var open *Move
	for w := range old.History {
		a, b := old.History[w].Stage, now.History[w].Stage
		if a != nil && b != nil {
			c.Weeks++
			if *a != *b {
				c.Differ++
			}
		}
		if equal(a, b) {
			open = nil
			continue
		}
		if open == nil || !equal(open.Before, a) || !equal(open.After, b) {
			c.Moves = append(c.Moves, Move{
				Team: old.Team, From: old.History[w].Week, Before: a, After: b,
				Why: why(c.Before, c.After, a, b, oldTrace[w], nowTrace[w]),
			})
			open = &c.Moves[len(c.Moves)-1]
		}
		open.To, open.Last = old.History[w].Week, w == len(old.History)-1
	}
}

func equal(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }

// weekTrace is how each criterion stood in a week.
type weekTrace [6]criterionTrace

type criterionTrace struct {
	known, holds bool
	value        int
	criterion    Criterion
	probability  float64 // negative where thresholds alone decide
	alone        bool
}

// trace assesses o and keeps how each criterion stood week by week.
func trace(o Org, k Criteria) ([]Assessment, [][]weekTrace) {
	o.Criteria = k
	traces := make([][]weekTrace, len(o.Teams))
	out := assess(o, func(team int, r *run) {
		var t weekTrace
		for i := range rungs {
			l := &r.state.latches[i]
			t[i] = criterionTrace{known: l.last >= 0, holds: l.holds, value: l.reading.value, criterion: k.ByName[rungs[i].name], probability: -1}
			if r.judge != nil {
				t[i].probability = r.judge.probability(i)
				t[i].alone = i == 3 && r.judge.joint.look(lookSolo) > 0.5
			}
		}
		traces[team] = append(traces[team], t)
	})
	return out, traces
}

// why names the criteria of which the two think differently, of those that the stages rest on.
func why(before, after int, a, b *int, old, now weekTrace) []string {
	if a == nil || b == nil {
		return []string{"only one of them has seen enough to tell a stage"}
	}
	var out []string
	for i := range rungs {
		if rungs[i].stage > max(*a, *b) || old[i].holds == now[i].holds {
			continue
		}
		out = append(out, fmt.Sprintf("stage %d: by version %d %s; by version %d %s", rungs[i].stage, before, old[i].says(rungs[i]), after, now[i].says(rungs[i])))
	}
	return out
}

// says tells how a criterion stands.
func (t criterionTrace) says(r rung) string {
	verb := "it does not hold"
	switch {
	case !t.known:
		return "it was not seen yet"
	case t.holds:
		verb = "it holds"
	}
	s := fmt.Sprintf("%s with %s %d of %d", verb, r.name, t.value, t.criterion.Enter)
	switch {
	case t.alone:
		s += ", as one person's habit"
	case t.probability >= 0:
		s += ", alive with a probability of " + percent(t.probability)
	}
	return s
}
