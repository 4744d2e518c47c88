package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/kube/fakeapi"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// ailing is an organisation that reads pods, resources and a file.
type ailing struct {
	*fakeapi.Server
	dir  string
	good string // kubeconfig
}

func (a *ailing) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *ailing) run(t *testing.T, now time.Time, args ...string) (out, said string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := &app{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: func() time.Time { return now }, leaseDuration: time.Second}
	err := cmd.run(t.Context(), append(args, "--config", filepath.Join(a.dir, "c.yaml")))
	if err != nil {
		printError(&stderr, err)
	}
	if strings.Contains(stderr.String(), "alice") {
		t.Errorf("an answer is quoted:\n%s", &stderr)
	}
	return stdout.String(), stderr.String(), exitCode(err)
}

func (a *ailing) config(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(a.dir, "c.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestClusterFails: whatever ails a cluster's API, other sources are read, the exit code, the metric and one line of the log for each
// source say it, and the next run catches up with nothing lost or counted twice.
func TestClusterFails(t *testing.T) {
	if testing.Short() {
		t.Skip("attempts are repeated for a quarter of a minute")
	}
	field := func(name, value string) func(*testing.T, *ailing) {
		return func(t *testing.T, a *ailing) {
			a.write(t, "kubeconfig", regexp.MustCompile(name+`: [^,}]+`).ReplaceAllString(a.good, name+": "+value))
		}
	}
	hook := func(f http.HandlerFunc) func(*testing.T, *ailing) {
		return func(_ *testing.T, a *ailing) {
			a.Hook(func(w http.ResponseWriter, r *http.Request) bool { f(w, r); return true })
		}
	}
	tests := map[string]func(*testing.T, *ailing){
		"down": func(t *testing.T, a *ailing) { field("server", "https://"+testserver.Addr(t))(t, a) },
		"dies": hook(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"items":[{"metadata":{"name":"alice`)
		}),
		"slow": func(t *testing.T, a *ailing) {
			a.write(t, "c.yaml", strings.ReplaceAll(a.config(t), "kubeconfig: kubeconfig", "kubeconfig: kubeconfig, timeout: 100ms"))
			hook(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })(t, a)
		},
		"rubbish":       hook(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>alice") }),
		"expired token": func(_ *testing.T, a *ailing) { a.Token("another") },
		"wrong CA": func(t *testing.T, a *ailing) {
			field("certificate-authority-data", base64.StdEncoding.EncodeToString([]byte(otherCA(t))))(t, a)
		},
	}
	for name, breaks := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &ailing{Server: fakeapi.New(t), dir: t.TempDir()}
			config, err := os.ReadFile(a.Kubeconfig(t, ""))
			if err != nil {
				t.Fatal(err)
			}
			a.good = string(config)
			a.write(t, "kubeconfig", a.good)
			a.write(t, "key", "a key that only tests know")
			a.write(t, "old.log", view("alice", thursday)+"\n")
			a.write(t, "c.yaml", `sources:
  - {name: pods, type: grafana-log, kubernetes: {namespace: grafana, selector: "app=grafana", kubeconfig: kubeconfig}}
  - {name: crds, type: rules-kubernetes, kubernetes: {namespace: "*", kubeconfig: kubeconfig}}
  - {name: old, type: grafana-log, files: [old.log]}
teams: [{name: payments, members: [alice, bob], rules: {paths: ["payments/**"]}}]
privacy: {hash_key_file: key}
export: {textfile: out.prom}
`)
			set := func(limit int, at time.Time) {
				a.SetRule("payments", "slo", nil, []any{map[string]any{"name": "g", "rules": []any{map[string]any{"alert": "Slow", "expr": fmt.Sprintf("a > %d", limit)}}}}, "kubectl-edit", at)
			}
			pod := a.AddPod("grafana", "grafana-a", map[string]string{"app": "grafana"}, thursday, "grafana")
			look(pod, "bob", thursday.Add(time.Minute))
			set(1, thursday)
			if _, said, code := a.run(t, thursday.Add(time.Hour), "run"); code != 0 {
				t.Fatalf("exit %d\n%s", code, said)
			}

			look(pod, "bob", thursday.Add(2*time.Hour))
			set(2, thursday.Add(2*time.Hour))
			a.write(t, "old.log", view("alice", thursday)+"\n"+view("alice", thursday.Add(2*time.Hour))+"\n")
			breaks(t, a)
			_, said, code := a.run(t, thursday.Add(3*time.Hour), "run")
			if code != exitFailed || strings.Count(said, "source failed") != 2 || !strings.Contains(said, "hint: ") {
				t.Errorf("exit %d\n%s", code, said)
			}
			metrics, err := os.ReadFile(filepath.Join(a.dir, "out.prom"))
			for source, up := range map[string]string{"pods": "0", "crds": "0", "old": "1"} {
				if err != nil || !strings.Contains(string(metrics), fmt.Sprintf("metrics_maturity_source_up{source=%q} %s\n", source, up)) {
					t.Errorf("%s is not shown as %s: %v", source, up, err)
				}
			}

			a.Hook(nil)
			a.Token("")
			a.write(t, "kubeconfig", a.good)
			for range 2 {
				if _, said, code := a.run(t, thursday.Add(4*time.Hour), "run"); code != 0 {
					t.Errorf("exit %d\n%s", code, said)
				}
			}
			out, _, _ := a.run(t, thursday.Add(4*time.Hour), "days", "--format", "csv")
			for want, n := range map[string]int{",view,payments,": 2, ",counted,": 3, ",rule,payments,crds:payments/slo,Slow,threshold_changed,counted,": 1} {
				if strings.Count(out, want) != n {
					t.Errorf("not %d times %q in\n%s", n, want, out)
				}
			}
			if views := regexp.MustCompile(`(?m),view,.*,2,`).FindAllString(out, -1); len(views) != 2 {
				t.Errorf("not two looks of each source in\n%s", out)
			}
		})
	}
}
