package prom_test

import (
	"strings"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/prom"
)

func TestDiffGolden(t *testing.T) {
	const file = "testdata/diff.txt"
	var (
		want  string
		pair  []string
		count int
	)
	for i, line := range golden(t, file) {
		if name, ok := strings.CutPrefix(line, "@ "); ok {
			want, pair = name, nil
			continue
		}
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		if pair = append(pair, unescape(line)); len(pair) < 2 {
			continue
		}
		count++
		if got := prom.Diff(pair[0], pair[1]).String(); got != want {
			t.Errorf("%s:%d: %s, want %s", file, i+1, got, want)
		}
		if got := prom.Diff(pair[1], pair[0]).String(); got != want {
			t.Errorf("%s:%d: %s the other way round, want %s", file, i+1, got, want)
		}
		if got := prom.SketchOf(pair[0]).Change(prom.SketchOf(pair[1])).String(); got != want {
			t.Errorf("%s:%d: %s by sketches, want %s", file, i+1, got, want)
		}
	}
	if count < 40 {
		t.Errorf("only %d pairs in %s", count, file)
	}
}
