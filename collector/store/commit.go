package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Commit is what one batch adds. It is written whole or not at all.
type Commit struct {
	Source  string
	Version int64 // the version that the reader of the cursors saw; another one is ErrFenced

	Days       []activity.Day // sums to add
	Queries    []activity.Query
	Dashboards []activity.Dashboard
	Rules      []activity.Rule
	Goals      []activity.Goal // Query already replaced by its fingerprint
	Covered    []activity.CoveredDay
	Totals     []EventTotal
	Malformed  int64

	Cursors map[string][]byte // cursors to set, by name; an empty value removes one
	Held    []byte            // open parts of acts; nil leaves them as they are
	HeldDay []activity.Day    // what the open parts make as things stand; written if Held is not nil
	// HeldTotals is how HeldDay was judged.
	HeldTotals []EventTotal
}

// EventTotal counts events of one source, kind and outcome, as judged when they were collected.
type EventTotal struct {
	Source  string
	Kind    activity.Kind
	Outcome activity.Outcome
	Count   int64
}

// Actor is one actor's hashes: of the whole identity, and those by which owner rules may find it.
type Actor struct {
	Whole   activity.Digest
	Digests []activity.Digest
}

// Progress is how far a source was read.
type Progress struct {
	Version int64
	Cursors map[string][]byte
	Held    []byte // nil if nothing is held
}

// Progress returns how far source was read; an unknown source starts at version 0 with nothing.
func (s *Store) Progress(ctx context.Context, source string) (Progress, error) {
	p := Progress{Cursors: map[string][]byte{}}
	err := s.read(ctx, func(tx *sql.Tx) error {
		if err := optional(tx.QueryRowContext(ctx, "SELECT version FROM source WHERE name = ?", source).Scan(&p.Version)); err != nil {
			return err
		}
		if err := optional(tx.QueryRowContext(ctx, "SELECT state FROM held WHERE source = ?", source).Scan(&p.Held)); err != nil {
			return err
		}
		return each(ctx, tx, func(r *sql.Rows) error {
			var name string
			var value []byte
			if err := r.Scan(&name, &value); err != nil {
				return err
			}
			p.Cursors[name] = value
			return nil
		}, "SELECT name, value FROM cursor WHERE source = ?", source)
	})
	return p, err
}

// ActorIDs returns the id of each actor, in order, and makes those that are new.
func (s *Store) ActorIDs(ctx context.Context, actors []Actor) ([]activity.ActorID, error) {
	ids := make([]activity.ActorID, len(actors))
	err := s.write(ctx, func(tx *sql.Tx) error {
		for i, a := range actors {
			err := tx.QueryRowContext(ctx, "SELECT id FROM actor WHERE whole = ?", a.Whole[:]).Scan(&ids[i])
			if err == nil {
				continue
			}
			if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if err := tx.QueryRowContext(ctx, "INSERT INTO actor (whole, key_id) VALUES (?, ?) RETURNING id", a.Whole[:], s.keyID).Scan(&ids[i]); err != nil {
				return err
			}
			for _, d := range a.Digests {
				if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO actor_digest (digest, actor) VALUES (?, ?)", d[:], ids[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return ids, err
}

// Save commits c and returns the source's new version.
func (s *Store) Save(ctx context.Context, c Commit) (version int64, err error) {
	fresh := map[string]int64{}
	err = s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO source (name) VALUES (?)", c.Source); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, "UPDATE source SET version = version + 1, malformed = malformed + ? WHERE name = ? AND version = ?", c.Malformed, c.Source, c.Version)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return fmt.Errorf("source %s: %w\nhint: run one collect at a time on a store", c.Source, ErrFenced)
		}
		if err := s.addDays(ctx, tx, c.Days, fresh); err != nil {
			return err
		}
		if err := saveFacts(ctx, tx, c); err != nil {
			return err
		}
		return saveProgress(ctx, tx, c)
	})
	if err != nil {
		return c.Version, err
	}
	s.keep(fresh)
	return c.Version + 1, nil
}

func saveProgress(ctx context.Context, tx *sql.Tx, c Commit) error {
	for name, value := range c.Cursors {
		var err error
		if len(value) == 0 {
			_, err = tx.ExecContext(ctx, "DELETE FROM cursor WHERE source = ? AND name = ?", c.Source, name)
		} else {
			_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO cursor (source, name, value) VALUES (?, ?, ?)", c.Source, name, value)
		}
		if err != nil {
			return err
		}
	}
	for _, d := range c.Covered {
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO coverage (source, class, date) VALUES (?, ?, ?)", d.Source, d.Class, d.Date); err != nil {
			return err
		}
	}
	for _, t := range c.Totals {
		if _, err := tx.ExecContext(ctx, `INSERT INTO event_total (source, kind, outcome, count) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET count = count + excluded.count`, t.Source, t.Kind, t.Outcome, t.Count); err != nil {
			return err
		}
	}
	if c.Held == nil {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO held (source, state) VALUES (?, ?)", c.Source, c.Held); err != nil {
		return err
	}
	days, err := json.Marshal(c.HeldDay)
	if err != nil {
		return err
	}
	totals, err := json.Marshal(c.HeldTotals)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO held_day (source, days, totals) VALUES (?, ?, ?)", c.Source, days, totals)
	return err
}

