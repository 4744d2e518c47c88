package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Reading is the stored days at one moment, to be read as often as needed.
type Reading struct {
	ctx      context.Context
	tx       *sql.Tx
	from, to activity.Date
}

// Read calls do with the days from (inclusive) to (exclusive); a bound of 0 is open. do begins anew if the database asks for it.
func (s *Store) Read(ctx context.Context, from, to activity.Date, do func(*Reading) error) error {
	if to == 0 {
		to = maxDate
	}
	return s.read(ctx, func(ctx context.Context, tx *sql.Tx) error { return do(&Reading{ctx, tx, from, to}) })
}

// datesAtOnce bounds the memory that a database takes to put blocks in order.
const datesAtOnce = 7

// Each calls yield with the days, sheet by sheet, the oldest date first. The days that still open acts make as things stand are among
// them. The sheets of two readings are alike.
func (r *Reading) Each(yield func(*activity.Sheet) error) error {
	var dates []activity.Date
	err := each(r.ctx, r.tx, func(rows *sql.Rows) error {
		var d activity.Date
		err := rows.Scan(&d)
		dates = append(dates, d)
		return err
	}, "SELECT date FROM day WHERE date >= $1 AND date < $2 UNION SELECT date FROM held_day WHERE date >= $1 AND date < $2 ORDER BY date", r.from, r.to)
	if err != nil {
		return err
	}
	in := sheetReader{yield: yield, of: map[string]*Folded{}}
	for chunk := range slices.Chunk(dates, datesAtOnce) {
		err := each(r.ctx, r.tx, in.row, "SELECT date, source, block FROM (SELECT date, source, block, part FROM day UNION ALL SELECT date, source, block, 0 FROM held_day) AS blocks "+
			"WHERE date >= $1 AND date <= $2 ORDER BY date, source, part", chunk[0], chunk[len(chunk)-1])
		if err == nil {
			err = in.flush()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sheetReader puts blocks together that come in order of date and source.
type sheetReader struct {
	yield func(*activity.Sheet) error
	of    map[string]*Folded // by source: names are the same every day
	now   *Folded            // of the source that is read; nil between two
	date  activity.Date
	sheet activity.Sheet
}

func (r *sheetReader) row(rows *sql.Rows) error {
	var date activity.Date
	var source string
	var block sql.RawBytes
	if err := rows.Scan(&date, &source, &block); err != nil {
		return err
	}
	if r.now != nil && (date != r.date || source != r.now.Source) {
		if err := r.flush(); err != nil {
			return err
		}
	}
	f := r.of[source]
	if f == nil {
		f = NewFolded(source)
		r.of[source] = f
	}
	r.now, r.date = f, date
	if err := f.decode(date, block); err != nil {
		return fmt.Errorf("source %s, %s: %w", source, date, err)
	}
	return nil
}

// flush yields what was read of a source and date.
func (r *sheetReader) flush() error {
	f := r.now
	if f == nil {
		return nil
	}
	f.settle()
	rows := r.sheet.Rows[:0]
	for i := range f.rows {
		row := &f.rows[i]
		rows = append(rows, activity.SheetRow{
			Sort: row.sort, Subject: row.subject, Actor: row.actor, Count: row.Count, First: row.First, Last: row.Last, Hours: row.Hours,
		})
	}
	r.sheet = activity.Sheet{Source: f.Source, Date: r.date, Epoch: f.Names, Names: f.names, Sorts: f.sorts, Rows: rows}
	err := r.yield(&r.sheet)
	f.Reset()
	r.now = nil
	return err
}
