package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// A block holds the rows of one source and date in some 20 bytes each: its own names, the sorts of its rows by those names, then
// the rows, sorted, as differences. Numbers are varints. A row of a table would take ten times the time to write and
// to read. A block is never changed: what is added later makes another block, and readers add up.
const blockVersion = 1

const nanosPerDay = 24 * 3600 * 1e9

var errBlock = errors.New("a block of days is damaged")

// encode writes rows, all of one date and sorted.
func (f *Folded) encode(date activity.Date, rows []foldedRow) []byte {
	w := blockWriter{f: f, local: make([]uint32, len(f.names)), text: map[string]uint32{}}
	w.body = make([]byte, 0, 24*len(rows))
	w.body = binary.AppendUvarint(w.body, uint64(len(rows)))
	begin := int64(date) * nanosPerDay
	var last foldedRow
	for i := range rows {
		r := &rows[i]
		sort := w.sort(r.sort)
		w.body = binary.AppendUvarint(w.body, uint64(sort))
		w.body = binary.AppendVarint(w.body, int64(r.actor-last.actor))
		w.body = binary.AppendUvarint(w.body, uint64(w.subject(r.subject)))
		w.body = binary.AppendVarint(w.body, r.Count)
		w.body = binary.AppendVarint(w.body, r.First-begin)
		w.body = binary.AppendVarint(w.body, r.Last-r.First)
		w.body = binary.AppendUvarint(w.body, uint64(r.Hours))
		last = *r
	}
	head := binary.AppendUvarint(make([]byte, 0, len(w.body)+16*len(w.names)), blockVersion)
	head = appendStrings(head, w.names)
	head = binary.AppendUvarint(head, uint64(w.sortCount))
	head = append(head, w.sorts...)
	return append(head, w.body...)
}

// blockWriter numbers the names and sorts that a block needs.
type blockWriter struct {
	f         *Folded
	names     []string
	local     []uint32 // number in the block plus one, by that in f
	text      map[string]uint32
	sorts     []byte
	sortCount int
	sortIDs   []uint32 // number in the block plus one, by that in f
	body      []byte
}

func (w *blockWriter) subject(id uint32) uint32 {
	if w.local[id] == 0 {
		w.local[id] = w.name(w.f.names[id]) + 1
	}
	return w.local[id] - 1
}

func (w *blockWriter) name(s string) uint32 {
	id, ok := w.text[s]
	if !ok {
		id = uint32(len(w.names))
		w.names = append(w.names, s)
		w.text[s] = id
	}
	return id
}

func (w *blockWriter) sort(id uint32) uint32 {
	if w.sortIDs == nil {
		w.sortIDs = make([]uint32, len(w.f.sorts))
	}
	if w.sortIDs[id] == 0 {
		w.sortCount++
		w.sortIDs[id] = uint32(w.sortCount)
		s := &w.f.sorts[id]
		for _, name := range [...]string{string(s.Kind), s.Scope, s.Detail, s.Robot, s.Tenant, s.Team, s.TeamReason} {
			w.sorts = binary.AppendUvarint(w.sorts, uint64(w.name(name)))
		}
		retired := byte(0)
		if s.Retired {
			retired = 1 + byte(s.TeamAuthor)
		}
		w.sorts = append(w.sorts, retired)
	}
	return w.sortIDs[id] - 1
}

// decode adds the rows of a block of that date to f.
func (f *Folded) decode(date activity.Date, block []byte) error {
	f.settle()
	add := func(k rowKey, s Sum) { f.Add(k.date, k.sort, k.subject, k.actor, s) }
	if len(f.rows) == 0 { // a block holds each key once
		f.ordered = false
		add = func(k rowKey, s Sum) { f.rows = append(f.rows, foldedRow{k, s}) }
	}
	r := blockReader{rest: block}
	if v := r.uvarint(); v != blockVersion {
		return fmt.Errorf("%w: version %d", errBlock, v)
	}
	names := r.strings()
	ids := make([]uint32, len(names))
	for i, n := range names {
		ids[i] = f.NameID(n)
	}
	name := func() string {
		if i := r.uvarint(); i < uint64(len(names)) {
			return names[i]
		}
		r.bad = true
		return ""
	}
	sorts := make([]uint32, 0, r.count())
	for range cap(sorts) {
		s := Sort{Kind: activity.Kind(name()), Scope: name(), Detail: name(), Robot: name(), Tenant: name(), Team: name(), TeamReason: name()}
		if retired := r.byte(); retired > 0 {
			s.Retired, s.TeamAuthor = true, activity.Tri(retired-1)
		}
		sorts = append(sorts, f.SortID(s))
	}
	begin := int64(date) * nanosPerDay
	var actor activity.ActorID
	for range r.count() {
		sort, by, subject := r.uvarint(), r.varint(), r.uvarint()
		s := Sum{Count: r.varint(), First: begin + r.varint()}
		s.Last = s.First + r.varint()
		s.Hours = uint32(r.uvarint())
		if r.bad || sort >= uint64(len(sorts)) || subject >= uint64(len(ids)) {
			return errBlock
		}
		actor += activity.ActorID(by)
		add(rowKey{date, sorts[sort], ids[subject], actor}, s)
	}
	if r.bad || len(r.rest) > 0 {
		return errBlock
	}
	return nil
}

func appendStrings(to []byte, all []string) []byte {
	to = binary.AppendUvarint(to, uint64(len(all)))
	for _, s := range all {
		to = binary.AppendUvarint(to, uint64(len(s)))
		to = append(to, s...)
	}
	return to
}

// blockReader takes a block apart; bad tells that it ends too soon or makes no sense.
type blockReader struct {
	rest []byte
	bad  bool
}

func (r *blockReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *blockReader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count is a number of things that follow, each of at least one byte.
func (r *blockReader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return 0
	}
	return int(n)
}

func (r *blockReader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *blockReader) string() string {
	n := r.count()
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *blockReader) strings() []string {
	all := make([]string, 0, r.count())
	for range cap(all) {
		all = append(all, r.string())
	}
	return all
}
