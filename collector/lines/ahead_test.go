package lines

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestAhead: what another goroutine reads is what is there, in any pieces, with the error at its end.
func TestAhead(t *testing.T) {
	broken := errors.New("broken")
	for _, size := range []int{0, 1, aheadBlock - 1, aheadBlock, aheadBlock + 1, 5*aheadBlock + 7} {
		want := bytes.Repeat([]byte("0123456789abcdef!"), size/17+1)[:size]
		for name, c := range map[string]struct {
			r   io.Reader
			err error
		}{
			"whole":           {bytes.NewReader(want), io.EOF},
			"in pieces":       {iotest.HalfReader(bytes.NewReader(want)), io.EOF},
			"error with data": {iotest.DataErrReader(bytes.NewReader(want)), io.EOF},
			"broken":          {io.MultiReader(bytes.NewReader(want), iotest.ErrReader(broken)), broken},
			"no progress":     {io.MultiReader(bytes.NewReader(want), stuck{}), io.ErrNoProgress},
		} {
			a := readAhead(c.r)
			var got bytes.Buffer
			var err error
			for p := make([]byte, 64<<10); err == nil; {
				var n int
				n, err = a.Read(p)
				got.Write(p[:n])
			}
			if !bytes.Equal(got.Bytes(), want) || !errors.Is(err, c.err) {
				t.Errorf("%s, %d bytes: %d and %v", name, size, got.Len(), err)
			}
			if _, again := a.Read(make([]byte, 1)); !errors.Is(again, c.err) {
				t.Errorf("%s, %d bytes: then %v", name, size, again)
			}
			a.close()
		}
	}
}

// TestAheadStops: what nobody asks for any more is not read on.
func TestAheadStops(t *testing.T) {
	r := &endless{}
	a := readAhead(r)
	if _, err := a.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	a.close()
	if r.n > (aheadBlocks+1)*aheadBlock { // nobody reads it now, or the race detector tells
		t.Errorf("%d bytes were read for 10", r.n)
	}
}

// stuck makes no progress.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// endless has no end.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	e.n += len(p)
	return len(p), nil
}
