package lines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"sync/atomic"
)

// form is how a file is stored, told by its first bytes.
type form int

const (
	plain form = iota
	gzipped
	zstandard
	unsupported
)

// formOf reads the magic number at the beginning of a file; name is that of a format that is not read.
func formOf(b []byte) (f form, name string) {
	for _, m := range []struct {
		magic string
		form  form
		name  string
	}{
		{"\x1f\x8b", gzipped, "gzip"},
		{"\x28\xb5\x2f\xfd", zstandard, "zstd"},
		{"\xfd7zXZ\x00", unsupported, "xz"},
		{"BZh91AY&SY", unsupported, "bzip2"},
		{"\x04\x22\x4d\x18", unsupported, "lz4"},
		{"PK\x03\x04", unsupported, "zip"},
	} {
		if bytes.HasPrefix(b, []byte(m.magic)) {
			return m.form, m.name
		}
	}
	// A zstd file may begin with a skippable frame (pzstd, seekable format).
	if len(b) >= 4 && b[0]&0xf0 == 0x50 && b[1] == 0x2a && b[2] == 0x4d && b[3] == 0x18 {
		return zstandard, "zstd"
	}
	return plain, ""
}

// content is a file as found in one listing.
type content struct {
	path  string
	info  fs.FileInfo
	form  form
	head  []byte // the first bytes, decompressed; all there are if fewer than headMax
	final bool   // nothing more will be written to it

	end     int64  // decompressed length, unknown if negative
	endTail []byte // the last bytes, when end is known by decompressing
	cut     bool   // decompression fails at end

	also     []Whole   // compressed files that hold a beginning of this content
	position *Position // where to go on; nil for new content
	changed  bool      // position differs from the saved one
	skip     bool      // can't be read in this run
}

// inspect opens a file, recognises its form and reads its head. Nothing found (an empty file) is a nil content.
func inspect(path string) (*content, *Notice) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, pathNotice(path, err)
	}
	// Before opening: opening a named pipe would wait for its writer.
	if !info.Mode().IsRegular() {
		return nil, &Notice{Kind: NoticeNotAFile, Path: path, Why: "not a regular file, not read"}
	}
	c := &content{path: path, end: -1}
	if c.form, err = c.readForm(); err != nil {
		var u unsupportedError
		if errors.As(err, &u) {
			return nil, &Notice{Kind: NoticeUnsupported, Path: path,
				Why: string(u) + "-compressed files are not read\nhint: compress with gzip or zstd, or leave the file out of the pattern"}
		}
		return nil, pathNotice(path, err)
	}
	src, err := openSource(path, c.form, new(atomic.Int64))
	if err != nil {
		return nil, pathNotice(path, err)
	}
	defer src.close()
	c.info = src.info
	head := make([]byte, headMax)
	n, err := io.ReadFull(src, head)
	c.head = head[:n]
	switch {
	case err == nil:
	case src.failed() != nil:
		return nil, pathNotice(path, src.failed())
	default: // shorter than a head: all of it is known
		c.end, c.endTail = int64(n), lastBytes(nil, c.head)
		c.cut = !src.ended
	}
	if c.form == plain {
		c.end = c.info.Size()
	}
	if n == 0 {
		if c.cut {
			return nil, &Notice{Kind: NoticeBroken, Path: path, Why: fmt.Sprintf("can't be decompressed: %v", err)}
		}
		return nil, nil
	}
	return c, nil
}

type unsupportedError string

func (u unsupportedError) Error() string { return string(u) }

func (c *content) readForm() (form, error) {
	f, err := os.Open(c.path)
	if err != nil {
		return plain, err
	}
	defer f.Close()
	magic := make([]byte, 16)
	n, err := io.ReadFull(f, magic)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return plain, err
	}
	kind, name := formOf(magic[:n])
	if kind == unsupported {
		return kind, unsupportedError(name)
	}
	return kind, nil
}

func pathNotice(path string, err error) *Notice {
	n := &Notice{Kind: NoticeUnreadable, Path: path}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		n.Kind, n.Why = NoticeVanished, "vanished before it was read; what it held is read if it is found under another name"
	case errors.Is(err, fs.ErrPermission):
		n.Why = "can't be read: permission denied\nhint: give the user that runs metrics-maturity the right to read it"
	default:
		n.Why = fmt.Sprintf("can't be read: %v", err)
	}
	return n
}

// toEnd as an offset makes tails read a file to its end.
const toEnd = int64(math.MaxInt64)

// tails gives the bytes (up to tailMax) before each of the offsets; those past the end are left out. Compressed
// content is decompressed once, up to one byte after the last offset: so the end is known if that is where it is.
func (c *content) tails(ctx context.Context, offsets []int64) (map[int64][]byte, error) {
	found := make(map[int64][]byte, len(offsets))
	src, err := openSource(c.path, c.form, new(atomic.Int64))
	if err != nil {
		return nil, err
	}
	defer src.close()
	if c.form == plain {
		for _, off := range offsets {
			b := make([]byte, min(off, tailMax))
			if _, err := src.file.ReadAt(b, off-int64(len(b))); err == nil {
				found[off] = b
			} else if !errors.Is(err, io.EOF) {
				return nil, err
			}
		}
		return found, nil
	}
	offsets = slices.Clone(offsets)
	slices.Sort(offsets)
	var (
		pos  int64
		last []byte
		buf  = make([]byte, 64<<10)
	)
	for i := 0; i <= len(offsets); i++ {
		stop := pos + 1
		if i < len(offsets) {
			stop = offsets[i]
		}
		for pos < stop {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n, err := src.Read(buf[:min(int64(len(buf)), stop-pos)])
			last = lastBytes(last, buf[:n])
			pos += int64(n)
			if err == nil {
				continue
			}
			if src.failed() != nil {
				return nil, src.failed()
			}
			c.end, c.endTail, c.cut = pos, last, !errors.Is(err, io.EOF)
			if i < len(offsets) && pos == stop {
				found[stop] = last
			}
			return found, nil
		}
		if i < len(offsets) {
			found[stop] = slices.Clone(last)
		}
	}
	return found, nil
}

// lastBytes appends b to what came before it and keeps the last tailMax bytes.
func lastBytes(before, b []byte) []byte {
	if len(b) >= tailMax {
		return append(before[:0], b[len(b)-tailMax:]...)
	}
	before = append(before, b...)
	if over := len(before) - tailMax; over > 0 {
		before = before[:copy(before, before[over:])]
	}
	return before
}

func (c *content) whole() Whole {
	return Whole{Size: c.info.Size(), ModTime: c.info.ModTime().UnixNano(), Len: c.end}
}
