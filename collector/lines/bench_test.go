package lines_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/lines"
)

// captured is some 32 MiB of real lines.
func captured(b *testing.B) string {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "grafana.text.log"))
	if err != nil {
		b.Fatal(err)
	}
	return strings.Repeat(string(text), 32<<20/len(text))
}

func BenchmarkStream(b *testing.B) {
	text := captured(b)
	var cri strings.Builder
	for line := range strings.Lines(text) {
		cri.WriteString("2026-11-22T17:31:00.000000000Z stdout F " + line)
	}
	for _, c := range []struct {
		name string
		data []byte
		size int
	}{
		{"plain", []byte(text), len(text)},
		{"gz", compressed(b, ".gz", text), len(text)},
		{"zst", compressed(b, ".zst", text), len(text)},
		{"cri", []byte(cri.String()), cri.Len()},
	} {
		b.Run(c.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "a.log")
			if err := os.WriteFile(path, c.data, 0o644); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(c.size))
			b.ReportAllocs()
			for b.Loop() {
				o, err := (&lines.Files{Patterns: []string{path}}).Open(context.Background(), nil)
				if err != nil {
					b.Fatal(err)
				}
				for err == nil {
					_, err = o.Streams[0].Next()
				}
				if !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
			}
		})
	}
}
