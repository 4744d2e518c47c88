package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Actor is one actor's hashes: of the whole identity, and those by which owner rules may find it.
type Actor struct {
	Whole   activity.Digest
	Digests []activity.Digest
	Former  []activity.Digest // of the whole identity under former keys
}

// idChunk is how many rows one statement asks for or inserts. SQLite looks each parameter up among all that went before it, so that
// longer statements take more time for a row, not less.
const idChunk = 100

// ActorIDs returns the id of each actor, in order, and makes those that are new. Several collectors may make the same at once. Who is
// known under a former key alone stays who that is, under today's key.
func (s *Store) ActorIDs(ctx context.Context, actors []Actor) ([]activity.ActorID, error) {
	var known map[activity.Digest]activity.ActorID
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		known = make(map[activity.Digest]activity.ActorID, len(actors))
		if err := findActors(ctx, tx, actors, known); err != nil {
			return err
		}
		fresh := unknown(actors, known)
		if len(fresh) == 0 {
			return nil
		}
		if err := s.rekeyActors(ctx, tx, fresh); err != nil {
			return err
		}
		if err := findActors(ctx, tx, fresh, known); err != nil {
			return err
		}
		fresh = unknown(fresh, known)
		var rows [][]any
		for i := range fresh {
			rows = append(rows, []any{fresh[i].Whole[:], s.keyID})
		}
		if err := insert(ctx, tx, "INSERT INTO actor (whole, key_id)", "ON CONFLICT DO NOTHING", rows); err != nil {
			return err
		}
		if err := findActors(ctx, tx, fresh, known); err != nil {
			return err
		}
		return insert(ctx, tx, "INSERT INTO actor_digest (digest, actor)", "ON CONFLICT DO NOTHING", digestRows(fresh, known))
	})
	ids := make([]activity.ActorID, len(actors))
	for i := range actors {
		ids[i] = known[actors[i].Whole]
	}
	return ids, err
}

// unknown are the different actors that have no id, by their hash.
func unknown(actors []Actor, known map[activity.Digest]activity.ActorID) []Actor {
	var fresh []Actor
	for _, a := range actors {
		if _, ok := known[a.Whole]; !ok {
			fresh = append(fresh, a)
		}
	}
	slices.SortFunc(fresh, func(a, b Actor) int { return bytes.Compare(a.Whole[:], b.Whole[:]) })
	return slices.CompactFunc(fresh, func(a, b Actor) bool { return a.Whole == b.Whole })
}

func digestRows(actors []Actor, ids map[activity.Digest]activity.ActorID) [][]any {
	type row struct {
		digest activity.Digest
		actor  activity.ActorID
	}
	var sorted []row
	for _, a := range actors {
		for _, d := range a.Digests {
			sorted = append(sorted, row{d, ids[a.Whole]})
		}
	}
	slices.SortFunc(sorted, func(a, b row) int {
		return cmp.Or(bytes.Compare(a.digest[:], b.digest[:]), cmp.Compare(a.actor, b.actor))
	})
	rows := make([][]any, len(sorted))
	for i := range sorted {
		rows[i] = []any{sorted[i].digest[:], sorted[i].actor}
	}
	return rows
}

// findActors adds the ids of those actors that have one.
func findActors(ctx context.Context, tx *sql.Tx, actors []Actor, ids map[activity.Digest]activity.ActorID) error {
	for chunk := range slices.Chunk(actors, idChunk) {
		args := make([]any, len(chunk))
		for i := range chunk {
			args[i] = chunk[i].Whole[:]
		}
		err := each(ctx, tx, func(r *sql.Rows) error {
			var whole []byte
			var id activity.ActorID
			err := r.Scan(&whole, &id)
			if err == nil {
				ids[activity.Digest(whole)] = id
			}
			return err
		}, "SELECT whole, id FROM actor WHERE whole IN ("+placeholders(1, len(args))+")", args...)
		if err != nil {
			return err
		}
	}
	return nil
}
