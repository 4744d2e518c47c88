package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

const (
	killLines = 200_000 // log lines, at least, over both sources
	killTimes = 50      // kills in the short form; four fifths of them after the first commit and before the last
	// rotatedKept is how many rotated files are left when older ones expire, as "rotate 12" of logrotate: a thousand kills would leave
	// hundreds, each of which every run looks at.
	rotatedKept = 12
	// envKills is how many kills the long form has, say 1000: each test that kills takes it.
	envKills = "MATURITY_TEST_KILLS"
)

// kills is how often a test kills: few times, or as often as the environment says.
func kills(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv(envKills)
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", envKills, err)
	}
	return n
}

// TestKilledCollectCountsOnce kills the built binary again and again while it collects, with files rotated meanwhile. In the end the
// days are those of a run that nobody disturbed.
func TestKilledCollectCountsOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	binary := buildBinary(t)
	rnd := rand.New(rand.NewPCG(20261122, 2))

	undisturbed := newBench(t, binary, "sqlite:maturity.db")
	undisturbed.writeAll(t, rnd)
	undisturbed.collect(t)
	want := undisturbed.output(t)
	t.Run("sqlite", func(t *testing.T) {
		killUntilDone(t, undisturbed, newBench(t, binary, "sqlite:maturity.db"), rnd, kills(t, killTimes), want)
	})
	t.Run("postgres", func(t *testing.T) {
		killUntilDone(t, undisturbed, newBench(t, binary, testserver.PostgresDatabase(t)), rnd, kills(t, killTimes/5), want)
	})
}

func killUntilDone(t *testing.T, undisturbed, killed *bench, rnd *rand.Rand, times int, want string) {
	t.Helper()
	killed.step = max(1, killLines/2/times)
	killed.copyFrom(t, undisturbed, 8) // the logs as they were when only an eighth was written
	first := killed.commits(t)
	before := first
	within, kills := 0, 0
	fell := map[string]int{}       // kills by what the run that was killed had committed
	pause := 60 * time.Millisecond // after which a run is killed, at most
	for round := 0; kills < times || within < times*4/5; round++ {
		if round > 20*times {
			t.Fatalf("only %d kills, %d of them between commits", kills, within)
		}
		killed.grow(t, rnd, round)
		there := len(killed.aside)
		cmd := killed.start(t)
		time.Sleep(rand.N(pause))
		killed.rotate(t, rnd)
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		err := cmd.Wait()
		after := killed.commits(t)
		var exit *exec.ExitError
		if errors.As(err, &exit) && !exit.Exited() { // by our signal, not by itself
			kills++
			fell[[]string{"none", "one", "several"}[min(2, after-before)]]++
			if before > first || after > first {
				within++
			}
			// Later if nothing was committed, earlier if something was or the run came to its end, so that every moment of a run is met.
			if after == before {
				pause += pause / 8
			} else {
				pause -= pause / 8
			}
		} else if err != nil {
			t.Fatalf("collect ended by itself: %v\n%s", err, cmd.Stderr)
		} else {
			pause -= pause / 8
			killed.expire(t, there)
		}
		before = after
		if len(killed.aside) > 2*rotatedKept { // nobody rotates away what was not read
			there := len(killed.aside)
			killed.collect(t)
			killed.expire(t, there)
			before = killed.commits(t)
		}
	}
	killed.growAll(t)
	last := killed.commits(t)
	killed.collect(t)
	if killed.commits(t) == last {
		t.Error("the last run had nothing left to commit: the kills did not fall before the last commit")
	}
	if diff := cmp.Diff(want, killed.output(t)); diff != "" {
		t.Errorf("totals differ after %d kills (-undisturbed +killed):\n%s", kills, diff)
	}
	t.Logf("%d kills, %d of them between the first and the last commit; commits of the runs that were killed: %v; %d commits, %d lines, %d rotations",
		kills, within, fell, killed.commits(t), killLines, killed.rotations)
}

// bench is a folder with a configuration, logs that grow, and a store.
type bench struct {
	dir, binary string
	target      string   // of the store
	grafana     [][]byte // lines still to be written
	queries     [][]byte
	step        int
	rotations   int
	aside       []string   // rotated files that are still there, oldest first
	pieces      [][][]byte // of a shard bench: lines still to be written, by file
}

