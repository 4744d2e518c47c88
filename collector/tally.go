package collector

import (
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// totals counts days by outcome. What is known to be a machine's act needs no judge, and mostly the judge's answer holds for many
// rows: for all of an actor's, or for all that have a subject.
func (r *reader) totals(days *store.Folded) []store.EventTotal {
	if days == nil {
		return nil
	}
	t := tally{judge: r.Judge, days: days, bySubject: make([]ruling, days.Subjects())}
	type what struct {
		kind    activity.Kind
		outcome activity.Outcome
	}
	counts := map[what]int64{}
	var run what // of the rows of which count is the sum
	var count int64
	var last store.Row
	var current *store.Sort
	for row := range days.Rows() {
		if current == nil || row.Sort != last.Sort || row.Date != last.Date || row.Actor != last.Actor {
			current, t.run = days.SortOf(row.Sort), ruling{}
		}
		last = row
		outcome := activity.Automated
		if current.Robot == "" {
			outcome = t.outcome(row)
		}
		if now := (what{current.Kind, outcome}); now != run {
			counts[run] += count
			run, count = now, 0
		}
		count += row.Count
	}
	counts[run] += count
	var out []store.EventTotal
	for w, n := range counts {
		if n == 0 {
			continue
		}
		out = append(out, store.EventTotal{Source: r.source.Name, Kind: w.kind, Outcome: w.outcome, Count: n})
	}
	return out
}

// tally asks the judge no more than it must.
type tally struct {
	judge     Judge
	days      *store.Folded
	run       ruling   // on all rows of one date, sort and actor
	bySubject []ruling // by number of a subject
}

// ruling is an outcome and what it holds for.
type ruling struct {
	outcome activity.Outcome // "" if none was asked for yet
	basis   activity.Basis
	sort    uint32
}

// outcome judges a row. Rows of one date, sort and actor come together.
func (t *tally) outcome(row store.Row) activity.Outcome {
	switch {
	case t.run.outcome == "":
	case t.run.basis == activity.ByActor:
		return t.run.outcome
	case t.run.basis == activity.BySubject:
		if known := &t.bySubject[row.Subject]; known.outcome != "" && known.sort == row.Sort {
			return known.outcome
		}
	}
	day := t.days.DayOf(row)
	outcome, basis := t.judge.Outcome(&day)
	t.run = ruling{outcome, basis, row.Sort}
	if basis == activity.BySubject {
		t.bySubject[row.Subject] = t.run
	}
	return outcome
}
