package lines

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
)

// giveUp is how many times the longest line the pieces of a wrapped line may lie apart. A line that the runtime
// never finishes would otherwise be looked at again by every run.
const giveUp = 16

// Stream gives the unread lines of one content. It is for one goroutine, but for Read.
type Stream struct {
	content *content
	saved   Position // where it starts; where it ended, as soon as err is set
	maxLine int
	read    atomic.Int64

	src    *source
	in     *reader
	until  int64 // what begins before was handed out by an earlier run
	within Within
	joiner joiner

	lastOnly bool // an earlier run has handed out the unfinished wrapped lines, all but the earliest
	flushed  bool // this one has
	broken   bool // the content breaks off, and that was reported
	line     int64
	notices  []Notice
	err      error
}

// Path is where the content was found.
func (s *Stream) Path() string { return s.content.path }

// Compressed reports whether it is stored in a form that can only be read from its beginning.
func (s *Stream) Compressed() bool { return s.content.form != plain }

// Offset is the decompressed offset at which the line last returned begins.
func (s *Stream) Offset() int64 { return s.line }

// Read is how many bytes were read from disk so far. It may be called while another goroutine is in Next.
func (s *Stream) Read() int64 { return s.read.Load() }

// Notices are what was found while reading. They are complete after io.EOF.
func (s *Stream) Notices() []Notice { return s.notices }

// ID names the content, as Position.ID does.
func (s *Stream) ID() string { return s.saved.ID }

// Expected is what Read will be at the end.
func (s *Stream) Expected() int64 {
	if s.content.form == plain {
		return s.content.info.Size() - s.saved.Offset + s.saved.Behind
	}
	return s.content.info.Size()
}

// Next returns the next logical line: without its newline, freed of the wrapping of a container runtime. It is valid
// until the next call. The error is io.EOF when there is nothing more for now, a *Malformed for a line that can't be
// read, after which Next goes on, and anything else when the file can't be read.
func (s *Stream) Next() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	if s.in == nil {
		if err := s.start(); err != nil {
			return nil, s.stop(err)
		}
	}
	if line := s.plain(); line != nil {
		return line, nil
	}
	for {
		start := s.in.off
		if s.joiner.waiting() {
			if m := s.lookBack(start); m != nil {
				s.line = m.Offset
				return nil, m
			}
		}
		line, m := s.physical(start)
		if s.err != nil {
			return nil, s.err
		}
		if start < s.until {
			line, m = nil, s.appended(start)
		}
		if m != nil {
			s.line = m.Offset
			return nil, m
		}
		if line != nil {
			return line, nil
		}
	}
}

// plain takes the next line if nothing but its newline has to be looked for, as with most: it is not wrapped, no piece of another one and
// not of an earlier run. Else it returns nil, and nothing has changed.
func (s *Stream) plain() []byte {
	l := s.in
	if s.within != WithinNone || s.joiner.waiting() || l.off == 0 || l.off < s.until || l.off < l.nulUpTo || l.scan != l.r {
		return nil
	}
	n := bytes.IndexByte(l.buf[l.r:l.w], '\n')
	if n < 3 || n > l.max {
		return nil
	}
	line := l.buf[l.r : l.r+n]
	if line[n-1] == '\r' || !surelyBare(line) {
		return nil
	}
	s.line, s.flushed = l.off, false
	l.take(n + 1)
	return line
}

// lookBack forgets unfinished lines: those that an earlier run has handed out, and those that are too far behind.
func (s *Stream) lookBack(start int64) *Malformed {
	if s.lastOnly && start >= s.until {
		s.joiner.keepEarliest()
		s.lastOnly = false
	}
	if first, _ := s.joiner.earliest(); start-first > giveUp*int64(s.maxLine) {
		s.joiner.drop(first)
		return s.malformed(first, "a line in pieces that was never finished")
	}
	return nil
}

