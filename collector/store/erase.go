package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Erased counts what was kept of somebody who is forgotten.
type Erased struct {
	Actors      int   // logins, authors and clients
	Rows        int64 // of days, which stay without them
	Parts       int   // of acts that were still open
	Memberships int   // of teams of a Grafana
}

// Attribute judges days before their actors are forgotten: it returns an act for each, and the counts of people to keep.
type Attribute func(days []activity.Day, gone func(activity.ActorID) bool) ([]activity.Act, []TeamWeekPeople)

// Erase forgets everybody who is found by one of digests, whenever they did something: their rows keep date, subject and the team as
// owned now, like those of Retire. It is one transaction, and nobody commits while it runs: whoever knows them by their ids looks them up
// again, and finds nobody. Scrub removes what the database keeps of what is deleted.
func (s *Store) Erase(ctx context.Context, digests []activity.Digest, attribute Attribute) (Erased, error) {
	var done Erased
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		e := erasure{ctx: ctx, tx: tx, dialect: s.dialect, gone: map[activity.ActorID]bool{}}
		err := e.run(digests, attribute)
		done = e.done
		return err
	})
	return done, err
}

// erasure is the work of one Erase within its transaction.
type erasure struct {
	ctx     context.Context
	tx      *sql.Tx
	dialect *dialect
	gone    map[activity.ActorID]bool
	done    Erased
}

func (e *erasure) run(digests []activity.Digest, attribute Attribute) error {
	n, err := forgotten(e.ctx, e.tx, e.dialect.locked) // from here on nobody commits
	if err != nil {
		return err
	}
	if err := dropAnswers(e.ctx, e.tx); err != nil {
		return err
	}
	if err := e.memberships(digests); err != nil {
		return err
	}
	if err := e.find(digests); err != nil || len(e.gone) == 0 {
		return err
	}
	days, err := readDays(e.ctx, e.tx, 0, maxDate, "SELECT date, source, block, part FROM day")
	if err != nil {
		return err
	}
	held, err := readDays(e.ctx, e.tx, 0, maxDate, "SELECT date, source, block, 0 AS part FROM held_day")
	if err != nil {
		return err
	}
	acts, people := attribute(append(slices.Clip(days), held...), func(a activity.ActorID) bool { return e.gone[a] })
	if err := savePeople(e.ctx, e.tx, people); err != nil {
		return err
	}
	if err := e.days(acts[:len(days)]); err != nil {
		return err
	}
	if err := e.held(acts[len(days):]); err != nil {
		return err
	}
	if err := dropActors(e.ctx, e.tx, e.dialect, slices.Sorted(maps.Keys(e.gone))); err != nil {
		return err
	}
	_, err = e.tx.ExecContext(e.ctx, "UPDATE meta SET value = $1 WHERE key = 'forgotten'", strconv.FormatInt(n+1, 10))
	return err
}

// find finds the actors to be forgotten.
func (e *erasure) find(digests []activity.Digest) error {
	if err := eachDigest(e.ctx, e.tx, digests, func(_ activity.Digest, id activity.ActorID) { e.gone[id] = true }); err != nil {
		return err
	}
	e.done.Actors = len(e.gone)
	return nil
}

// memberships drops who is found by one of digests from the teams of a Grafana.
func (e *erasure) memberships(digests []activity.Digest) error {
	wanted := map[activity.Digest]bool{}
	for _, d := range digests {
		wanted[d] = true
	}
	people := map[activity.Digest]bool{}
	err := each(e.ctx, e.tx, func(r *sql.Rows) error {
		var person, known []byte
		if err := r.Scan(&person, &known); err != nil {
			return err
		}
		for d := range slices.Chunk(slices.Concat(person, known), len(activity.Digest{})) {
			if wanted[activity.Digest(d)] {
				people[activity.Digest(person)] = true
				e.done.Memberships++
				break
			}
		}
		return nil
	}, "SELECT person, digests FROM team_member")
	if err != nil {
		return err
	}
	sorted := slices.SortedFunc(maps.Keys(people), func(a, b activity.Digest) int { return bytes.Compare(a[:], b[:]) })
	for _, p := range sorted {
		if _, err := e.tx.ExecContext(e.ctx, "DELETE FROM team_member WHERE person = $1", p[:]); err != nil {
			return err
		}
	}
	return nil
}

// days writes those dates anew on which one of the gone did something.
func (e *erasure) days(acts []activity.Act) error {
	byDate := map[activity.Date][]activity.Act{}
	touched := map[activity.Date]bool{}
	for _, a := range acts {
		byDate[a.Date] = append(byDate[a.Date], a)
		touched[a.Date] = touched[a.Date] || e.gone[a.Actor]
	}
	for _, date := range slices.Sorted(maps.Keys(byDate)) {
		if !touched[date] {
			continue
		}
		if _, err := e.tx.ExecContext(e.ctx, "DELETE FROM day WHERE date = $1", date); err != nil {
			return err
		}
		if err := e.add(byDate[date]); err != nil {
			return err
		}
	}
	return nil
}

