package prom

import (
	"encoding/binary"
	"math/bits"
)

// A line is read member by member. What stands here reads the members that Prometheus writes as it writes them: without white
// space, their keys in its order. That saves most of the time, and decides nothing: whatever looks otherwise is read as
// any JSON is (record), and every byte is checked either way. Texts of eight bytes are compared as one word, so keys are cut that way.

// swift reads the member whose key's quote is at i, and returns the position after its value, or -1 if it is none that it knows.
func (s scanner) swift(i int, r *record) int {
	switch {
	case s.has(i, `"time":"`):
		return s.text(i+len(`"time":`), &r.time)
	case s.has(i, `"level":`):
		if end := s.head(i); end > 0 {
			r.message = span{end - len(queryMessage) - 2, end}
			return end
		}
		return s.str(i + len(`"level":`))
	case s.has(i, `"source"`):
		return s.str(s.lit(i+len(`"source"`), `:`))
	case s.has(i, `"msg":"p`):
		end := s.lit(i, `"msg":"`+queryMessage+`"`)
		if end > 0 {
			r.message = span{end - len(queryMessage) - 2, end}
		}
		return end
	case s.has(i, `"params"`):
		return s.params(s.lit(i+len(`"params"`), `:`), r)
	case s.has(i, `"stats":`):
		return s.stats(i + len(`"stats":`))
	case s.has(i, `"ruleGro`):
		at := s.lit(i+len(`"ruleGro`), `up":`)
		end := s.lit(s.str(s.lit(s.str(s.lit(at, `{"file":`)), `,"name":`)), `}`)
		if end > 0 {
			r.origin, r.rule, r.client = span{at, end}, true, span{}
		}
		return end
	case s.has(i, `"httpReq`):
		at := s.lit(i+len(`"httpReq`), `uest":`)
		name := s.lit(s.lit(at, `{"client`), `IP":`)
		after := s.str(name)
		end := s.lit(s.str(s.lit(s.str(s.lit(s.lit(after, `,"method`), `":`)), `,"path":`)), `}`)
		if end > 0 {
			r.origin, r.rule, r.client = span{at, end}, false, span{name, after}
		}
		return end
	case s.has(i, `"spanID"`):
		return s.str(s.lit(i+len(`"spanID"`), `:`))
	case s.has(i, `"traceID`):
		return s.str(s.lit(i+len(`"traceID`), `":`))
	case s.has(i, `"error":`):
		return s.str(i + len(`"error":`))
	}
	if at := s.lit(i, `"ts":`); at > 0 {
		return s.text(at, &r.ts)
	}
	return -1
}

// head reads what each line of 3.x says between its time and params.
func (s scanner) head(i int) int {
	if i = s.lit(i, `"level":"INFO","source":"engine.go:`); i > 0 {
		i = s.lit(s.number(i), `","msg":"`+queryMessage+`"`)
	}
	return i
}

// params reads `{"end":"...","query":"...","start":"...","step":0}`.
func (s scanner) params(at int, r *record) int {
	text := s.lit3(s.stamp(s.lit(at, `{"end":`)), `,"query"`, `:`, ``)
	after := s.str(text)
	step := s.lit(s.stamp(s.lit3(after, `,"start"`, `:`, ``)), `,"step":`)
	if step < 0 {
		return -1
	}
	end := s.lit(s.number(step), `}`)
	if end > 0 {
		r.params, r.query = span{at, end}, span{text, after}
	}
	return end
}

// stats reads the object of numbers that is half of a line. Older versions don't write two of them.
func (s scanner) stats(start int) int {
	i := s.number(s.lit(s.lit3(start, `{"timing`, `s":{"eva`, `lTotalTi`), `me":`))
	i = s.number(s.lit3(i, `,"result`, `SortTime`, `":`))
	i = s.number(s.lit3(i, `,"queryP`, `reparati`, `onTime":`))
	i = s.number(s.lit3(i, `,"innerE`, `valTime"`, `:`))
	i = s.number(s.lit3(i, `,"execQu`, `eueTime"`, `:`))
	i = s.number(s.lit3(i, `,"execTo`, `talTime"`, `:`))
	i = s.number(s.lit3(s.lit3(i, `},"sampl`, `es":{"to`, `talQuery`), `ableSamp`, `les":`, ``))
	if after := s.lit3(i, `,"sample`, `sRead":`, ``); after > 0 {
		i = s.number(after)
	}
	if after := s.lit3(i, `,"series`, `Touched"`, `:`); after > 0 {
		i = s.number(after)
	}
	i = s.lit(s.number(s.lit3(i, `,"peakSa`, `mples":`, ``)), `}}`)
	if i < 0 {
		return s.value(start, 1)
	}
	return i
}

// stamp skips a string, which is mostly as long as a time in milliseconds.
func (s scanner) stamp(i int) int {
	const size = len(`"2006-01-02T15:04:05.000Z"`)
	if i < 0 || len(s)-i < size {
		return s.str(i)
	}
	b := []byte(s[i : i+size])
	if b[0] != '"' || b[size-1] != '"' ||
		special(binary.LittleEndian.Uint64(b[1:]))|special(binary.LittleEndian.Uint64(b[9:]))|special(binary.LittleEndian.Uint64(b[17:])) != 0 {
		return s.str(i)
	}
	return i + size
}

// text reads a string and keeps it.
func (s scanner) text(i int, to *span) int {
	end := s.str(i)
	if end > 0 {
		*to = span{i, end}
	}
	return end
}

// lit returns the position after want, if that stands at i, or -1. i may be -1.
func (s scanner) lit(i int, want string) int {
	if i < 0 || len(s)-i < len(want) || string(s[i:i+len(want)]) != want {
		return -1
	}
	return i + len(want)
}

// lit3 is lit of three texts in a row.
func (s scanner) lit3(i int, one, two, three string) int {
	n := len(one) + len(two) + len(three)
	if i < 0 || len(s)-i < n {
		return -1
	}
	b := s[i : i+n]
	if string(b[:len(one)]) != one || string(b[len(one):len(one)+len(two)]) != two || string(b[len(one)+len(two):]) != three {
		return -1
	}
	return i + n
}

// has reports whether want stands at i.
func (s scanner) has(i int, want string) bool {
	return len(s)-i >= len(want) && string(s[i:i+len(want)]) == want
}

// number skips a number. It looks at eight bytes at a time, as long as there are some.
func (s scanner) number(i int) int {
	if uint(i) >= uint(len(s)) {
		return -1
	}
	if s[i] == '-' {
		i++
	}
	if len(s)-i < 24 {
		return s.anyNumber(i)
	}
	rest := []byte(s[i : i+24])
	n := digitsOf(binary.LittleEndian.Uint64(rest))
	if n == 1 && rest[1] == '.' { // 0.001483371
		n = 2 + digitsOf(binary.LittleEndian.Uint64(rest[2:]))
		if n == 10 {
			n += digitsOf(binary.LittleEndian.Uint64(rest[10:]))
		}
		if c := rest[n]; n > 2 && (c == ',' || c == '}') {
			return i + n
		}
	} else if c := rest[n]; (c == ',' || c == '}' || c == '"') && (n == 1 || n > 1 && rest[0] != '0') {
		return i + n
	}
	return s.anyNumber(i)
}

// digitsOf is how many digits the eight bytes of a word begin with.
func digitsOf(word uint64) int {
	x := word ^ low*'0' // digits become 0 to 9
	return bits.TrailingZeros64((x+low*0x76|x)&high) >> 3
}
