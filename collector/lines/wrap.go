package lines

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// wrapping is what a container runtime put around a physical line.
type wrapping int

const (
	bare           wrapping = iota // nothing
	wrapped                        // by CRI or Docker
	brokenWrapping                 // by Docker, but not readable
)

// wrappedText is what was inside.
type wrappedText struct {
	text    []byte
	stream  int  // 0: stdout, 1: stderr
	partial bool // the line goes on in the next one of this stream
}

// joiner joins the pieces of lines that a runtime split, for each stream on its own.
type joiner struct {
	parts   [2]part
	scratch []byte // unescaped text
}

// part is the beginning of an unfinished line.
type part struct {
	open  bool
	long  bool // longer than allowed: only its end is awaited
	start int64
	text  []byte
}

func (j *joiner) add(w wrappedText, start int64, limit int) {
	p := &j.parts[w.stream]
	if !p.open {
		*p = part{open: true, start: start, text: p.text[:0]}
	}
	if p.long || len(p.text)+len(w.text) > limit {
		p.long, p.text = true, nil
		return
	}
	p.text = append(p.text, w.text...)
}

// join gives the line that w ends, and where it began; it is not ok if that is too long.
func (j *joiner) join(w wrappedText, start int64, limit int) (text []byte, at int64, ok bool) {
	p := &j.parts[w.stream]
	if !p.open {
		return w.text, start, len(w.text) <= limit
	}
	j.add(w, start, limit)
	p.open = false
	return p.text, p.start, !p.long
}

// waiting tells whether there is an unfinished line.
func (j *joiner) waiting() bool { return j.parts[0].open || j.parts[1].open }

// earliest is where the earliest unfinished line begins.
func (j *joiner) earliest() (at int64, ok bool) {
	for _, p := range j.parts {
		if p.open && (!ok || p.start < at) {
			at, ok = p.start, true
		}
	}
	return at, ok
}

// flush ends the earliest unfinished line: the file has no more of it.
func (j *joiner) flush() (text []byte, at int64, long, ok bool) {
	at, ok = j.earliest()
	for i := range j.parts {
		if p := &j.parts[i]; ok && p.open && p.start == at {
			p.open = false
			return p.text, at, p.long, true
		}
	}
	return nil, 0, false, false
}

// drop forgets the unfinished line that begins at the offset.
func (j *joiner) drop(at int64) {
	for i := range j.parts {
		if j.parts[i].start == at {
			j.parts[i].open = false
		}
	}
}

func (j *joiner) keepEarliest() {
	at, _ := j.earliest()
	for i := range j.parts {
		j.parts[i].open = j.parts[i].open && j.parts[i].start == at
	}
}

// surelyBare reports whether a line of three bytes or more can't be wrapped, by its beginning. It may be bare if not.
func surelyBare(line []byte) bool {
	if line[0] == '{' {
		return line[1] == '"' && line[2] != 'l' && line[2] != 's' // {"log" or {"stream"
	}
	return line[0] < '0' || line[0] > '9'
}

// unwrap recognises the wrapping of one line.
func (j *joiner) unwrap(line []byte) (wrappedText, wrapping) {
	if line[0] == '{' {
		return j.docker(line)
	}
	return cri(line)
}

// cri reads `2026-11-22T17:31:00.000000000Z stdout F text`: what Kubernetes' runtimes write. P instead of F is a
// piece that the next one of the stream continues. Further tags may follow after a colon.
func cri(line []byte) (wrappedText, wrapping) {
	var w wrappedText
	if len(line) < len("2006-01-02T15:04:05Z stdout F") || line[4] != '-' || line[7] != '-' || line[10] != 'T' || line[13] != ':' {
		return w, bare
	}
	i := bytes.IndexByte(line[:min(len(line), 40)], ' ')
	if i < 0 {
		return w, bare
	}
	rest := line[i+1:]
	switch {
	case bytes.HasPrefix(rest, []byte("stdout ")):
	case bytes.HasPrefix(rest, []byte("stderr ")):
		w.stream = 1
	default:
		return w, bare
	}
	tags, text, _ := bytes.Cut(rest[len("stdout "):], []byte(" "))
	tag, _, _ := bytes.Cut(bytes.TrimSuffix(tags, []byte("\r")), []byte(":"))
	switch string(tag) {
	case "F":
	case "P":
		w.partial = true
	default:
		return w, bare
	}
	w.text = text
	return w, wrapped
}

