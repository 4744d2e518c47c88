package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Key returns the key to hash with: that of the options, except that texts keep the key that the store began with.
func (s *Store) Key() activity.Key { return s.key }

// keyNamed finds a key among one and its former ones.
func keyNamed(key activity.Key, id string) (activity.Key, bool) {
	for _, k := range key.All() {
		if k.ID() == id {
			return k, true
		}
	}
	return activity.Key{}, false
}

// useKey makes key the store's, which used one of its former keys so far, or key itself. A reader leaves that to the next collector.
func (s *Store) useKey(ctx context.Context, key, used activity.Key, readOnly bool) error {
	texts := used
	sealed, err := s.fact(ctx, "text_key", "", true)
	if err == nil && sealed != "" {
		texts, err = openSealed(used, sealed)
	}
	if err != nil {
		return err
	}
	s.key = key.WithTexts(texts)
	if err := s.knowsAll(ctx, key); err != nil || readOnly || used.ID() == s.keyID {
		return err
	}
	box, err := key.Seal(texts)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE meta SET value = $1 WHERE key = 'key' AND value = $2", s.keyID, used.ID())
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err // another process was faster, and has sealed the same
		}
		return insert(ctx, tx, "INSERT INTO meta (key, value)", "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
			[][]any{{"text_key", hex.EncodeToString(box)}})
	})
}

func openSealed(key activity.Key, sealed string) (activity.Key, error) {
	box, err := hex.DecodeString(sealed)
	if err != nil {
		return key, fmt.Errorf("the key of texts: %w", err)
	}
	return key.Open(box)
}

// knowsAll refuses a store with people under a key that is not given: nobody could tell any more whose acts theirs are.
func (s *Store) knowsAll(ctx context.Context, key activity.Key) error {
	return s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return each(ctx, tx, func(r *sql.Rows) error {
			var id string
			if err := r.Scan(&id); err != nil {
				return err
			}
			if _, ok := keyNamed(key, id); !ok {
				return fmt.Errorf("%w: it still has people under a former one (id %s)\nhint: keep the former key under privacy.old_hash_key_files until its last acts are older than privacy.actor_retention", ErrKey, id)
			}
			return nil
		}, "SELECT DISTINCT key_id FROM actor")
	})
}

// rekeyed is an actor that is known under a former key.
type rekeyed struct {
	id  activity.ActorID
	was activity.Digest
	is  Actor
}

// rekeyActors makes those of actors, all unknown under today's key, who are known under a former one known under today's.
func (s *Store) rekeyActors(ctx context.Context, tx *sql.Tx, actors []Actor) error {
	var asked []Actor
	is := map[activity.Digest]Actor{}
	for _, a := range actors {
		for _, was := range a.Former {
			asked = append(asked, Actor{Whole: was})
			is[was] = a
		}
	}
	found := map[activity.Digest]activity.ActorID{}
	if err := findActors(ctx, tx, asked, found); err != nil {
		return err
	}
	var todo []rekeyed
	for was, id := range found {
		todo = append(todo, rekeyed{id, was, is[was]})
	}
	slices.SortFunc(todo, func(a, b rekeyed) int { return bytes.Compare(a.was[:], b.was[:]) })
	done := map[activity.Digest]bool{} // of several former keys the first that was found
	for _, r := range todo {
		if done[r.is.Whole] {
			continue
		}
		done[r.is.Whole] = true
		if err := s.rekey(ctx, tx, r); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) rekey(ctx context.Context, tx *sql.Tx, r rekeyed) error {
	// Another collector may be faster.
	_, err := tx.ExecContext(ctx, "UPDATE actor SET whole = $1, key_id = $2, digests = $3 WHERE id = $4 AND whole = $5",
		r.is.Whole[:], s.keyID, joinDigests(r.is.Digests), r.id, r.was[:])
	return err
}
