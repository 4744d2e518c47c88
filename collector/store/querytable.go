package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// errQueries is a block that does not read as it was written.
var errQueries = errors.New("a block of queries is damaged")

// addQueries keeps what is known of queries, as a block.
func addQueries(ctx context.Context, tx *sql.Tx, d *dialect, queries []activity.Query) error {
	if len(queries) == 0 {
		return nil
	}
	fresh := make(map[string]bool, len(queries))
	different := make([]activity.Query, 0, len(queries))
	for _, q := range queries {
		if key := q.Key(); !fresh[key] {
			fresh[key] = true
			different = append(different, q)
		}
	}
	queries = different
	// Small blocks are merged, so that they stay few.
	blocks := blockTable{tx, d, "query", "rows", "", nil}
	for {
		block, err := blocks.takeSmall(ctx, min(int64(len(queries)), maxMergedQueries))
		if err != nil {
			return err
		}
		if block == nil {
			break
		}
		if err := decodeQueries(block, func(q activity.Query) {
			if key := q.Key(); !fresh[key] {
				fresh[key] = true
				queries = append(queries, q)
			}
		}); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO query (rows, block) VALUES ($1, $2)", len(queries), encodeQueries(queries))
	return err
}

// encodeQueries writes the names that queries share once, then each query by the numbers of its names.
func encodeQueries(queries []activity.Query) []byte {
	var names []string
	ids := map[string]uint64{}
	var body []byte
	name := func(s string) {
		id, ok := ids[s]
		if !ok {
			id = uint64(len(names))
			ids[s] = id
			names = append(names, s)
		}
		body = binary.AppendUvarint(body, id)
	}
	text := func(s string) {
		body = binary.AppendUvarint(body, uint64(len(s)))
		body = append(body, s...)
	}
	body = binary.AppendUvarint(body, uint64(len(queries)))
	for _, q := range queries {
		text(q.Fingerprint)
		text(q.Variant)
		metrics := uint64(0) // nil, as nothing is known, is not the same as none
		if q.Metrics != nil {
			metrics = 1 + uint64(len(q.Metrics))
		}
		body = binary.AppendUvarint(body, metrics)
		for _, m := range q.Metrics {
			name(m)
		}
		body = binary.AppendUvarint(body, uint64(len(q.Matchers)))
		for _, m := range q.Matchers {
			name(m.Name)
			name(m.Op)
			name(m.Value)
		}
	}
	return append(appendStrings(binary.AppendUvarint(nil, blockVersion), names), body...)
}

func decodeQueries(block []byte, yield func(activity.Query)) error {
	r := blockReader{rest: block}
	if r.uvarint() != blockVersion {
		return errQueries
	}
	names := r.strings()
	name := func() string {
		if i := r.uvarint(); i < uint64(len(names)) {
			return names[i]
		}
		r.bad = true
		return ""
	}
	for range r.count() {
		q := activity.Query{Fingerprint: r.string(), Variant: r.string()}
		if n := r.count(); n > 0 {
			q.Metrics = make([]string, 0, n-1)
			for range n - 1 {
				q.Metrics = append(q.Metrics, name())
			}
		}
		if n := r.count(); n > 0 {
			q.Matchers = make([]activity.Matcher, 0, n)
			for range n {
				q.Matchers = append(q.Matchers, activity.Matcher{Name: name(), Op: name(), Value: name()})
			}
		}
		if r.bad {
			return errQueries
		}
		yield(q)
	}
	if r.bad || len(r.rest) > 0 {
		return errQueries
	}
	return nil
}
