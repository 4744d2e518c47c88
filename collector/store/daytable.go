package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// dayTable writes blocks of days within one transaction.
type dayTable struct {
	ctx     context.Context
	tx      *sql.Tx
	dialect *dialect
}

// addDays adds sums: a block for each date.
func addDays(ctx context.Context, tx *sql.Tx, d *dialect, f *Folded) error {
	if f == nil || f.Len() == 0 {
		return nil
	}
	t := dayTable{ctx, tx, d}
	return f.byDate(func(date activity.Date, rows []foldedRow) error { return t.add(f, date, rows) })
}

// add writes the rows of one date. Once there are some blocks of it, those that are no larger are merged into it, so that the
// blocks of a day stay few and each row is written a few times at most, however often a source is read.
func (t dayTable) add(f *Folded, date activity.Date, rows []foldedRow) error {
	blocks := blockTable{t.tx, t.dialect, "day", "rows", " WHERE source = $1 AND date = $2", []any{f.Source, date}}
	for {
		block, err := blocks.takeSmall(t.ctx, min(int64(len(rows)), maxMerged))
		if err != nil {
			return err
		}
		if block == nil {
			break
		}
		merged := NewFolded(f.Source)
		if err := merged.decode(date, block); err != nil {
			return fmt.Errorf("source %s, %s: %w", f.Source, date, err)
		}
		merged.merge(f, rows)
		err = merged.byDate(func(_ activity.Date, sorted []foldedRow) error {
			f, rows = merged, sorted
			return nil
		})
		if err != nil {
			return err
		}
	}
	people := slices.ContainsFunc(rows, func(r foldedRow) bool { return r.actor != 0 })
	_, err := t.tx.ExecContext(t.ctx, "INSERT INTO day (source, date, rows, people, block) VALUES ($1, $2, $3, $4, $5)", f.Source, date, len(rows), people, f.encode(date, rows))
	return err
}

// dayReader puts blocks together that come in order of date and source.
type dayReader struct {
	source string
	date   activity.Date
	of     map[string]*Folded // by source: names are the same every day
	days   []activity.Day
}

func (r *dayReader) block(date activity.Date, source string, block []byte) error {
	if date != r.date || source != r.source {
		r.flush()
		r.date, r.source = date, source
	}
	f := r.of[source]
	if f == nil {
		f = NewFolded(source)
		if r.of == nil {
			r.of = map[string]*Folded{}
		}
		r.of[source] = f
	}
	if err := f.decode(date, block); err != nil {
		return fmt.Errorf("source %s, %s: %w", source, date, err)
	}
	return nil
}

func (r *dayReader) flush() {
	f := r.of[r.source]
	if f == nil {
		return
	}
	r.days = f.all(r.days)
	f.Reset()
}
