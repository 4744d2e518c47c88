package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Beat is how often the holder of a lease gives a sign of life, and Silence how long others wait for one before they take it for
// dead. Both are measured by each process on its own clock: what time it is does not matter.
const (
	Beat    = 3 * time.Second
	Silence = 15 * time.Second
)

// ErrLost tells that somebody else holds the lease now.
var ErrLost = errors.New("another process has taken over")

// Lease is held until Release, or until somebody else takes it: Check, and commits that name it, fail from then on.
type Lease struct {
	store *Store
	state leaseState
}

// leaseState is a row of the table.
type leaseState struct {
	name, holder string
	term, beat   int64
}

// Seize takes a lease from whoever holds it.
func (s *Store) Seize(ctx context.Context, name string) (*Lease, error) {
	l := &Lease{store: s}
	token := newToken()
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now, err := lockLease(ctx, tx, name, s.dialect.locked)
		if err != nil {
			return err
		}
		l.state, err = now.take(ctx, tx, token)
		return err
	})
	return l, err
}

// Acquire takes a lease that is free, or whose holder gives no sign of life for as long as silence; it waits that long. It returns nil
// if the holder lives. A lease that nobody ever held is free.
func (s *Store) Acquire(ctx context.Context, name string, silence time.Duration) (*Lease, error) {
	seen, err := s.leaseState(ctx, name)
	if err != nil {
		return nil, err
	}
	if seen.holder != "" {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(silence):
		}
	}
	return s.takeFrom(ctx, seen)
}

// Abandoned takes one of the leases whose holders give no sign of life for as long as silence. It waits until it has seen one of each
// that is held, and that long at most. It returns nil if none is abandoned: those that are free were given back.
func (s *Store) Abandoned(ctx context.Context, names []string, silence time.Duration) (*Lease, error) {
	var held []leaseState
	for _, name := range names {
		seen, err := s.leaseState(ctx, name)
		if err != nil {
			return nil, err
		}
		if seen.holder != "" {
			held = append(held, seen)
		}
	}
	for began := time.Now(); len(held) > 0 && time.Since(began) < silence; {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(Beat/3, silence)):
		}
		var err error
		if held, err = s.unchanged(ctx, held); err != nil {
			return nil, err
		}
	}
	for _, seen := range held {
		if l, err := s.takeFrom(ctx, seen); err != nil || l != nil {
			return l, err
		}
	}
	return nil, nil
}

// unchanged are the leases to which nothing has happened since they were seen.
func (s *Store) unchanged(ctx context.Context, leases []leaseState) (same []leaseState, err error) {
	for _, seen := range leases {
		now, err := s.leaseState(ctx, seen.name)
		if err != nil {
			return nil, err
		}
		if now == seen {
			same = append(same, seen)
		}
	}
	return same, nil
}

func (s *Store) leaseState(ctx context.Context, name string) (seen leaseState, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		seen, err = readLease(ctx, tx, name, "")
		return err
	})
	return seen, err
}

// takeFrom takes a lease if nothing has happened to it since it was seen.
func (s *Store) takeFrom(ctx context.Context, seen leaseState) (l *Lease, err error) {
	token := newToken()
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		l = nil
		now, err := lockLease(ctx, tx, seen.name, s.dialect.locked)
		if err == nil && now.holder == token { // by a commit whose answer was lost
			l = &Lease{store: s, state: now}
			return nil
		}
		if err != nil || now != seen {
			return err
		}
		mine, err := now.take(ctx, tx, token)
		l = &Lease{store: s, state: mine}
		return err
	})
	return l, err
}

// readLease returns the state of a lease; one that nobody ever held has term 0.
func readLease(ctx context.Context, tx *sql.Tx, name, locked string) (leaseState, error) {
	at := leaseState{name: name}
	err := tx.QueryRowContext(ctx, "SELECT holder, term, beat FROM lease WHERE name = $1"+locked, name).Scan(&at.holder, &at.term, &at.beat)
	return at, optional(err)
}

// lockLease returns the state of a lease, which nobody else changes until the transaction ends.
func lockLease(ctx context.Context, tx *sql.Tx, name, locked string) (leaseState, error) {
	if _, err := tx.ExecContext(ctx, "INSERT INTO lease (name, holder, term, beat) VALUES ($1, '', 0, 0) ON CONFLICT DO NOTHING", name); err != nil {
		return leaseState{}, err
	}
	return readLease(ctx, tx, name, locked)
}

// take makes the one with a token the holder, in a transaction that has read the state.
func (at leaseState) take(ctx context.Context, tx *sql.Tx, token string) (leaseState, error) {
	next := leaseState{name: at.name, holder: token, term: at.term + 1}
	_, err := tx.ExecContext(ctx, "UPDATE lease SET holder = $1, term = $2, beat = $3 WHERE name = $4", next.holder, next.term, next.beat, next.name)
	return next, err
}

// Name is what was leased.
func (l *Lease) Name() string { return l.state.name }

// Keep gives signs of life until ctx ends, and returns ErrLost if somebody else holds the lease.
func (l *Lease) Keep(ctx context.Context) error {
	tick := time.NewTicker(Beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := l.store.write(ctx, l.beat)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// beat is a sign of life, in a transaction that is refused if the lease is lost.
func (l *Lease) beat(ctx context.Context, tx *sql.Tx) error {
	if l == nil {
		return nil
	}
	r, err := tx.ExecContext(ctx, "UPDATE lease SET beat = beat + 1 WHERE name = $1 AND holder = $2", l.state.name, l.state.holder)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return fmt.Errorf("%w: %s\nhint: nothing is lost; it goes on there", ErrLost, l.state.name)
}

// Release gives the lease back, if it is still held.
func (l *Lease) Release(ctx context.Context) error {
	return l.store.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE lease SET holder = '' WHERE name = $1 AND holder = $2", l.state.name, l.state.holder)
		return err
	})
}
