package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/kube/fakeapi"
	"github.com/metrics-maturity/metrics-maturity/collector/lease"
)

// cluster is a Kubernetes API, and an organisation that reads two replicas of Grafana there.
type cluster struct {
	*fakeapi.Server
	config string
	now    time.Time
	log    bytes.Buffer // of the last command
}

// thursday is when the tests begin.
var thursday = time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)

func newCluster(t *testing.T, more string) *cluster {
	t.Helper()
	t.Setenv(envHashKey, "a key that only tests know")
	c := &cluster{Server: fakeapi.New(t), now: thursday.Add(10 * time.Minute)}
	c.config = writeConfig(t, fmt.Sprintf(`sources: [{name: grafana, type: grafana-log, kubernetes: {namespace: grafana, selector: "app=grafana", kubeconfig: %q}}]
teams: [{name: payments, members: [alice, bob]}]
%s`, c.Kubeconfig(t, ""), strings.ReplaceAll(more, "KUBECONFIG", c.Kubeconfig(t, ""))))
	return c
}

func (c *cluster) grafana(name string) *fakeapi.Pod {
	return c.AddPod("grafana", name, map[string]string{"app": "grafana"}, c.now, "grafana", "istio-proxy")
}

// view is the line of a look at a dashboard.
func view(login string, at time.Time) string {
	return fmt.Sprintf(`logger=context userId=2 orgId=1 uname=%s t=%s level=info msg="Request Completed" method=GET `+
		`path=/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/abc/dto status=200 remote_addr=127.0.0.1 time_ms=17 duration=17ms size=5130 `+
		`referer="http://127.0.0.1:3000/d/abc/checkout?orgId=1" handler=/apis/* status_source=server`, login, at.Format(time.RFC3339Nano))
}

func look(p *fakeapi.Pod, login string, at time.Time) { p.Log("grafana", at, view(login, at)) }

// run executes a command at the cluster's time.
func (c *cluster) run(args ...string) (string, error) {
	var out bytes.Buffer
	c.log.Reset()
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &c.log, now: func() time.Time { return c.now }, leaseDuration: time.Second}
	err := a.run(context.Background(), append(args, "--config", c.config))
	return out.String(), err
}

// views counts the looks at dashboards that are stored.
func (c *cluster) views(t *testing.T) int {
	t.Helper()
	out, err := c.run("days", "--format", "csv")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range regexp.MustCompile(`(?m)^[-0-9]+,view,.*?,counted,[^,]*,([0-9]+)`).FindAllStringSubmatch(out, -1) {
		var k int
		if _, err := fmt.Sscan(m[1], &k); err != nil {
			t.Fatal(err)
		}
		n += k
	}
	return n
}