// docker reads `{"log":"text\n","stream":"stdout","time":"..."}`: what Docker's json-file driver writes. Without the
// newline in the text it is a piece that the next one of the stream continues. A line of JSON with a key "log" and
// no stream is somebody's own.
func (j *joiner) docker(line []byte) (wrappedText, wrapping) {
	var w wrappedText
	switch {
	case bytes.HasPrefix(line, []byte(`{"log":"`)):
	case bytes.HasPrefix(line, []byte(`{"log": "`)), bytes.HasPrefix(line, []byte(`{"stream":"std`)):
		return j.dockerSlow(line)
	default:
		return w, bare
	}
	text, n, ok := unescape(j.scratch[:0], line[len(`{"log":"`):])
	j.scratch = text
	rest := line[len(`{"log":"`)+n:]
	i := bytes.Index(rest, []byte(`"stream":"std`))
	if i < 0 {
		return w, bare
	}
	switch name := rest[i+len(`"stream":"std`):]; {
	case bytes.HasPrefix(name, []byte(`out"`)):
	case bytes.HasPrefix(name, []byte(`err"`)):
		w.stream = 1
	default:
		return w, bare
	}
	if !ok || !bytes.HasSuffix(bytes.TrimRight(rest, "\r "), []byte("}")) {
		return w, brokenWrapping
	}
	return w.docker(text)
}

// dockerSlow is for those who write the same object with other spaces or another order.
func (j *joiner) dockerSlow(line []byte) (wrappedText, wrapping) {
	var w wrappedText
	var o struct{ Log, Stream *string }
	if err := json.Unmarshal(line, &o); err != nil || o.Log == nil || o.Stream == nil {
		return w, bare
	}
	switch *o.Stream {
	case "stdout":
	case "stderr":
		w.stream = 1
	default:
		return w, bare
	}
	return w.docker([]byte(*o.Log))
}

func (w wrappedText) docker(text []byte) (wrappedText, wrapping) {
	w.text, w.partial = text, true
	if n := len(text); n > 0 && text[n-1] == '\n' {
		w.text, w.partial = text[:n-1], false
	}
	if bytes.IndexByte(w.text, '\n') >= 0 || bytes.IndexByte(w.text, 0) >= 0 {
		return w, brokenWrapping
	}
	return w, wrapped
}

// unescape appends the text of a JSON string to dst, as encoding/json reads it. s begins behind the opening quote; n
// is how far it was read: behind the closing quote, or to what can't be in a string if it is not ok.
func unescape(dst, s []byte) (text []byte, n int, ok bool) {
	for n < len(s) {
		run := n
		for run < len(s) && s[run] != '\\' && s[run] != '"' && s[run] >= ' ' && s[run] < utf8.RuneSelf {
			run++
		}
		dst, n = append(dst, s[n:run]...), run
		if n == len(s) {
			break
		}
		switch c := s[n]; {
		case c == '"':
			return dst, n + 1, true
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(s[n:])
			dst, n = utf8.AppendRune(dst, r), n+size
			continue
		case c != '\\' || n+1 == len(s):
			return dst, n, false
		}
		if s[n+1] == 'u' {
			r, size := unicodeEscape(s[n:])
			if size == 0 {
				return dst, n, false
			}
			dst, n = utf8.AppendRune(dst, r), n+size
			continue
		}
		i := strings.IndexByte(`"\/bfnrt`, s[n+1])
		if i < 0 {
			return dst, n, false
		}
		dst, n = append(dst, "\"\\/\b\f\n\r\t"[i]), n+2
	}
	return dst, n, false
}

// unicodeEscape reads \uXXXX, and the second one of a surrogate pair; n is how many bytes that were, 0 if it is none.
func unicodeEscape(s []byte) (r rune, n int) {
	r = hex4(s)
	if r < 0 {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if pair := utf16.DecodeRune(r, hex4(s[6:])); pair != utf8.RuneError {
		return pair, 12
	}
	return utf8.RuneError, 6
}

func hex4(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
