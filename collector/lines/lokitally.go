package lines

import (
	"context"
	"errors"
	"time"
)

const (
	// tallyStep is how finely lines are counted that are not read: all timezones' days begin with a quarter of an hour.
	tallyStep = int64(15 * time.Minute)
	// tallySpan is how much is counted in one request.
	tallySpan = int64(30 * 24 * time.Hour)
)

// tally is a number of lines within a step, counted from 1970.
type tally struct{ step, lines int64 }

// countUnread asks how many lines there are of the kind that is only counted, and queues those that were not handed out yet.
//
// Of a query log most lines are evaluations of rules, of which nothing is kept but their number: Loki counts them where
// they are. Those with the text of Contains travel all the same, and the parser says what they are; what has neither text is
// neither read nor counted.
func (t *lokiTail) countUnread(ctx context.Context) error {
	if t.Filter.Tally == "" {
		return nil
	}
	q := t.base.with("|=", t.Filter.Tally).with("!=", t.Filter.Contains)
	end := t.end - t.end%int64(time.Second)
	span := tallySpan
	for from := t.TallyFrom * tallyStep; from < end; {
		to := min(from+span, end)
		counts, err := t.api.counts(ctx, q, from, to)
		if errors.Is(err, errSpan) && span > tallyStep {
			span = max(span/2/tallyStep*tallyStep, tallyStep)
			continue
		}
		if err != nil {
			return err
		}
		for _, c := range counts {
			if fresh := c.lines - t.Tallied[c.step]; fresh > 0 {
				t.tallies = append(t.tallies, tally{c.step, fresh})
			}
		}
		from = to
	}
	return nil
}

// handOutTally gives a count, and remembers that it did.
func (t *lokiTail) handOutTally() Item {
	next := t.tallies[0]
	t.tallies = t.tallies[1:]
	t.Tallied[next.step] += next.lines
	return Item{Time: time.Unix(0, next.step*tallyStep), Tally: next.lines}
}

// settleTallies forgets counts to which no late line can be added any more. It is called once all are handed out.
func (t *lokiTail) settleTallies() {
	t.TallyFrom = max(t.TallyFrom, (t.end-int64(t.Overlap))/tallyStep)
	for step := range t.Tallied {
		if step < t.TallyFrom {
			delete(t.Tallied, step)
		}
	}
}
