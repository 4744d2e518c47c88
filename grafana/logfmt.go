package grafana

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/go-logfmt/logfmt"
)

// scanLogfmt reads a line of plain key=value and key="value" pairs without copying. It reports false for anything
// else (escapes, bare quotes, broken pairs), which is decodeLogfmt's to judge. Of a repeated key the first counts: a
// logger's own keys come before those that its caller adds.
func scanLogfmt(line []byte) (f fields, ok bool) {
	next := 0 // of the usual keys
	for i := 0; ; {
		for i < len(line) && line[i] <= ' ' {
			if line[i] == '\n' {
				return f, false
			}
			i++
		}
		if i == len(line) {
			return f, true
		}
		var k key
		start, bare := i, false
		if next < len(usual) && bytes.HasPrefix(line[i:], usual[next].text) {
			i += len(usual[next].text)
			k = usual[next].key
			next++
		} else {
			if i = plainEnd(line, i); i < len(line) && (line[i] == '"' || line[i] >= 0x80) || i == start {
				return f, false
			}
			k = keyOf(line[start:i])
			if bare = i == len(line) || line[i] != '='; !bare {
				i++
			}
		}
		value := line[i:i:i]
		switch {
		case bare:
		case i < len(line) && line[i] == '"':
			end := bytes.IndexByte(line[i+1:], '"')
			if end < 0 {
				return f, false
			}
			value = line[i+1 : i+1+end]
			if bytes.IndexByte(value, '\\') >= 0 || bytes.IndexByte(value, '\n') >= 0 {
				return f, false
			}
			i += end + 2
		default:
			start = i
			for i = plainEnd(line, i); i < len(line) && line[i] >= 0x80; i = plainEnd(line, i) {
				i++
			}
			if i < len(line) && (line[i] == '"' || line[i] == '=') {
				return f, false
			}
			value = line[start:i:i]
		}
		if k != keyNone && f[k] == nil {
			f[k] = value
		}
	}
}

// usual are the keys of a request line in the order in which Grafana writes them: what is expected needs no search. Some
// versions leave keys out or add others, which are found by looking.
var usual = usualKeys("logger", "userId", "orgId", "uname", "t", "level", "msg", "method", "path", "status", "remote_addr", "time_ms", "duration",
	"size", "referer", "handler", "status_source")

type usualKey struct {
	text []byte // with the equals sign
	key  key
}

func usualKeys(names ...string) (all []usualKey) {
	for _, name := range names {
		all = append(all, usualKey{[]byte(name + "="), keyOf([]byte(name))})
	}
	return all
}

// plainEnd returns the position of the first byte from i on that is white space, a quote, an equals sign or beyond ASCII. It looks at
// eight bytes at a time.
func plainEnd(line []byte, i int) int {
	const low, high = 0x0101010101010101, 0x8080808080808080
	for len(line)-i >= 8 {
		w := binary.LittleEndian.Uint64(line[i : i+8])
		quote, equals := w^low*'"', w^low*'='
		// The lowest mark is exact; those above it may be borrowed from it.
		if m := ((quote-low)&^quote | (equals-low)&^equals | (w-low*(' '+1))&^w | w) & high; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(line) && line[i] > ' ' && line[i] != '=' && line[i] != '"' && line[i] < 0x80 {
		i++
	}
	return i
}

// claimLogfmt is how a request line writes its message.
var claimLogfmt = []byte(`msg="Request Completed"`)

// decodeLogfmt reads a line by the library's decoder.
func decodeLogfmt(line []byte) (f fields, err error) {
	if bytes.IndexByte(line, '\n') >= 0 {
		return f, errors.New("grafana request line holds a line break")
	}
	d := logfmt.NewDecoderSize(bytes.NewReader(line), len(line)+2)
	for d.ScanRecord() {
		for d.ScanKeyval() {
			if k := keyOf(d.Key()); k != keyNone && f[k] == nil {
				f[k] = append([]byte{}, d.Value()...)
			}
		}
	}
	return f, d.Err()
}
