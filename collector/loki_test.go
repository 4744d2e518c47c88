package collector_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

const (
	lokiLines  = 200_000
	lokiAtOnce = 4_000 // in one nanosecond
)

// faults stands before a Loki, and answers some requests itself: with 429 and 500, and once it tells that Loki is to be restarted.
type faults struct {
	http.Handler
	n       atomic.Int64
	restart chan struct{} // closed at request restartAt
}

const restartAt = 12

func newFaults(t *testing.T, to string) (*faults, string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	f := &faults{Handler: proxy, restart: make(chan struct{})}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return f, s.URL
}

func (f *faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch n := f.n.Add(1); {
	case n == restartAt:
		close(f.restart)
		w.WriteHeader(http.StatusServiceUnavailable)
	case n%9 == 4:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case n%11 == 7:
		http.Error(w, "internal error", http.StatusInternalServerError)
	default:
		f.Handler.ServeHTTP(w, r)
	}
}

// manyLines are acts of some days in order of time: of one and of several lines, many of them at one time.
func manyLines(rnd *rand.Rand, from time.Time) []string {
	var all []string
	at := from
	for len(all) < lokiLines {
		at = at.Add(time.Duration(rnd.Int64N(int64(3 * time.Second))))
		n := 1
		if len(all) == lokiLines/2 {
			n = lokiAtOnce
		}
		for i := range n {
			all = append(all, fmt.Sprintf("%s user%d %s d%d", at.Format(time.RFC3339Nano), rnd.IntN(40), []string{"-", "a", "b"}[rnd.IntN(3)], i))
		}
	}
	return all
}

// TestRealLoki: what is read of a real Loki, in slices, through answers of 429 and 500 and a restart, is what is read of a file.
func TestRealLoki(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Loki twice")
	}
	loki := testserver.StartLoki(t, 5000)
	from := time.Now().UTC().Add(-5 * 24 * time.Hour).Truncate(24 * time.Hour)
	text := manyLines(rand.New(rand.NewPCG(3, 14)), from)

	whole := newRun(t)
	whole.now = time.Now()
	whole.write(t, "a.log", strings.Join(text, "\n")+"\n")
	whole.mustCollect(t)

	half := lokiLines / 2
	pods := map[string][]testserver.LokiLine{}
	for i, line := range text {
		pod := string('a' + rune(i%3))
		if i >= half && i < half+lokiAtOnce {
			pod = "a" // all of one stream
		}
		pods[pod] = append(pods[pod], testserver.LokiLine{At: timeOf(line).UnixNano(), Line: line})
	}
	for pod, l := range pods {
		loki.Push(map[string]string{"app": "toy", "pod": pod}, l)
	}
	loki.Push(map[string]string{"app": "other"}, []testserver.LokiLine{{At: from.UnixNano(), Line: "noise"}})

	loki.Settle(`{app="toy"}`, len(text))

	f, address := newFaults(t, loki.URL)
	r := newRun(t)
	r.now = whole.now
	r.lines = &lines.Loki{HTTP: httpclient.Config{URL: address}, Query: `{app="toy"}`, Filter: lines.Filter{Contains: " "}, Lookback: 6 * 24 * time.Hour}
	began := time.Now()
	done := make(chan error, 1)
	go func() {
		sum, err := r.collect(t, t.Context())
		done <- errors.Join(err, sum.Sources[0].Err)
	}()
	select {
	case <-f.restart:
		loki.Stop()
		loki.Restart()
	case err := <-done:
		t.Fatalf("all was read before the restart: %v", err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if sum := r.mustCollect(t); sum.Lines != 0 || len(sum.Notes) > 0 {
		t.Errorf("a second run read %d lines, and says %q", sum.Lines, sum.Notes)
	}
	t.Logf("%d lines in %v, %d requests", lokiLines, time.Since(began).Round(time.Millisecond), f.n.Load())
	if diff := gocmp.Diff(whole.days(t), r.days(t)); diff != "" {
		t.Errorf("file and Loki differ (-file +loki):\n%.4000s", diff)
	}
	t.Run("counted there", func(t *testing.T) { testRealCounts(t, loki, len(text)) })
	t.Run("one nanosecond", func(t *testing.T) { testRealNanosecond(t, loki) })
}

// testRealCounts: lines that are only counted are all counted, beside those that are read.
func testRealCounts(t *testing.T, loki *testserver.Loki, want int) {
	var counted int64
	r := newRun(t)
	r.now = time.Now()
	r.lines = &lines.Loki{
		HTTP: httpclient.Config{URL: loki.URL}, Query: `{app="toy"}`, Lookback: 6 * 24 * time.Hour, Filter: lines.Filter{Contains: " user7 ", Tally: " user"},
	}
	r.tally = func(at time.Time, n int64, _ *activity.Batch) activity.Line {
		counted += n
		return activity.Line{Time: at, Class: activity.ClassAny}
	}
	sum := r.mustCollect(t)
	if sum.Lines == 0 || counted == 0 || sum.Lines+counted != int64(want) {
		t.Errorf("%d lines read and %d counted, want %d in all", sum.Lines, counted, want)
	}
	if again := r.mustCollect(t); again.Lines != 0 || sum.Lines+counted != int64(want) {
		t.Errorf("a second run read %d lines; %d are counted", again.Lines, counted)
	}
}

// testRealNanosecond: more lines in one nanosecond of one stream than Loki gives at once are narrowed; those that can't be had so are
// reported, and their day is not covered.
func testRealNanosecond(t *testing.T, loki *testserver.Loki) {
	at := time.Now().UTC().Add(-50 * time.Hour)
	var all []testserver.LokiLine
	for i := range 7_000 {
		all = append(all, testserver.LokiLine{At: at.UnixNano(), Line: fmt.Sprintf("%s user%d - d%d", at.Format(time.RFC3339Nano), i%40, i)})
	}
	loki.Push(map[string]string{"app": "burst"}, all)
	loki.Settle(`{app="burst"}`, len(all))
	for name, c := range map[string]struct {
		page  int
		whole bool
	}{"narrowed": {5000, true}, "out of reach": {40, false}} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.now = time.Now()
			r.lines = &lines.Loki{HTTP: httpclient.Config{URL: loki.URL}, Query: `{app="burst"}`, Lookback: 4 * 24 * time.Hour, Page: c.page}
			sum := r.mustCollect(t)
			s := r.store(t)
			defer closeStore(t, s)
			covered, err := s.Coverage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			facts, err := s.Facts(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			noted := slices.ContainsFunc(facts.Status, func(st activity.SourceStatus) bool { return strings.Contains(st.Note, "lines in one nanosecond") })
			if c.whole != (sum.Lines == int64(len(all))) || c.whole != (len(covered) > 0) || c.whole == noted {
				t.Errorf("%d lines, %d covered days, notes %q, noted %t", sum.Lines, len(covered), sum.Notes, noted)
			}
		})
	}
}
