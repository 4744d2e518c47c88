package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

const (
	// patience is how long a transaction is tried again while the database is restarted or fails over.
	patience = 2 * time.Minute
	// openPatience is the same for a server that was not reached yet: its address may be wrong.
	openPatience = 15 * time.Second
	// firstPause and longestPause lie between two tries. A conflict of two transactions is over in no time.
	firstPause, longestPause = 10 * time.Millisecond, 5 * time.Second
	// longestTry bounds one try: a connection that was cut without a word would be waited for for ever.
	longestTry = 10 * time.Minute
)

// write runs f in a transaction, once more if the database asks for it: f must begin anew each time. An error of the commit itself
// leaves open whether it took place; f must be able to tell, or not mind being run again.
func (s *Store) write(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	if s.dialect.single {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	return s.explain(s.again(ctx, func(ctx context.Context) error { return s.transaction(ctx, f, nil) }))
}

// read runs f in a transaction that sees one moment of everything, once more if the database asks for it: f must begin anew each time.
func (s *Store) read(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	return s.explain(s.again(ctx, func(ctx context.Context) error { return s.transaction(ctx, f, s.dialect.read) }))
}

// again tries until the error is not of the passing kind, or patience ends.
func (s *Store) again(ctx context.Context, try func(context.Context) error) error {
	began, pause := time.Now(), firstPause
	for {
		err := s.once(ctx, try)
		if err == nil || ctx.Err() != nil || !s.dialect.passing(err) || time.Since(began) > s.patience {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause/2 + rand.N(pause)): // never in step with others
		}
		pause = min(2*pause, longestPause)
	}
}

func (s *Store) once(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, longestTry)
	defer cancel()
	return try(ctx)
}

func (s *Store) transaction(ctx context.Context, f func(context.Context, *sql.Tx) error, o *sql.TxOptions) error {
	tx, err := s.db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	if err := f(ctx, tx); err != nil {
		// A cancelled context rolls back and closes statements, which is all that err may say. What rolling back says of a
		// connection that is gone tells nothing new.
		_ = tx.Rollback()
		return errors.Join(ctx.Err(), err)
	}
	if err := tx.Commit(); err != nil {
		return errors.Join(ctx.Err(), err) // a cancelled context rolls back: say so
	}
	return nil
}

// explain adds to what the database says where, and what a person can do about it.
func (s *Store) explain(err error) error {
	if err == nil || strings.Contains(err.Error(), "\nhint: ") {
		return err
	}
	return fmt.Errorf("store %s: %w%s", s.name, err, s.dialect.hint(err))
}

// optional takes a missing row for a zero value.
func optional(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// each calls f on every row of a query.
func each(ctx context.Context, tx *sql.Tx, f func(*sql.Rows) error, query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// insert writes rows, many in a statement: head is "INSERT INTO table (columns)", tail what follows the values. Where several
// collectors write, rows come sorted by their key, so that they wait for each other in one order and never in a circle. With a
// tail that updates, no key may come twice.
func insert(ctx context.Context, tx *sql.Tx, head, tail string, rows [][]any) error {
	for len(rows) > 0 {
		n := min(len(rows), idChunk)
		args := make([]any, 0, n*len(rows[0]))
		var text strings.Builder
		text.WriteString(head)
		text.WriteString(" VALUES ")
		for i, row := range rows[:n] {
			if i > 0 {
				text.WriteString(", ")
			}
			text.WriteString("(" + placeholders(len(args)+1, len(row)) + ")")
			args = append(args, row...)
		}
		text.WriteString(" " + tail)
		if _, err := tx.ExecContext(ctx, text.String(), args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// placeholders are n of them from a number on: "$3, $4".
func placeholders(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(from+i))
	}
	return b.String()
}
