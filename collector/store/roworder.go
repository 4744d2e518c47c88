package store

import (
	"math/bits"
	"slices"
)

// sortRows sorts rows by key. Mostly all of a key fits into one word, by which they are then sorted digit by digit.
func (f *Folded) sortRows() {
	shape, ok := f.shape()
	if !ok || len(f.rows) < 256 {
		slices.SortFunc(f.rows, func(a, b foldedRow) int { return a.compare(b.rowKey) })
		return
	}
	order, spare := make([]keyed, len(f.rows)), make([]keyed, len(f.rows))
	for i := range f.rows {
		order[i] = keyed{shape.pack(f.rows[i].rowKey), uint32(i)}
	}
	const digit = 11
	for shift := 0; shift < shape.bits; shift += digit {
		var ends [1 << digit]uint32
		for i := range order {
			ends[order[i].key>>shift&(1<<digit-1)]++
		}
		sum := uint32(0)
		for d, n := range ends {
			ends[d], sum = sum, sum+n
		}
		for _, k := range order {
			d := k.key >> shift & (1<<digit - 1)
			spare[ends[d]] = k
			ends[d]++
		}
		order, spare = spare, order
	}
	rows := make([]foldedRow, len(f.rows), cap(f.rows))
	for i, k := range order {
		rows[i] = f.rows[k.row]
	}
	f.rows = rows
}

// keyed is a row with its key in one word.
type keyed struct {
	key uint64
	row uint32
}

// keyShape is how keys are packed: the least of each part, and where it begins.
type keyShape struct {
	date, actor             int64
	dateAt, sortAt, actorAt int
	bits                    int
}

// shape is false if keys don't fit.
func (f *Folded) shape() (s keyShape, ok bool) {
	if len(f.rows) == 0 {
		return s, false
	}
	first := f.rows[0]
	s.date, s.actor = int64(first.date), int64(first.actor)
	date, actor := s.date, s.actor
	for i := range f.rows {
		k := &f.rows[i].rowKey
		s.date, date = min(s.date, int64(k.date)), max(date, int64(k.date))
		s.actor, actor = min(s.actor, int64(k.actor)), max(actor, int64(k.actor))
	}
	s.actorAt = bits.Len(uint(len(f.names)))
	s.sortAt = s.actorAt + bits.Len64(uint64(actor-s.actor))
	s.dateAt = s.sortAt + bits.Len(uint(len(f.sorts)))
	s.bits = s.dateAt + bits.Len64(uint64(date-s.date))
	return s, s.bits <= 64
}

func (s *keyShape) pack(k rowKey) uint64 {
	return uint64(int64(k.date)-s.date)<<s.dateAt | uint64(k.sort)<<s.sortAt | uint64(int64(k.actor)-s.actor)<<s.actorAt | uint64(k.subject)
}