// physical takes the next physical line; both results are nil if that is no more than a piece of a logical one.
func (s *Stream) physical(start int64) ([]byte, *Malformed) {
	if s.within == WithinLong && s.in.skipLine() {
		s.within = WithinNone
		return nil, nil
	}
	line, found := s.in.next()
	rest := s.within == WithinEnded
	switch found {
	case theEnd:
		return s.end(start)
	case aLine:
		s.within = WithinNone
		if rest {
			return nil, s.restOfLine(line, start)
		}
		return s.logical(line, start)
	case cutLong:
		s.within = WithinLong
	default:
		s.within = WithinNone
	}
	return nil, s.tooLong(start)
}

// end is behind the last newline that there is.
func (s *Stream) end(start int64) ([]byte, *Malformed) {
	if !s.in.ended() {
		if failure := s.src.failed(); failure != nil {
			_ = s.stop(fmt.Errorf("read %s: %w\nhint: the file system failed; what was read before is not lost, run again", s.Path(), failure))
			return nil, nil
		}
		if !s.broken {
			s.broken = true
			why := fmt.Sprintf("the compressed file breaks off or is damaged (%v); its whole lines up to here were read, the rest is when it is whole", s.in.err)
			s.notices = append(s.notices, Notice{Kind: NoticeBroken, Path: s.Path(), Why: why, From: start})
			// A file of which no line was whole has no position that could remember the report.
			if start > 0 {
				return nil, s.malformed(start, why)
			}
		}
		s.finish()
		return nil, nil
	}
	s.broken = false
	if !s.content.final || s.src.cutShort() || start+int64(len(s.in.rest())) < s.until {
		s.finish()
		return nil, nil
	}
	if rest := s.in.rest(); len(rest) > 0 {
		s.in.take(len(rest))
		again := s.within == WithinEnded
		s.within = WithinEnded
		if again {
			return nil, s.restOfLine(rest, start)
		}
		return s.logical(rest, start)
	}
	if text, at, long, ok := s.joiner.flush(); ok {
		s.flushed = true
		if long {
			return nil, s.tooLong(at)
		}
		return s.deliver(text, at)
	}
	s.finish()
	return nil, nil
}

// finish is a good end: of a compressed file there is nothing more to know until it changes.
func (s *Stream) finish() {
	info := s.src.info
	_ = s.stop(io.EOF)
	if s.content.form != plain && s.saved.Offset > 0 {
		s.saved.remember(Whole{Size: info.Size(), ModTime: info.ModTime().UnixNano(), Len: s.saved.Offset})
	}
}

// logical frees a physical line of its wrapping, and joins it with what came before.
func (s *Stream) logical(line []byte, start int64) ([]byte, *Malformed) {
	if start == 0 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	if s.in.hasNUL(line, start) {
		return nil, s.malformed(start, "holds NUL bytes: not text")
	}
	if start >= s.until {
		s.flushed = false
	}
	if len(line) == 0 || line[0] != '{' && (line[0] < '0' || line[0] > '9') {
		return s.deliver(line, start)
	}
	w, kind := s.joiner.unwrap(line)
	switch kind {
	case bare:
		return s.deliver(line, start)
	case brokenWrapping:
		return nil, s.malformed(start, "broken wrapping of a container runtime")
	}
	if w.partial {
		s.joiner.add(w, start, s.maxLine)
		return nil, nil
	}
	text, at, ok := s.joiner.join(w, start, s.maxLine)
	if !ok {
		return nil, s.tooLong(at)
	}
	return s.deliver(text, at)
}

func (s *Stream) deliver(text []byte, start int64) ([]byte, *Malformed) {
	if n := len(text); n > 0 && text[n-1] == '\r' {
		text = text[:n-1]
	}
	if text == nil {
		text = []byte{}
	}
	s.line = start
	return text, nil
}

func (s *Stream) malformed(at int64, why string) *Malformed {
	return &Malformed{Path: s.Path(), Offset: at, Why: why}
}

