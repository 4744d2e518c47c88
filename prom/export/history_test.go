package export_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/metrics-maturity/metrics-maturity/prom/export"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// sampleHistory has a team that rises, one that is new, and one that falls silent and comes back.
func sampleHistory(t *testing.T) *export.History {
	t.Helper()
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	monday := *date(t, "2026-10-12") // the clocks go back on the 25th
	rising := weeks(monday, 3, 3, 4)
	rising[2].Confidence, rising[1].Status = pointer(0.75), stage.StatusStale
	h, err := export.NewHistory([]stage.Assessment{
		{Team: "rising", History: rising},
		{Team: `new "team"`, History: weeks(monday, -1, -1, 0)},
		{Team: "back", History: weeks(monday, 2, -1, 2)},
	}, map[string]string{"job": "maturity"}, stockholm)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestHistory compares a history with its text: a value begins when its week has ended where the team lives, and the samples of
// the steps between are on full steps, where ranges are asked for.
func TestHistory(t *testing.T) {
	var b bytes.Buffer
	n, err := sampleHistory(t).WriteOpenMetrics(&b, instant(t, "2026-10-18T00:00:00Z"), instant(t, "2026-11-03T12:00:00+01:00"), 96*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "history.om"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error("want -, got +\n" + diff)
	}
	if got := parsed(t, b.Bytes()); got != n {
		t.Errorf("%d samples written, %d read", n, got)
	}
}

// parsed counts the samples that Prometheus' own parser finds; series come one after the other, each in the order of time.
func parsed(t *testing.T, text []byte) (samples int64) {
	t.Helper()
	p := textparse.NewOpenMetricsParser(text, labels.NewSymbolTable())
	seen, last, lastAt := map[string]bool{}, "", int64(0)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return samples
		}
		if err != nil {
			t.Fatal(err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		samples++
		_, at, _ := p.Series()
		var l labels.Labels
		p.Labels(&l)
		switch s := l.String(); {
		case at == nil:
			t.Errorf("%s has no time", s)
		case s == last && *at <= lastAt:
			t.Errorf("%s goes back in time", s)
		case s != last && seen[s]:
			t.Errorf("%s is scattered", s)
		default:
			seen[s], last, lastAt = true, s, *at
		}
	}
}

// TestHistorySent: remote write gives the same samples, in the order of time.
func TestHistorySent(t *testing.T) {
	h, r := sampleHistory(t), newReceiver(t)
	from, to := instant(t, "2026-10-18T00:00:00Z"), instant(t, "2026-11-03T12:00:00+01:00")
	n, err := h.Send(t.Context(), r.writer(t, nil), from, to, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	written, err := h.WriteOpenMetrics(&b, from, to, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.took(); n != written || int64(len(got)) != n || strings.Contains(strings.Join(got, "\n"), "stale") {
		t.Errorf("%d sent, %d received, %d written", n, len(got), written)
	}
	r.answer(400)
	if _, err := h.Send(t.Context(), r.writer(t, nil), from, to, time.Hour); err == nil {
		t.Error("a refusal is no error")
	}
}

// TestNoHistory: before the first week there is nothing to say, and that is well-formed.
func TestNoHistory(t *testing.T) {
	h, err := export.NewHistory([]stage.Assessment{{Team: "new"}}, nil, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if n, err := h.WriteOpenMetrics(&b, time.Unix(0, 0), time.Unix(1e6, 0), time.Hour); err != nil || n != 0 || b.String() != "# EOF\n" {
		t.Errorf("%d samples, %v:\n%s", n, err, b.String())
	}
}
