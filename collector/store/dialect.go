package store

import (
	"database/sql"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// dialect is what the databases do not agree about. Statements are written once, in what both understand: placeholders are $1,
// upserts say ON CONFLICT with their columns, what is added to in an upsert is named with its table, derived tables have aliases,
// and no name of a table or column is reserved in either.
type dialect struct {
	goose  goose.Dialect
	schema *strings.Replacer // makes the words of migrations those of the database
	read   *sql.TxOptions    // of a transaction that must see one moment of everything
	single bool              // one file of one machine, to which one transaction writes at a time
	// locked ends a SELECT whose rows nobody else may change until the transaction ends.
	locked string
	// shared ends a SELECT whose rows nobody may change until the transaction ends, and that others may read in the same way.
	shared string
	// free ends a SELECT of the rows that nobody else has locked, and locks them.
	free string
	// thorough makes a transaction overwrite all that it deletes, and usual ends that before it commits; "" where that is not to be had.
	thorough, usual string
	// blank is a statement that overwrites the hashes of actors where they stand, ended by their ids, and reindex one that writes their
	// index anew: rows that are left move when others go, and what stood where they come from is not overwritten. "" where deleting is enough.
	blank, reindex string
	// swept is a statement that leaves nothing of what was overwritten beside the files; "" for none.
	swept string
	// scrub are statements that take what was deleted out of the files.
	scrub    []string
	patience time.Duration // how long a transaction is tried again; 0 for the usual
	// passing reports whether an error may be gone when the transaction is run once more.
	passing func(error) bool
	// missing reports whether an error says that a table is not there.
	missing func(error) bool
	// hint is what a person can do about an error, "" if nothing is known.
	hint func(error) string
}
