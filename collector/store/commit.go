package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Commit is what one batch adds. It is written whole or not at all.
type Commit struct {
	Source string
	// Fence is what the reader of the cursors saw of the slices to which this commits; other versions are ErrFenced. Nil is that of a
	// source which is read as a whole, for the first time. An empty one is for what may be written twice: no sums.
	Fence Fence
	// Lease is lost if the commit is refused with ErrLost; nil if there is none.
	Lease *Lease
	// Forgotten is that of Progress: if actors were forgotten since, those that are known by their ids may be gone (ErrForgotten).
	Forgotten int64

	Days        *Folded // sums to add; nil for none
	Queries     []activity.Query
	Texts       []Text // whose queries are known now
	Profile     string // under which they are
	Dashboards  []activity.Dashboard
	Rules       []activity.Rule
	Goals       []activity.Goal // Query already replaced by its fingerprint
	Folders     []activity.Folder
	DataSources []activity.DataSource
	Selections  []activity.Selection
	Codeowners  []activity.Codeowners
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

// Progress is how far a source was read.
type Progress struct {
	Fence     Fence
	Forgotten int64 // counts how often actors were forgotten, of any source
	Cursors   map[string][]byte
	Held      []byte        // nil if nothing is held
	Newest    activity.Date // the last day that the source covers; 0 for none
}

// Progress returns how far source was read; an unknown source starts with nothing.
func (s *Store) Progress(ctx context.Context, source string) (Progress, error) {
	var p Progress
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		p = Progress{Cursors: map[string][]byte{}}
		if p.Fence, err = readFence(ctx, tx, source); err != nil {
			return err
		}
		if p.Forgotten, err = forgotten(ctx, tx, ""); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(date), 0) FROM coverage WHERE source = $1 AND class <> $2", source, ClassGap).Scan(&p.Newest); err != nil {
			return err
		}
		if err := optional(tx.QueryRowContext(ctx, "SELECT state FROM held WHERE source = $1", source).Scan(&p.Held)); err != nil {
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
		}, "SELECT name, value FROM cursor WHERE source = $1", source)
	})
	return p, err
}

// Save commits c and returns the fence of its slices after that. A commit whose answer was lost is found again by its token, and is
// not repeated.
func (s *Store) Save(ctx context.Context, c Commit) (Fence, error) {
	if c.Fence == nil {
		c.Fence = Fence{Whole: 0}
	}
	token := newToken()
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.save(ctx, tx, c, token) })
	if err != nil && !errors.Is(err, errDone) {
		return c.Fence, err
	}
	return c.Fence.after(), nil
}

// save writes c. All transactions write to the tables in this order, and to the rows of each in the order of their keys, so that none
// waits for one that waits for it.
func (s *Store) save(ctx context.Context, tx *sql.Tx, c Commit, token string) error {
	if err := c.Lease.beat(ctx, tx); err != nil {
		return err
	}
	if err := c.Fence.pass(ctx, tx, s.dialect, c.Source, token); err != nil {
		return err
	}
	if now, err := forgotten(ctx, tx, s.dialect.shared); err != nil {
		return err
	} else if now != c.Forgotten {
		return ErrForgotten
	}
	if err := addDays(ctx, tx, s.dialect, c.Days); err != nil {
		return err
	}
	if err := addQueries(ctx, tx, s.dialect, c.Queries); err != nil {
		return err
	}
	if err := addTexts(ctx, tx, s.dialect, c.Profile, c.Texts); err != nil {
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
	if err := saveProgress(ctx, tx, c); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO source (name, malformed) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET malformed = source.malformed + excluded.malformed", c.Source, c.Malformed)
	return err
}

func saveProgress(ctx context.Context, tx *sql.Tx, c Commit) error {
	var set [][]any
	for _, name := range slices.Sorted(maps.Keys(c.Cursors)) {
		if value := c.Cursors[name]; len(value) > 0 {
			set = append(set, []any{c.Source, name, value})
		} else if _, err := tx.ExecContext(ctx, "DELETE FROM cursor WHERE source = $1 AND name = $2", c.Source, name); err != nil {
			return err
		}
	}
	if err := insert(ctx, tx, "INSERT INTO cursor (source, name, value)", "ON CONFLICT (source, name) DO UPDATE SET value = excluded.value", set); err != nil {
		return err
	}
	var covered [][]any
	for _, d := range slices.SortedFunc(slices.Values(c.Covered), compareCovered) {
		covered = append(covered, []any{d.Source, d.Class, d.Date})
	}
	if err := insert(ctx, tx, "INSERT INTO coverage (source, class, date)", "ON CONFLICT DO NOTHING", covered); err != nil {
		return err
	}
	var totals [][]any
	for _, t := range slices.SortedFunc(slices.Values(c.Totals), EventTotal.compare) {
		totals = append(totals, []any{t.Source, t.Kind, t.Outcome, t.Count})
	}
	if err := insert(ctx, tx, "INSERT INTO event_total (source, kind, outcome, count)",
		"ON CONFLICT (source, kind, outcome) DO UPDATE SET count = event_total.count + excluded.count", totals); err != nil {
		return err
	}
	return saveHeld(ctx, tx, c)
}

func compareCovered(a, b activity.CoveredDay) int {
	return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Date, b.Date))
}

