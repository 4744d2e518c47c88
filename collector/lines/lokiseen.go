package lines

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// maxSeen is how many lines are remembered, so that a stretch can be read again without counting one twice.
const maxSeen = 1 << 16

// seenLine is a line as it is remembered: when, and a keyed hash.
type seenLine struct {
	at   int64
	hash uint64
}

// seenLines are the lines that were handed out, from a time on. Equal lines of one time count as often as they were there.
type seenLines struct {
	times map[seenLine]int
	since int64 // all lines handed out of this time and later are here
}

func newSeenLines(since int64) *seenLines {
	return &seenLines{times: map[seenLine]int{}, since: since}
}

func (s *seenLines) add(e entry) { s.times[seenLine{e.at, e.hash}]++ }

// unseen leaves out of entries what was handed out before. met counts what this reading of the stretch has met so far.
func (s *seenLines) unseen(entries []entry, met map[seenLine]int) []entry {
	fresh := entries[:0]
	for _, e := range entries {
		l := seenLine{e.at, e.hash}
		if met[l]++; met[l] > s.times[l] {
			fresh = append(fresh, e)
		}
	}
	return fresh
}

// forget drops what lies before a time, and more if there is too much, but nothing of keep and later.
func (s *seenLines) forget(before, keep int64) {
	before = min(before, keep)
	for l := range s.times {
		if l.at < before {
			delete(s.times, l)
		}
	}
	s.since = max(s.since, before)
	if len(s.times) <= maxSeen {
		return
	}
	all := s.sorted()
	cut := all[len(all)-maxSeen].at + 1 // a time is remembered whole, or not at all
	s.forget(min(cut, keep), keep)
}

func (s *seenLines) sorted() []seenLine {
	all := make([]seenLine, 0, len(s.times))
	for l := range s.times {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b seenLine) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.hash, b.hash)) })
	return all
}

// String is for the cursor: times as differences, hashes, and how often.
func (s *seenLines) String() string {
	var b []byte
	last := int64(0)
	for _, l := range s.sorted() {
		b = binary.AppendVarint(b, l.at-last)
		b = binary.BigEndian.AppendUint64(b, l.hash)
		b = binary.AppendUvarint(b, uint64(s.times[l]))
		last = l.at
	}
	return base64.StdEncoding.EncodeToString(b)
}

func (s *seenLines) parse(text string) error {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("remembered lines: %w", err)
	}
	last := int64(0)
	for len(b) > 0 {
		diff, n := binary.Varint(b)
		if n <= 0 || len(b) < n+8 {
			return errors.New("remembered lines break off")
		}
		l := seenLine{last + diff, binary.BigEndian.Uint64(b[n:])}
		times, m := binary.Uvarint(b[n+8:])
		if m <= 0 {
			return errors.New("remembered lines break off")
		}
		s.times[l] = int(times)
		last, b = l.at, b[n+8+m:]
	}
	return nil
}
