package collector_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/collector/kube"
	"github.com/metrics-maturity/metrics-maturity/collector/kube/fakeapi"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// transport is where the lines of a conformance case are written, and how they are read.
type transport struct {
	lines collector.Transport // nil: files
	write func(t *testing.T, line string)
}

// transports are all that lines can come from. A new one is run against the cases of TestTransports by an entry here.
func transports() map[string]func(t *testing.T, r *run) transport {
	return map[string]func(t *testing.T, r *run) transport{
		"files": func(_ *testing.T, r *run) transport { return transport{write: appendTo(filepath.Join(r.dir, "a.log"))} },
		"loki": func(t *testing.T, r *run) transport {
			s := testserver.NewScriptedLoki(t)
			s.Limit = 64
			r.now = time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)
			return transport{
				lines: &lines.Loki{HTTP: httpclient.Config{URL: s.URL, Retries: -1}, Query: `{app="toy"}`, Lookback: 30 * 24 * time.Hour, Overlap: 30 * 24 * time.Hour},
				write: func(_ *testing.T, line string) {
					s.Push(map[string]string{"app": "toy"}, []testserver.LokiLine{{At: timeOf(line).UnixNano(), Line: line}})
				},
			}
		},
		"pods": func(t *testing.T, _ *run) transport {
			s := fakeapi.New(t)
			at := time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC) // when the container runtime had the line, whatever the line says
			pod := s.AddPod("toys", "toy", map[string]string{"app": "toy"}, at, "toy")
			return transport{
				lines: &lines.Pods{API: kube.New(kube.Config{Kubeconfig: s.Kubeconfig(t, "")}), Namespace: "toys", Selector: "app=toy"},
				write: func(_ *testing.T, line string) {
					pod.Log("toy", at, line)
					at = at.Add(time.Duration(len(line)%3) * time.Second) // often several at one time
				},
			}
		},
	}
}

// timeOf is when a line was written, as an agent would take it from the line; of one that has no time it is when it was sent.
func timeOf(line string) time.Time {
	text, _, _ := strings.Cut(line, " ")
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
	}
	return at
}

