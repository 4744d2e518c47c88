package collector_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
)

// TestCompressedFilesAreReadOnce: many servers rotate at the same hours. What is read of their files is not much more than the files,
// although too many are begun to keep all of them open: a compressed one that was closed is decompressed from its beginning.
func TestCompressedFilesAreReadOnce(t *testing.T) {
	const servers, perFile = 20, 20_000
	dir := t.TempDir()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	for server := range servers {
		var text bytes.Buffer
		for i := range perFile {
			at := now.Add(-24*time.Hour + time.Duration(i)*100*time.Millisecond)
			fmt.Fprintf(&text, "%s p%d - b%d-%d\n", at.Format(time.RFC3339Nano), i%50, server, i*i%97)
		}
		compressed := z.EncodeAll(text.Bytes(), nil)
		total += int64(len(compressed))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("server-%02d.log.zst", server)), compressed, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		joiner collector.Joiner
		most   int64 // bytes that may be read, for each that there is
	}{"alone": {nil, 1}, "joined": {toyJoiner{}, 3}} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			s := r.store(t)
			defer closeStore(t, s)
			sum, err := r.collectFrom(t.Context(), s, collector.Source{Name: "toy", Parser: toyParser{}, Joiner: c.joiner, Files: &lines.Files{Patterns: []string{filepath.Join(dir, "*.zst")}}})
			if err != nil {
				t.Fatal(err)
			}
			got := sum.Sources[0]
			if got.Lines != servers*perFile || got.Err != nil {
				t.Errorf("%d lines, want %d (%v)", got.Lines, servers*perFile, got.Err)
			}
			if got.Bytes > c.most*total {
				t.Errorf("%d bytes were read of files of %d, at most %d times that many were expected", got.Bytes, total, c.most)
			}
		})
	}
}
