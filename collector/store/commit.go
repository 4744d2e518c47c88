package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Commit is what one batch adds. It is written whole or not at all.
type Commit struct {
	Source  string
	Version int64 // the version that the reader of the cursors saw; another one is ErrFenced

	Days        *Folded // sums to add; nil for none
	Queries     []activity.Query
	Texts       []Text // whose queries are known now
	Profile     string // under which they are
	Dashboards  []activity.Dashboard
	Rules       []activity.Rule
	Goals       []activity.Goal // Query already replaced by its fingerprint
	Folders     []activity.Folder
	DataSources []activity.DataSource
	Teams       []TeamSnapshot
	Covered     []activity.CoveredDay
	Totals      []EventTotal
	Malformed   int64

	Cursors map[string][]byte // cursors to set, by name; an empty value removes one
	Held    []byte            // open parts of acts; nil leaves them as they are
	HeldDay *Folded           // what the open parts make as things stand; written if Held is not nil
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
		var find, insert, digest *sql.Stmt
		if err := prepareAll(ctx, tx, map[**sql.Stmt]string{
			&find:   "SELECT id FROM actor WHERE whole = ?",
			&insert: "INSERT INTO actor (whole, key_id) VALUES (?, ?) RETURNING id",
			&digest: "INSERT OR IGNORE INTO actor_digest (digest, actor) VALUES (?, ?)",
		}); err != nil {
			return err
		}
		for i, a := range actors {
			err := find.QueryRowContext(ctx, a.Whole[:]).Scan(&ids[i])
			if err == nil {
				continue
			}
			if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if err := insert.QueryRowContext(ctx, a.Whole[:], s.keyID).Scan(&ids[i]); err != nil {
				return err
			}
			for _, d := range a.Digests {
				if _, err := digest.ExecContext(ctx, d[:], ids[i]); err != nil {
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
			return fmt.Errorf("%w\nhint: run one collect at a time on a store", ErrFenced)
		}
		if err := addDays(ctx, tx, c.Days); err != nil {
			return err
		}
		if err := addQueries(ctx, tx, c.Queries); err != nil {
			return err
		}
		if err := addTexts(ctx, tx, c.Profile, c.Texts); err != nil {
			return err
		}
		if err := saveFacts(ctx, tx, c); err != nil {
			return err
		}
		for _, t := range c.Teams {
			if err := saveTeams(ctx, tx, c.Source, t); err != nil {
				return err
			}
		}
		return saveProgress(ctx, tx, c)
	})
	if err != nil {
		return c.Version, err
	}
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
	totals, err := json.Marshal(c.HeldTotals)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO held (source, state, totals) VALUES (?, ?, ?)", c.Source, c.Held, totals); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM held_day WHERE source = ?", c.Source); err != nil || c.HeldDay == nil {
		return err
	}
	return c.HeldDay.byDate(func(date activity.Date, rows []foldedRow) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO held_day (source, date, block) VALUES (?, ?, ?)", c.Source, date, c.HeldDay.encode(date, rows))
		return err
	})
}

func saveFacts(ctx context.Context, tx *sql.Tx, c Commit) error {
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
		var last activity.Dashboard
		known, err := lastFact(ctx, tx, "dashboard", d.Scope, d.UID, d.Seen, &last)
		if err != nil {
			return err
		}
		if known {
			if d = d.After(last); d.Same(last) {
				continue // logs tell a dashboard's folder at every view
			}
		}
		if err := save("dashboard", d.Scope, d.UID, d.Seen, d); err != nil {
			return err
		}
	}
	for _, f := range c.Folders {
		var last activity.Folder
		if known, err := lastFact(ctx, tx, "folder", f.Scope, f.UID, f.Seen, &last); err != nil {
			return err
		} else if known && f.Same(last) {
			continue
		}
		if err := save("folder", f.Scope, f.UID, f.Seen, f); err != nil {
			return err
		}
	}
	for _, d := range c.DataSources {
		var last activity.DataSource
		if known, err := lastFact(ctx, tx, "datasource", d.Scope, d.UID, d.Seen, &last); err != nil {
			return err
		} else if known && d.Same(last) {
			continue
		}
		if err := save("datasource", d.Scope, d.UID, d.Seen, d); err != nil {
			return err
		}
	}
	for _, r := range c.Rules {
		if err := save("rule", r.Scope, strings.TrimSpace(string(r.Kind)+" "+r.Name+" "+r.UID), r.From, r); err != nil {
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

// lastFact reads into to what was known of a thing at a time, and reports whether anything was.
func lastFact(ctx context.Context, tx *sql.Tx, class, scope, name string, at time.Time, to any) (known bool, err error) {
	var facts []byte
	err = tx.QueryRowContext(ctx, "SELECT facts FROM fact WHERE class = ? AND scope = ? AND name = ? AND since <= ? ORDER BY since DESC LIMIT 1",
		class, scope, name, at.UnixNano()).Scan(&facts)
	if err != nil {
		return false, optional(err)
	}
	return true, json.Unmarshal(facts, to)
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
	return explain(s.path, s.transaction(ctx, f, nil))
}

func (s *Store) read(ctx context.Context, f func(*sql.Tx) error) error {
	return explain(s.path, s.transaction(ctx, f, &sql.TxOptions{ReadOnly: true}))
}

func (s *Store) transaction(ctx context.Context, f func(*sql.Tx) error, o *sql.TxOptions) error {
	tx, err := s.db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		// A cancelled context rolls back and closes statements, which is all that err may say.
		return errors.Join(ctx.Err(), err, ignoreDone(tx.Rollback()))
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
