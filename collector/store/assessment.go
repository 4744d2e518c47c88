package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Assessment is what was exported for a team.
type Assessment struct {
	Team    string
	Monday  activity.Date // the last week that was assessed
	Made    time.Time
	Version int // of the criteria
	Status  string
	Stage   *int
}

// SaveAssessments keeps what was exported; the first answer for a team and week stays.
func (s *Store) SaveAssessments(ctx context.Context, as []Assessment) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, a := range as {
			if _, err := tx.ExecContext(ctx, "INSERT INTO assessment (team, monday, made, version, status, stage) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
				a.Team, a.Monday, a.Made.UnixNano(), a.Version, a.Status, a.Stage); err != nil {
				return err
			}
		}
		return nil
	})
}

// Assessments returns what was exported, by team, oldest first.
func (s *Store) Assessments(ctx context.Context) ([]Assessment, error) {
	var out []Assessment
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		out = nil
		return each(ctx, tx, func(r *sql.Rows) error {
			var a Assessment
			var made int64
			var stage sql.NullInt64
			if err := r.Scan(&a.Team, &a.Monday, &made, &a.Version, &a.Status, &stage); err != nil {
				return err
			}
			a.Made = time.Unix(0, made).UTC()
			if stage.Valid {
				v := int(stage.Int64)
				a.Stage = &v
			}
			out = append(out, a)
			return nil
		}, "SELECT team, monday, made, version, status, stage FROM assessment ORDER BY team, monday")
	})
	return out, err
}