func (t EventTotal) compare(o EventTotal) int {
	return cmp.Or(cmp.Compare(t.Source, o.Source), cmp.Compare(t.Kind, o.Kind), cmp.Compare(t.Outcome, o.Outcome))
}

func saveHeld(ctx context.Context, tx *sql.Tx, c Commit) error {
	if c.Held == nil {
		return nil
	}
	totals, err := json.Marshal(c.HeldTotals)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO held (source, state, totals) VALUES ($1, $2, $3)
		ON CONFLICT (source) DO UPDATE SET state = excluded.state, totals = excluded.totals`, c.Source, c.Held, totals); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM held_day WHERE source = $1", c.Source); err != nil || c.HeldDay == nil {
		return err
	}
	return c.HeldDay.byDate(func(date activity.Date, rows []foldedRow) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO held_day (source, date, block) VALUES ($1, $2, $3)", c.Source, date, c.HeldDay.encode(date, rows))
		return err
	})
}

func saveFacts(ctx context.Context, tx *sql.Tx, c Commit) error {
	addFact, err := tx.PrepareContext(ctx, `INSERT INTO fact (class, scope, name, since, facts) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (class, scope, name, since) DO UPDATE SET facts = excluded.facts`)
	if err != nil {
		return err
	}
	defer addFact.Close()
	save := func(class, scope, name string, since time.Time, v any) error {
		facts, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_, err = addFact.ExecContext(ctx, class, clean(scope), clean(name), since.UnixNano(), facts)
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
	for _, s := range c.Selections {
		var last activity.Selection
		if known, err := lastFact(ctx, tx, "selection", s.Scope, s.Selector, s.Seen, &last); err != nil {
			return err
		} else if known && s.Found == last.Found {
			continue
		}
		if err := save("selection", s.Scope, s.Selector, s.Seen, s); err != nil {
			return err
		}
	}
	for _, o := range c.Codeowners {
		var last activity.Codeowners
		if _, err := lastFact(ctx, tx, "codeowners", o.Scope, "", o.Seen, &last); err != nil {
			return err
		}
		if last.Scope = o.Scope; o.Same(last) {
			continue // no file, either, if there was none
		}
		if err := save("codeowners", o.Scope, "", o.Seen, o); err != nil {
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
	err = tx.QueryRowContext(ctx, "SELECT facts FROM fact WHERE class = $1 AND scope = $2 AND name = $3 AND since <= $4 ORDER BY since DESC LIMIT 1",
		class, clean(scope), clean(name), at.UnixNano()).Scan(&facts)
	if err != nil {
		return false, optional(err)
	}
	return true, json.Unmarshal(facts, to)
}
