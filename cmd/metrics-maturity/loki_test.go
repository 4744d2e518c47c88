package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// lokiBench is an organisation whose Grafana log is in Loki, and whose older Grafana wrote files.
type lokiBench struct {
	*testserver.ScriptedLoki
	dir   string
	now   time.Time
	log   bytes.Buffer // of the last command
	lines []string     // in Loki
}

func newLokiBench(t *testing.T) *lokiBench {
	t.Helper()
	t.Setenv(envHashKey, "a key that only tests know")
	b := &lokiBench{ScriptedLoki: testserver.NewScriptedLoki(t), dir: t.TempDir(), now: thursday}
	b.Limit = 100
	for i := range 400 {
		b.lines = append(b.lines, view(fmt.Sprint("user", i%7), b.now.Add(time.Duration(i-420)*20*time.Minute)))
	}
	b.send(b.lines)
	b.write(t, "old.log", view("alice", b.now.Add(-time.Hour))+"\n")
	return b
}

// send pushes lines with the times that they hold.
func (b *lokiBench) send(lines []string) {
	for _, line := range lines {
		_, rest, _ := strings.Cut(line, " t=")
		text, _, _ := strings.Cut(rest, " ")
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			panic(err)
		}
		b.Push(map[string]string{"app": "grafana"}, []testserver.LokiLine{{At: at.UnixNano(), Line: line}, {At: at.UnixNano(), Line: "noise"}})
	}
}

func (b *lokiBench) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// configure names where the lines of the source grafana are.
func (b *lokiBench) configure(t *testing.T, where string) {
	t.Helper()
	b.write(t, "c.yaml", `sources:
  - {name: grafana, type: grafana-log, `+where+`}
  - {name: old, type: grafana-log, files: [old.log]}
teams: [{name: payments, members: [alice, user1, user2]}]
export: {textfile: metrics.prom}
`)
}

// loki is a source's settings for a Loki at url.
func (b *lokiBench) loki(url, more string) string {
	return fmt.Sprintf(`loki: {url: %q, query: '{app="grafana"}', retries: 0, lookback: 30d, %s}`, url, more)
}

// run executes a command and returns its output and exit code.
func (b *lokiBench) run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	b.log.Reset()
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &b.log, now: func() time.Time { return b.now }, leaseDuration: time.Second}
	err := a.run(t.Context(), append(args, "--config", filepath.Join(b.dir, "c.yaml")))
	if err != nil {
		printError(&b.log, err)
	}
	return out.String(), exitCode(err)
}

// up is what the metrics of the last run say of a source.
func (b *lokiBench) up(t *testing.T, source string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "metrics.prom"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), fmt.Sprintf("metrics_maturity_source_up{source=%q} ", source))
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		err = conn.Close()
	}
	if err != nil {
		panic(err)
	}
}