func (s *Stream) tooLong(at int64) *Malformed {
	return s.malformed(at, fmt.Sprintf("longer than %d bytes", s.maxLine))
}

// restOfLine is what follows a line that was handed out because the file seemed to be finished.
func (s *Stream) restOfLine(rest []byte, start int64) *Malformed {
	if len(bytes.TrimSuffix(rest, []byte("\r"))) == 0 {
		return nil
	}
	return s.malformed(start, "the end of a line whose beginning was taken for a whole one: the file was written to after rotation")
}

// appended judges what begins before the saved cursor: it was handed out, but for what is new at the end of a line.
func (s *Stream) appended(start int64) *Malformed {
	if s.saved.Within == WithinEnded && s.within == WithinNone && s.in.off > s.until+1 {
		return s.malformed(start, "was taken for a whole line: the file was written to after rotation")
	}
	return nil
}

// Position is where to resume after the line last returned. It is zero as long as nothing of the content was read.
func (s *Stream) Position() Position {
	p := s.saved
	if s.in == nil || s.in.off < s.until {
		if p.Offset == 0 {
			return Position{}
		}
		return p
	}
	if s.in.off == 0 {
		return Position{}
	}
	p.at(s.in.off, s.in.head, s.in.tail())
	p.Within, p.Broken, p.Behind, p.Flushed = s.within, s.broken, 0, false
	if first, ok := s.joiner.earliest(); ok {
		p.Behind, p.Flushed = p.Offset-first, s.flushed
	}
	return p
}

// Pause lets go of the open file and its memory, for those who read many files in turns: a zstd decoder remembers
// megabytes. The next call of Next opens the file again; a compressed one is decompressed up to the cursor once more,
// which Read counts too.
func (s *Stream) Pause() {
	if s.in == nil || s.in.off < s.until {
		return
	}
	if p := s.Position(); p.Offset > 0 {
		s.saved, s.content.head = p, s.in.head
	}
	s.release()
}

// Close frees what the stream holds. Position stays as it is.
func (s *Stream) Close() error {
	if s.err == nil {
		_ = s.stop(fs.ErrClosed)
	}
	return nil
}

// stop keeps the position, lets go of the rest, and answers every later call with err.
func (s *Stream) stop(err error) error {
	if p := s.Position(); p.Offset > 0 {
		s.saved = p
	}
	s.err = err
	s.release()
	return err
}

func (s *Stream) release() {
	if s.src != nil {
		s.src.close()
	}
	s.src, s.in, s.joiner = nil, nil, joiner{}
}

// start opens the file again and goes to the cursor. The file may be another one by now: then there is nothing to
// read in this run, and the next one finds it wherever it is.
func (s *Stream) start() error {
	p, c := &s.saved, s.content
	src, err := openSource(c.path, c.form, &s.read)
	if err != nil {
		s.notices = append(s.notices, *pathNotice(c.path, err))
		return io.EOF
	}
	s.src = src
	same, before, err := src.seek(c, p)
	switch {
	case src.failed() != nil:
		return fmt.Errorf("read %s: %w", c.path, src.failed())
	case err != nil && c.form == plain && !errors.Is(err, io.EOF):
		return fmt.Errorf("read %s: %w", c.path, err)
	case err != nil || !same:
		return io.EOF
	}
	size := src.left
	if c.form != plain {
		size = src.info.Size() * 16
		if size > aheadLeast {
			src.readAhead()
		}
	}
	s.in = newReader(src, size, s.maxLine, p.Offset-p.Behind, append([]byte(nil), c.head...), before)
	s.broken = p.Broken
	s.until, s.lastOnly, s.flushed, s.within = 0, false, false, p.Within
	if p.Behind > 0 {
		s.until, s.lastOnly, s.flushed, s.within = p.Offset, p.Flushed, p.Flushed, WithinNone
	}
	return nil
}
