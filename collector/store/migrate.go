package store

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
)

// The schema, for every database: the words are SQLite's, and a dialect replaces them (dialect.schema) in the whole text.
//
// Each file is one transaction, and begins with a statement that can't be done twice (CREATE TABLE, ALTER TABLE ADD COLUMN): when
// several processes migrate at once all but one fail there, wait and see that it was done. That needs no lock, which not every
// database that speaks PostgreSQL's protocol has.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrateTries is how often a migration is tried that others may have done meanwhile.
const migrateTries = 20

// migrate brings the schema up to date.
func (s *Store) migrate(ctx context.Context) error {
	provider, err := s.provider()
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		err := s.again(ctx, func(ctx context.Context) error {
			_, err := provider.Up(ctx)
			return err
		})
		if err == nil {
			return s.again(ctx, s.scrubMigrated)
		}
		if ctx.Err() != nil || try == migrateTries {
			return err
		}
		current, target, versionErr := provider.GetVersions(ctx)
		if versionErr == nil && current == target {
			return nil // somebody else's
		}
		time.Sleep(time.Duration(try) * firstPause)
	}
}

// scrubMigrated scrubs the files if a migration has asked for it: rows that grew have moved, and what stood where they were would
// outlive them.
func (s *Store) scrubMigrated(ctx context.Context) error {
	var due int
	if err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM meta WHERE key = 'scrub'").Scan(&due); err != nil || due == 0 {
		return err
	}
	if s.dialect.single { // a server's files are its own, and it writes rows that grow anew
		if err := s.Scrub(ctx); err != nil {
			return err
		}
	}
	_, err := s.db.ExecContext(ctx, "DELETE FROM meta WHERE key = 'scrub'")
	return err
}

// checkVersion refuses a store whose schema is not the one that this program reads.
func (s *Store) checkVersion(ctx context.Context) error {
	provider, err := s.provider()
	if err != nil {
		return err
	}
	var target int64
	for _, source := range provider.ListSources() {
		target = max(target, source.Version)
	}
	var current int64
	err = s.again(ctx, func(ctx context.Context) error {
		return s.db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&current)
	})
	switch {
	case err != nil && s.dialect.missing(err), err == nil && current == 0:
		return fmt.Errorf("%w: %s\nhint: run `metrics-maturity collect` first", ErrMissing, s.name)
	case err != nil:
		return err
	case current < target:
		return fmt.Errorf("%w: %s has version %d of the schema, this program reads %d\nhint: run `metrics-maturity collect` once with this version", ErrVersion, s.name, current, target)
	case current > target:
		return fmt.Errorf("%w: %s has version %d of the schema, this program knows %d\nhint: use the version of metrics-maturity that last wrote to it, or a newer one", ErrVersion, s.name, current, target)
	}
	return nil
}

func (s *Store) provider() (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(s.dialect.goose, s.db, translated{dir, s.dialect}, goose.WithSlog(slog.New(slog.DiscardHandler)))
}

// translated are migrations in the words of a dialect.
type translated struct {
	fs.FS
	dialect *dialect
}

// ReadFile returns a file in the words of the dialect.
func (t translated) ReadFile(name string) ([]byte, error) {
	text, err := fs.ReadFile(t.FS, name)
	return []byte(t.dialect.schema.Replace(string(text))), err
}

// Open opens a folder, or a file in the words of the dialect.
func (t translated) Open(name string) (fs.File, error) {
	f, err := t.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	text, err := t.ReadFile(name)
	return translatedFile{f, bytes.NewReader(text)}, errors.Join(err)
}

type translatedFile struct {
	fs.File
	text io.Reader
}

// Read reads the translated text.
func (f translatedFile) Read(p []byte) (int, error) { return f.text.Read(p) }