// missing returns the days of which a report a day later says that they are not covered.
func (c *cluster) missing(t *testing.T) []string {
	t.Helper()
	out, err := c.run("report", "--format", "json", "--as-of", c.now.AddDate(0, 0, 1).Format(time.RFC3339))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Sources []struct {
			Missing []string `json:"missing_days"`
		} `json:"sources"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	return report.Sources[0].Missing
}

// TestPodLogs follows two replicas through what happens to pods, with the command itself.
func TestPodLogs(t *testing.T) {
	c := newCluster(t, "")
	a, b := c.grafana("grafana-a"), c.grafana("grafana-b")
	want, said := 0, ""
	collect := func(added int) {
		t.Helper()
		want += added
		if _, err := c.run("collect"); err != nil {
			t.Fatalf("%v\n%s", err, &c.log)
		}
		said = c.log.String()
		if got := c.views(t); got != want {
			t.Fatalf("%d views are stored, want %d", got, want)
		}
	}
	at := func(d time.Duration) time.Time { return thursday.Add(d) }
	look(a, "alice", at(time.Minute))
	look(b, "bob", at(2*time.Minute))
	a.Log("istio-proxy", at(time.Minute), "not ours")
	collect(2)
	collect(0)

	look(a, "alice", at(time.Hour)) // before a restart, and after it
	a.Restart("grafana", at(61*time.Minute))
	look(a, "alice", at(62*time.Minute))
	c.now = at(2 * time.Hour)
	collect(2)
	if got := c.missing(t); len(got) > 0 {
		t.Errorf("nothing was lost, and %v are missing", got)
	}

	c.now = at(24 * time.Hour) // Friday: the log is rotated between two runs
	look(a, "alice", at(23*time.Hour))
	look(b, "bob", at(24*time.Hour))
	collect(2)
	look(b, "bob", at(25*time.Hour)) // lost
	b.Rotate("grafana")
	look(b, "bob", at(26*time.Hour))
	c.now = at(27 * time.Hour)
	collect(1)
	if got := c.missing(t); !strings.Contains(said, "the kubelet rotated the log") || !slices.Equal(got, []string{"2026-11-13"}) {
		t.Errorf("missing are %v, want Friday:\n%s", got, said)
	}

	c.now = at(96 * time.Hour) // Monday: a rolling restart
	look(a, "alice", at(95*time.Hour))
	collect(1)
	look(a, "alice", at(96*time.Hour+time.Minute)) // lost
	a.Delete()
	look(c.grafana("grafana-c"), "alice", at(96*time.Hour+2*time.Minute))
	b.Delete()
	look(c.grafana("grafana-d"), "bob", at(96*time.Hour+3*time.Minute))
	c.now = at(97 * time.Hour)
	collect(2)
	// Nobody looked on the weekend, which is as good as no log: days without a line are not covered.
	if got := c.missing(t); strings.Count(said, "the pod was deleted") == 0 || !slices.Equal(got, []string{"2026-11-13", "2026-11-14", "2026-11-15", "2026-11-16"}) {
		t.Errorf("missing are %v, want Friday to Monday:\n%s", got, said)
	}
	collect(0)
	if strings.Contains(said, "deleted") {
		t.Errorf("it is told again:\n%s", said)
	}
}

// TestPodLogsRefused: a source that may not be read fails, says what it lacks, and catches up.
func TestPodLogsRefused(t *testing.T) {
	c := newCluster(t, "export: {textfile: out.prom}\n")
	look(c.grafana("grafana-a"), "alice", thursday.Add(time.Minute))
	textfile := filepath.Join(filepath.Dir(c.config), "out.prom")
	for name, step := range map[string]struct {
		before, after func()
		want          string
	}{
		"list": {func() { c.Deny("list", "pods", true) }, func() { c.Deny("list", "pods", false) }, `resources: [pods], verbs: [list]`},
		"log":  {func() { c.Deny("get", "pods/log", true) }, func() { c.Deny("get", "pods/log", false) }, `resources: [pods/log], verbs: [get]`},
		"none": {func() {
			c.Hook(func(w http.ResponseWriter, _ *http.Request) bool {
				fakeapi.Refuse(w, http.StatusNotFound, "NotFound", 0)
				return true
			})
		}, func() { c.Hook(nil) }, "404 Not Found"},
		"token": {func() { c.Token("another") }, func() { c.Token("") }, "has the token expired?"},
	} {
		step.before()
		_, err := c.run("run")
		if exitCode(err) != exitFailed || !strings.Contains(fmt.Sprint(err), step.want) {
			t.Errorf("%s: exit code %d: %v", name, exitCode(err), err)
		}
		text, failure := os.ReadFile(textfile)
		if failure != nil || !strings.Contains(string(text), `metrics_maturity_source_up{source="grafana"} 0`) {
			t.Errorf("%s: the source is not shown as down: %v", name, failure)
		}
		if strings.Contains(c.log.String()+fmt.Sprint(err), "alice") {
			t.Errorf("%s: a person is named:\n%s\n%v", name, &c.log, err)
		}
		step.after()
	}
	if out, err := c.run("run"); err != nil {
		t.Fatal(err, out)
	}
	if got := c.views(t); got != 1 {
		t.Errorf("%d views are stored, want 1", got)
	}
}

// TestCheckReadsPods: a check reaches the cluster and shows a sample.
func TestCheckReadsPods(t *testing.T) {
	c := newCluster(t, "")
	look(c.grafana("grafana-a"), "alice", thursday.Add(time.Minute))
	out, err := c.run("check")
	if err != nil || !regexp.MustCompile(`grafana +grafana-log +yes +yes .* 1 +0 +1 +100%`).MatchString(out) {
		t.Errorf("%v\n%s", err, out)
	}
	c.Deny("list", "pods", true)
	if out, err = c.run("check"); err == nil || !strings.Contains(out, "verbs: [list]") {
		t.Errorf("%v\n%s", err, out)
	}
}

const withLease = "lease: {namespace: observability, name: maturity, kubeconfig: \"KUBECONFIG\"}\n"

// TestRunsUnderALease: of two runs at once one works, and the other says who does.
func TestRunsUnderALease(t *testing.T) {
	c := newCluster(t, withLease)
	look(c.grafana("grafana-a"), "alice", thursday.Add(time.Minute))
	reading, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c.Hook(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/log") {
			once.Do(func() { close(reading) })
			<-goOn
		}
		return false
	})
	first := make(chan error, 1)
	go func() {
		a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, now: func() time.Time { return c.now }, leaseDuration: time.Second}
		first <- a.run(t.Context(), []string{"run", "--config", c.config})
	}()
	<-reading
	if _, err := c.run("run"); err != nil {
		t.Error(err)
	}
	if !regexp.MustCompile(`msg="nothing was read: another run is at work" lease=observability/maturity holder=outside-the-cluster_[a-z0-9]{8}\n`).MatchString(c.log.String()) {
		t.Errorf("the second run says:\n%s", &c.log)
	}
	close(goOn)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if got := c.views(t); got != 1 {
		t.Errorf("%d views are stored, want 1", got)
	}
	if spec := c.Lease("observability", "maturity"); spec["holderIdentity"] != "" {
		t.Errorf("the lease was not given back: %v", spec)
	}
}

// TestRunLosesItsLease: it stops at the next commit, says so, and the next run goes on.
func TestRunLosesItsLease(t *testing.T) {
	c := newCluster(t, withLease)
	look(c.grafana("grafana-a"), "alice", thursday.Add(time.Minute))
	c.Hook(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.Contains(r.URL.Path, "/leases") && r.Method == http.MethodPut:
			fakeapi.Refuse(w, http.StatusForbidden, "Forbidden", 0) // it can't be renewed
			return true
		case strings.HasSuffix(r.URL.Path, "/log"):
			<-r.Context().Done()
			return true
		}
		return false
	})
	_, err := c.run("run")
	if !errors.Is(err, lease.ErrLost) || exitCode(err) != exitFailed {
		t.Errorf("exit code %d: %v", exitCode(err), err)
	}
	c.Hook(nil)
	if _, err := c.run("run"); err != nil { // takes the lease over
		t.Errorf("%v\n%s", err, &c.log)
	}
	if diff := cmp.Diff(1, c.views(t)); diff != "" {
		t.Error(diff)
	}
}

// TestRulesOfACluster: resources are read by snapshots, and the rules belong to whom the namespace, labels or annotations say.
func TestRulesOfACluster(t *testing.T) {
	t.Setenv(envHashKey, "a key that only tests know")
	c := &cluster{Server: fakeapi.New(t), now: thursday}
	c.config = writeConfig(t, fmt.Sprintf(`sources: [{name: crds, type: rules-kubernetes, kubernetes: {namespace: "*", selector: "role=alert-rules", kubeconfig: %q}}]
teams:
  - {name: payments, rules: {paths: ["payments/**"]}}
  - {name: checkout, rules: {labels: {squad: checkout}}}
`, c.Kubeconfig(t, "")))
	set := func(namespace, squad, expr, manager string) {
		labels := map[string]string{"role": "alert-rules", "squad": squad}
		c.SetRule(namespace, "slo", labels, []any{map[string]any{"name": "g", "rules": []any{map[string]any{"alert": "Slow" + namespace, "expr": expr}}}}, manager, c.now)
	}
	set("payments", "", "a > 1", "kubectl-edit")
	set("shop", "checkout", "b > 1", "argocd-controller")
	if _, err := c.run("collect"); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(24 * time.Hour)
	set("payments", "", "a > 2", "kubectl-edit")
	set("shop", "checkout", "b > 2", "argocd-controller")
	c.now = c.now.Add(time.Hour)
	if _, err := c.run("collect"); err != nil {
		t.Fatal(err)
	}
	out, err := c.run("days")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"kind":"rule","team":"payments","scope":"crds:payments/slo","subject":"Slowpayments","detail":"threshold_changed","outcome":"counted"`,
		`"kind":"rule","team":"","scope":"crds:shop/slo","subject":"Slowshop","detail":"threshold_changed","outcome":"automated","reason":"provisioning"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%swant %s", out, want)
		}
	}
	c.Deny("list", "prometheusrules", true)
	if _, err := c.run("collect"); exitCode(err) != exitFailed || !strings.Contains(err.Error(), "resources: [prometheusrules], verbs: [list]") {
		t.Errorf("refused: %v", err)
	}
}

// TestServeReadsPodsThatAreReplaced: between two collections that are an hour apart, two replicas are replaced one after the other, and
// what they said last is not lost.
func TestServeReadsPodsThatAreReplaced(t *testing.T) {
	c := newCluster(t, "serve: {listen: \"127.0.0.1:0\"}\n")
	old := []*fakeapi.Pod{c.grafana("grafana-a"), c.grafana("grafana-b")}
	for i, p := range old {
		look(p, "alice", thursday.Add(time.Duration(i)*time.Minute))
	}
	ctx, stop := context.WithCancel(t.Context())
	log := &watch{}
	ended := make(chan error, 1)
	following := make(chan string, 10)
	c.Hook(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("follow") == "true" {
			following <- r.URL.Path
		}
		return false
	})
	go func() {
		a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: log, now: func() time.Time { return c.now }, watchEvery: time.Hour}
		ended <- a.run(ctx, []string{"serve", "--config", c.config})
	}()
	log.wait(t, `msg=assessed`)
	for i, p := range old {
		p.Terminate()
		select {
		case <-following:
		case <-time.After(10 * time.Second):
			t.Fatalf("replica %d is not read while it ends\n%s", i, log)
		}
		look(p, "bob", thursday.Add(time.Duration(10+i)*time.Minute)) // its last words
		look(c.grafana(fmt.Sprint("grafana-", "cd"[i:i+1])), "alice", thursday.Add(time.Duration(20+i)*time.Minute))
		p.Delete()
		log.wait(t, fmt.Sprintf(`(?s)(msg="source read".*){%d}`, i+2))
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := c.run("collect"); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String()+c.log.String(), "lines are missing") {
		t.Errorf("something is missing:\n%s%s", log, &c.log)
	}
	if got := c.views(t); got != 6 {
		t.Errorf("%d views are stored, want 6\n%s", got, log)
	}
}
