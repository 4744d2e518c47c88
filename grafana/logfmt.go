package grafana

import (
	"bytes"
	"errors"

	"github.com/go-logfmt/logfmt"
)

// scanLogfmt reads a line of plain key=value and key="value" pairs without copying. It reports false for anything
// else (escapes, bare quotes, broken pairs), which is decodeLogfmt's to judge. Of a repeated key the first counts: a
// logger's own keys come before those that its caller adds.
func scanLogfmt(line []byte) (f fields, ok bool) {
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
		start := i
		for i < len(line) && line[i] > ' ' && line[i] != '=' {
			if line[i] == '"' || line[i] >= 0x80 {
				return f, false
			}
			i++
		}
		name, value := line[start:i], line[i:i:i]
		if len(name) == 0 {
			return f, false
		}
		bare := i == len(line) || line[i] != '='
		if !bare {
			i++
		}
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
			for i < len(line) && line[i] > ' ' {
				if line[i] == '"' || line[i] == '=' {
					return f, false
				}
				i++
			}
			value = line[start:i:i]
		}
		if k := keyOf(name); k != keyNone && f[k] == nil {
			f[k] = value
		}
	}
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
