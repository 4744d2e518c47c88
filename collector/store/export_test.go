package store

import (
	"context"
	"fmt"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Downgrade brings the schema back to an older version.
func (s *Store) Downgrade(ctx context.Context, version int64) error {
	provider, err := s.provider()
	if err == nil {
		_, err = provider.DownTo(ctx, version)
	}
	return err
}

// LimitPages makes the database behave as on a disk of so many pages.
func (s *Store) LimitPages(ctx context.Context, pages int) error {
	s.db.SetMaxOpenConns(1)
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	return err
}

// Fold folds days of one source.
func Fold(source string, days []activity.Day) *Folded {
	f := NewFolded(source)
	for i := range days {
		f.AddDay(&days[i])
	}
	return f
}
