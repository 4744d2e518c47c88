package store

import (
	"context"
	"database/sql"
	"errors"
)

// hashTables hold hashes of people. The rest of the store knows them by numbers, which mean nothing without these.
var hashTables = [...]string{"actor", "team_member"}

// Scrub takes out of the database's files what was deleted: SQLite and PostgreSQL leave it there until its place is needed. What a
// server writes elsewhere, its log of transactions and its backups, is beyond reach. An engine that knows no VACUUM is an error,
// and nothing is undone by it.
func (s *Store) Scrub(ctx context.Context) error {
	if s.dialect.single {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.explain(err)
	}
	for _, statement := range s.dialect.scrub {
		if _, err = conn.ExecContext(ctx, statement); err != nil {
			break
		}
	}
	if err == nil && s.dialect.swept != "" {
		var busy, pages, moved int
		if err = conn.QueryRowContext(ctx, s.dialect.swept).Scan(&busy, &pages, &moved); err == nil && busy != 0 {
			err = errInUse
		}
	}
	return s.explain(errors.Join(err, conn.Close()))
}

var errInUse = errors.New("another process is using the file: its log still has what was deleted")

// scrubPostgres waits for nobody for long: each statement locks its table, and these are small.
func scrubPostgres() []string {
	statements := []string{"SET lock_timeout = '30s'"}
	for _, t := range hashTables {
		statements = append(statements, "VACUUM (FULL) "+t)
	}
	return append(statements, "RESET lock_timeout")
}

// scrubSQLite writes the file anew; the log beside it is emptied then.
func scrubSQLite() []string { return []string{"VACUUM"} }

// thoroughly overwrites what is deleted meanwhile.
func (s *Store) thoroughly(ctx context.Context, tx *sql.Tx, do func() error) error {
	if s.dialect.thorough == "" {
		return do()
	}
	if _, err := tx.ExecContext(ctx, s.dialect.thorough); err != nil {
		return err
	}
	err := do()
	_, err2 := tx.ExecContext(ctx, s.dialect.usual)
	return errors.Join(err, err2)
}
