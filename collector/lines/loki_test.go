package lines_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// lokiNow is when the runs of these tests take place.
var lokiNow = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// lokiRun is a source read from Loki, with what it has given so far.
type lokiRun struct {
	loki    lines.Loki
	now     time.Time
	cursors map[string][]byte
	lines   []string
	gaps    []string
	bad     int
	tallied map[int64]int64 // by quarter of an hour
}

func newLokiRun(s *testserver.ScriptedLoki) *lokiRun {
	return &lokiRun{now: lokiNow, cursors: map[string][]byte{}, loki: lines.Loki{
		HTTP: httpclient.Config{URL: s.URL, Retries: -1, Timeout: 5 * time.Second}, Query: `{app="grafana"}`, Lookback: 9 * 24 * time.Hour,
	}}
}

// read takes up to n items, below 0 all, and saves the cursor behind what it took.
func (r *lokiRun) read(t *testing.T, n int) error {
	t.Helper()
	tails, err := r.loki.Open(t.Context(), lines.Resume{Now: r.now, Cursors: r.cursors, Digest: func(b []byte) uint64 {
		h := fnv.New64a()
		_, _ = h.Write(b)
		return h.Sum64()
	}})
	if err != nil {
		return err
	}
	tail := tails[0]
	defer func() {
		cursor, err := tail.Cursor()
		if err := errors.Join(err, tail.Close()); err != nil {
			t.Error(err)
		}
		r.cursors[tail.Name()] = cursor
	}()
	for ; n != 0; n-- {
		item, err := tail.Next(t.Context())
		var bad *lines.Malformed
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			r.bad++
		case err != nil:
			return err
		case item.Tally > 0:
			if r.tallied == nil {
				r.tallied = map[int64]int64{}
			}
			r.tallied[item.Time.Unix()/900] += item.Tally
		case item.Gap != nil:
			r.gaps = append(r.gaps, item.Gap.Why)
		default:
			r.lines = append(r.lines, string(item.Text))
		}
	}
	return nil
}

func (r *lokiRun) mustRead(t *testing.T) {
	t.Helper()
	if err := r.read(t, -1); err != nil {
		t.Fatal(err)
	}
}

// wants checks that each line was given once, in whatever order.
func (r *lokiRun) wants(t *testing.T, want []testserver.LokiLine) {
	t.Helper()
	var all []string
	for _, l := range want {
		all = append(all, l.Line)
	}
	got := slices.Sorted(slices.Values(r.lines))
	slices.Sort(all)
	if len(got) != len(all) {
		t.Errorf("%d lines, want %d", len(got), len(all))
	}
	if !slices.Equal(got, all) {
		t.Errorf("not each line once: %s", cmp.Diff(len(slices.Compact(slices.Clone(all))), len(slices.Compact(got))))
	}
}

var grafanaLabels = map[string]string{"app": "grafana"}

// someLines are n lines in order of time, some of which share it.
func someLines(rnd *rand.Rand, from time.Time, n int, most time.Duration) []testserver.LokiLine {
	var all []testserver.LokiLine
	at := from
	for i := range n {
		if rnd.IntN(4) > 0 {
			at = at.Add(time.Duration(rnd.Int64N(int64(most))))
		}
		all = append(all, testserver.LokiLine{At: at.UnixNano(), Line: fmt.Sprintf("line %d", i)})
	}
	return all
}

func TestLokiGivesEachLineOnce(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 5))
			s := testserver.NewScriptedLoki(t)
			s.Limit = 5 + rnd.IntN(60)
			all := someLines(rnd, lokiNow.Add(-8*24*time.Hour), 1500, 12*time.Minute)
			for _, l := range all { // two streams
				s.Push(map[string]string{"app": "grafana", "pod": string('a' + rune(rnd.IntN(2)))}, []testserver.LokiLine{l})
			}
			r := newLokiRun(s)
			for range 40 { // stopped and killed at any line
				before := r.cursors["loki"]
				given := len(r.lines)
				if err := r.read(t, rnd.IntN(120)); err != nil {
					t.Fatal(err)
				}
				if rnd.IntN(4) == 0 { // killed before the commit
					r.lines = r.lines[:given]
					if r.cursors["loki"] = before; before == nil {
						delete(r.cursors, "loki")
					}
				}
			}
			r.mustRead(t)
			r.wants(t, all)
			if len(r.gaps) > 0 {
				t.Error(r.gaps)
			}
			r.mustRead(t)
			r.wants(t, all)
		})
	}
}

