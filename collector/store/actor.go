package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
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
		if slices.ContainsFunc(fresh, func(a Actor) bool { return len(a.Former) > 0 }) {
			if err := s.rekeyActors(ctx, tx, fresh); err != nil {
				return err
			}
			if err := findActors(ctx, tx, fresh, known); err != nil {
				return err
			}
			fresh = unknown(fresh, known)
		}
		rows := make([][]any, len(fresh))
		for i := range fresh {
			rows[i] = []any{fresh[i].Whole[:], s.keyID, joinDigests(fresh[i].Digests)}
		}
		if err := insert(ctx, tx, "INSERT INTO actor (whole, key_id, digests)", "ON CONFLICT DO NOTHING", rows); err != nil {
			return err
		}
		return findActors(ctx, tx, fresh, known)
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

// joinDigests writes digests one behind the other.
func joinDigests(digests []activity.Digest) []byte {
	out := make([]byte, 0, len(digests)*len(activity.Digest{}))
	for i := range digests {
		out = append(out, digests[i][:]...)
	}
	return out
}

// eachDigest calls yield with every actor who is found by one of digests, by their ids.
func eachDigest(ctx context.Context, tx *sql.Tx, digests []activity.Digest, yield func(activity.Digest, activity.ActorID)) error {
	if len(digests) == 0 {
		return nil
	}
	wanted := make(map[activity.Digest]bool, len(digests))
	for _, d := range digests {
		wanted[d] = true
	}
	return each(ctx, tx, func(r *sql.Rows) error {
		var id activity.ActorID
		var known sql.RawBytes
		if err := r.Scan(&id, &known); err != nil {
			return err
		}
		for d := range slices.Chunk(known, len(activity.Digest{})) {
			if len(d) < len(activity.Digest{}) {
				return fmt.Errorf("the hashes of actor %d are damaged", id)
			}
			if d := activity.Digest(d); wanted[d] {
				yield(d, id)
			}
		}
		return nil
	}, "SELECT id, digests FROM actor WHERE digests IS NOT NULL ORDER BY id")
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

// dropActors deletes actors, and leaves none of their hashes where they stood.
func dropActors(ctx context.Context, tx *sql.Tx, d *dialect, ids []activity.ActorID) error {
	for chunk := range slices.Chunk(ids, idChunk) {
		which, args := "("+placeholders(1, len(chunk))+")", anys(chunk)
		if d.blank != "" {
			if _, err := tx.ExecContext(ctx, d.blank+which, args...); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM actor WHERE id IN "+which, args...); err != nil {
			return err
		}
	}
	if d.reindex == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, d.reindex)
	return err
}
