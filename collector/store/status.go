package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// SaveStatus keeps how the last attempt to read a source, or a shard's part of it ("2/4"), ended. A zero LastSuccess leaves the last one.
// What was kept of other divisions of the work is forgotten.
func (s *Store) SaveStatus(ctx context.Context, st activity.SourceStatus, shard string) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var last int64
		if !st.LastSuccess.IsZero() {
			last = st.LastSuccess.UnixNano()
		}
		_, count, _ := strings.Cut(shard, "/")
		if _, err := tx.ExecContext(ctx, "INSERT INTO source (name) VALUES ($1) ON CONFLICT DO NOTHING", st.Source); err != nil {
			return err
		}
		var before sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT max(last_success) FROM attempt WHERE source = $1", st.Source).Scan(&before); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM attempt WHERE source = $1 AND shard <> $2 AND shard NOT LIKE $3", st.Source, shard, "%/"+count); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO attempt (source, shard, up, error, note, last_success) VALUES ($1, $2, $3, $4, $5, $6) "+
			"ON CONFLICT (source, shard) DO UPDATE SET up = excluded.up, error = excluded.error, note = excluded.note, last_success = excluded.last_success",
			st.Source, shard, st.Up, clean(st.Error), clean(st.Note), max(last, before.Int64))
		return err
	})
}

// status adds how the last attempts ended: a source is up if all its shards are.
func status(ctx context.Context, tx *sql.Tx, f *activity.Facts) error {
	at := map[string]int{}
	err := each(ctx, tx, func(r *sql.Rows) error {
		var st activity.SourceStatus
		if err := r.Scan(&st.Source, &st.Malformed, &st.Events); err != nil {
			return err
		}
		at[st.Source] = len(f.Status)
		f.Status = append(f.Status, st)
		return nil
	}, "SELECT name, malformed, (SELECT coalesce(sum(count), 0) FROM event_total t WHERE t.source = s.name) FROM source s ORDER BY name")
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	return each(ctx, tx, func(r *sql.Rows) error {
		var one activity.SourceStatus
		var last int64
		if err := r.Scan(&one.Source, &one.Up, &one.Error, &one.Note, &last); err != nil {
			return err
		}
		i, ok := at[one.Source]
		if !ok {
			return nil
		}
		st := &f.Status[i]
		st.Up = one.Up && (st.Up || !seen[one.Source])
		seen[one.Source] = true
		st.Error = joinNotes(st.Error, one.Error)
		st.Note = joinNotes(st.Note, one.Note)
		if when := time.Unix(0, last).UTC(); last != 0 && when.After(st.LastSuccess) {
			st.LastSuccess = when
		}
		return nil
	}, "SELECT source, up, error, note, last_success FROM attempt ORDER BY source, shard")
}

// joinNotes adds what a shard says if no other has said it.
func joinNotes(said, more string) string {
	switch {
	case more == "" || strings.Contains(said, more):
		return said
	case said == "":
		return more
	}
	return said + "; " + more
}

// clean makes text of what a log may hold: PostgreSQL takes neither zero bytes nor what is no UTF-8.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
