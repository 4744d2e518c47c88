// Package store keeps what was collected: days, the facts beside them, cursors, coverage and what was exported. A batch
// commits whole or not at all, together with the cursor it reached; the schema (migrations) says what each table is for.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Errors that a caller may want to tell apart. All are wrapped with a message for people.
var (
	ErrKey      = errors.New("the store was made with another hash key")
	ErrTimezone = errors.New("the store was filled in another timezone")
	ErrFenced   = errors.New("another collector wrote to this source meanwhile")
	ErrMissing  = errors.New("there is no store yet")
)

// Options say how a store is opened.
type Options struct {
	Key      activity.Key // hashes identities; its id is checked against the store's
	Timezone string       // IANA name that days are cut in; checked against a filled store's
	ReadOnly bool         // nothing is created or migrated; a store that is not there is ErrMissing
}

// Store is an open store. It is safe for concurrent use.
type Store struct {
	db    *sql.DB
	path  string
	keyID string

	mu sync.Mutex // one writer at a time
}

// Open opens the store at target, "sqlite:PATH", creates or migrates it, and checks key and timezone.
func Open(ctx context.Context, target string, o Options) (*Store, error) {
	path, ok := strings.CutPrefix(target, "sqlite:")
	if !ok {
		return nil, fmt.Errorf("store %q is of no known kind\nhint: write it as sqlite:PATH, such as sqlite:maturity.db", redact(target))
	}
	path = strings.TrimPrefix(path, "//")
	if o.ReadOnly {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s\nhint: run `metrics-maturity collect` first", ErrMissing, path)
		}
	} else if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("store: %w\nhint: choose another place with store.url", err)
		}
	}
	s, err := open(ctx, path, o)
	if err != nil {
		return nil, explain(path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string, o Options) (*Store, error) {
	if !o.ReadOnly {
		// SQLite would create the file with the umask's rights: days of who did what are nobody else's business.
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(15000)", "journal_mode(WAL)", "synchronous(NORMAL)", "cache_size(-65536)", "foreign_keys(0)",
	}}
	if o.ReadOnly {
		query = url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(15000)", "query_only(1)"}}
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, path: path, keyID: o.Key.ID()}
	if err := s.prepare(ctx, o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context, o Options) error {
	if err := s.db.PingContext(ctx); err != nil {
		return err
	}
	if !o.ReadOnly {
		dir, err := fs.Sub(migrations, "migrations")
		if err != nil {
			return err
		}
		provider, err := goose.NewProvider(goose.DialectSQLite3, s.db, dir)
		if err != nil {
			return err
		}
		if _, err := provider.Up(ctx); err != nil {
			return err
		}
	}
	if err := s.check(ctx, "key", s.keyID, ErrKey, "hint: put the old key back (privacy.hash_key_file), or collect into a new store", o.ReadOnly); err != nil {
		return err
	}
	return s.check(ctx, "timezone", o.Timezone, ErrTimezone, "hint: set timezone back, or collect into a new store", o.ReadOnly)
}

// check compares a fact of the store with what is configured, and writes it if the store has none yet.
func (s *Store) check(ctx context.Context, key, want string, mismatch error, hint string, readOnly bool) error {
	var have string
	err := s.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", key).Scan(&have)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if readOnly {
			return nil
		}
		_, err = s.db.ExecContext(ctx, "INSERT INTO meta (key, value) VALUES (?, ?)", key, want)
		return err
	case err != nil:
		return err
	case have == want:
		return nil
	case key == "timezone":
		return fmt.Errorf("%w: %s, not %s\n%s", mismatch, have, want, hint)
	}
	return fmt.Errorf("%w\n%s", mismatch, hint)
}

// Close closes the store.
func (s *Store) Close() error { return s.db.Close() }

// explain turns what SQLite says into what a person can do about it.
func explain(path string, err error) error {
	if err == nil || strings.Contains(err.Error(), "\nhint: ") {
		return err
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("store %s: %w\nhint: give this user the right to write the file and its folder", path, err)
		}
		return fmt.Errorf("store %s: %w\nhint: choose another place with store.url, or mend its disk", path, err)
	}
	hint := ""
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		hint = "\nhint: make room on its disk and run again: nothing that was stored is lost, and reading goes on where it was"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		hint = "\nhint: the file and its folder must be writable for this user"
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		hint = "\nhint: the file is damaged or no store: move it away and collect again from the sources"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		hint = "\nhint: another process is writing; run again when it has ended"
	}
	return fmt.Errorf("store %s: %w%s", path, err, hint)
}

// redact drops what may be a secret from a store's address.
func redact(target string) string {
	if u, err := url.Parse(target); err == nil && u.User != nil {
		return u.Redacted()
	}
	return target
}
