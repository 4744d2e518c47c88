package store

import "math/bits"

// rowIndex finds rows by key: an open table of row numbers. Every act that is read looks here, and a Go map with keys of this size
// takes three times as long.
type rowIndex struct {
	slots []uint32 // number of a row plus one; a power of two, at most half of them in use
	used  int
	from  int // rows before it can't be found
}

// fetch touches what find will look at for each of some keys. It returns a sum of it, so that it isn't left out.
func (x *rowIndex) fetch(rows, keys []foldedRow) (sum uint32) {
	mask := uint64(len(x.slots) - 1)
	var numbers [queueLen]uint32
	for i := range keys {
		numbers[i%queueLen] = x.slots[keys[i].hash()&mask]
	}
	for _, n := range numbers[:len(keys)] {
		if n != 0 {
			sum += rows[n-1].sort
		}
	}
	return sum
}

// find returns the slot of a key, or the free one where it belongs. There is one.
func (x *rowIndex) find(rows []foldedRow, key rowKey) *uint32 {
	at := key.hash()
	for mask := uint64(len(x.slots) - 1); ; at++ {
		s := &x.slots[at&mask]
		if *s == 0 || rows[*s-1].rowKey == key {
			return s
		}
	}
}

func (k rowKey) hash() uint64 {
	h := (uint64(k.actor)<<32 ^ uint64(k.subject)) * 0x9e3779b97f4a7c15
	h = bits.RotateLeft64(h, 29) ^ (uint64(k.date)<<32^uint64(k.sort))*0xc2b2ae3d27d4eb4f
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// grow makes room, and numbers rows anew.
func (x *rowIndex) grow(rows []foldedRow) {
	x.used = len(rows) - x.from
	size := max(leastSlots, len(x.slots))
	for size <= 4*(x.used+queueLen) {
		size *= 2
	}
	x.empty(size)
	for i := x.from; i < len(rows); i++ {
		at := rows[i].hash()
		for ; x.slots[at&uint64(size-1)] != 0; at++ {
		}
		x.slots[at&uint64(size-1)] = uint32(i) + 1
	}
}

// leastSlots is how many slots there are at first.
const leastSlots = 8 * queueLen

// empty leaves so many free slots.
func (x *rowIndex) empty(size int) {
	if size > cap(x.slots) {
		x.slots = make([]uint32, size)
		return
	}
	x.slots = x.slots[:size]
	clear(x.slots)
}

// reset forgets all rows.
func (x *rowIndex) reset() {
	clear(x.slots)
	x.used, x.from = 0, 0
}

// begin forgets the rows there are, for good: it is for those that follow.
func (x *rowIndex) begin(rows int) {
	x.used, x.from = 0, rows
	x.empty(min(len(x.slots), leastSlots))
}
