package lines

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds what a zstd file can make us remember: the same as the zstd command allows without being asked.
const maxWindow = 128 << 20

// source reads the decompressed bytes of one file.
type source struct {
	file *os.File
	info fs.FileInfo // when it was opened
	in   io.Reader
	zstd *zstd.Decoder
	next *ahead // reads in, if it is another goroutine that does
	raw  *counter
	// ended: the content ended as it should. io.ReadFull can't tell this from a compressed file that breaks off.
	ended bool
	left  int64 // bytes that a plain file has behind the place where reading starts
	begun int64 // what raw had counted there
}

// counter counts bytes for progress, which others may ask for meanwhile, and keeps the file's own errors apart from
// those of the decompression.
type counter struct {
	r   io.Reader
	n   *atomic.Int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// openSource opens a file for reading from its beginning, and adds the bytes read from disk to n.
func openSource(path string, f form, n *atomic.Int64) (*source, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &source{file: file}
	if s.info, err = file.Stat(); err != nil {
		s.close()
		return nil, err
	}
	s.raw = &counter{r: file, n: n}
	switch f {
	case gzipped:
		s.in = &lazyGzip{from: bufio.NewReaderSize(s.raw, 128<<10)}
	case zstandard:
		// One goroutine: files are read side by side by those who call us.
		s.zstd, err = zstd.NewReader(s.raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil {
			s.close()
			return nil, err
		}
		s.in = s.zstd
	default:
		s.in = s.raw
	}
	return s, nil
}

func (s *source) Read(p []byte) (int, error) {
	n, err := readSome(s.in, p)
	s.ended = s.ended || errors.Is(err, io.EOF)
	return n, err
}

// readSome never returns (0, nil) for a p that has room: a reader that makes no progress is at fault.
func readSome(r io.Reader, p []byte) (int, error) {
	for range 100 {
		n, err := r.Read(p)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// seek goes to where reading starts, and gives the bytes before that. It is false if the file is not the one that was
// listed, or no longer what it was: renamed, truncated, edited since.
func (s *source) seek(c *content, p *Position) (bool, []byte, error) {
	from := p.Offset - p.Behind
	if !os.SameFile(s.info, c.info) {
		return false, nil, nil
	}
	if c.form != plain {
		before, err := s.discard(from)
		return err == nil, before, err
	}
	head := make([]byte, len(c.head))
	tail := make([]byte, min(p.Offset, tailMax))
	before := make([]byte, min(from, tailMax))
	for _, part := range []struct {
		b  []byte
		at int64
	}{{head, 0}, {tail, p.Offset - int64(len(tail))}, {before, from - int64(len(before))}} {
		if _, err := s.file.ReadAt(part.b, part.at); err != nil {
			return false, nil, err
		}
	}
	if !bytes.Equal(head, c.head) || p.Offset > 0 && !p.tailIs(tail) {
		return false, nil, nil
	}
	if _, err := s.file.Seek(from, io.SeekStart); err != nil {
		return false, nil, err
	}
	// A file that is written to faster than it is read would have no end.
	s.left, s.begun = s.info.Size()-from, s.raw.n.Load()
	s.in = io.LimitReader(s.raw, s.left)
	return true, before, nil
}

// discard decompresses up to an offset, and gives the bytes before it.
func (s *source) discard(upTo int64) ([]byte, error) {
	var last []byte
	buf := make([]byte, 64<<10)
	for pos := int64(0); pos < upTo; {
		n, err := s.Read(buf[:min(int64(len(buf)), upTo-pos)])
		last = lastBytes(last, buf[:n])
		pos += int64(n)
		if err != nil && pos < upTo {
			return nil, err
		}
	}
	return last, nil
}

// cutShort tells whether a plain file became shorter while it was read.
func (s *source) cutShort() bool { return s.left > s.raw.n.Load()-s.begun }

// failed is an error of the file itself, nil if only the decompression failed.
func (s *source) failed() error { return s.raw.err }

// readAhead lets another goroutine decompress what comes next, if there is a core for it.
func (s *source) readAhead() {
	if runtime.GOMAXPROCS(0) > 1 {
		s.next = readAhead(s.in)
		s.in = s.next
	}
}

func (s *source) close() {
	if s.next != nil {
		s.next.close()
	}
	if s.zstd != nil {
		s.zstd.Close()
	}
	// The file was only read: closing it can lose nothing.
	_ = s.file.Close()
}

// lazyGzip makes a header that breaks off an error of reading, as it is with zstd, rather than of opening.
type lazyGzip struct {
	from *bufio.Reader
	in   *gzip.Reader
	err  error
}

func (g *lazyGzip) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	if g.in == nil {
		if g.in, g.err = gzip.NewReader(g.from); g.err != nil {
			if errors.Is(g.err, io.EOF) {
				g.err = io.ErrUnexpectedEOF
			}
			return 0, g.err
		}
	}
	n, err := g.in.Read(p)
	g.err = err
	return n, err
}
