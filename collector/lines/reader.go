package lines

import (
	"bytes"
	"errors"
	"io"
)

const (
	bufferMin = 4 << 10
	bufferMax = 256 << 10
)

// reader splits bytes into physical lines. Lines are slices of its buffer, valid until the next call.
type reader struct {
	src io.Reader
	max int // longest line without its newline

	buf  []byte
	r, w int   // buf[r:w] is unread; the last tailMax bytes before r are kept
	scan int   // buf[r:scan] holds no newline
	off  int64 // offset of buf[r] in the content

	head    []byte // the content's first bytes, as far as they were seen
	nulUpTo int64  // no NUL is known at or after this offset
	err     error  // of src
}

// newReader reads about size bytes from src, whose next byte is at offset off, after the bytes in before.
func newReader(src io.Reader, size int64, limit int, off int64, head, before []byte) *reader {
	// A folder may hold thousands of small files.
	buf := make([]byte, min(max(size+size/2, bufferMin), bufferMax))
	l := &reader{src: src, max: limit, off: off, head: head, buf: buf}
	l.r = copy(l.buf, before)
	l.w, l.scan = l.r, l.r
	return l
}

// piece is what reader.next found.
type piece int

const (
	aLine   piece = iota // a line, ended by a newline
	tooLong              // a line longer than the limit, skipped, and its newline too
	cutLong              // a line longer than the limit, skipped up to the end
	theEnd               // no newline any more; rest() gives what is left
)

// next gives the next line without its newline. A line that is too long is skipped in bounded memory.
func (l *reader) next() ([]byte, piece) {
	for {
		if i := bytes.IndexByte(l.buf[l.scan:l.w], '\n'); i >= 0 {
			line := l.buf[l.r : l.scan+i]
			l.take(len(line) + 1)
			if l.exceeds(line) {
				return nil, tooLong
			}
			return line, aLine
		}
		l.scan = l.w
		if l.w-l.r > l.max+1 {
			if l.skipLine() {
				return nil, tooLong
			}
			return nil, cutLong
		}
		if !l.fill() {
			if l.exceeds(l.rest()) {
				l.take(l.w - l.r)
				return nil, cutLong
			}
			return nil, theEnd
		}
	}
}

// exceeds leaves the carriage return of a Windows line out of its length.
func (l *reader) exceeds(line []byte) bool {
	n := len(line)
	return n > l.max && (n > l.max+1 || line[n-1] != '\r')
}

// skipLine reads on behind the next newline; false if there is none.
func (l *reader) skipLine() bool {
	for {
		if i := bytes.IndexByte(l.buf[l.scan:l.w], '\n'); i >= 0 {
			l.take(l.scan + i + 1 - l.r)
			return true
		}
		l.take(l.w - l.r)
		if !l.fill() {
			return false
		}
	}
}

// rest is what follows the last newline, when next or skipLine met the end.
func (l *reader) rest() []byte { return l.buf[l.r:l.w] }

func (l *reader) take(n int) {
	l.r += n
	l.scan = l.r
	l.off += int64(n)
}

// hasNUL tells whether a line that was taken and began at offset start holds a NUL. Buffers are searched when they
// are filled, so lines of text cost nothing here.
func (l *reader) hasNUL(line []byte, start int64) bool {
	return start < l.nulUpTo && bytes.IndexByte(line, 0) >= 0
}

// fill reads more; false if there is no more.
func (l *reader) fill() bool {
	if l.err != nil {
		return false
	}
	// Less room than a quarter is not worth a read.
	if len(l.buf)-l.w < len(l.buf)/4 {
		keep := min(l.r, tailMax)
		from := l.r - keep
		l.w = copy(l.buf, l.buf[from:l.w])
		l.r, l.scan = keep, l.scan-from
		if len(l.buf)-l.w < len(l.buf)/4 {
			l.buf = append(l.buf, make([]byte, len(l.buf))...)
		}
	}
	n, err := l.src.Read(l.buf[l.w:])
	fresh := l.buf[l.w : l.w+n]
	at := l.off + int64(l.w-l.r)
	if have := int64(len(l.head)); have < headMax && at <= have && have < at+int64(n) {
		l.head = append(l.head, fresh[have-at:min(int64(n), headMax-at)]...)
	}
	if bytes.IndexByte(fresh, 0) >= 0 { // several times faster than to look for the last one
		l.nulUpTo = at + int64(bytes.LastIndexByte(fresh, 0)) + 1
	}
	l.w += n
	l.err = err
	return n > 0
}

// ended tells whether the content ended as it should.
func (l *reader) ended() bool { return errors.Is(l.err, io.EOF) }

// tail is the bytes before the cursor.
func (l *reader) tail() []byte { return l.buf[max(0, l.r-tailMax):l.r] }
