package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// maxDate is after every date.
const maxDate activity.Date = 1 << 30

// Days returns the days from (inclusive) to (exclusive), oldest first; a bound of 0 is open. The days that still open acts make
// as things stand are among them.
func (s *Store) Days(ctx context.Context, from, to activity.Date) ([]activity.Day, error) {
	if to == 0 {
		to = maxDate
	}
	var days []activity.Day
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		days, err = readDays(ctx, tx, from, to, "SELECT date, source, block, part FROM day UNION ALL SELECT date, source, block, 0 FROM held_day")
		return err
	})
	return days, err
}

// readDays returns the days in blocks, a query's rows of date, source and block.
func readDays(ctx context.Context, tx *sql.Tx, from, to activity.Date, blocks string, args ...any) ([]activity.Day, error) {
	var in dayReader
	err := each(ctx, tx, func(r *sql.Rows) error {
		var date activity.Date
		var source string
		var block sql.RawBytes
		if err := r.Scan(&date, &source, &block); err != nil {
			return err
		}
		return in.block(date, source, block)
	}, "SELECT date, source, block FROM ("+blocks+") AS blocks WHERE date >= $1 AND date < $2 ORDER BY date, source, part", append([]any{from, to}, args...)...)
	in.flush()
	return in.days, err
}

// FirstDay returns the first date of which anything is stored; ok is false for an empty store.
func (s *Store) FirstDay(ctx context.Context) (first activity.Date, ok bool, err error) {
	var v sql.NullInt64
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT min(date) FROM (SELECT min(date) AS date FROM day UNION ALL SELECT min(date) FROM coverage) AS dates").Scan(&v)
	})
	return activity.Date(v.Int64), v.Valid, err
}

// Coverage returns for which days each source can be trusted.
func (s *Store) Coverage(ctx context.Context) ([]activity.CoveredDay, error) {
	var f activity.Facts
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		f.Coverage = nil
		return coverage(ctx, tx, &f)
	})
	return f.Coverage, err
}

// HowRead returns of facts how sources were read: their coverage, and how the last attempts ended.
func (s *Store) HowRead(ctx context.Context) (activity.Facts, error) {
	var f activity.Facts
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		f = activity.Facts{}
		if err := coverage(ctx, tx, &f); err != nil {
			return err
		}
		return status(ctx, tx, &f)
	})
	return f, err
}

// Facts returns all that is kept beside days. Actors are given for digests only.
func (s *Store) Facts(ctx context.Context, digests []activity.Digest) (activity.Facts, error) {
	return s.facts(ctx, digests, queryFacts)
}

// FactsButQueries is Facts without what is known of queries, which is most of it: there may be a million.
func (s *Store) FactsButQueries(ctx context.Context, digests []activity.Digest) (activity.Facts, error) {
	return s.facts(ctx, digests, func(context.Context, *sql.Tx, *activity.Facts) error { return nil })
}

func (s *Store) facts(ctx context.Context, digests []activity.Digest, queries func(context.Context, *sql.Tx, *activity.Facts) error) (activity.Facts, error) {
	var f activity.Facts
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		f = activity.Facts{Actors: map[activity.Digest][]activity.ActorID{}, Queries: map[string]activity.Query{}}
		if err := eachDigest(ctx, tx, digests, func(d activity.Digest, id activity.ActorID) { f.Actors[d] = append(f.Actors[d], id) }); err != nil {
			return err
		}
		if err := queries(ctx, tx, &f); err != nil {
			return err
		}
		if err := datedFacts(ctx, tx, &f); err != nil {
			return err
		}
		if err := coverage(ctx, tx, &f); err != nil {
			return err
		}
		return status(ctx, tx, &f)
	})
	return f, err
}

func queryFacts(ctx context.Context, tx *sql.Tx, f *activity.Facts) error {
	return each(ctx, tx, func(r *sql.Rows) error {
		var block sql.RawBytes
		if err := r.Scan(&block); err != nil {
			return err
		}
		return decodeQueries(block, func(q activity.Query) { f.Queries[q.Key()] = q })
	}, "SELECT block FROM query ORDER BY part")
}

func datedFacts(ctx context.Context, tx *sql.Tx, f *activity.Facts) error {
	return each(ctx, tx, func(r *sql.Rows) error {
		var class string
		var facts []byte
		if err := r.Scan(&class, &facts); err != nil {
			return err
		}
		switch class {
		case "dashboard":
			return appendFact(&f.Dashboards, facts)
		case "rule":
			return appendFact(&f.Rules, facts)
		case "folder":
			return appendFact(&f.Folders, facts)
		case "datasource":
			return appendFact(&f.DataSources, facts)
		case "selection":
			return appendFact(&f.Selections, facts)
		case "codeowners":
			return appendFact(&f.Codeowners, facts)
		default:
			return appendFact(&f.Goals, facts)
		}
	}, "SELECT class, facts FROM fact ORDER BY since, class, scope, name")
}

func appendFact[T any](to *[]T, facts []byte) error {
	var v T
	if err := json.Unmarshal(facts, &v); err != nil {
		return err
	}
	*to = append(*to, v)
	return nil
}

// coverage leaves out days of which something was changed after it had been read.
func coverage(ctx context.Context, tx *sql.Tx, f *activity.Facts) error {
	return each(ctx, tx, func(r *sql.Rows) error {
		var d activity.CoveredDay
		if err := r.Scan(&d.Source, &d.Class, &d.Date); err != nil {
			return err
		}
		f.Coverage = append(f.Coverage, d)
		return nil
	}, `SELECT source, class, date FROM coverage c WHERE class <> $1
		AND NOT EXISTS (SELECT 1 FROM coverage g WHERE g.source = c.source AND g.class = $1 AND g.date = c.date)
		ORDER BY source, class, date`, ClassGap)
}

// ClassGap marks a day of a source that can't be trusted any more.
const ClassGap activity.Class = "gap"

// Totals returns the counters: events as judged when collected, those of still open acts among them.
func (s *Store) Totals(ctx context.Context) ([]EventTotal, error) {
	var counts map[EventTotal]int64
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		counts = map[EventTotal]int64{}
		err := each(ctx, tx, func(r *sql.Rows) error {
			var t EventTotal
			var n int64
			err := r.Scan(&t.Source, &t.Kind, &t.Outcome, &n)
			counts[t] += n
			return err
		}, "SELECT source, kind, outcome, count FROM event_total")
		if err != nil {
			return err
		}
		return each(ctx, tx, func(r *sql.Rows) error {
			var text []byte
			if err := r.Scan(&text); err != nil {
				return err
			}
			var totals []EventTotal
			if err := json.Unmarshal(text, &totals); err != nil {
				return err
			}
			for _, t := range totals {
				n := t.Count
				t.Count = 0
				counts[t] += n
			}
			return nil
		}, "SELECT totals FROM held")
	})
	var out []EventTotal
	for t, n := range counts {
		t.Count = n
		out = append(out, t)
	}
	slices.SortFunc(out, EventTotal.compare)
	return out, err
}
