package grafana

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
)

// decodeJSON reads a line by encoding/json. Of a repeated key the last counts.
func decodeJSON(line []byte) (f fields, err error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(line, &values); err != nil {
		return f, err
	}
	for name, raw := range values {
		k := keyOf([]byte(name))
		if k == keyNone || string(raw) == "null" {
			continue
		}
		f[k] = raw
		if raw[0] == '"' {
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return f, err
			}
			f[k] = append([]byte{}, text...)
		}
	}
	return f, nil
}

// scanJSON reads a flat JSON object of plain strings, whole numbers and literals without copying. It reports false
// for anything else (escapes in a value that matters, nesting, broken syntax), which is decodeJSON's to judge.
func scanJSON(line []byte) (f fields, ok bool) {
	s := scanner{line: line, at: 1}
	if s.blank(); s.take('}') {
		s.blank()
		return f, s.at == len(line)
	}
	for {
		s.blank()
		name, plain, ok := s.text()
		if !ok || !plain {
			return f, false
		}
		k := keyOf(name)
		if s.blank(); !s.take(':') {
			return f, false
		}
		s.blank()
		value, plain, ok := s.value()
		if !ok || k != keyNone && !plain {
			return f, false
		}
		if k != keyNone {
			f[k] = value
		}
		s.blank()
		if s.take(',') {
			continue
		}
		if !s.take('}') {
			return f, false
		}
		s.blank()
		return f, s.at == len(line)
	}
}

// scanner walks over a line of JSON.
type scanner struct {
	line []byte
	at   int
}

func (s *scanner) blank() {
	for s.at < len(s.line) && (s.line[s.at] == ' ' || s.line[s.at] == '\t') {
		s.at++
	}
}

func (s *scanner) take(c byte) bool {
	if s.at < len(s.line) && s.line[s.at] == c {
		s.at++
		return true
	}
	return false
}

// text reads a string. It is plain if its bytes are its value.
func (s *scanner) text() (value []byte, plain, ok bool) {
	if !s.take('"') {
		return nil, false, false
	}
	start := s.at
	plain = true
	for ; s.pass(); s.at++ {
		switch c := s.line[s.at]; {
		case c == '"':
			value = s.line[start:s.at:s.at]
			s.at++
			return value, plain, true
		case c < ' ':
			return nil, false, false
		case c >= 0x80:
			plain = false
		case c == '\\':
			// The shorter escapes are passed over; \u and broken ones are the plain decoder's.
			plain = false
			s.at++
			if s.at == len(s.line) || bytes.IndexByte([]byte(`"\/bfnrt`), s.line[s.at]) < 0 {
				return nil, false, false
			}
		}
	}
	return nil, false, false
}

// pass goes over what stands for itself in a string, eight bytes at a time, mostly to its end. It is false at the end of the line.
func (s *scanner) pass() bool {
	const low, high = 0x0101010101010101, 0x8080808080808080
	for len(s.line)-s.at >= 8 {
		w := binary.LittleEndian.Uint64(s.line[s.at : s.at+8])
		quote, slash := w^low*'"', w^low*'\\'
		if m := ((quote-low)&^quote | (slash-low)&^slash | (w - low*' ') | w) & high; m != 0 {
			s.at += bits.TrailingZeros64(m) >> 3
			return true
		}
		s.at += 8
	}
	return s.at < len(s.line)
}

// value reads a string, a whole number, or a literal; null is no value.
func (s *scanner) value() (value []byte, plain, ok bool) {
	if s.at < len(s.line) && s.line[s.at] == '"' {
		return s.text()
	}
	rest := s.line[s.at:]
	for _, word := range [...]string{"null", "true", "false"} {
		if bytes.HasPrefix(rest, []byte(word)) {
			s.at += len(word)
			if word == "null" {
				return nil, true, true
			}
			return rest[:len(word):len(word)], true, true
		}
	}
	n := 0
	if n < len(rest) && rest[n] == '-' {
		n++
	}
	first := n
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	if n == first || rest[first] == '0' && n > first+1 {
		return nil, false, false
	}
	s.at += n
	return rest[:n:n], true, true // what can't follow a number (a fraction, a letter) is refused by the caller
}
