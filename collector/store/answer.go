package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"hash"
)

// answerName is the one answer that is kept.
const answerName = "latest"

// State returns a digest of all that is stored and that an assessment may rest on. It changes with every commit that tells something,
// and whenever people are forgotten.
func (s *Store) State(ctx context.Context) ([]byte, error) {
	var sum []byte
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		d := digester{sha256.New()}
		for _, query := range [...]string{
			"SELECT key, value FROM meta ORDER BY key",
			"SELECT source, slice, version, token FROM fence ORDER BY source, slice", // counts commits, and names the last
			"SELECT source, date, part, rows, length(block) FROM day ORDER BY part",  // people are forgotten without a commit
			"SELECT source, date, length(block) FROM held_day ORDER BY source, date",
			"SELECT part, rows, length(block) FROM query ORDER BY part",
			"SELECT source, class, count(*), min(date), max(date) FROM coverage GROUP BY source, class ORDER BY source, class",
			"SELECT class, scope, name, since, facts FROM fact ORDER BY class, scope, name, since",
			"SELECT source, scope, date FROM team_snapshot ORDER BY source, scope",
			"SELECT source, scope, id, name FROM team ORDER BY source, scope, id",
			"SELECT source, scope, team, person, first, last, digests FROM team_member ORDER BY source, scope, team, person, first",
			"SELECT team, monday, people FROM people ORDER BY team, monday",
		} {
			if err := d.query(ctx, tx, query); err != nil {
				return err
			}
		}
		sum = d.hash.Sum(nil)
		return nil
	})
	return sum, err
}

// digester takes the rows of queries into a hash.
type digester struct{ hash hash.Hash }

func (d digester) query(ctx context.Context, tx *sql.Tx, query string) error {
	d.add([]byte(query))
	var cells []sql.RawBytes
	var to []any
	return each(ctx, tx, func(r *sql.Rows) error {
		if cells == nil {
			names, err := r.Columns()
			if err != nil {
				return err
			}
			cells, to = make([]sql.RawBytes, len(names)), make([]any, len(names))
			for i := range cells {
				to[i] = &cells[i]
			}
		}
		if err := r.Scan(to...); err != nil {
			return err
		}
		for _, c := range cells {
			d.add(c)
		}
		return nil
	}, query)
}

func (d digester) add(text []byte) {
	d.hash.Write(binary.AppendUvarint(nil, uint64(len(text))))
	d.hash.Write(text)
}

// KeepAnswer keeps an answer with a digest of all that it rests on, in place of the one before.
func (s *Store) KeepAnswer(ctx context.Context, digest, answer []byte) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO answer (name, digest, answer) VALUES ($1, $2, $3) "+
			"ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, answer = excluded.answer", answerName, digest, answer)
		return err
	})
}

// Answer returns the answer that was kept with a digest, nil if there is none.
func (s *Store) Answer(ctx context.Context, digest []byte) (answer []byte, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT answer FROM answer WHERE name = $1 AND digest = $2", answerName, digest).Scan(&answer)
		if errors.Is(err, sql.ErrNoRows) {
			answer = nil
			return nil
		}
		return err
	})
	return answer, err
}

// dropAnswers forgets what was answered: people are forgotten.
func dropAnswers(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM answer")
	return err
}
