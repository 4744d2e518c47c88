package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// forgotten counts how often actors were forgotten. With a lock, nobody forgets any until the transaction ends.
func forgotten(ctx context.Context, tx *sql.Tx, locked string) (n int64, err error) {
	var text string
	if err := tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'forgotten'"+locked).Scan(&text); err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// forgetIdle drops the actors of whom no day is left, and those who know them by their ids learn it. Actors of open acts are kept:
// they are few, and have days soon.
func (s *Store) forgetIdle(ctx context.Context, tx *sql.Tx, all seen, before activity.Date) error {
	n, err := forgotten(ctx, tx, s.dialect.locked) // from here on nobody commits with an actor that is not asked about below
	if err != nil {
		return err
	}
	active := map[activity.ActorID]bool{}
	for i := range all.days {
		if all.days[i].Date >= before {
			active[all.days[i].Actor] = true
		}
	}
	if err := laterActors(ctx, tx, all.people, before, active); err != nil {
		return err
	}
	if err := heldActors(ctx, tx, active); err != nil {
		return err
	}
	var idle []activity.ActorID
	err = each(ctx, tx, func(r *sql.Rows) error {
		var id activity.ActorID
		err := r.Scan(&id)
		if err == nil && !active[id] {
			idle = append(idle, id)
		}
		return err
	}, "SELECT id FROM actor ORDER BY id")
	if err != nil || len(idle) == 0 {
		return err
	}
	if err := dropActors(ctx, tx, s.dialect, idle); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE meta SET value = $1 WHERE key = 'forgotten'", strconv.FormatInt(n+1, 10))
	return err
}

// laterActors adds the actors of blocks that were not there before, of other collectors, and of dates that were left out.
func laterActors(ctx context.Context, tx *sql.Tx, known map[int64]bool, before activity.Date, active map[activity.ActorID]bool) error {
	var later []any
	err := each(ctx, tx, func(r *sql.Rows) error {
		var part int64
		var date activity.Date
		err := r.Scan(&part, &date)
		if err == nil && (!known[part] || date < before) {
			later = append(later, part)
		}
		return err
	}, "SELECT part, date FROM day WHERE people")
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(later, idChunk) {
		days, err := readDays(ctx, tx, 0, maxDate, "SELECT date, source, block, part FROM day WHERE part IN ("+placeholders(3, len(chunk))+")", chunk...)
		if err != nil {
			return err
		}
		for i := range days {
			active[days[i].Actor] = true
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
