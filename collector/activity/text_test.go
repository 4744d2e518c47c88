package activity_test

import (
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// FuzzParseTime: what ParseTime reads, package time reads alike.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{
		"2026-11-22T17:35:41Z", "2026-11-01T00:00:01.216651713Z", "2024-02-29T23:59:59.9Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2026-11-22T17:35:41.Z", "2026-11-22T24:00:00Z", "2026-11-22T17:35:60Z", "2026-11-22T17:35:41,5Z",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := activity.ParseTime(text)
		var want time.Time
		err := want.UnmarshalText(text)
		if ok && (err != nil || !got.Equal(want) || got != want.UTC()) {
			t.Fatalf("%q: got %v, want %v, %v", text, got, want, err)
		}
	})
}

func TestParseTimeReadsEveryDay(t *testing.T) {
	for at := time.Date(1600, 1, 1, 1, 2, 3, 4e8, time.UTC); at.Year() < 2200; at = at.Add(24 * time.Hour) {
		if got, ok := activity.ParseTime(at.AppendFormat(nil, time.RFC3339Nano)); !ok || got != at {
			t.Fatalf("%v, %v: want %v", got, ok, at)
		}
	}
}

func TestInterner(t *testing.T) {
	var n activity.Interner
	text := []byte("a query")
	if got := n.Text(text); got != "a query" {
		t.Fatal(got)
	}
	if allocs := testing.AllocsPerRun(100, func() { n.Text(text) }); allocs != 0 {
		t.Errorf("%v allocations for a known text", allocs)
	}
}
