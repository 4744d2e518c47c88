package lines_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/metrics-maturity/metrics-maturity/collector/lines"
)

// folder is a folder of logs and what a collector has read of it.
type folder struct {
	t     *testing.T
	dir   string
	glob  string
	max   int
	saved map[string]lines.Position
	clock time.Time

	malformed []*lines.Malformed
	notices   []lines.Notice
}

func newFolder(t *testing.T) *folder {
	return &folder{t: t, dir: t.TempDir(), glob: "*", saved: map[string]lines.Position{}, clock: time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)}
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// touch gives every change a time of its own.
func (f *folder) touch(name string) {
	f.t.Helper()
	f.clock = f.clock.Add(time.Second)
	f.check(os.Chtimes(f.path(name), f.clock, f.clock))
}

func (f *folder) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) write(name, text string) {
	f.t.Helper()
	f.check(os.WriteFile(f.path(name), []byte(text), 0o644))
	f.touch(name)
}

func (f *folder) append(name, text string) {
	f.t.Helper()
	w, err := os.OpenFile(f.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	f.check(err)
	_, err = w.WriteString(text)
	f.check(err)
	f.check(w.Close())
	f.touch(name)
}

func (f *folder) read(name string) string {
	f.t.Helper()
	b, err := os.ReadFile(f.path(name))
	f.check(err)
	return string(b)
}

func (f *folder) rename(from, to string) { f.t.Helper(); f.check(os.Rename(f.path(from), f.path(to))) }
func (f *folder) remove(name string)     { f.t.Helper(); f.check(os.Remove(f.path(name))) }

// copytruncate is logrotate's: the writer keeps its file.
func (f *folder) copytruncate(from, to string) {
	f.t.Helper()
	f.write(to, f.read(from))
	f.check(os.Truncate(f.path(from), 0))
	f.touch(from)
}

// compress replaces a file as gzip and zstd --rm do: the time stays.
func (f *folder) compress(name, ext string) {
	f.t.Helper()
	info, err := os.Stat(f.path(name))
	f.check(err)
	f.check(os.WriteFile(f.path(name+ext), compressed(f.t, ext, f.read(name)), 0o644))
	f.check(os.Chtimes(f.path(name+ext), info.ModTime(), info.ModTime()))
	f.remove(name)
}

func compressed(t testing.TB, ext string, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range parts {
		var w io.WriteCloser = gzip.NewWriter(&b)
		if ext == ".zst" {
			z, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
			if err != nil {
				t.Fatal(err)
			}
			w = z
		}
		if _, err := io.WriteString(w, p); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func (f *folder) open() *lines.Opened {
	f.t.Helper()
	var saved []lines.Position
	for _, p := range f.saved {
		saved = append(saved, p)
	}
	files := &lines.Files{Patterns: []string{filepath.Join(f.dir, f.glob)}, MaxLine: f.max}
	o, err := files.Open(context.Background(), saved)
	f.check(err)
	for _, p := range o.Positions {
		f.save(p)
	}
	f.notices = append(f.notices, o.Notices...)
	return o
}

// save is what a store does: positions go through JSON.
func (f *folder) save(p lines.Position) {
	f.t.Helper()
	b, err := json.Marshal(p)
	f.check(err)
	var back lines.Position
	f.check(json.Unmarshal(b, &back))
	f.saved[p.ID] = back
}

// collect reads what is new, at most limit results (lines and malformed ones; below 0: all).
func (f *folder) collect(limit int) []string {
	f.t.Helper()
	f.malformed, f.notices = nil, nil
	var got []string
	o := f.open()
	for _, s := range o.Streams {
		for limit != 0 {
			line, err := s.Next()
			var m *lines.Malformed
			if errors.As(err, &m) {
				f.malformed = append(f.malformed, m)
			} else if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				f.t.Fatal(err)
			} else {
				got = append(got, string(line))
			}
			limit--
		}
		f.notices = append(f.notices, s.Notices()...)
		if p := s.Position(); p.Offset > 0 {
			f.save(p)
		}
		f.check(s.Close())
	}
	return got
}

func (f *folder) want(want ...string) {
	f.t.Helper()
	got := f.collect(-1)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.t.Fatalf("lines\n got %.2000q\nwant %.2000q", got, want)
	}
}

func (f *folder) wantKinds(kinds ...lines.NoticeKind) {
	f.t.Helper()
	var got []lines.NoticeKind
	for _, n := range f.notices {
		got = append(got, n.Kind)
	}
	if !slices.Equal(got, kinds) {
		f.t.Fatalf("notices %v, want %v", f.notices, kinds)
	}
}

// logLine is a line that no other one equals.
func logLine(n int) string {
	t := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
	return "t=" + t.Format(time.RFC3339Nano) + " level=info n=" + strings.Repeat("x", n%37) + " end"
}

// logLines gives the lines from..to-1, and the text of a file that holds them.
func logLines(from, to int) ([]string, string) {
	var ls []string
	for n := from; n < to; n++ {
		ls = append(ls, logLine(n))
	}
	if len(ls) == 0 {
		return nil, ""
	}
	return ls, strings.Join(ls, "\n") + "\n"
}