func appendTo(path string) func(t *testing.T, line string) {
	return func(t *testing.T, line string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(line + "\n"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTransports: whatever lines come from, and however often reading is stopped, the days are those of a file that is read at once.
func TestTransports(t *testing.T) {
	for name, open := range transports() {
		t.Run(name, func(t *testing.T) {
			t.Run("stopped at will", func(t *testing.T) { testStopped(t, open) })
			t.Run("counts once", func(t *testing.T) { testCountsOnce(t, open) })
			t.Run("acts over two runs", func(t *testing.T) { testActsOverRuns(t, open) })
		})
	}
}

func testStopped(t *testing.T, open func(*testing.T, *run) transport) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 11))
		text := randomLines(rnd)
		whole := newRun(t)
		whole.write(t, "a.log", strings.Join(text, ""))
		whole.mustCollect(t)

		r := newRun(t)
		tr := open(t, r)
		r.lines = tr.lines
		for len(text) > 0 {
			n := min(len(text), 1+rnd.IntN(150))
			for _, line := range text[:n] {
				tr.write(t, strings.TrimSuffix(line, "\n"))
			}
			text = text[n:]
			r.batch = 1 + rnd.IntN(100)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Duration(rnd.IntN(20000))*time.Microsecond, cancel)
			if _, err := r.collect(t, ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			cancel()
		}
		r.mustCollect(t)
		if diff := gocmp.Diff(whole.days(t), r.days(t)); diff != "" {
			t.Errorf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

func testCountsOnce(t *testing.T, open func(*testing.T, *run) transport) {
	r := newRun(t)
	tr := open(t, r)
	r.lines = tr.lines
	for _, line := range []string{"2026-03-02T09:00:00Z alice - d1", "2026-03-02T09:00:01Z bob - d1", "rubbish", "2099-01-01T00:00:00Z alice - d1"} {
		if r.lines == nil || !strings.HasPrefix(line, "2099") { // who asks for lines until now is not given those
			tr.write(t, line)
		}
	}
	sum := r.mustCollect(t)
	if sum.Malformed == 0 || sum.Events[activity.Counted] != 2 || sum.Bytes == 0 {
		t.Errorf("%+v", sum)
	}
	if text := r.log.String(); !strings.Contains(text, "line can't be read") || strings.Contains(text, "rubbish") {
		t.Errorf("log:\n%s", text)
	}
	want := []string{
		`2026-03-02 d1 "" x1 2026-03-02T09:00:00Z-2026-03-02T09:00:00Z 200`,
		`2026-03-02 d1 "" x1 2026-03-02T09:00:01Z-2026-03-02T09:00:01Z 200`,
		"2 actors",
	}
	for range 2 {
		if diff := gocmp.Diff(want, r.days(t)); diff != "" {
			t.Fatal(diff)
		}
		if sum := r.mustCollect(t); sum.Lines != 0 {
			t.Errorf("%d lines are read again", sum.Lines)
		}
	}
}

func testActsOverRuns(t *testing.T, open func(*testing.T, *run) transport) {
	r := newRun(t)
	tr := open(t, r)
	r.lines = tr.lines
	tr.write(t, "2026-03-02T10:00:00Z alice a d1")
	r.mustCollect(t)
	tr.write(t, "2026-03-02T10:00:20Z alice b d1")
	r.mustCollect(t)
	if diff := gocmp.Diff([]string{`2026-03-02 d1 "pair" x1 2026-03-02T10:00:00Z-2026-03-02T10:00:00Z 400`, "1 actors"}, r.days(t)); diff != "" {
		t.Error(diff)
	}
}

// TestGapsMarkCoverage: what a transport can't have is said, and its day is not taken for covered.
func TestGapsMarkCoverage(t *testing.T) {
	s := testserver.NewScriptedLoki(t)
	r := newRun(t)
	r.now = time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)
	r.lines = &lines.Loki{HTTP: httpclient.Config{URL: s.URL}, Query: `{app="toy"}`, Lookback: 30 * 24 * time.Hour}
	for day := range 3 {
		at := time.Date(2026, 3, 2+day, 9, 0, 0, 0, time.UTC)
		s.Push(map[string]string{"app": "toy"}, []testserver.LokiLine{{At: at.UnixNano(), Line: at.Format(time.RFC3339) + " alice - d1"}})
		if day == 1 {
			s.Lost = at.UnixNano() + 1
			s.Push(map[string]string{"app": "toy"}, []testserver.LokiLine{{At: s.Lost, Line: "lost"}})
		}
	}
	sum := r.mustCollect(t)
	if len(sum.Notes) != 1 || !strings.Contains(sum.Notes[0], "2026-03-03 (UTC), 1 of which were not read") || !strings.Contains(r.log.String(), "lines are missing") {
		t.Errorf("%q\n%s", sum.Notes, r.log.String())
	}
	st := r.store(t)
	defer closeStore(t, st)
	covered, err := st.Coverage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	days := map[string]bool{}
	for _, c := range covered {
		days[c.Date.String()] = true
	}
	if diff := gocmp.Diff(map[string]bool{"2026-03-02": true, "2026-03-04": true}, days); diff != "" {
		t.Error(diff)
	}
}

// TestTransportThatFails: what was read before counts, the run says that the source failed, and the next one goes on.
func TestTransportThatFails(t *testing.T) {
	r := newRun(t)
	r.now = time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)
	broken := &brokenTransport{after: 3}
	r.lines = broken
	sum, err := r.collect(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if e := sum.Sources[0].Err; e == nil || !strings.Contains(e.Error(), "half of it is gone") || !strings.Contains(e.Error(), "one pod can't be reached") {
		t.Errorf("%v", e)
	}
	if n := sum.Sources[0].Events[activity.Counted]; n != 3 {
		t.Errorf("%d acts", n)
	}
	broken.after = 10
	if sum := r.mustCollect(t); sum.Lines != 7 {
		t.Errorf("%d lines, want the 7 that were left", sum.Lines)
	}
}

// brokenTransport has ten lines, and fails after some of them.
type brokenTransport struct {
	at, after int
}

func (b *brokenTransport) Open(_ context.Context, from lines.Resume) ([]lines.Tail, error) {
	b.at = 0
	if c := from.Cursors["broken"]; c != nil {
		b.at = int(c[0])
	}
	if b.after < 10 {
		return []lines.Tail{b}, errors.New("one pod can't be reached")
	}
	return []lines.Tail{b}, nil
}

func (b *brokenTransport) Name() string            { return "broken" }
func (b *brokenTransport) Cursor() ([]byte, error) { return []byte{byte(b.at)}, nil }
func (b *brokenTransport) Close() error            { return nil }

func (b *brokenTransport) Next(context.Context) (lines.Item, error) {
	switch {
	case b.at == 10:
		return lines.Item{}, io.EOF
	case b.at >= b.after:
		return lines.Item{}, fmt.Errorf("half of it is gone: %w", io.EOF)
	}
	b.at++
	return lines.Item{Text: fmt.Appendf(nil, "2026-03-02T09:00:%02dZ alice - d%d", b.at, b.at)}, nil
}