func saveFacts(ctx context.Context, tx *sql.Tx, c Commit) error {
	addQuery, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO query (fingerprint, facts) VALUES (?, ?)")
	if err != nil {
		return err
	}
	defer addQuery.Close()
	for _, q := range c.Queries {
		facts, err := json.Marshal(q)
		if err != nil {
			return err
		}
		if _, err := addQuery.ExecContext(ctx, q.Key(), facts); err != nil {
			return err
		}
	}
	addFact, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO fact (class, scope, name, since, facts) VALUES (?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer addFact.Close()
	save := func(class, scope, name string, since time.Time, v any) error {
		facts, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_, err = addFact.ExecContext(ctx, class, scope, name, since.UnixNano(), facts)
		return err
	}
	for _, d := range c.Dashboards {
		if known, err := knownDashboard(ctx, tx, d); err != nil {
			return err
		} else if known {
			continue
		}
		if err := save("dashboard", d.Scope, d.UID, d.Seen, d); err != nil {
			return err
		}
	}
	for _, r := range c.Rules {
		if err := save("rule", r.Scope, string(r.Kind)+" "+r.Name, r.From, r); err != nil {
			return err
		}
	}
	for _, g := range c.Goals {
		if err := save("goal", g.Scope, g.Team+" "+g.Name, g.From, g); err != nil {
			return err
		}
	}
	return nil
}

// knownDashboard reports whether nothing about d is new since the last time it was seen before: logs tell a dashboard's folder
// at every view.
func knownDashboard(ctx context.Context, tx *sql.Tx, d activity.Dashboard) (bool, error) {
	var facts []byte
	err := tx.QueryRowContext(ctx, "SELECT facts FROM fact WHERE class = 'dashboard' AND scope = ? AND name = ? AND since <= ? ORDER BY since DESC LIMIT 1",
		d.Scope, d.UID, d.Seen.UnixNano()).Scan(&facts)
	if err != nil {
		return false, optional(err)
	}
	var last activity.Dashboard
	if err := json.Unmarshal(facts, &last); err != nil {
		return false, err
	}
	return last.Same(d), nil
}

// dayRow is a day with its names replaced by ids.
type dayRow [16]int64

const (
	dayKeyColumns = 12
	rowsPerInsert = 60
	maxNames      = 1 << 18 // of names whose ids are remembered: some 30 MiB
)

// upsertDay adds n rows of days in one statement.
func upsertDay(n int) string {
	row := "(" + strings.Repeat("?,", len(dayRow{})-1) + "?)"
	return "INSERT INTO day VALUES " + strings.Repeat(row+",", n-1) + row +
		" ON CONFLICT DO UPDATE SET count = count + excluded.count, first = min(first, excluded.first)," +
		" last = max(last, excluded.last), hours = hours | excluded.hours"
}

// addDays adds sums, sorted by key: random order costs SQLite twice the time.
func (s *Store) addDays(ctx context.Context, tx *sql.Tx, days []activity.Day, fresh map[string]int64) error {
	if len(days) == 0 {
		return nil
	}
	ids, err := newNameIDs(ctx, tx, s.names, fresh)
	if err != nil {
		return err
	}
	rows := make([]dayRow, len(days))
	for i, d := range days {
		row, err := ids.row(d)
		if err != nil {
			return err
		}
		rows[i] = row
	}
	slices.SortFunc(rows, func(a, b dayRow) int {
		return slices.CompareFunc(a[:dayKeyColumns], b[:dayKeyColumns], cmp.Compare[int64])
	})
	args := make([]any, 0, rowsPerInsert*len(dayRow{}))
	full, err := tx.PrepareContext(ctx, upsertDay(rowsPerInsert))
	if err != nil {
		return err
	}
	defer full.Close()
	for chunk := range slices.Chunk(rows, rowsPerInsert) {
		args = args[:0]
		for _, row := range chunk {
			for _, v := range row {
				args = append(args, v)
			}
		}
		if len(chunk) == rowsPerInsert {
			_, err = full.ExecContext(ctx, args...)
		} else {
			_, err = tx.ExecContext(ctx, upsertDay(len(chunk)), args...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nameIDs finds or makes the ids of names within one transaction.
type nameIDs struct {
	ctx          context.Context
	find, insert *sql.Stmt
	known        map[string]int64 // committed
	fresh        map[string]int64 // of this transaction: not known to be committed yet
}

func newNameIDs(ctx context.Context, tx *sql.Tx, known, fresh map[string]int64) (n nameIDs, err error) {
	n = nameIDs{ctx: ctx, known: known, fresh: fresh}
	if n.find, err = tx.PrepareContext(ctx, "SELECT id FROM name WHERE text = ?"); err != nil {
		return n, err
	}
	n.insert, err = tx.PrepareContext(ctx, "INSERT INTO name (text) VALUES (?) RETURNING id")
	return n, err
}

func (n nameIDs) id(text string) (int64, error) {
	if id, ok := n.known[text]; ok {
		return id, nil
	}
	if id, ok := n.fresh[text]; ok {
		return id, nil
	}
	var id int64
	err := n.find.QueryRowContext(n.ctx, text).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = n.insert.QueryRowContext(n.ctx, text).Scan(&id)
	}
	if err == nil {
		n.fresh[text] = id
	}
	return id, err
}

// keep remembers the names of a committed transaction.
func (s *Store) keep(fresh map[string]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.names)+len(fresh) > maxNames {
		clear(s.names)
		s.names[""] = 0
	}
	maps.Copy(s.names, fresh)
}

func (n nameIDs) row(d activity.Day) (row dayRow, err error) {
	row = dayRow{0: int64(d.Date), 7: int64(d.Actor), 12: d.Count, 13: d.First.UnixNano(), 14: d.Last.UnixNano(), 15: int64(d.Hours)}
	if d.Retired {
		row[10] = 1 + int64(d.TeamAuthor)
	}
	for column, text := range [...]string{1: d.Source, 2: string(d.Kind), 3: d.Scope, 4: d.Subject, 5: d.Detail, 6: d.Robot, 8: d.Tenant, 9: d.Team, 11: d.TeamReason} {
		if text == "" {
			continue // the id of the empty name is 0, and so are the other columns here
		}
		if row[column], err = n.id(text); err != nil {
			return row, err
		}
	}
	return row, nil
}

// SaveStatus keeps how the last attempt to read a source ended. A zero LastSuccess leaves the last one.
func (s *Store) SaveStatus(ctx context.Context, st activity.SourceStatus) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		var last int64
		if !st.LastSuccess.IsZero() {
			last = st.LastSuccess.UnixNano()
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO source (name, up, error, note, last_success) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET up = excluded.up, error = excluded.error, note = excluded.note, last_success = max(last_success, excluded.last_success)`,
			st.Source, st.Up, st.Error, st.Note, last)
		return err
	})
}

// write runs f in a transaction, one at a time.
func (s *Store) write(ctx context.Context, f func(*sql.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return explain("", s.transaction(ctx, f, nil))
}

func (s *Store) read(ctx context.Context, f func(*sql.Tx) error) error {
	return explain("", s.transaction(ctx, f, &sql.TxOptions{ReadOnly: true}))
}

func (s *Store) transaction(ctx context.Context, f func(*sql.Tx) error, o *sql.TxOptions) error {
	tx, err := s.db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return errors.Join(ctx.Err(), err) // a cancelled context rolls back: say so
	}
	return nil
}

// ignoreDone hides that a transaction was already rolled back, as SQLite does by itself on a full disk.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) || (err != nil && strings.Contains(err.Error(), "no transaction is active")) {
		return nil
	}
	return err
}

// optional takes a missing row for a zero value.
func optional(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// each calls f on every row of a query.
func each(ctx context.Context, tx *sql.Tx, f func(*sql.Rows) error, query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
