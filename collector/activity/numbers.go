package activity

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// Numbers gives texts numbers: 0 to the first, 1 to the next. It keeps none of them: a text of up to 16 bytes is its own key, a longer
// one is known by 128 bits of a hash with a seed of chance, a pair by 64 bits of each. It takes 24 to 48 bytes for each, and no look
// from the garbage collector. The zero Numbers is ready for use by one goroutine.
type Numbers struct {
	slots []numberSlot // a power of two, at most half of them in use
	used  uint32
	seeds [2]maphash.Seed
	odd   [2]uint64 // multipliers of chance
}

type numberSlot struct {
	low, high uint64
	size      uint32 // of the text, with its sort
	number    uint32 // plus one; 0 for a free slot
}

// Of returns the number of a text of a sort, and whether it is new.
func (n *Numbers) Of(sort uint8, text []byte) (number uint32, fresh bool) {
	if 2*int(n.used) >= len(n.slots) {
		n.grow()
	}
	key := numberSlot{size: uint32(len(text))<<8 | uint32(sort)}
	key.low, key.high = n.key(text)
	return n.number(key)
}

// OfPair returns the number of two texts of a sort, and whether they are new. Sorts of pairs are no sorts of single texts.
func (n *Numbers) OfPair(sort uint8, one, two []byte) (number uint32, fresh bool) {
	if 2*int(n.used) >= len(n.slots) {
		n.grow()
	}
	return n.number(numberSlot{
		low: maphash.Bytes(n.seeds[0], one), high: maphash.Bytes(n.seeds[1], two), size: uint32(len(one)+len(two))<<8 | uint32(sort),
	})
}

func (n *Numbers) number(key numberSlot) (number uint32, fresh bool) {
	slot := n.find(key)
	if slot.number == 0 {
		n.used++
		key.number = n.used
		*slot = key
		return n.used - 1, true
	}
	return slot.number - 1, false
}

func (n *Numbers) key(text []byte) (low, high uint64) {
	size := len(text)
	switch {
	case size > 16:
		return maphash.Bytes(n.seeds[0], text), maphash.Bytes(n.seeds[1], text)
	case size >= 8: // its words overlap, which is no harm, as the size is known too
		return binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[size-8:])
	}
	for i, c := range text {
		low |= uint64(c) << (8 * i)
	}
	return low, 0
}

// find returns the slot of a key, or the free one where it belongs.
func (n *Numbers) find(key numberSlot) *numberSlot {
	at := (key.low+uint64(key.size))*n.odd[0] ^ bits.RotateLeft64(key.high*n.odd[1], 32)
	at ^= at >> 29
	for mask := uint64(len(n.slots) - 1); ; at++ {
		s := &n.slots[at&mask]
		if s.number == 0 || s.low == key.low && s.high == key.high && s.size == key.size {
			return s
		}
	}
}

func (n *Numbers) grow() {
	if n.slots == nil {
		for i := range n.seeds {
			n.seeds[i] = maphash.MakeSeed()
			n.odd[i] = maphash.Bytes(n.seeds[i], nil) | 1
		}
	}
	old := n.slots
	n.slots = make([]numberSlot, max(64, 2*len(old)))
	for _, s := range old {
		if s.number != 0 {
			*n.find(s) = s
		}
	}
}
