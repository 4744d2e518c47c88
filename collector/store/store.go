// Package store keeps what was collected: days, the facts beside them, cursors, coverage and what was exported. A batch
// commits whole or not at all, together with the cursor it reached; the schema (migrations) says what each table is for.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Errors that a caller may want to tell apart. All are wrapped with a message for people.
var (
	ErrKey      = errors.New("the store was made with another hash key")
	ErrTimezone = errors.New("the store was filled in another timezone")
	ErrFenced   = errors.New("another collector wrote to this source meanwhile")
	ErrMissing  = errors.New("there is no store yet")
	// ErrForgotten tells that people were forgotten since the progress of a source was read: read on from what it is now.
	ErrForgotten = errors.New("people were forgotten meanwhile")
	ErrVersion   = errors.New("the store is of another version")
)

// Options say how a store is opened.
type Options struct {
	Key      activity.Key // hashes identities; its id is checked against the store's, and takes the place of a former one's
	Timezone string       // IANA name that days are cut in; checked against a filled store's
	ReadOnly bool         // nothing is created or migrated; a store that is not there is ErrMissing
	// PasswordFile holds the password of a PostgreSQL user; it is read for each connection.
	PasswordFile string
	// Patience is how long a transaction is tried again while the database is restarted; 0 for the default.
	Patience time.Duration
	// Cache is how much of a SQLite file is kept in memory, in bytes; 0 for the default.
	Cache int64
}

// Store is an open store. It is safe for concurrent use.
type Store struct {
	db       *sql.DB
	closing  func()
	name     string // for people: a path, or an address without a password
	dialect  *dialect
	patience time.Duration
	key      activity.Key
	keyID    string

	mu sync.Mutex // one writer at a time, if the dialect wants that
}

// Open opens the store at target, "sqlite:PATH" or "postgres://user@host/database", creates or migrates it, and checks key and timezone.
func Open(ctx context.Context, target string, o Options) (*Store, error) {
	scheme, path, _ := strings.Cut(target, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, path, o)
	case "postgres", "postgresql":
		return openPostgres(ctx, target, o)
	}
	return nil, fmt.Errorf("store %q is of no known kind\nhint: write it as sqlite:PATH, such as sqlite:maturity.db, or as postgres://user@host/database", redact(target))
}

// prepare migrates and checks a database that was just opened.
func (s *Store) prepare(ctx context.Context, o Options) error {
	s.keyID, s.patience = o.Key.ID(), min(cmp.Or(o.Patience, s.dialect.patience, patience), openPatience)
	if err := s.again(ctx, s.db.PingContext); err != nil {
		return err
	}
	s.patience = cmp.Or(o.Patience, s.dialect.patience, patience)
	if !o.ReadOnly {
		if err := s.migrate(ctx); err != nil {
			return err
		}
	}
	if err := s.again(ctx, s.checkVersion); err != nil {
		return err
	}
	have, err := s.fact(ctx, "key", s.keyID, o.ReadOnly)
	if err != nil {
		return err
	}
	used, ok := keyNamed(o.Key, have)
	if !ok {
		return fmt.Errorf("%w\nhint: put the old key back (privacy.hash_key_file), name it as a former one (privacy.old_hash_key_files), or collect into a new store", ErrKey)
	}
	timezone, err := s.fact(ctx, "timezone", o.Timezone, o.ReadOnly)
	if err != nil {
		return err
	}
	if timezone != o.Timezone {
		return fmt.Errorf("%w: %s, not %s\nhint: set timezone back, or collect into a new store", ErrTimezone, timezone, o.Timezone)
	}
	return s.useKey(ctx, o.Key, used, o.ReadOnly)
}

// fact returns a fact of the store: what is configured, if the store has none yet, which is written then.
func (s *Store) fact(ctx context.Context, key, want string, readOnly bool) (have string, err error) {
	find := func(ctx context.Context) error {
		return optional(s.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = $1", key).Scan(&have))
	}
	err = s.again(ctx, find)
	if err == nil && have == "" && !readOnly { // another process may do the same
		err = s.again(ctx, func(ctx context.Context) error {
			_, err := s.db.ExecContext(ctx, "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", key, want)
			return errors.Join(err, find(ctx))
		})
	}
	return cmp.Or(have, want), err // nothing was ever written to it
}

// Shared reports whether processes on other machines may use the store too.
func (s *Store) Shared() bool { return !s.dialect.single }

// Close closes the store.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.closing != nil {
		s.closing()
	}
	return err
}
