package activity

import "time"

// Interner keeps one copy of each text that logs repeat, so that a text seen before costs no memory. The zero Interner is ready
// for use by one goroutine.
type Interner struct {
	texts map[string]string
	bytes int
}

// maxInterned bounds what the texts that are kept take, in bytes; then it begins anew. Each takes internedBytes beside its own.
const maxInterned, internedBytes = 4 << 20, 80

// Text returns b as a string.
func (n *Interner) Text(b []byte) string {
	if s, ok := n.texts[string(b)]; ok { // allocates nothing
		return s
	}
	n.bound()
	s := string(b)
	n.texts[s] = s
	n.bytes += len(s) + internedBytes
	return s
}

func (n *Interner) bound() {
	if n.texts == nil || n.bytes > maxInterned {
		n.texts, n.bytes = map[string]string{}, 0
	}
}

// ParseTime reads a time as logs write it, 2006-01-02T15:04:05.999999999Z, several times faster than package time.
// It is false for anything else, valid or not.
func ParseTime(b []byte) (time.Time, bool) {
	const shape = "2006-01-02T15:04:05"
	if len(b) < len(shape)+1 || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[len(b)-1] != 'Z' {
		return time.Time{}, false
	}
	century, short, month, day := two(b[0:]), two(b[2:]), two(b[5:]), two(b[8:])
	hour, minute, second := two(b[11:]), two(b[14:]), two(b[17:])
	if century|short|month|day|hour|minute|second < 0 || century == 0 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 ||
		day < 1 || day > daysIn(100*century+short, month) {
		return time.Time{}, false
	}
	nanos, ok := fraction(b[len(shape) : len(b)-1])
	if !ok {
		return time.Time{}, false
	}
	seconds := (daysBefore(100*century+short, month)+int64(day))*86400 + int64(3600*hour+60*minute+second)
	return time.Unix(seconds, nanos).UTC(), true
}

// two reads two digits; it is negative if they are none.
func two(b []byte) int {
	tens, ones := b[0]-'0', b[1]-'0'
	if tens > 9 || ones > 9 {
		return -1
	}
	return int(tens)*10 + int(ones)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysBefore is the number of days from 1970-01-01 to the day before a month, by the calendar that begins in March.
func daysBefore(year, month int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	y := int64(year)
	return 365*y + y/4 - y/100 + y/400 + int64(153*(month-3)+2)/5 - 719469
}