// TestLokiLateLines: lines that arrive late are read once, those that arrive too late are noticed.
func TestLokiLateLines(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	s := testserver.NewScriptedLoki(t)
	s.Limit = 50
	all := someLines(rnd, lokiNow.Add(-40*time.Minute), 600, 9*time.Second)
	slices.SortFunc(all, func(a, b testserver.LokiLine) int { return int(a.At - b.At) })
	r := newLokiRun(s)
	r.loki.Overlap = 15 * time.Minute
	r.now = lokiNow.Add(-40 * time.Minute)
	s.Push(grafanaLabels, all[:1])
	sent := 1
	for range 90 {
		r.now = r.now.Add(time.Minute)
		for sent < len(all) && all[sent].At < r.now.UnixNano() {
			at := sent + rnd.IntN(min(40, len(all)-sent)) // some are sent before others that are older
			all[sent], all[at] = all[at], all[sent]
			if all[sent].At < r.now.UnixNano() || rnd.IntN(2) == 0 {
				s.Push(grafanaLabels, all[sent:sent+1])
				sent++
			}
		}
		r.mustRead(t)
	}
	r.wants(t, all[:sent])
	if sent < len(all) {
		t.Errorf("only %d lines were sent", sent)
	}

	s.Push(grafanaLabels, []testserver.LokiLine{{At: lokiNow.Add(-30 * time.Minute).UnixNano(), Line: "far too late"}})
	r.now = r.now.Add(24 * time.Hour)
	r.mustRead(t)
	r.wants(t, all)
	if len(r.gaps) != 1 || !strings.Contains(r.gaps[0], "Loki has 601 lines of 2026-03-10 (UTC), 1 of which were not read") {
		t.Errorf("%q", r.gaps)
	}
	r.gaps = nil
	r.now = r.now.Add(24 * time.Hour)
	if r.mustRead(t); len(r.gaps) > 0 {
		t.Errorf("said again: %q", r.gaps)
	}
}

func TestLokiOneNanosecond(t *testing.T) {
	at := lokiNow.Add(-time.Hour).UnixNano()
	around := []testserver.LokiLine{{At: at - 5, Line: "before"}, {At: at + 1, Line: "after"}, {At: at + 9, Line: "later"}}
	many := func(n int, text string) (all []testserver.LokiLine) {
		for i := range n {
			all = append(all, testserver.LokiLine{At: at, Line: strings.ReplaceAll(text, "%d", fmt.Sprint(i))})
		}
		return all
	}
	type stream struct {
		labels map[string]string
		lines  []testserver.LokiLine
	}
	for name, c := range map[string]struct {
		streams []stream
		gap     string // in what is said
	}{
		"as many as a page":      {[]stream{{grafanaLabels, many(100, "line %d")}}, ""},
		"of several streams":     {[]stream{{map[string]string{"app": "grafana", "pod": "a"}, many(90, "a %d")}, {map[string]string{"app": "grafana"}, many(99, "b %d")}, {map[string]string{"app": "grafana", "pod": "c"}, many(80, "c %d")}}, ""},
		"of one stream":          {[]stream{{grafanaLabels, many(3000, `{"user":"\"x\"","i":%d}`)}}, ""},
		"which differ at an end": {[]stream{{grafanaLabels, many(500, strings.Repeat("x", 3000)+"%d")}}, ""},
		"which do not differ":    {[]stream{{grafanaLabels, many(150, "the same")}}, "more than 100 lines in one nanosecond"},
		"too many":               {[]stream{{grafanaLabels, many(20000, "line %d")}}, "lines in one nanosecond, of which Loki does not give more"},
	} {
		t.Run(name, func(t *testing.T) {
			s := testserver.NewScriptedLoki(t)
			s.Limit = 100
			all := slices.Clone(around)
			s.Push(grafanaLabels, around)
			for _, st := range c.streams {
				s.Push(st.labels, st.lines)
				all = append(all, st.lines...)
			}
			r := newLokiRun(s)
			for len(r.cursors) == 0 || rand.IntN(3) > 0 {
				if err := r.read(t, rand.IntN(700)); err != nil {
					t.Fatal(err)
				}
			}
			r.mustRead(t)
			if c.gap == "" {
				r.wants(t, all)
			} else if !slices.Contains(r.lines, "later") || len(r.lines) < 100 || len(r.lines) >= len(all) {
				t.Errorf("%d of %d lines", len(r.lines), len(all))
			}
			if said := strings.Join(r.gaps, "\n"); (c.gap == "") != (said == "") || !strings.Contains(said, c.gap) {
				t.Errorf("said %q, want %q", said, c.gap)
			}
			given := len(r.lines)
			r.now = r.now.Add(3 * 24 * time.Hour)
			r.gaps = nil
			if r.mustRead(t); len(r.lines) != given || len(r.gaps) > 0 {
				t.Errorf("%d lines more a day later, and %q", len(r.lines)-given, r.gaps)
			}
		})
	}
}

