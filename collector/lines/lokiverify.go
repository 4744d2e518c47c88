package lines

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

// verifyDays is how many days are counted in one request, while they agree.
const verifyDays = 30

// verify asks Loki how many lines it has of the days for which no line is awaited any more, and notes those of which it has others
// than were read.
func (t *lokiTail) verify(ctx context.Context) error {
	until := dayAt(t.end - int64(t.Overlap)) // exclusive
	for t.Verified < until {
		to := min(until, t.Verified+verifyDays)
		if err := t.compare(ctx, t.Verified, to); err != nil {
			return err
		}
		for d := t.Verified; d < to; d++ {
			delete(t.Days, d)
		}
		t.Verified = to
	}
	return nil
}

// compare counts the days from from to to (exclusive) together, and each half of them if that does not agree.
func (t *lokiTail) compare(ctx context.Context, from, to int64) error {
	var read int64
	gap := false
	for d := from; d < to; d++ {
		if of := t.Days[d]; of != nil {
			read += of.Lines
			gap = gap || of.Gap
		}
	}
	if gap && to-from == 1 {
		return nil // said already
	}
	has, err := t.api.count(ctx, t.query, from*dayLength, to*dayLength)
	var refused *refusal
	switch {
	case errors.As(err, &refused), httpclient.IsStatus(err, 400, 422, 500):
		if to-from == 1 {
			t.Logger.Warn("the lines read of a day can't be compared with Loki's own count", "day", time.Unix(from*dayLength/1e9, 0).UTC().Format(time.DateOnly), "error", err)
			return nil
		}
	case err != nil:
		return err
	case has == read:
		return nil
	case to-from == 1:
		t.gaps = append(t.gaps, miscounted(from, read, has))
		return nil
	}
	middle := (from + to) / 2
	if err := t.compare(ctx, from, middle); err != nil {
		return err
	}
	return t.compare(ctx, middle, to)
}

// miscounted is the gap of a day of which other lines were read than there are.
func miscounted(day, read, has int64) Gap {
	from := time.Unix(0, day*dayLength).UTC()
	g := Gap{From: from, To: from.AddDate(0, 0, 1)}
	if read < has {
		g.Why = fmt.Sprintf("Loki has %d lines of %s (UTC), %d of which were not read\nhint: lines that arrive late are waited for as long as overlap says; make it longer", has, from.Format(time.DateOnly), has-read)
	} else {
		g.Why = fmt.Sprintf("Loki has %d lines of %s (UTC), and %d were read: some were removed since, or counted twice\nhint: see what Loki's retention and deletes are", has, from.Format(time.DateOnly), read)
	}
	return g
}
