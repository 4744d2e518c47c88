package activity

import "encoding/binary"

// Glance is what a parser tells of a line of a common kind without making events of it: when it was written, and a few texts that
// decide all else. To lines of one parser with the same of them belong equal events, but for their time; so what they mean is
// worked out once, and later only counted. The texts refer to the line.
type Glance struct {
	At      int64 // nanoseconds since 1970
	Class   Class
	Foreign bool // a line of another log: nothing else is set

	Act   uint8  // the parser's own number of a sort of acts; 0 for a line that tells of none
	Who   []byte // who did it: alone decides Event.Who; empty for nobody
	What  []byte // with Act and Where decides all of the event but Who and Time, and whether there is one
	Where []byte

	hour hour
}

// Reset makes g one of a line that tells of no act.
func (g *Glance) Reset() {
	g.Foreign, g.Act, g.Who, g.What, g.Where = false, 0, nil, nil, nil
}

// hour is the beginning of a time as it is written, "2006-01-02T15:", and when that was. Lines that follow each other mostly share it.
type hour struct {
	head, tail uint64 // its first eight bytes and its last
	begin      int64
}

// hourLen is the length of what an hour remembers.
const hourLen = len("2006-01-02T15:")

// SetTime sets when the line was written, from a text that ParseTime reads. It is false if it doesn't.
func (g *Glance) SetTime(text []byte) bool {
	const shape = "2006-01-02T15:04:05"
	if len(text) <= len(shape) {
		return false
	}
	head, tail := binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[hourLen-8:])
	if head != g.hour.head || tail != g.hour.tail || g.hour.head == 0 {
		t, ok := ParseTime(text)
		if !ok || t.Year() < 1970 || t.Year() > 2200 { // beyond it nanoseconds would overflow
			return false
		}
		g.At = t.UnixNano()
		rest := int64(t.Minute())*60e9 + int64(t.Second())*1e9 + int64(t.Nanosecond())
		g.hour = hour{head, tail, g.At - rest}
		return true
	}
	minute, second := two(text[hourLen:]), two(text[hourLen+3:])
	if minute|second < 0 || minute > 59 || second > 59 || text[hourLen+2] != ':' || text[len(text)-1] != 'Z' {
		return false
	}
	nanos, ok := fraction(text[len(shape) : len(text)-1])
	g.At = g.hour.begin + int64(60*minute+second)*1e9 + nanos
	return ok
}

// fraction reads "", or ".9" with up to nine digits, as nanoseconds.
func fraction(text []byte) (nanos int64, ok bool) {
	if len(text) == 0 {
		return 0, true
	}
	if text[0] != '.' || len(text) < 2 || len(text) > 10 {
		return 0, false
	}
	unit := int64(100_000_000)
	for _, c := range text[1:] {
		if c-'0' > 9 {
			return 0, false
		}
		nanos += int64(c-'0') * unit
		unit /= 10
	}
	return nanos, true
}
