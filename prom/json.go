package prom

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deeply JSON may nest: encoding/json's own limit.
const maxDepth = 10000

// scanner walks over one JSON text without building anything. It accepts exactly the texts that encoding/json
// accepts: a test holds the two together. Each method takes the position where something starts, and returns the
// position after it, or -1 if it isn't valid.
type scanner []byte

// space returns the position of the first byte from i on that is no white space.
func (s scanner) space(i int) int {
	for i < len(s) && s[i] <= ' ' && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// member reads `"key": `, of an object, at i. It returns the key without its quotes and the position of the value.
// first says that no comma may precede it. At the object's end key is nil and value is the position after it.
func (s scanner) member(i int, first bool) (key []byte, value int) {
	i = s.space(i)
	if i >= len(s) {
		return nil, -1
	}
	if s[i] == '}' {
		return nil, i + 1
	}
	if !first {
		if s[i] != ',' {
			return nil, -1
		}
		i = s.space(i + 1)
	}
	end := s.str(i)
	if end < 0 {
		return nil, -1
	}
	key = s[i+1 : end-1]
	if i = s.space(end); i >= len(s) || s[i] != ':' {
		return nil, -1
	}
	return key, s.space(i + 1)
}

// value skips any value at i, which lies depth levels deep.
func (s scanner) value(i, depth int) int {
	if i >= len(s) {
		return -1
	}
	switch s[i] {
	case '"':
		return s.str(i)
	case '{':
		return s.object(i, depth+1)
	case '[':
		return s.array(i, depth+1)
	case 't':
		return s.word(i, "true")
	case 'f':
		return s.word(i, "false")
	case 'n':
		return s.word(i, "null")
	}
	return s.number(i)
}

func (s scanner) object(i, depth int) int {
	if depth > maxDepth {
		return -1
	}
	i++
	for first := true; ; first = false {
		key, next := s.member(i, first)
		if next < 0 || key == nil {
			return next
		}
		if i = s.value(next, depth); i < 0 {
			return -1
		}
	}
}

func (s scanner) array(i, depth int) int {
	if depth > maxDepth {
		return -1
	}
	if i = s.space(i + 1); i < len(s) && s[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, depth); i < 0 {
			return -1
		}
		i = s.space(i)
		switch {
		case i >= len(s):
			return -1
		case s[i] == ']':
			return i + 1
		case s[i] != ',':
			return -1
		}
		i = s.space(i + 1)
	}
}

func (s scanner) word(i int, word string) int {
	if len(s)-i < len(word) || string(s[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

// anyNumber skips a number but for its sign.
func (s scanner) anyNumber(i int) int {
	start := i
	if i = s.digits(i); i == start || (s[start] == '0' && i > start+1) {
		return -1
	}
	if i < len(s) && s[i] == '.' {
		start = i + 1
		if i = s.digits(start); i == start {
			return -1
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		start = i + 1
		if start < len(s) && (s[start] == '+' || s[start] == '-') {
			start++
		}
		if i = s.digits(start); i == start {
			return -1
		}
	}
	return i
}

// digits returns the position of the first byte from i on that is no digit.
func (s scanner) digits(i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// str skips the string whose opening quote is at i: eight bytes at a time, as long as none of them means anything. i may be -1.
func (s scanner) str(i int) int {
	if i < 0 || i >= len(s) || s[i] != '"' {
		return -1
	}
	for i++; ; {
		for len(s)-i >= 8 {
			m := special(binary.LittleEndian.Uint64(s[i : i+8]))
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(s) {
			return -1
		}
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\' || s[i+1] == 'n') {
				i += 2
			} else if i = s.escape(i + 1); i < 0 {
				return -1
			}
		case c < 0x20:
			return -1
		default:
			i++
		}
	}
}

// low and high have the lowest and highest bit of each byte.
const low, high = 0x0101010101010101, 0x8080808080808080

// special marks the lowest byte of w, at least, that is a quote, a backslash or a control character. One comparison finds two of
// them: with its second bit turned a quote, too, is less than 0x21, and a blank is not.
func special(w uint64) uint64 {
	return ((w ^ low*2 - low*0x21) | (w ^ low*'\\' - low)) & high &^ w
}

// escape skips what follows a backslash.
func (s scanner) escape(i int) int {
	if i >= len(s) {
		return -1
	}
	switch s[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if _, ok := hex4(s[i+1:]); ok {
			return i + 5
		}
	}
	return -1
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unquote decodes what stands between the quotes of a valid JSON string, as encoding/json does: what is no UTF-8
// becomes U+FFFD.
func unquote(raw []byte) string {
	ascii := true
	for _, c := range raw {
		if c == '\\' || c >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return string(raw)
	}
	out := make([]byte, 0, len(raw)+2*utf8.UTFMax)
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(raw[i:])
			out = utf8.AppendRune(out, r)
			i += size
		case c != '\\':
			out = append(out, c)
			i++
		case raw[i+1] == 'u':
			r, _ := hex4(raw[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if i+1 < len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
					second, _ := hex4(raw[i+2:])
					pair = utf16.DecodeRune(r, second)
				}
				if r = pair; r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, unescaped(raw[i+1]))
			i += 2
		}
	}
	return string(out)
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
