package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// TeamWeekPeople is how many different people of a team were seen over the 8 weeks that end with the week of Monday.
type TeamWeekPeople struct {
	Team   string
	Monday activity.Date
	People int
}

// RetiredPeople returns the counts of people that were kept when their actors were forgotten.
func (s *Store) RetiredPeople(ctx context.Context) ([]TeamWeekPeople, error) {
	var out []TeamWeekPeople
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		out = nil
		return each(ctx, tx, func(r *sql.Rows) error {
			var p TeamWeekPeople
			if err := r.Scan(&p.Team, &p.Monday, &p.People); err != nil {
				return err
			}
			out = append(out, p)
			return nil
		}, "SELECT team, monday, people FROM people ORDER BY team, monday")
	})
	return out, err
}

// RetireDue reports whether there is an actor to forget before a date.
func (s *Store) RetireDue(ctx context.Context, before activity.Date) (due bool, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM day WHERE date < $1 AND people) OR EXISTS (SELECT 1 FROM team_member WHERE last < $1)", before).Scan(&due)
	})
	return due, err
}

// Retire forgets the actors of all days before a date: each such row keeps its date, its subject and the team as owned now.
// attribute is given every stored day, and returns an act for each together with the counts of people to keep (of a week that has one
// already the larger stays). It returns how many rows were retired.
func (s *Store) Retire(ctx context.Context, before activity.Date, attribute func([]activity.Day) ([]activity.Act, []TeamWeekPeople)) (rows int64, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM team_member WHERE last < $1", before); err != nil {
			return err
		}
		var first sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT min(date) FROM day WHERE date < $1 AND people", before).Scan(&first); err != nil || !first.Valid {
			return err
		}
		// Read in the transaction that deletes, so that nothing which another process adds meanwhile is lost.
		days, err := readDays(ctx, tx, 0, maxDate, "SELECT * FROM day")
		if err != nil {
			return err
		}
		acts, people := attribute(days)
		if len(acts) != len(days) {
			return fmt.Errorf("%d days were given as %d acts: nothing is forgotten", len(days), len(acts))
		}
		// The blocks are written anew, with the rows that have no actor as they are.
		if _, err := tx.ExecContext(ctx, "DELETE FROM day WHERE date >= $1 AND date < $2", first.Int64, before); err != nil {
			return err
		}
		var folded map[string]*Folded
		folded, rows = retired(acts, activity.Date(first.Int64), before)
		for _, f := range folded {
			if err := addDays(ctx, tx, f); err != nil {
				return err
			}
		}
		for _, p := range people {
			if _, err := tx.ExecContext(ctx, `INSERT INTO people (team, monday, people) VALUES ($1, $2, $3) ON CONFLICT (team, monday)
				DO UPDATE SET people = CASE WHEN excluded.people > people.people THEN excluded.people ELSE people.people END`, p.Team, p.Monday, p.People); err != nil {
				return err
			}
		}
		active := map[activity.ActorID]bool{}
		for _, d := range days {
			if d.Date >= before {
				active[d.Actor] = true
			}
		}
		return forgetIdle(ctx, tx, active)
	})
	return rows, err
}

// retired returns the days of acts in a stretch of time by source, without their actors, and how many had one.
func retired(acts []activity.Act, first, before activity.Date) (bySource map[string]*Folded, rows int64) {
	bySource = map[string]*Folded{}
	for _, a := range acts {
		if a.Date < first || a.Date >= before {
			continue
		}
		d := a.Day
		if a.Actor != 0 {
			rows++
			d.Actor, d.Retired, d.Team, d.TeamReason, d.TeamAuthor = 0, true, a.Team, a.Reason, a.ByTeam
			if a.Outcome == activity.Automated {
				d.Robot = a.Reason
			}
		}
		if bySource[d.Source] == nil {
			bySource[d.Source] = NewFolded(d.Source)
		}
		bySource[d.Source].AddDay(&d)
	}
	return bySource, rows
}

// forgetIdle drops the actors of whom no day is left. Actors of open acts are kept: they are few, and have days soon.
func forgetIdle(ctx context.Context, tx *sql.Tx, active map[activity.ActorID]bool) error {
	if err := heldActors(ctx, tx, active); err != nil {
		return err
	}
	var idle []any
	err := each(ctx, tx, func(r *sql.Rows) error {
		var id activity.ActorID
		err := r.Scan(&id)
		if err == nil && !active[id] {
			idle = append(idle, id)
		}
		return err
	}, "SELECT id FROM actor ORDER BY id")
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(idle, idChunk) {
		for _, from := range [...]string{"actor_digest WHERE actor", "actor WHERE id"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+from+" IN ("+placeholders(1, len(chunk))+")", chunk...); err != nil {
				return err
			}
		}
	}
	return nil
}

// heldActors adds the actors of open acts.
func heldActors(ctx context.Context, tx *sql.Tx, active map[activity.ActorID]bool) error {
	return each(ctx, tx, func(r *sql.Rows) error {
		var state []byte
		if err := r.Scan(&state); err != nil {
			return err
		}
		var held struct {
			Parts []struct {
				Actor activity.ActorID `json:"actor"`
			} `json:"parts"`
		}
		if err := json.Unmarshal(state, &held); err != nil {
			return err
		}
		for _, p := range held.Parts {
			active[p.Actor] = true
		}
		return nil
	}, "SELECT state FROM held")
}

// Assessment is what was exported for a team.
type Assessment struct {
	Team    string
	Monday  activity.Date // the last week that was assessed
	Made    time.Time
	Version int // of the criteria
	Status  string
	Stage   *int
}

// SaveAssessments keeps what was exported; the first answer for a team and week stays.
func (s *Store) SaveAssessments(ctx context.Context, as []Assessment) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, a := range as {
			if _, err := tx.ExecContext(ctx, "INSERT INTO assessment (team, monday, made, version, status, stage) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
				a.Team, a.Monday, a.Made.UnixNano(), a.Version, a.Status, a.Stage); err != nil {
				return err
			}
		}
		return nil
	})
}

// Assessments returns what was exported, by team, oldest first.
func (s *Store) Assessments(ctx context.Context) ([]Assessment, error) {
	var out []Assessment
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		out = nil
		return each(ctx, tx, func(r *sql.Rows) error {
			var a Assessment
			var made int64
			var stage sql.NullInt64
			if err := r.Scan(&a.Team, &a.Monday, &made, &a.Version, &a.Status, &stage); err != nil {
				return err
			}
			a.Made = time.Unix(0, made).UTC()
			if stage.Valid {
				v := int(stage.Int64)
				a.Stage = &v
			}
			out = append(out, a)
			return nil
		}, "SELECT team, monday, made, version, status, stage FROM assessment ORDER BY team, monday")
	})
	return out, err
}
