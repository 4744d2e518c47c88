package lines_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/lines"
)

// readSome reads at most limit results of the file under the pattern, each as text, and gives the position to go on at.
func readSome(t *testing.T, pattern string, saved []lines.Position, limit int) ([]string, []lines.Position) {
	t.Helper()
	o, err := (&lines.Files{Patterns: []string{pattern}, MaxLine: 64}).Open(context.Background(), saved)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	next := slices.Clone(saved)
	save := func(p lines.Position) {
		next = append(slices.DeleteFunc(next, func(o lines.Position) bool { return o.ID == p.ID }), p)
	}
	for _, p := range o.Positions {
		save(p)
	}
	for _, s := range o.Streams {
		last := int64(-1)
		for len(got) < limit {
			line, err := s.Next()
			var m *lines.Malformed
			if errors.Is(err, io.EOF) {
				break
			}
			if len(got)%3 == 2 {
				s.Pause()
			}
			p := s.Position()
			if p.Offset < last {
				t.Fatalf("the cursor goes back from %d to %d", last, p.Offset)
			}
			last = p.Offset
			if errors.As(err, &m) {
				got = append(got, fmt.Sprintf("malformed %d %s", m.Offset, m.Why))
			} else if err != nil {
				t.Fatal(err)
			} else {
				if len(line) > 64 || strings.ContainsAny(string(line), "\n\x00") {
					t.Fatalf("not a line: %q", line)
				}
				got = append(got, fmt.Sprintf("line %d %s", s.Offset(), line))
			}
		}
		if p := s.Position(); p.Offset > 0 {
			b, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			var back lines.Position
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			save(back)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return got, next
}

// FuzzStream: whatever a file holds, reading it ends, and in two runs it gives what it gives in one.
func FuzzStream(f *testing.F) {
	const at = "2026-11-22T17:31:00Z "
	for _, text := range []string{
		"one\ntwo\r\n\nthree", "\xef\xbb\xbfone\n", "a\x00b\nc\n", strings.Repeat("long", 50) + "\nshort\n" + strings.Repeat("x", 100),
		at + "stdout P a\n" + at + "stderr P 1\n" + at + "stdout P b\n" + at + "stderr F 2\nplain\n" + at + "stdout F c\n",
		at + "stdout P a\n" + at + "stderr P 1\n" + at + "stdout P b",
		at + "stdout P a\n" + at + "stderr P 1\n" + strings.Repeat("z", 80),
		`{"log":"a","stream":"stdout"}` + "\n" + `{"log":"b\n","stream":"stdout"}` + "\n" + `{"log":"\ud83d\n","stream":"stderr"}` + "\n",
		at + "stdout P " + strings.Repeat("p", 30) + "\n" + at + "stdout P " + strings.Repeat("p", 30) + "\n" + at + "stdout F end\n",
		at + "stdout P a\n" + strings.Repeat("some line\n", 120) + at + "stdout F b\n",
		"", "\n", "\n\n\n", "\x1f\x8b", "\x28\xb5\x2f\xfd",
	} {
		for how := range uint8(5) {
			f.Add([]byte(text), how, uint8(2), uint16(5))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, how, stop uint8, cut uint16) {
		dir := t.TempDir()
		name := filepath.Join(dir, "a.log.1")
		switch how % 5 {
		case 1:
			data = compressed(t, ".gz", string(data))
		case 2:
			data = compressed(t, ".zst", string(data))
		case 3: // breaks off
			data = compressed(t, ".gz", string(data))
			data = data[:max(0, len(data)-int(cut))]
		case 4: // rotated
			if err := os.WriteFile(filepath.Join(dir, "a.log"), []byte("live"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		past := time.Now().Add(-time.Hour)
		if err := os.Chtimes(name, past, past); err != nil {
			t.Fatal(err)
		}
		const all = 1 << 30
		whole, end := readSome(t, name, nil, all)
		first, position := readSome(t, name, nil, int(stop))
		second, endOfTwo := readSome(t, name, position, all)
		if got := append(first, second...); !slices.Equal(got, whole) {
			t.Fatalf("stopped after %d\n got %q\nwant %q\nat %+v", stop, got, whole, position)
		}
		for _, saved := range [][]lines.Position{end, endOfTwo} {
			if again, _ := readSome(t, name, saved, all); len(again) > 0 {
				t.Fatalf("came again: %q\nat %+v", again, saved)
			}
		}
	})
}
