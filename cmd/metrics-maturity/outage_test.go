package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// envOutages is how much simulated time the long form has, say 24h; shortOutages that of the short one.
const (
	envOutages   = "MATURITY_TEST_OUTAGES"
	shortOutages = 40 * time.Minute
)

// ailments are what goes wrong with a server. A source that can't ask at all is "refused".
var ailments = map[string]http.HandlerFunc{
	"500": func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "alice broke it", http.StatusInternalServerError)
	},
	"503":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	"429":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
	"rubbish": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>alice") },
	"hang up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"slow":    func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"cut": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"status":"success","data":[`)
	},
}

// halfWay lets some requests through, so that a source gets stuck in the middle.
const halfWay = "half way"

// ailing answers a request in place of a server that ails.
func (w *outageWorld) ailing(source string, rw http.ResponseWriter, r *http.Request) bool {
	w.mu.Lock()
	what := w.ails[source]
	w.asked[source]++
	n := w.asked[source]
	w.mu.Unlock()
	if what == halfWay {
		if n%3 != 0 {
			return false
		}
		what = "hang up"
	}
	if ailment := ailments[what]; ailment != nil {
		ailment(rw, r)
		return true
	}
	return false
}

// ail sets what is wrong with a source, "" for nothing.
func (w *outageWorld) ail(source, what string) {
	w.mu.Lock()
	w.ails[source], w.asked[source] = what, 0
	w.mu.Unlock()
	if f := w.fronts[source]; f != nil {
		if what == "refused" {
			f.down()
		} else {
			f.up()
		}
	}
}

// storm decides what goes wrong in an outageWorld, and when.
type storm struct {
	rnd     *rand.Rand
	left    map[string]int // runs until the source is mended
	outages map[string]int // by what was wrong
	failed  int            // runs in which something was wrong
}

// brew begins and ends outages. Each ends before another one of the same source begins. Those of a Kubernetes API, which is
// asked again for seconds of real time, are rare and short.
func (s *storm) brew(w *outageWorld) {
	names := []string{"500", "503", "429", "rubbish", "hang up", "cut", "slow", "refused", halfWay}
	for _, source := range outageSources {
		rarely, longest := 12, 12
		if source == "pods" || source == "crds" {
			rarely, longest = 40, 2
		}
		switch {
		case s.left[source] > 0:
			if s.left[source]--; s.left[source] == 0 {
				w.ail(source, "")
			}
		case s.rnd.IntN(rarely) == 0:
			what := names[s.rnd.IntN(len(names))]
			if source == "grafana" {
				what = "gone"
			}
			s.left[source] = 1 + s.rnd.IntN(longest)
			s.outages[what]++
			w.ail(source, what)
		}
	}
}

// TestOutages lives through a day in which every source fails again and again in every way, runs are stopped, and the database is
// crashed and cut off from: each outage is told, no team falls for it, and in the end the world is told as if nothing had been.
func TestOutages(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	lasts := shortOutages
	if text := os.Getenv(envOutages); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", envOutages, err)
		}
	}
	t.Setenv("GIT_HTTP_LOW_SPEED_TIME", "1") // else two minutes
	const seed = 24
	begin := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC).Add(-lasts / 2) // a week ends meanwhile
	steps := int(lasts / outageStep)

	calm := newOutageWorld(t, seed, "sqlite:maturity.db", begin)
	t.Setenv("GIT_SSL_CAINFO", calm.dir+"/ca.pem")
	calm.configure()
	stages := make([]map[string]string, steps)
	for n := range steps {
		if n > 0 {
			calm.step(n)
		}
		if _, code := calm.run(t.Context(), "run"); code != 0 {
			t.Fatalf("undisturbed: exit %d\n%s", code, &calm.said)
		}
		stages[n] = calm.metrics("metrics_maturity_team_stage")
	}
	want := calm.settled(steps)

	t.Run("sqlite", func(t *testing.T) {
		w := newOutageWorld(t, seed, "sqlite:maturity.db", begin)
		w.endure(t, stages, nil)
		compareWorlds(t, want, w.settled(steps))
	})
	t.Run("postgres", func(t *testing.T) {
		server := testserver.NewPostgres(t)
		server.Start(t, durable...)
		address, err := url.Parse(server.Database(t))
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		rnd := rand.New(rand.NewPCG(seed, 2))
		address.Host = testserver.NewProxy(t, server.Addr, func() testserver.Fault {
			mu.Lock()
			defer mu.Unlock()
			return []testserver.Fault{testserver.LoseCommit, testserver.LoseAnswer, testserver.CutOnAnswer, testserver.Pass}[min(3, rnd.IntN(60))]
		}).Addr
		w := newOutageWorld(t, seed, address.String(), begin)
		w.endure(t, stages, server)
		compareWorlds(t, want, w.settled(steps))
	})
}

