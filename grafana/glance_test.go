package grafana_test

import (
	"bytes"
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
	"github.com/metrics-maturity/metrics-maturity/grafana"
)

// slowLog hides that a request log can be told at a glance.
type slowLog struct{ log *grafana.RequestLog }

func (s slowLog) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	return s.log.Parse(line, b)
}

// slowJoiner hides which parts are acts of their own.
type slowJoiner struct{ log *grafana.RequestLog }

func (s slowJoiner) Window() time.Duration                        { return s.log.Window() }
func (s slowJoiner) Join(parts []activity.Event) []activity.Event { return s.log.Join(parts) }

// byKind judges by kind.
type byKind struct{}

func (byKind) Learn(activity.ActorID, []activity.Digest) {}
func (byKind) LearnQuery(activity.Query)                 {}
func (byKind) LearnRule(activity.Rule)                   {}
func (byKind) LearnDashboard(activity.Dashboard)         {}
func (byKind) Outcome(d *activity.Day) (activity.Outcome, activity.Basis) {
	if len(d.Subject)%2 == 0 {
		return activity.Counted, activity.BySubject
	}
	return activity.Unattributed, activity.BySubject
}

// collected is what a run makes of a file.
func collected(t *testing.T, path string, parser collector.Parser, joiner collector.Joiner) []string {
	t.Helper()
	key := activity.NewKey([]byte("a key for this test"))
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "s.db"), store.Options{Key: key, Timezone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	logger := slog.New(slog.DiscardHandler)
	sum, err := collector.Run(t.Context(), collector.Config{
		Store: s, Key: key, Location: time.UTC, Judge: byKind{}, Logger: logger, Profile: "p",
		Fingerprint: func(text string) activity.Query { return activity.Query{Fingerprint: fmt.Sprintf("%016x", len(text))} },
		Now:         func() time.Time { return time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) },
		Sources:     []collector.Source{{Name: "grafana", Parser: parser, Joiner: joiner, Files: &lines.Files{Patterns: []string{path}, Logger: logger}}},
	})
	if err != nil || sum.Sources[0].Err != nil {
		t.Fatal(err, sum.Sources[0].Err)
	}
	days, err := s.Days(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := sum.Sources[0]
	var out []string
	for _, d := range days {
		out = append(out, fmt.Sprint(d))
	}
	slices.Sort(out)
	return append(out, fmt.Sprint(got.Lines, " lines, ", got.Malformed, " malformed, ", got.Foreign, " foreign, ", got.Events))
}

// TestGlancesChangeNothing: logs of real browsers, whole and damaged, give the same days with and without glances.
func TestGlancesChangeNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 3))
	for _, name := range []string{"browser.text.log", "browser.json.log", "anonymous.text.log"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		for line := range bytes.Lines(data) {
			log.Write(line)
			if broken := bytes.Clone(line); rnd.IntN(3) == 0 {
				broken[rnd.IntN(len(broken)-1)] ^= 1 << rnd.IntN(7)
				log.Write(broken)
			}
			if rnd.IntN(5) == 0 {
				log.Write(line[:rnd.IntN(len(line))])
				log.WriteByte('\n')
			}
		}
		path := filepath.Join(t.TempDir(), "grafana.log")
		if err := os.WriteFile(path, log.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		parser := grafana.NewRequestLog()
		if diff := cmp.Diff(collected(t, path, slowLog{parser}, slowJoiner{parser}), collected(t, path, parser, parser)); diff != "" {
			t.Errorf("%s (-without +with)\n%s", name, diff)
		}
	}
}
