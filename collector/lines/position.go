package lines

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

const (
	headMax  = 1 << 10 // bytes at the beginning of a file that say which file it is
	tailMax  = 256     // bytes before the cursor that say whether it still is
	wholeMax = 4       // compressed forms of one content that are remembered
)

// Position says which content was read and how far. It is saved between runs; the zero Position knows no file.
type Position struct {
	ID   string `json:"id"`   // stays the same as long as the content is recognised
	Path string `json:"path"` // where the content was last seen: for people, and to break ties

	HeadLen  int    `json:"head_len"`            // bytes hashed in Head: the smaller of 1 KiB and Offset
	Head     string `json:"head"`                // hash of the first HeadLen bytes
	FirstLen int    `json:"first_len,omitempty"` // length of the first line with its newline, if that is within HeadLen
	First    string `json:"first,omitempty"`     // hash of the first line
	Offset   int64  `json:"offset"`              // the cursor: decompressed bytes read
	TailLen  int    `json:"tail_len"`            // bytes hashed in Tail
	Tail     string `json:"tail"`                // hash of the TailLen bytes before Offset

	Behind  int64   `json:"behind,omitempty"`  // how far before Offset the earliest unfinished wrapped line begins
	Flushed bool    `json:"flushed,omitempty"` // of the unfinished wrapped lines, all but that one were ended by the end of file
	Within  Within  `json:"within,omitempty"`  // the cursor is not at the beginning of a line
	Broken  bool    `json:"broken,omitempty"`  // a compressed form breaks off; this was reported
	Whole   []Whole `json:"whole,omitempty"`   // compressed files known to hold this content
}

// Within tells what the bytes from the cursor to the next newline are, when they are not a line.
type Within string

// The ways in which a cursor can be within a line.
const (
	WithinNone  Within = ""
	WithinLong  Within = "long"  // the rest of a line that was reported as too long
	WithinEnded Within = "ended" // the rest of a line that the end of a rotated file seemed to end
)

// Whole is a compressed file that was decompressed as far as it goes.
type Whole struct {
	Size    int64 `json:"size"`     // compressed bytes
	ModTime int64 `json:"mod_time"` // nanoseconds since 1970
	Len     int64 `json:"len"`      // decompressed bytes that it gave
}

// sum is the hash that identifies content. Half of SHA-256 is plenty and keeps positions short.
func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:16])
}

// Valid reports whether a position that came back from a store can be used; one that read nothing knows nothing.
func (p *Position) Valid() bool {
	return p.ID != "" && p.Offset > 0 &&
		p.HeadLen > 0 && p.HeadLen <= headMax && int64(p.HeadLen) <= p.Offset &&
		p.FirstLen >= 0 && p.FirstLen <= p.HeadLen &&
		p.TailLen > 0 && p.TailLen <= tailMax && int64(p.TailLen) <= p.Offset &&
		p.Behind >= 0 && p.Behind <= p.Offset
}

// at sets the cursor and what identifies it. head holds the file's first bytes and tail those before the offset,
// each as many as there are up to headMax and tailMax.
func (p *Position) at(offset int64, head, tail []byte) {
	head = head[:min(int64(len(head)), offset)]
	p.Offset, p.HeadLen, p.Head = offset, len(head), sum(head)
	p.TailLen, p.Tail = len(tail), sum(tail)
	p.FirstLen, p.First = 0, ""
	if i := bytes.IndexByte(head, '\n'); i >= 0 {
		p.FirstLen, p.First = i+1, sum(head[:i+1])
	}
}

// tailIs tells whether the bytes before the cursor are those that were read.
func (p *Position) tailIs(before []byte) bool {
	return len(before) >= p.TailLen && sum(before[len(before)-p.TailLen:]) == p.Tail
}

// knows tells whether a compressed file of that size and time was decompressed before, and nothing in it is unread.
func (p *Position) knows(size, modTime int64) bool {
	return slices.ContainsFunc(p.Whole, func(w Whole) bool {
		return w.Size == size && w.ModTime == modTime && w.Len <= p.Offset
	})
}

// remember adds a compressed form of the content. The slice may be shared with a caller's position: it is copied.
func (p *Position) remember(w Whole) {
	list := slices.Clone(p.Whole)
	list = slices.DeleteFunc(list, func(o Whole) bool { return o.Size == w.Size && o.ModTime == w.ModTime })
	list = append(list, w)
	p.Whole = list[max(0, len(list)-wholeMax):]
}
