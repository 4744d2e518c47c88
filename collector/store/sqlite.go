package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

func sqliteDialect() *dialect {
	return &dialect{
		goose:  goose.DialectSQLite3,
		schema: strings.NewReplacer(),
		read:   &sql.TxOptions{ReadOnly: true},
		single: true,
		scrub:  scrubSQLite(),

		// FAST leaves pages that become free as they are: those of blocks, which are merged all the time.
		thorough: "PRAGMA secure_delete(ON)",
		usual:    "PRAGMA secure_delete(FAST)",
		blank:    "UPDATE actor SET whole = CAST(printf('%016d', id) AS BLOB), digests = zeroblob(length(digests)) WHERE id IN ",
		reindex:  "REINDEX actor",
		swept:    "PRAGMA wal_checkpoint(TRUNCATE)",
		// busy_timeout waits, but for two who would wait for each other: then one is told at once that it is busy, and must begin anew.
		passing:  sqliteBusy,
		patience: 10 * time.Second,
		missing:  func(err error) bool { return strings.Contains(err.Error(), "no such table") },
		hint:     sqliteHint,
	}
}

func sqliteBusy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

// openSQLite opens the file of a store, and makes it unless it is only to be read.
func openSQLite(ctx context.Context, path string, o Options) (*Store, error) {
	path = strings.TrimPrefix(path, "//")
	s := &Store{name: path, dialect: sqliteDialect()}
	if o.ReadOnly {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s\nhint: run `metrics-maturity collect` first", ErrMissing, path)
		}
	} else if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("store: %w\nhint: choose another place with store.url", err)
		}
	}
	if !o.ReadOnly {
		// SQLite would create the file with the umask's rights: days of who did what are nobody else's business.
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, s.explain(err)
		}
		if err := f.Close(); err != nil {
			return nil, s.explain(err)
		}
	}
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(15000)", "journal_mode(WAL)", "synchronous(NORMAL)", fmt.Sprintf("cache_size(-%d)", cmp.Or(o.Cache, 8<<20)>>10), "foreign_keys(0)", "secure_delete(FAST)",
	}}
	if o.ReadOnly {
		query = url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(15000)", "query_only(1)"}}
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, s.explain(err)
	}
	s.db = db
	if err := s.prepare(ctx, o); err != nil {
		return nil, s.explain(errors.Join(err, db.Close()))
	}
	return s, nil
}

func sqliteHint(err error) string {
	e, ok := errors.AsType[*sqlite.Error](err)
	switch {
	case !ok && errors.Is(err, fs.ErrPermission):
		return "\nhint: give this user the right to write the file and its folder"
	case !ok:
		return "\nhint: choose another place with store.url, or mend its disk"
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return "\nhint: make room on its disk and run again: nothing that was stored is lost, and reading goes on where it was"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return "\nhint: the file and its folder must be writable for this user"
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return "\nhint: the file is damaged or no store: move it away and collect again from the sources"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return "\nhint: another process is writing; run again when it has ended"
	}
	return ""
}
