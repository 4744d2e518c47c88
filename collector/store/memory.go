package store

import (
	"context"
	"database/sql"
)

// Remembered returns what an export keeps of itself from one run to the next, nil if nothing.
func (s *Store) Remembered(ctx context.Context, export string) (state []byte, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return optional(tx.QueryRowContext(ctx, "SELECT state FROM export WHERE name = $1", export).Scan(&state))
	})
	return state, err
}

// Remember replaces what an export keeps of itself.
func (s *Store) Remember(ctx context.Context, export string, state []byte) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO export (name, state) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET state = excluded.state", export, state)
		return err
	})
}
