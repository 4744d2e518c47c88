package store

import (
	"context"
	"database/sql"
	"errors"
)

// fewBlocks are left as they are: merging costs more than reading them.
const fewBlocks = 8

// maxMerged is the size of blocks, in rows, that are not merged with others any more: merging takes memory, of a query most.
const (
	maxMerged        = 1 << 14
	maxMergedQueries = 1 << 12
)

// blockTable is some of the blocks of a table, which are merged with what is added to them so that they stay few.
type blockTable struct {
	tx      *sql.Tx
	dialect *dialect
	name    string
	size    string // of a block, an expression
	where   string // which blocks; empty for all
	args    []any
}

// takeSmall takes the latest block out of the table, to be merged with what is written, if there are some and it is no larger than
// limit. It returns nil if there is nothing to merge. A block that another collector has taken is left to it: nobody waits for
// anybody here, so that many may write to one table.
func (t blockTable) takeSmall(ctx context.Context, limit int64) ([]byte, error) {
	var blocks, part, size int64
	if err := t.tx.QueryRowContext(ctx, "SELECT count(*) FROM "+t.name+t.where, t.args...).Scan(&blocks); err != nil || blocks < fewBlocks {
		return nil, err
	}
	err := t.tx.QueryRowContext(ctx, "SELECT part, "+t.size+" FROM "+t.name+t.where+" ORDER BY part DESC LIMIT 1"+t.dialect.free, t.args...).Scan(&part, &size)
	if errors.Is(err, sql.ErrNoRows) || err == nil && size > limit {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var block []byte
	err = t.tx.QueryRowContext(ctx, "DELETE FROM "+t.name+" WHERE part = $1 RETURNING block", part).Scan(&block)
	return block, err
}
