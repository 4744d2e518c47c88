package collector

import (
	"fmt"
	"hash/maphash"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

// BenchmarkScanAndFold reads the query log MATURITY_BENCH_LOG and folds it into days, which are thrown away: what `collect` does but for
// PromQL, of which a hash of the text takes the place, for judging and for the store. The speed script compares it with grep.
func BenchmarkScanAndFold(b *testing.B) {
	path := os.Getenv("MATURITY_BENCH_LOG")
	info, err := os.Stat(path)
	if err != nil {
		b.Skip("MATURITY_BENCH_LOG names no log:", err)
	}
	b.SetBytes(info.Size())
	for b.Loop() {
		if n := scanAndFold(b, path); n == 0 {
			b.Fatal("no line was read")
		}
	}
}

// scanAndFold returns how many lines the file has.
func scanAndFold(b *testing.B, path string) (read int) {
	opened, err := (&lines.Files{Patterns: []string{path}}).Open(b.Context(), nil)
	if err != nil || len(opened.Streams) != 1 {
		b.Fatal(len(opened.Streams), "files:", err)
	}
	f := newFolder(foldingReader(b))
	from := file{stream: opened.Streams[0]}
	for !from.ended {
		f.turn(&from, turnLines)
		if f.lines >= lastBatchLines || from.ended {
			if f.bad > 0 || f.failed != nil {
				b.Fatal(f.bad, "malformed lines:", f.failed)
			}
			read += f.lines
			f.reset(false)
		}
	}
	return read
}

// foldingReader is a reader that saves nothing.
func foldingReader(b *testing.B) *reader {
	seed := maphash.MakeSeed()
	c := Config{
		Key: activity.NewKey([]byte("only to measure with, never for people")), Location: time.UTC, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Fingerprint: func(text string) activity.Query {
			return activity.Query{Fingerprint: fmt.Sprintf("%016x", maphash.String(seed, text))}
		},
	}
	var err error
	if c.Store, err = store.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "empty.db"), store.Options{Key: c.Key}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Store.Close() })
	return &reader{
		Config: c, source: Source{Name: "s", Parser: prom.NewQueryLog("s")}, budget: c.budget(), held: &held{}, texts: newTexts(b.Context(), &c),
	}
}