func TestLokiLimits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	all := someLines(rnd, lokiNow.Add(-8*24*time.Hour), 2000, 11*time.Minute)
	for name, set := range map[string]func(*testserver.ScriptedLoki){
		"few lines at once": func(s *testserver.ScriptedLoki) { s.Limit = 77 },
		"short ranges":      func(s *testserver.ScriptedLoki) { s.Span = int64(17 * time.Minute) },
		"both":              func(s *testserver.ScriptedLoki) { s.Limit, s.Span = 20, int64(3*time.Hour) },
		"no metric queries": func(s *testserver.ScriptedLoki) {
			s.Before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/loki/api/v1/query" {
					http.Error(w, "maximum of series (500) reached for a single query", http.StatusBadRequest)
				}
				return r.URL.Path == "/loki/api/v1/query"
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := testserver.NewScriptedLoki(t)
			s.Push(grafanaLabels, all)
			set(s)
			r := newLokiRun(s)
			r.mustRead(t)
			r.wants(t, all)
			if len(r.gaps) > 0 {
				t.Error(r.gaps)
			}
			if n := len(s.Asked()); n > 1500 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// TestLokiAsksLittle: the filter travels to Loki, empty time costs few requests, and a run with nothing new next to none.
func TestLokiAsksLittle(t *testing.T) {
	s := testserver.NewScriptedLoki(t)
	s.Push(grafanaLabels, []testserver.LokiLine{{At: lokiNow.Add(-time.Hour).UnixNano(), Line: `msg="Request Completed"`}, {At: lokiNow.Add(-time.Hour).UnixNano(), Line: "noise"}})
	r := newLokiRun(s)
	r.loki.Filter = lines.Filter{Contains: "Request Completed"}
	r.loki.Lookback = 0
	r.mustRead(t)
	if diff := cmp.Diff([]string{`msg="Request Completed"`}, r.lines); diff != "" {
		t.Error(diff)
	}
	asked := len(s.Asked())
	if asked > 22 {
		t.Errorf("half a year took %d requests", asked)
	}
	r.now = r.now.Add(time.Hour)
	r.mustRead(t)
	if n := len(s.Asked()) - asked; n != 1 {
		t.Errorf("an hour took %d requests:\n%s", n, strings.Join(s.Asked()[asked:], "\n"))
	}
}

// TestLokiCounts: lines that are only counted are counted once, whenever they arrive and reading is stopped, and do not travel.
func TestLokiCounts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 8))
	s := testserver.NewScriptedLoki(t)
	s.Span = int64(50 * time.Hour)
	r := newLokiRun(s)
	r.loki.Filter = lines.Filter{Contains: "httpRequest", Tally: "ruleGroup"}
	r.loki.Overlap = 30 * time.Minute
	want := map[int64]int64{}
	var read []testserver.LokiLine
	send := func(at time.Time, text string) {
		l := testserver.LokiLine{At: at.UnixNano(), Line: text}
		s.Push(grafanaLabels, []testserver.LokiLine{l})
		if strings.Contains(text, "httpRequest") {
			read = append(read, l)
		} else if strings.Contains(text, "ruleGroup") {
			want[at.Unix()/900]++
		}
	}
	texts := []string{`{"ruleGroup":{}}`, `{"ruleGroup":{}}`, `{"httpRequest":{}}`, `{"ruleGroup":{},"query":"httpRequest"}`, "noise"}
	for range 3000 {
		send(lokiNow.Add(-time.Duration(rnd.Int64N(int64(7*24*time.Hour)))).Truncate(time.Second), texts[rnd.IntN(len(texts))])
	}
	for range 60 {
		r.now = r.now.Add(time.Duration(rnd.IntN(20)) * time.Minute)
		for range 40 { // late by up to a bit less than the overlap
			send(r.now.Add(-time.Duration(rnd.IntN(28*60))*time.Second), texts[rnd.IntN(len(texts))])
		}
		if err := r.read(t, rnd.IntN(400)); err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(2) == 0 {
			r.mustRead(t)
		}
	}
	r.now = r.now.Add(2 * time.Hour)
	r.mustRead(t)
	r.mustRead(t)
	r.wants(t, read)
	if diff := cmp.Diff(want, r.tallied); diff != "" {
		t.Error(diff)
	}
}