func newBench(t *testing.T, binary, target string) *bench {
	t.Helper()
	b := &bench{dir: t.TempDir(), binary: binary, target: target}
	b.write(t, "key", "a key that is used by no one else\n")
	b.write(t, "metrics-maturity.yaml", `timezone: UTC
store: {url: "`+target+`"}
sources:
  - {name: grafana, type: grafana-log, files: ["grafana*.log*"]}
  - {name: promql, type: prometheus-query-log, files: ["query*.log*"], grafana_clients: [10.9.0.0/24]}
teams:
  - {name: payments, members: [user0, user1, user2], clients: [10.1.0.0/24]}
  - {name: checkout, members: [user3, user4], clients: [10.1.1.0/24]}
privacy: {hash_key_file: key, min_team_size: 1}
`)
	return b
}

func (b *bench) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// lines makes the logs: people who look and explore all day, and a Prometheus asked by rules, Grafana and networks.
func (b *bench) lines(rnd *rand.Rand) {
	at := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	request := func(who int, d time.Duration, method, path string, status int, referer string) {
		b.grafana = append(b.grafana, fmt.Appendf(nil, "logger=context userId=%d orgId=1 uname=user%d t=%s level=info msg=\"Request Completed\" method=%s path=%s status=%d remote_addr=10.0.0.%d time_ms=9 duration=9.6ms size=5476 referer=%q handler=/apis/* status_source=server\n",
			who+2, who, at.Add(d).Format(time.RFC3339Nano), method, path, status, who, referer))
	}
	const host = "http://grafana.example"
	for len(b.grafana) < killLines/2 {
		at = at.Add(time.Duration(rnd.IntN(120)) * time.Second)
		who, board := rnd.IntN(7), fmt.Sprint("board", rnd.IntN(30))
		page := host + "/d/" + board + "/" + board + "?from=now-6h&orgId=1&timezone=browser&to=now"
		switch rnd.IntN(4) {
		case 0, 1:
			request(who, 0, "GET", "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/"+board+"/dto", 200, page)
			for i := range 5 {
				request(who, time.Duration(i+1)*50*time.Millisecond, "POST", "/api/ds/query", 200, page)
			}
		case 2:
			explore := host + `/explore?orgId=1&panes=%7B%22x%22%3A%7B%22datasource%22%3A%22p%22%2C%22queries%22%3A%5B%7B%22refId%22%3A%22A%22%2C%22expr%22%3A%22errors_` + fmt.Sprint(rnd.IntN(50)) + `%22%7D%5D%7D%7D&schemaVersion=1`
			request(who, 0, "POST", "/api/ds/query", 200, explore)
			request(who, 40*time.Millisecond, "POST", "/api/query-history", 200, explore)
		default:
			request(who, 0, "POST", "/api/short-urls", 200, page)
		}
	}
	at = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	for len(b.queries) < killLines/2 {
		at = at.Add(time.Duration(rnd.IntN(60)) * time.Second)
		origin := `"ruleGroup":{"file":"r.yml","name":"g"}`
		if rnd.IntN(3) == 0 {
			origin = fmt.Sprintf(`"httpRequest":{"clientIP":"10.%d.%d.%d","method":"GET","path":"/api/v1/query"}`, 1+8*rnd.IntN(2), rnd.IntN(3), rnd.IntN(9))
		}
		b.queries = append(b.queries, fmt.Appendf(nil, `{"time":"%s","level":"INFO","source":"engine.go:729","msg":"promql query logged","params":{"end":"2026-09-01T00:00:00.000Z","query":"rate(errors_%d{code=\"500\"}[5m])","start":"2026-09-01T00:00:00.000Z","step":0},"stats":{"timings":{"evalTotalTime":0.000085251}},"spanID":"0000000000000000",%s}`+"\n",
			at.Format(time.RFC3339Nano), rnd.IntN(200), origin))
	}
}

func (b *bench) writeAll(t *testing.T, rnd *rand.Rand) {
	t.Helper()
	b.lines(rnd)
	b.write(t, "grafana.log", string(bytes.Join(b.grafana, nil)))
	b.write(t, "query.log", string(bytes.Join(b.queries, nil)))
}

// copyFrom takes over the lines of another bench and writes the first part of them.
func (b *bench) copyFrom(t *testing.T, o *bench, parts int) {
	t.Helper()
	b.grafana, b.queries = slices.Clone(o.grafana), slices.Clone(o.queries)
	b.append(t, len(b.grafana)/parts, len(b.queries)/parts)
}

