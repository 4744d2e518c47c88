package store

import (
	"context"
	"fmt"
)

// LimitPages makes the database behave as on a disk of so many pages.
func (s *Store) LimitPages(ctx context.Context, pages int) error {
	s.db.SetMaxOpenConns(1)
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	return err
}