// add stores acts as days, those of the gone without them.
func (e *erasure) add(acts []activity.Act) error {
	folded, rows := retired(acts, func(a activity.ActorID) bool { return e.gone[a] })
	e.done.Rows += rows
	for _, source := range slices.Sorted(maps.Keys(folded)) {
		if err := addDays(e.ctx, e.tx, e.dialect, folded[source]); err != nil {
			return err
		}
	}
	return nil
}

// heldState is what is kept of open acts, as far as an erasure needs to know it.
type heldState struct {
	source        string
	state, totals []byte
}

// held ends the open acts of the gone as things stand: what they make so far becomes days.
func (e *erasure) held(acts []activity.Act) error {
	ending, open := map[string][]activity.Act{}, map[string][]activity.Act{}
	for _, a := range acts {
		if e.gone[a.Actor] {
			ending[a.Source] = append(ending[a.Source], a)
		} else {
			open[a.Source] = append(open[a.Source], a)
		}
	}
	var all []heldState
	err := each(e.ctx, e.tx, func(r *sql.Rows) error {
		var h heldState
		err := r.Scan(&h.source, &h.state, &h.totals)
		all = append(all, h)
		return err
	}, "SELECT source, state, totals FROM held ORDER BY source"+e.dialect.locked)
	if err != nil {
		return err
	}
	for _, h := range all {
		if err := e.end(h, ending[h.source], open[h.source]); err != nil {
			return err
		}
	}
	return nil
}

func (e *erasure) end(h heldState, ending, open []activity.Act) error {
	var state map[string]json.RawMessage
	if err := json.Unmarshal(h.state, &state); err != nil {
		return err
	}
	parts, n, err := e.withoutGone(state["parts"])
	if err != nil || n == 0 && len(ending) == 0 {
		return err
	}
	e.done.Parts += n
	state["parts"] = parts
	totals, counted, err := e.count(h.totals, ending)
	if err != nil {
		return err
	}
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	if err := e.add(ending); err != nil {
		return err
	}
	if err := insert(e.ctx, e.tx, "INSERT INTO event_total (source, kind, outcome, count)",
		"ON CONFLICT (source, kind, outcome) DO UPDATE SET count = event_total.count + excluded.count", counted); err != nil {
		return err
	}
	if _, err := e.tx.ExecContext(e.ctx, "UPDATE held SET state = $1, totals = $2 WHERE source = $3", text, totals, h.source); err != nil {
		return err
	}
	if _, err := e.tx.ExecContext(e.ctx, "DELETE FROM held_day WHERE source = $1", h.source); err != nil {
		return err
	}
	left := NewFolded(h.source)
	for i := range open {
		left.AddDay(&open[i].Day)
	}
	return left.byDate(func(date activity.Date, rows []foldedRow) error {
		_, err := e.tx.ExecContext(e.ctx, "INSERT INTO held_day (source, date, block) VALUES ($1, $2, $3)", h.source, date, left.encode(date, rows))
		return err
	})
}

// withoutGone leaves out the parts of the gone, and counts them.
func (e *erasure) withoutGone(text json.RawMessage) (json.RawMessage, int, error) {
	var parts []json.RawMessage
	if len(text) > 0 {
		if err := json.Unmarshal(text, &parts); err != nil {
			return nil, 0, err
		}
	}
	left := make([]json.RawMessage, 0, len(parts))
	for _, p := range parts {
		var by struct {
			Actor activity.ActorID `json:"actor"`
		}
		if err := json.Unmarshal(p, &by); err != nil {
			return nil, 0, err
		}
		if !e.gone[by.Actor] {
			left = append(left, p)
		}
	}
	out, err := json.Marshal(left)
	return out, len(parts) - len(left), err
}

// count moves acts that end from the totals of what is open to those that stay: counters never fall.
func (e *erasure) count(totals []byte, ending []activity.Act) (left []byte, counted [][]any, err error) {
	var all []EventTotal
	if err := json.Unmarshal(totals, &all); err != nil {
		return nil, nil, err
	}
	moved := map[EventTotal]int64{}
	for _, a := range ending {
		moved[EventTotal{Source: a.Source, Kind: a.Kind, Outcome: a.Outcome}] += a.Count
	}
	for i := range all {
		t := all[i]
		t.Count = 0
		n := min(all[i].Count, moved[t])
		all[i].Count -= n
		if n > 0 {
			counted = append(counted, []any{t.Source, t.Kind, t.Outcome, n})
		}
	}
	left, err = json.Marshal(all)
	return left, counted, err
}
