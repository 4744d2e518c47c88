package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector"
)

// TestProgressIsLogged: without a terminal a long run tells once a minute how far it is.
func TestProgressIsLogged(t *testing.T) {
	var log bytes.Buffer
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	update, done := newProgress(&bytes.Buffer{}, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return at })
	for minute := range 3 {
		for _, source := range []string{"grafana", "promql"} {
			at = at.Add(30 * time.Second)
			update(collector.Progress{Source: source, Read: 100 << 20 * int64(minute+1), Total: 1 << 30, Lines: 300_000 * int64(minute+1)})
		}
	}
	done()
	got := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(got) != 3 {
		t.Fatalf("%d lines in three minutes:\n%s", len(got), &log)
	}
	if want := "source=promql lines=300000 lines_per_second=5000 read_bytes=209715200 of_bytes=2147483648 bytes_per_second=3495253 left=9m14s"; !strings.Contains(got[0], want) {
		t.Errorf("got %s, want %s", got[0], want)
	}
}

func TestProgressDescribesSources(t *testing.T) {
	r := reading{sources: map[string]collector.Progress{
		"promql":  {Read: 1 << 20, Total: 4 << 20, Lines: 1000},
		"grafana": {Read: 3 << 20, Total: 4 << 20, Lines: 20_000},
		"done":    {Read: 5, Total: 5, Lines: 1},
		"rules":   {},
	}}
	if got, want := r.describe(r.began.Add(10*time.Second)), "grafana 75%, 2000 lines/s; promql 25%, 100 lines/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