// append writes the next lines, the last one sometimes only by half.
func (b *bench) append(t *testing.T, grafana, queries int) {
	t.Helper()
	for name, from := range map[string]*[][]byte{"grafana.log": &b.grafana, "query.log": &b.queries} {
		n := grafana
		if name == "query.log" {
			n = queries
		}
		n = min(n, len(*from))
		text := bytes.Join((*from)[:n], nil)
		*from = (*from)[n:]
		if len(*from) > 0 && n > 0 { // half of the next line; the rest comes first next time
			half := len((*from)[0]) / 2
			text = append(text, (*from)[0][:half]...)
			(*from)[0] = (*from)[0][half:]
		}
		f, err := os.OpenFile(filepath.Join(b.dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write(text)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bench) grow(t *testing.T, rnd *rand.Rand, round int) {
	t.Helper()
	if round%3 == 0 { // not each time: runs must be able to fall behind
		n := b.step + rnd.IntN(b.step)
		// The last twentieth is kept for the last run.
		b.append(t, min(n, max(0, len(b.grafana)-killLines/40)), min(n, max(0, len(b.queries)-killLines/40)))
	}
}

func (b *bench) growAll(t *testing.T) {
	t.Helper()
	b.append(t, len(b.grafana), len(b.queries))
}

// rotate moves logs aside in one of the ways that log rotation has.
func (b *bench) rotate(t *testing.T, rnd *rand.Rand) {
	t.Helper()
	if rnd.IntN(3) > 0 {
		return
	}
	name := filepath.Join(b.dir, []string{"grafana.log", "query.log"}[rnd.IntN(2)])
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) == 0 {
		return
	}
	// A writer rotates between two lines: the half line goes along into the new file.
	cut := bytes.LastIndexByte(text, '\n') + 1
	rest := text[cut:]
	b.rotations++
	aside := fmt.Sprintf("%s.%d", name, b.rotations)
	switch rnd.IntN(2) {
	case 0: // renamed, and compressed
		aside += ".gz"
		err = errors.Join(gzipTo(aside, text[:cut]), replace(name, rest))
	default: // renamed
		err = errors.Join(os.WriteFile(aside, text[:cut], 0o600), replace(name, rest))
	}
	if err != nil {
		t.Fatal(err)
	}
	b.aside = append(b.aside, aside)
}

// expire removes the oldest rotated files, of the first read ones: those that were there when a run began that came to its end.
func (b *bench) expire(t *testing.T, read int) {
	t.Helper()
	for ; read > 0 && len(b.aside) > rotatedKept; read-- {
		if err := os.Remove(b.aside[0]); err != nil {
			t.Fatal(err)
		}
		b.aside = b.aside[1:]
	}
}

// replace puts a new file in the place of an old one, as a rename would.
func replace(name string, text []byte) error {
	tmp := filepath.Join(filepath.Dir(name), "tmp-"+filepath.Base(name)+".new")
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

func gzipTo(name string, text []byte) error {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(name), "tmp-"+filepath.Base(name))
	if err := os.WriteFile(tmp, z.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

func (b *bench) start(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(b.binary, "collect", "--config", filepath.Join(b.dir, "metrics-maturity.yaml"))
	cmd.Stderr = &bytes.Buffer{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func (b *bench) collect(t *testing.T) {
	t.Helper()
	cmd := b.start(t)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("collect: %v\n%s", err, cmd.Stderr)
	}
}

// commits counts the commits of all sources so far.
func (b *bench) commits(t *testing.T) int64 {
	t.Helper()
	target := b.target
	if path, ok := strings.CutPrefix(target, "sqlite:"); ok {
		target = "sqlite:" + filepath.Join(b.dir, path)
	}
	s, err := store.Open(t.Context(), target, store.Options{Key: activity.NewKey([]byte("a key that is used by no one else")), Timezone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	var n int64
	for _, source := range []string{"grafana", "promql"} {
		p, err := s.Progress(context.Background(), source)
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range p.Fence {
			n += version
		}
	}
	return n
}

// output is all that can be seen of what was counted: days, and the counters.
func (b *bench) output(t *testing.T) string {
	t.Helper()
	out, err := exec.Command(b.binary, "days", "--config", filepath.Join(b.dir, "metrics-maturity.yaml")).Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(out), "\n") < 1000 {
		t.Fatalf("only %d days", strings.Count(string(out), "\n"))
	}
	return string(out)
}

// buildBinary builds the command as it is released, once a test. Tests of such processes gain nothing by the race detector.
func buildBinary(t *testing.T) string {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector does not see into the processes that this test starts")
	}
	binary := filepath.Join(t.TempDir(), "metrics-maturity")
	cmd := exec.Command("go", "build", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}
