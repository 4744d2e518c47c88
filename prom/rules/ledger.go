package rules

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// ledger remembers the acts counted last, so that a rewritten history does not count them again. An entry is a
// digest of author, author's date, the rule or goal and the sort of change: what a rebase, an amended commit or a change
// of other files leaves alone. It holds ledgerSize acts. Of an older one in a rewritten history nothing is known but its date:
// it is taken as counted if it is not newer than the entries given up. A squash has the author's date of one of its commits:
// what the others did counts on that day again.
type ledger struct {
	earlier []entry // before the rewritten pass under way, not found in it so far; oldest first
	recent  []entry // oldest first
	before  int64   // newest author time (Unix seconds) of the entries given up; 0 if there are none
}

type entry struct {
	digest   uint64
	authored int64 // Unix seconds
}

const ledgerSize = 1024

// rewind begins a pass over a rewritten history: everything counted so far may come again, once.
func (l *ledger) rewind() {
	l.earlier = append(l.earlier, l.recent...)
	l.recent = nil
}

// settle ends such a pass.
func (l *ledger) settle() {
	l.recent = append(l.earlier, l.recent...)
	l.earlier = nil
}

// again reports whether e was counted before the history was rewritten. It is remembered as found.
func (l *ledger) again(e entry) bool {
	if i := slices.Index(l.earlier, e); i >= 0 {
		l.earlier = slices.Delete(l.earlier, i, i+1)
		l.add(e)
		return true
	}
	return l.before != 0 && e.authored <= l.before
}

// add remembers e, and gives up the oldest entry if there are too many.
func (l *ledger) add(e entry) {
	l.recent = append(l.recent, e)
	if len(l.earlier)+len(l.recent) <= ledgerSize {
		return
	}
	from := &l.recent
	if len(l.earlier) > 0 {
		from = &l.earlier
	}
	l.before = max(l.before, (*from)[0].authored)
	*from = (*from)[1:]
}

// ledgerJSON writes entries as bytes: a cursor is saved with every batch.
type ledgerJSON struct {
	Earlier []byte `json:"earlier,omitempty"`
	Recent  []byte `json:"recent,omitempty"`
	Before  int64  `json:"before,omitempty"`
}

// MarshalJSON writes the ledger compactly.
func (l ledger) MarshalJSON() ([]byte, error) {
	return json.Marshal(ledgerJSON{packEntries(l.earlier), packEntries(l.recent), l.before})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *ledger) UnmarshalJSON(data []byte) (err error) {
	var j ledgerJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	l.before = j.Before
	if l.earlier, err = unpackEntries(j.Earlier); err == nil {
		l.recent, err = unpackEntries(j.Recent)
	}
	return err
}

const entryBytes = 16

func packEntries(entries []entry) []byte {
	var b []byte
	for _, e := range entries {
		b = binary.BigEndian.AppendUint64(b, e.digest)
		b = binary.BigEndian.AppendUint64(b, uint64(e.authored))
	}
	return b
}

func unpackEntries(b []byte) ([]entry, error) {
	if len(b)%entryBytes != 0 {
		return nil, fmt.Errorf("%d bytes are no entries of %d bytes", len(b), entryBytes)
	}
	var entries []entry
	for c := range slices.Chunk(b, entryBytes) {
		entries = append(entries, entry{binary.BigEndian.Uint64(c), int64(binary.BigEndian.Uint64(c[8:]))})
	}
	return entries, nil
}
