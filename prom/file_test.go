package prom_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

// plainParser reads lines by encoding/json.
type plainParser struct{}

func (plainParser) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	text := bytes.Trim(line, " \t\r\n")
	switch {
	case len(text) == 0:
		return activity.Line{}, nil
	case text[0] != '{':
		for _, start := range []string{"time=", "ts=", "level=", "caller="} {
			if bytes.HasPrefix(text, []byte(start)) {
				return activity.Line{}, nil
			}
		}
		return activity.Line{}, errors.New("no object")
	}
	e, l, err := oracle("promql", line)
	if err == nil && !l.Time.IsZero() {
		b.Events = append(b.Events, e)
	}
	return l, err
}

// judge counts everything.
type judge struct{}

func (judge) Learn(activity.ActorID, []activity.Digest) {}
func (judge) LearnQuery(activity.Query)                 {}
func (judge) LearnRule(activity.Rule)                   {}
func (judge) LearnDashboard(activity.Dashboard)         {}
func (judge) Outcome(*activity.Day) (activity.Outcome, activity.Basis) {
	return activity.Counted, activity.ByActor
}

// collected is what a whole run makes of the files: days, malformed lines, queries.
func collected(t testing.TB, pattern string, parser collector.Parser, parse func(string) activity.Query) []string {
	t.Helper()
	key := activity.NewKey([]byte("a key for this test"))
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "s.db"), store.Options{Key: key, Timezone: "Europe/Stockholm"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	sum, err := collector.Run(t.Context(), collector.Config{
		Store: s, Key: key, Location: stockholm, Judge: judge{}, Logger: logger, Fingerprint: parse, Profile: "p",
		Now:     func() time.Time { return time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) },
		Sources: []collector.Source{{Name: "promql", Parser: parser, Files: &lines.Files{Patterns: []string{pattern}, Logger: logger}}},
	})
	if err != nil || sum.Sources[0].Err != nil {
		t.Fatal(err, sum.Sources[0].Err)
	}
	days, err := s.Days(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := s.Facts(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := sum.Sources[0]
	out := []string{fmt.Sprint(got.Lines, " lines, ", got.Malformed, " malformed, ", got.Foreign, " foreign")}
	for _, d := range days {
		d.Actor = min(d.Actor, 1) // the ids may be others
		out = append(out, fmt.Sprint(d))
	}
	for _, q := range facts.Queries {
		out = append(out, fmt.Sprintf("%#v", q))
	}
	slices.Sort(out)
	return out
}

// TestWholeFiles: a log of lines as they are and as they should not be, collected by the fast readers, gives what it gives line by
// line by encoding/json and Prometheus's parser; compressed too.
func TestWholeFiles(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 5))
	dir := t.TempDir()
	var log bytes.Buffer
	for _, name := range []string{"testdata/query-2.42.log", "testdata/query-3.log"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			log.Write(line)
			log.Write(damaged(rnd, bytes.TrimSuffix(line, []byte("\n"))))
			log.WriteByte('\n')
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "query.log"), log.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(log.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "packed.gz"), packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	want := collected(t, filepath.Join(dir, "query.log"), plainParser{}, prom.ParserOnly(nil))
	for _, file := range []string{"query.log", "packed.gz"} {
		got := collected(t, filepath.Join(dir, file), prom.NewQueryLog("promql"), prom.NewFingerprinter(nil).Once)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-plain +fast)\n%s", file, diff)
		}
	}
	t.Log(want[0])
}

// BenchmarkCollect reads a log into a new store, all that is done for it included.
func BenchmarkCollect(b *testing.B) {
	data, err := os.ReadFile("testdata/query-3.log")
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "query.log")
	if err := os.WriteFile(file, bytes.Repeat(data, 20), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(20 * len(data)))
	for b.Loop() {
		collected(b, file, prom.NewQueryLog("promql"), prom.NewFingerprinter(nil).Once)
	}
}

// damaged changes, drops or doubles a few bytes of a line, or cuts it.
func damaged(rnd *rand.Rand, line []byte) []byte {
	line = bytes.Clone(line)
	switch at := rnd.IntN(len(line)); rnd.IntN(5) {
	case 0:
		return line[:at]
	case 1:
		line[at] = byte(rnd.IntN(256))
	case 2:
		return slices.Delete(line, at, min(len(line), at+1+rnd.IntN(3)))
	case 3:
		return slices.Insert(line, at, []byte(`"\{},:0 ü`)[rnd.IntN(10)])
	default:
		line[at] ^= 1 << rnd.IntN(8)
	}
	return line
}