func TestLokiLostLines(t *testing.T) {
	s := testserver.NewScriptedLoki(t)
	at := lokiNow.Add(-3 * 24 * time.Hour).UnixNano()
	s.Lost = at
	s.Push(grafanaLabels, []testserver.LokiLine{{At: at - 1, Line: "a"}, {At: at, Line: "b"}, {At: at + 1, Line: "c"}})
	r := newLokiRun(s)
	r.mustRead(t)
	if len(r.lines) != 2 || len(r.gaps) != 1 || !strings.Contains(r.gaps[0], "3 lines of 2026-03-07 (UTC), 1 of which were not read") {
		t.Errorf("%q, %q", r.lines, r.gaps)
	}
}

func TestLokiTroubles(t *testing.T) {
	answer := func(status int, text string) func(*testserver.ScriptedLoki) {
		return func(s *testserver.ScriptedLoki) {
			s.Before = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, text)
				return true
			}
		}
	}
	for name, c := range map[string]struct {
		set  func(*testserver.ScriptedLoki)
		want string
	}{
		"nothing there":   {func(*testserver.ScriptedLoki) {}, "matches no stream"},
		"no tenant":       {answer(401, "no org id\n"), "set tenant"},
		"wrong query":     {answer(400, `parse error at line 1, col 2: syntax error: alice@corp.example`), "can't read the query"},
		"down behind":     {answer(502, "alice@corp.example"), "502 Bad Gateway"},
		"a page":          {answer(200, "<html>alice@corp.example"), "no JSON of Loki's"},
		"other JSON":      {answer(200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`), "another type than streams"},
		"wrong result":    {answer(200, `{"status":"success","data":{"resultType":"streams","result":{"a":"alice@corp.example"}}}`), "can't be read"},
		"wrong times":     {answer(200, `{"status":"success","data":{"resultType":"streams","result":[{"stream":{},"values":[["1","alice@corp.example"]]}]}}`), "another time than was asked for"},
		"times that are":  {answer(200, `{"status":"success","data":{"resultType":"streams","result":[{"stream":{},"values":[["alice@corp.example",""]]}]}}`), "another time than was asked for"},
		"always too much": {answer(400, "the query would read too many bytes (query: 2TB, limit: 500GB)"), "400 Bad Request"},
		"no line at once": {answer(400, "max entries limit per query exceeded, limit > max_entries_limit_per_query (1 > 0)"), "400 Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			s := testserver.NewScriptedLoki(t)
			c.set(s)
			r := newLokiRun(s)
			err := r.read(t, -1)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "\nhint: ") && !strings.Contains(c.want, "400") || strings.Contains(err.Error(), "alice") {
				t.Fatalf("%v, want %q", err, c.want)
			}
			// The next run, when all is well, misses nothing.
			s.Before = nil
			all := []testserver.LokiLine{{At: lokiNow.Add(-8 * 24 * time.Hour).UnixNano(), Line: "a"}, {At: lokiNow.Add(-time.Minute).UnixNano(), Line: "b"}}
			s.Push(grafanaLabels, all)
			r.mustRead(t)
			r.wants(t, all)
		})
	}
}

func TestLokiWrapping(t *testing.T) {
	s := testserver.NewScriptedLoki(t)
	at := lokiNow.Add(-time.Hour).UnixNano()
	s.Push(grafanaLabels, []testserver.LokiLine{
		{At: at, Line: "bare\n"}, {At: at + 1, Line: "2026-03-10T11:00:00.000000000Z stdout F cri"}, {At: at + 2, Line: `{"log":"docker\n","stream":"stdout","time":"2026-03-10T11:00:00Z"}`},
		{At: at + 3, Line: "2026-03-10T11:00:00.000000000Z stdout P a piece"}, {At: at + 4, Line: ""},
	})
	r := newLokiRun(s)
	r.mustRead(t)
	if diff := cmp.Diff([]string{"bare", "cri", "docker", ""}, r.lines); diff != "" || r.bad != 1 {
		t.Errorf("%d malformed, %s", r.bad, diff)
	}
}

// TestLokiEndsWithTheCaller: a run that is stopped loses nothing of what it gave.
func TestLokiEndsWithTheCaller(t *testing.T) {
	s := testserver.NewScriptedLoki(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.Before = func(http.ResponseWriter, *http.Request) bool {
		cancel()
		return false
	}
	tails, err := (&newLokiRun(s).loki).Open(ctx, lines.Resume{Now: lokiNow, Digest: func([]byte) uint64 { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tails[0].Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