// durable are the settings of a PostgreSQL that loses nothing when it crashes.
var durable = []string{"fsync=on", "synchronous_commit=on", "full_page_writes=on"}

// endure runs through a storm. stages are what each run tells of teams in the undisturbed world.
func (w *outageWorld) endure(t *testing.T, stages []map[string]string, database *testserver.Postgres) {
	t.Helper()
	w.t = t
	t.Setenv("GIT_SSL_CAINFO", w.dir+"/ca.pem")
	s := &storm{rnd: rand.New(rand.NewPCG(w.seed, 1)), left: map[string]int{}, outages: map[string]int{}}
	crashes, stops := 0, 0
	for n, calm := range stages {
		if n > 0 {
			w.step(n)
			s.brew(w)
		}
		w.configure()
		ctx, stop := context.WithCancel(t.Context())
		var code int
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, code = w.run(ctx, "run")
		}()
		switch at := time.Duration(s.rnd.IntN(300)) * time.Millisecond; {
		case n == 3 || n > 3 && s.rnd.IntN(12) == 0:
			stops++
			time.Sleep(at)
			stop()
			<-done
			stop()
			continue // whatever it told, the next run goes on
		case database != nil && (n == 2 || s.rnd.IntN(12) == 0):
			crashes++
			time.Sleep(at)
			database.Kill()
			database.Start(t, durable...)
		}
		<-done
		stop()
		w.told(t, n, code)
		if len(w.unwell()) > 0 {
			s.failed++
		}
		for team, stage := range w.metrics("metrics_maturity_team_stage") {
			if stage < calm[team] {
				t.Errorf("run %d: an outage is taken for a fall of %s from %s to %s", n, team, calm[team], stage)
			}
		}
	}
	for _, source := range outageSources {
		w.ail(source, "")
	}
	w.configure()
	t.Logf("%d runs, %d of them with outages, %d stopped; the database crashed %d times; outages: %v", len(stages), s.failed, stops, crashes, s.outages)
}

// unwell are the sources that can't be read at the moment, and true for those of which that is certain.
func (w *outageWorld) unwell() map[string]bool {
	found := map[string]bool{}
	for source, what := range w.ails {
		if what != "" {
			found[source] = what != halfWay
		}
	}
	return found
}

// told checks what a run said of each source.
func (w *outageWorld) told(t *testing.T, n, code int) {
	t.Helper()
	unwell, failed := w.unwell(), 0
	up := w.metrics("metrics_maturity_source_up")
	for _, source := range outageSources {
		certain, ails := unwell[source]
		got := up[fmt.Sprintf("source=%q", source)]
		if ails && !certain {
			if got == "0" {
				failed++
			}
			continue
		}
		if ails {
			failed++
		}
		if want := map[bool]string{true: "0", false: "1"}[ails]; got != want {
			t.Errorf("run %d: %s has up %q, and ails %q\n%s", n, source, got, w.ails[source], &w.said)
		}
	}
	if want := map[bool]int{true: exitFailed}[failed > 0]; code != want {
		t.Errorf("run %d: exit %d, want %d\n%s", n, code, want, &w.said)
	}
	if strings.Contains(w.said.String(), "alice") {
		t.Errorf("run %d: an answer is quoted:\n%s", n, &w.said)
	}
}

// settled is all that can be seen of a world when everything was read.
func (w *outageWorld) settled(steps int) map[string]string {
	w.t.Helper()
	w.step(steps)
	for range 2 { // once more changes nothing
		if _, code := w.run(w.t.Context(), "run"); code != 0 {
			w.t.Errorf("mended: exit %d\n%s", code, &w.said)
		}
	}
	seen := map[string]string{}
	for _, name := range []string{"events_total", "malformed_lines_total", "source_covered_ratio", "team_stage", "team_assessable", "team_criterion_value"} {
		seen[name] = strings.ReplaceAll(fmt.Sprint(w.metrics("metrics_maturity_"+name)), " ", "\n")
	}
	for _, args := range [][]string{{"days"}, {"report", "--format", "json", "--as-of", w.now.Format(time.RFC3339), "--history"}} {
		out, code := w.run(w.t.Context(), args...)
		if code != 0 || len(out) < 1000 {
			w.t.Errorf("%v: exit %d\n%s%s", args, code, out, &w.said)
		}
		seen[args[0]] = out
	}
	return seen
}

func compareWorlds(t *testing.T, want, got map[string]string) {
	t.Helper()
	for what := range want {
		if diff := cmp.Diff(want[what], got[what]); diff != "" {
			t.Errorf("%s (-undisturbed +through outages):\n%s", what, diff)
		}
	}
}
