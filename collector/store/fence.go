package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Whole is the slice of a source that is read as a whole. Sources whose files are independent of each other have others, which several
// collectors may read side by side.
const Whole = -1

// Fence is how often slices of a source were committed to. A slice that is not in it has version 0.
type Fence map[int]int64

// errDone ends a transaction whose commit took place before: the answer was lost.
var errDone = errors.New("committed before")

// after is the fence when a commit that names it has taken place.
func (f Fence) after() Fence {
	next := make(Fence, len(f))
	for slice, version := range f {
		next[slice] = version + 1
	}
	return next
}

// newToken names a commit or a holder.
func newToken() string { return rand.Text() }

// pass checks that nobody else has committed to the slices since they were read, and counts this commit. Until the transaction ends
// nobody else passes.
func (f Fence) pass(ctx context.Context, tx *sql.Tx, d *dialect, source, token string) error {
	if len(f) == 0 {
		return nil
	}
	var rows [][]any
	args := []any{source}
	for _, slice := range slices.Sorted(maps.Keys(f)) {
		rows = append(rows, []any{source, slice, 0, ""})
		args = append(args, slice)
	}
	if err := insert(ctx, tx, "INSERT INTO fence (source, slice, version, token)", "ON CONFLICT DO NOTHING", rows); err != nil {
		return err
	}
	where := "WHERE source = $1 AND slice IN (" + placeholders(2, len(f)) + ")"
	same, done := true, true
	err := each(ctx, tx, func(r *sql.Rows) error {
		var slice int
		var version int64
		var last string
		err := r.Scan(&slice, &version, &last)
		same, done = same && version == f[slice], done && last == token
		return err
	}, "SELECT slice, version, token FROM fence "+where+" ORDER BY slice"+d.locked, args...)
	switch {
	case err != nil:
		return err
	case done:
		return errDone
	case !same:
		return fmt.Errorf("%w\nhint: run one collect at a time on a store, or divide the work with --shard", ErrFenced)
	}
	next := append([]any{token}, args...)
	_, err = tx.ExecContext(ctx, "UPDATE fence SET version = version + 1, token = $1 WHERE source = $2 AND slice IN ("+placeholders(3, len(f))+")", next...)
	return err
}

// readFence returns the versions of all slices of a source.
func readFence(ctx context.Context, tx *sql.Tx, source string) (Fence, error) {
	f := Fence{}
	err := each(ctx, tx, func(r *sql.Rows) error {
		var slice int
		var version int64
		err := r.Scan(&slice, &version)
		f[slice] = version
		return err
	}, "SELECT slice, version FROM fence WHERE source = $1", source)
	return f, err
}