// TestLokiTroubles: whatever ails Loki, the other source is read and exported, exit code, metric and one line of the log say it, and the
// next run catches up: nothing is lost or counted twice.
func TestLokiTroubles(t *testing.T) {
	type trouble func(t *testing.T, b *lokiBench) (where string, heal func() string)
	before := func(f func(n int64, w http.ResponseWriter, r *http.Request) bool) trouble {
		return func(_ *testing.T, b *lokiBench) (string, func() string) {
			var n atomic.Int64
			b.Before = func(w http.ResponseWriter, r *http.Request) bool { return f(n.Add(1), w, r) }
			where := b.loki(b.URL, "timeout: 1s")
			return where, func() string { b.Before = nil; return where }
		}
	}
	for name, c := range map[string]struct {
		trouble trouble
		says    string
	}{
		"down at start": {func(_ *testing.T, b *lokiBench) (string, func() string) {
			return b.loki("http://"+testserver.Addr(t), ""), func() string { return b.loki(b.URL, "") }
		}, "can't connect: connection refused"},
		"dies in the middle": {before(func(n int64, w http.ResponseWriter, _ *http.Request) bool {
			if n > 3 {
				hangUp(w)
			}
			return n > 3
		}), "the connection broke"},
		"slow": {before(func(n int64, _ http.ResponseWriter, r *http.Request) bool {
			if n > 2 {
				<-r.Context().Done()
			}
			return n > 2
		}), "no whole answer in time"},
		"rubbish": {before(func(n int64, w http.ResponseWriter, _ *http.Request) bool {
			if n > 2 {
				_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"streams","result":[{"values":"`+view("mallory", thursday)+`"}]}}`)
			}
			return n > 2
		}), "the answer holds no JSON of Loki's"},
		"expired token": {func(t *testing.T, b *lokiBench) (string, func() string) {
			b.Before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Authorization") == "Bearer fresh" && r.Header.Get("X-Scope-OrgID") == "team-a" {
					return false
				}
				http.Error(w, "token expired", http.StatusUnauthorized)
				return true
			}
			b.write(t, "token", "expired")
			where := b.loki(b.URL, "token_file: token, tenant: team-a")
			return where, func() string { b.write(t, "token", "fresh\n"); return where }
		}, "401 Unauthorized"},
		"wrong CA": {func(t *testing.T, b *lokiBench) (string, func() string) {
			s := httptest.NewUnstartedServer(b.Config.Handler)
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.StartTLS()
			t.Cleanup(s.Close)
			other, err := os.ReadFile("testdata/other-ca.pem")
			if err != nil {
				t.Fatal(err)
			}
			b.write(t, "ca.pem", string(other))
			where := b.loki(s.URL, "tls: {ca_file: ca.pem}")
			return where, func() string {
				b.write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
				return where
			}
		}, "signed by an authority that is not trusted"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newLokiBench(t)
			where, heal := c.trouble(t, b)
			b.configure(t, where)
			_, code := b.run(t, "run")
			said := b.log.String()
			if code != exitFailed || b.up(t, "grafana") != "0" || b.up(t, "old") != "1" {
				t.Errorf("exit code %d, grafana up %q, old up %q\n%s", code, b.up(t, "grafana"), b.up(t, "old"), said)
			}
			if strings.Count(said, "source failed") != 1 || !strings.Contains(said, c.says) || !strings.Contains(said, "hint: ") || strings.Contains(said, "mallory") {
				t.Errorf("said, without %q:\n%s", c.says, said)
			}

			b.configure(t, heal())
			b.now = b.now.Add(time.Hour)
			late := []string{view("user1", b.now.Add(-30*time.Minute)), view("user2", thursday.Add(-2*time.Minute))}
			b.send(late)
			b.lines = append(b.lines, late...)
			for range 2 {
				if _, code := b.run(t, "run"); code != 0 || b.up(t, "grafana") != "1" {
					t.Fatalf("the next run: exit code %d\n%s", code, &b.log)
				}
			}
			got, _ := b.run(t, "days")
			if diff := cmp.Diff(b.asFile(t), got); diff != "" {
				t.Errorf("not what a file gives (-file +loki):\n%s", diff)
			}
		})
	}
}

// asFile is what is stored if the lines are in a file, read at once.
func (b *lokiBench) asFile(t *testing.T) string {
	t.Helper()
	whole := &lokiBench{dir: t.TempDir(), now: b.now}
	whole.write(t, "grafana.log", strings.Join(b.lines, "\n")+"\n")
	whole.write(t, "old.log", view("alice", thursday.Add(-time.Hour))+"\n")
	whole.configure(t, "files: [grafana.log]")
	if _, code := whole.run(t, "run"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &whole.log)
	}
	out, _ := whole.run(t, "days")
	return out
}

// TestCheckReachesLoki: check takes a sample of the last day, and says what is wrong.
func TestCheckReachesLoki(t *testing.T) {
	b := newLokiBench(t)
	b.configure(t, b.loki(b.URL, ""))
	out, code := b.run(t, "check")
	if code != 0 || !regexp.MustCompile(`grafana +grafana-log +yes +yes .* [1-9][0-9]* +0 +[1-9]`).MatchString(out) {
		t.Errorf("exit code %d\n%s%s", code, out, &b.log)
	}
	b.configure(t, strings.ReplaceAll(b.loki(b.URL, ""), `app="grafana"`, `app="other"`))
	out, code = b.run(t, "check")
	if code != exitFailed || !strings.Contains(out, "problem: source grafana: loki: the query matches no stream") {
		t.Errorf("exit code %d\n%s%s", code, out, &b.log)
	}
}

// TestQueryLogInLoki: of a query log, evaluations of rules are counted where they are, and the days are those of a file.
func TestQueryLogInLoki(t *testing.T) {
	t.Setenv(envHashKey, "a key that only tests know")
	b := &lokiBench{ScriptedLoki: testserver.NewScriptedLoki(t), dir: t.TempDir(), now: thursday}
	var text strings.Builder
	for i := range 3000 {
		at := b.now.Add(time.Duration(i-3200) * 3 * time.Minute)
		line := fmt.Sprintf(`{"time":%q,"level":"INFO","msg":"promql query logged","params":{"query":"up"},"ruleGroup":{"file":"r.yaml","name":"g"}}`, at.Format(time.RFC3339Nano))
		if i%10 == 0 {
			line = fmt.Sprintf(`{"time":%q,"level":"INFO","msg":"promql query logged","params":{"query":"rate(x%d[5m])"},"httpRequest":{"clientIP":"10.1.2.%d","method":"GET","path":"/api/v1/query"}}`,
				at.Format(time.RFC3339Nano), i%50, i%7)
		}
		text.WriteString(line + "\n")
		b.Push(map[string]string{"app": "prometheus"}, []testserver.LokiLine{{At: at.UnixNano(), Line: line}})
	}
	b.write(t, "query.log", text.String())
	said := ""
	days := func(where string) string {
		b.write(t, "c.yaml", "store: {url: \"sqlite:"+fmt.Sprint(len(where))+".db\"}\nsources: [{name: promql, type: prometheus-query-log, "+where+"}]\nteams: [{name: a, clients: [10.1.2.3]}]\n")
		if _, code := b.run(t, "collect"); code != 0 {
			t.Fatalf("exit code %d\n%s", code, &b.log)
		}
		said = b.log.String()
		out, _ := b.run(t, "days")
		return out
	}
	file := days("files: [query.log]")
	loki := days(fmt.Sprintf(`loki: {url: %q, query: '{app="prometheus"}'}`, b.URL))
	if diff := cmp.Diff(file, loki); diff != "" || !strings.Contains(file, "rule_evaluation") {
		t.Errorf("(-file +loki):\n%s", diff)
	}
	if !strings.Contains(said, "lines=300 ") {
		t.Errorf("more than the 300 lines of queries travelled:\n%s", said)
	}
}
