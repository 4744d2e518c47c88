package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// gitServer gives a repository out over https to who has the token.
type gitServer struct {
	*httptest.Server
	dir    string // with the repository "rules" in it
	token  string
	broken http.HandlerFunc                              // answers instead, unless nil
	ails   func(http.ResponseWriter, *http.Request) bool // has answered, if true; nil: never
}

func newGitServer(t *testing.T) *gitServer {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	g := &gitServer{dir: t.TempDir(), token: "good-token"}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"), Stderr: io.Discard,
		Env: []string{"GIT_PROJECT_ROOT=" + g.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	if _, err := os.Stat(backend.Path); err != nil {
		testserver.Skip(t, "git can't serve https here", "install git with its http-backend")
	}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case g.ails != nil && g.ails(w, r):
		case g.broken != nil:
			g.broken(w, r)
		case user != "reader" || password != g.token:
			w.Header().Set("WWW-Authenticate", `Basic realm="rules"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			backend.ServeHTTP(w, r)
		}
	}))
	g.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

// commit writes an alert with a threshold, as Alice.
func (g *gitServer) commit(t *testing.T, threshold, date string) {
	t.Helper()
	dir := filepath.Join(g.dir, "rules")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	rule := "groups: [{name: g, rules: [{alert: Slow, expr: 'payments_seconds > " + threshold + "', labels: {team: payments}}]}]\n"
	if err := os.WriteFile(filepath.Join(dir, "slo.yaml"), []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"init -q -b main", "add -A", "commit -q -m change"} {
		cmd := exec.Command("git", strings.Fields(line)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+g.dir,
			"GIT_AUTHOR_NAME=Alice A", "GIT_AUTHOR_EMAIL=alice@corp.example", "GIT_AUTHOR_DATE="+date,
			"GIT_COMMITTER_NAME=Alice A", "GIT_COMMITTER_EMAIL=alice@corp.example", "GIT_COMMITTER_DATE="+date)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", line, err, out)
		}
	}
}

// TestGitFails: whatever ails the server of a repository, other sources are read, the exit code, the metric and one line of the log say it,
// and the next run catches up with nothing lost or counted twice. Credentials come from a file, and are never shown.
func TestGitFails(t *testing.T) {
	g := newGitServer(t)
	authority := filepath.Join(g.dir, "ca.pem")
	writeFile(t, authority, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.Certificate().Raw})))
	other := filepath.Join(g.dir, "other.pem")
	writeFile(t, other, otherCA(t))
	g.commit(t, "1", "2026-11-02T10:00:00Z")
	for i, ailment := range []struct {
		name   string
		breaks func(t *testing.T, a *ailing)
	}{
		{"down", func(t *testing.T, a *ailing) { a.gitConfig(t, "https://"+testserver.Addr(t)) }},
		{"dies", func(*testing.T, *ailing) {
			g.broken = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
				w.Header().Set("Content-Length", "1000")
				_, _ = io.WriteString(w, "001e# service=git-upload-pack\n0000")
			}
		}},
		{"rubbish", func(*testing.T, *ailing) {
			g.broken = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>alice") }
		}},
		{"refuses in words", func(*testing.T, *ailing) {
			g.broken = func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "alice may not", http.StatusInternalServerError)
			}
		}},
		{"refuses in its protocol", func(*testing.T, *ailing) {
			g.broken = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
				_, _ = io.WriteString(w, "001e# service=git-upload-pack\n0000"+"0015ERR alice may not")
			}
		}},
		{"slow", func(t *testing.T, _ *ailing) {
			t.Setenv("GIT_HTTP_LOW_SPEED_TIME", "1") // else two minutes
			g.broken = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		}},
		{"expired token", func(*testing.T, *ailing) { g.token = "another" }},
		{"wrong CA", func(t *testing.T, _ *ailing) { t.Setenv("GIT_SSL_CAINFO", other) }},
	} {
		t.Run(ailment.name, func(t *testing.T) {
			t.Setenv("GIT_SSL_CAINFO", authority)
			g.broken, g.token = nil, "good-token"
			a := &ailing{dir: t.TempDir()}
			a.write(t, "key", "a key that only tests know")
			a.write(t, "credentials", strings.Replace(g.URL, "https://", "https://reader:good-token@", 1)+"\n")
			a.gitConfig(t, g.URL)
			a.write(t, "old.log", view("alice", thursday)+"\n")
			if _, said, code := a.run(t, thursday.Add(time.Hour), "run"); code != 0 {
				t.Fatalf("exit %d\n%s", code, said)
			}
			before, _, _ := a.run(t, thursday, "days")

			g.commit(t, string(rune('2'+i)), thursday.Add(time.Duration(i+2)*time.Minute).Format(time.RFC3339))
			a.write(t, "old.log", view("alice", thursday)+"\n"+view("alice", thursday.Add(2*time.Hour))+"\n")
			ailment.breaks(t, a)
			_, said, code := a.run(t, thursday.Add(3*time.Hour), "run")
			metrics, err := os.ReadFile(filepath.Join(a.dir, "out.prom"))
			if err != nil {
				t.Fatal(err)
			}
			if code != exitFailed || strings.Count(said, `msg="source failed" source=rules`) != 1 || !strings.Contains(said, "hint: ") || strings.Contains(said, "token@") ||
				!strings.Contains(string(metrics), `metrics_maturity_source_up{source="rules"} 0`) || !strings.Contains(string(metrics), `metrics_maturity_source_up{source="old"} 1`) {
				t.Errorf("exit %d\n%s", code, said)
			}

			g.broken, g.token = nil, "good-token"
			t.Setenv("GIT_SSL_CAINFO", authority)
			a.gitConfig(t, g.URL)
			for range 2 { // once more changes nothing
				if _, said, code := a.run(t, thursday.Add(4*time.Hour), "run"); code != 0 {
					t.Fatalf("mended: exit %d\n%s", code, said)
				}
				after, _, _ := a.run(t, thursday, "days")
				if got := strings.Count(after, `"detail":"threshold_changed"`) - strings.Count(before, `"detail":"threshold_changed"`); got > 1 || !strings.Contains(after, `"day":"2026-11-12","kind":"rule"`) {
					t.Errorf("%d rows more of changes\n%s\n%s", got, before, after)
				}
				if !strings.Contains(after, `"kind":"view"`) || !strings.Contains(after, `"count":2`) {
					t.Errorf("the other source was not read:\n%s", after)
				}
			}
		})
	}
}

func (a *ailing) gitConfig(t *testing.T, url string) {
	t.Helper()
	a.write(t, "c.yaml", `sources:
  - {name: rules, type: rules-git, repository: "`+url+`/rules/.git", credentials_file: credentials}
  - {name: old, type: grafana-log, files: [old.log]}
teams: [{name: payments, members: [alice], rules: {labels: {team: payments}}}]
privacy: {hash_key_file: key}
export: {textfile: out.prom}
`)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
