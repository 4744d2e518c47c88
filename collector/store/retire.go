package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

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
// already the larger stays). It returns how many rows were retired. Each date is a transaction of its own; one that another collector
// adds to meanwhile is left for the next time.
func (s *Store) Retire(ctx context.Context, before activity.Date, attribute func([]activity.Day) ([]activity.Act, []TeamWeekPeople)) (rows int64, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return s.thoroughly(ctx, tx, func() error {
			_, err := tx.ExecContext(ctx, "DELETE FROM team_member WHERE last < $1", before)
			return errors.Join(err, dropAnswers(ctx, tx))
		})
	})
	if err != nil {
		return 0, err
	}
	seen, err := s.everything(ctx, before)
	if err != nil || len(seen.due) == 0 {
		return 0, err
	}
	acts, people := attribute(seen.days)
	if len(acts) != len(seen.days) {
		return 0, fmt.Errorf("%d days were given as %d acts: nothing is forgotten", len(seen.days), len(acts))
	}
	// Counted before anybody is forgotten, whatever ends this in the middle.
	if err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return savePeople(ctx, tx, people) }); err != nil {
		return 0, err
	}
	byDate := map[activity.Date][]activity.Act{}
	for _, a := range acts {
		if _, ok := seen.due[a.Date]; ok {
			byDate[a.Date] = append(byDate[a.Date], a)
		}
	}
	for _, date := range slices.Sorted(maps.Keys(seen.due)) {
		var n int64
		err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			n, err = s.retireDate(ctx, tx, date, seen.due[date], byDate[date])
			return err
		})
		if err != nil {
			return rows, err
		}
		rows += n
	}
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return s.thoroughly(ctx, tx, func() error { return s.forgetIdle(ctx, tx, seen, before) })
	})
	if err != nil || s.dialect.swept == "" {
		return rows, err
	}
	_, err = s.db.ExecContext(ctx, s.dialect.swept)
	return rows, s.explain(err)
}

// seen is all days at one moment, with the blocks that they were in.
type seen struct {
	days   []activity.Day
	due    map[activity.Date][]int64 // blocks of the dates on which somebody is to be forgotten
	people map[int64]bool            // blocks that name people
}

func (s *Store) everything(ctx context.Context, before activity.Date) (all seen, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		all = seen{due: map[activity.Date][]int64{}, people: map[int64]bool{}}
		named := map[activity.Date]bool{}
		err := each(ctx, tx, func(r *sql.Rows) error {
			var part int64
			var date activity.Date
			var people bool
			if err := r.Scan(&part, &date, &people); err != nil {
				return err
			}
			if people {
				all.people[part] = true
			}
			if date < before {
				all.due[date] = append(all.due[date], part)
				named[date] = named[date] || people
			}
			return nil
		}, "SELECT part, date, people FROM day ORDER BY part")
		maps.DeleteFunc(all.due, func(date activity.Date, _ []int64) bool { return !named[date] })
		if err != nil || len(all.due) == 0 {
			return err
		}
		all.days, err = readDays(ctx, tx, 0, maxDate, "SELECT date, source, block, part FROM day")
		return err
	})
	return all, err
}

// savePeople keeps counts of people; of two for a week the larger.
func savePeople(ctx context.Context, tx *sql.Tx, people []TeamWeekPeople) error {
	people = slices.SortedFunc(slices.Values(people), func(a, b TeamWeekPeople) int {
		return cmp.Or(cmp.Compare(a.Team, b.Team), cmp.Compare(a.Monday, b.Monday))
	})
	var rows [][]any
	for _, p := range people {
		rows = append(rows, []any{p.Team, p.Monday, p.People})
	}
	return insert(ctx, tx, "INSERT INTO people (team, monday, people)",
		"ON CONFLICT (team, monday) DO UPDATE SET people = CASE WHEN excluded.people > people.people THEN excluded.people ELSE people.people END", rows)
}

// retireDate writes the blocks of a date anew, with the rows that have no actor as they are.
func (s *Store) retireDate(ctx context.Context, tx *sql.Tx, date activity.Date, parts []int64, acts []activity.Act) (rows int64, err error) {
	var now []int64
	err = each(ctx, tx, func(r *sql.Rows) error {
		var part int64
		err := r.Scan(&part)
		now = append(now, part)
		return err
	}, "SELECT part FROM day WHERE date = $1 ORDER BY part"+s.dialect.locked, date)
	if err != nil || !slices.Equal(now, parts) {
		return 0, err
	}
	for chunk := range slices.Chunk(parts, idChunk) {
		if _, err := tx.ExecContext(ctx, "DELETE FROM day WHERE part IN ("+placeholders(1, len(chunk))+")", anys(chunk)...); err != nil {
			return 0, err
		}
	}
	folded, rows := retired(acts, func(a activity.ActorID) bool { return a != 0 })
	for _, source := range slices.Sorted(maps.Keys(folded)) {
		if err := addDays(ctx, tx, s.dialect, folded[source]); err != nil {
			return 0, err
		}
	}
	return rows, nil
}

func anys[T any](all []T) []any {
	out := make([]any, len(all))
	for i := range all {
		out[i] = all[i]
	}
	return out
}

// retired returns the days of acts by source, without those actors who are gone, and how many rows had one.
func retired(acts []activity.Act, gone func(activity.ActorID) bool) (bySource map[string]*Folded, rows int64) {
	bySource = map[string]*Folded{}
	for _, a := range acts {
		d := a.Day
		if gone(a.Actor) {
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
