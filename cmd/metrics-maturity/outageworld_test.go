package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/kube/fakeapi"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// outageStep is how much time passes between two runs.
const outageStep = 5 * time.Minute

// outageSources are the sources of an outageWorld, in the order in which they are configured.
var outageSources = []string{"grafana", "promql", "pods", "inventory", "prom", "crds", "rules"}

// outageWorld is an organisation with a source of every transport, in which things happen that depend on a seed alone: two worlds of
// one seed differ in nothing but what goes wrong.
type outageWorld struct {
	t    *testing.T
	dir  string
	now  time.Time
	seed uint64
	said bytes.Buffer // of the last command

	store   string // address
	loki    *testserver.ScriptedLoki
	cluster *fakeapi.Server
	pod     *fakeapi.Pod
	git     *gitServer
	fronts  map[string]*front // by source
	healthy map[string]string // kubeconfig by source, while its server is there

	mu          sync.Mutex // guards what servers answer
	threshold   int        // of the rule that Prometheus has loaded
	annotations []string
	ails        map[string]string // what is wrong, by source
	asked       map[string]int    // requests since it began to be wrong
}

func newOutageWorld(t *testing.T, seed uint64, store string, begin time.Time) *outageWorld {
	t.Helper()
	w := &outageWorld{t: t, dir: t.TempDir(), now: begin, seed: seed, store: store, loki: testserver.NewScriptedLoki(t), cluster: fakeapi.New(t), git: newGitServer(t),
		fronts: map[string]*front{}, healthy: map[string]string{}, threshold: 1, ails: map[string]string{}, asked: map[string]int{}}
	w.loki.Limit = 40 // several pages a run
	w.loki.Before = func(rw http.ResponseWriter, r *http.Request) bool { return w.ailing("promql", rw, r) }
	w.git.ails = func(rw http.ResponseWriter, r *http.Request) bool { return w.ailing("rules", rw, r) }
	w.cluster.Hook(func(rw http.ResponseWriter, r *http.Request) bool {
		source := "pods"
		if strings.Contains(r.URL.Path, "prometheusrules") {
			source = "crds"
		}
		return w.ailing(source, rw, r)
	})
	w.fronts["promql"] = newFront(t, w.loki.Config.Handler)
	w.fronts["inventory"] = newFront(t, http.HandlerFunc(w.serveGrafana))
	w.fronts["prom"] = newFront(t, http.HandlerFunc(w.serveProm))
	w.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.git.Certificate().Raw})))
	w.write("credentials", strings.Replace(w.git.URL, "https://", "https://reader:good-token@", 1)+"\n")
	w.write("key", "a key that only tests know")
	text, err := os.ReadFile(w.cluster.Kubeconfig(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{"pods", "crds"} {
		w.healthy[source] = string(text)
	}
	w.past()
	return w
}

// past is what happened before the test begins: weeks in which people looked every day.
func (w *outageWorld) past() {
	var log strings.Builder
	var asked []testserver.LokiLine
	rnd := rand.New(rand.NewPCG(w.seed, 1<<32))
	for day := -70; day < 0; day++ {
		for i, who := range []string{"alice", "bob", "carol", "dave"} {
			if rnd.IntN(3) == 0 {
				continue
			}
			at := w.now.AddDate(0, 0, day).Truncate(24 * time.Hour).Add(8*time.Hour + time.Duration(rnd.Int64N(int64(9*time.Hour))))
			log.WriteString(view(who, at) + "\n")
			if day > -25 {
				asked = append(asked, testserver.LokiLine{At: at.UnixNano(), Line: outageQuery(at, "10.1.0.7", i)})
			}
		}
	}
	w.write("logs/grafana.log", log.String())
	w.loki.Push(map[string]string{"app": "prometheus"}, asked)
	w.pod = w.cluster.AddPod("grafana", "grafana-a", map[string]string{"app": "grafana"}, w.now.AddDate(0, 0, -1), "grafana")
	look(w.pod, "dave", w.now.Add(-time.Hour))
	w.setResource(w.now.AddDate(0, 0, -3))
	w.git.commit(w.t, "1", w.now.AddDate(0, 0, -40).Format(time.RFC3339))
}

// outageQuery is a line of Prometheus' query log.
func outageQuery(at time.Time, from string, n int) string {
	return fmt.Sprintf(`{"time":%q,"level":"INFO","msg":"promql query logged","params":{"query":"rate(pay_%d_total[5m])"},"httpRequest":{"clientIP":%q,"method":"GET","path":"/api/v1/query"}}`,
		at.Format(time.RFC3339Nano), n, from)
}

func (w *outageWorld) setResource(at time.Time) {
	w.cluster.SetRule("payments", "slo", nil, []any{map[string]any{"name": "g", "rules": []any{
		map[string]any{"alert": "Slow", "expr": fmt.Sprintf("pay_seconds > %d", w.threshold)},
	}}}, "kubectl-edit", at)
}

// step lets time pass, and what happens in it happen.
func (w *outageWorld) step(n int) {
	rnd := rand.New(rand.NewPCG(w.seed, uint64(n)))
	began := w.now
	w.now = w.now.Add(outageStep)
	moment := func(i, of int) time.Time { return began.Add(outageStep * time.Duration(i+1) / time.Duration(of+1)) }
	people := []string{"alice", "bob", "carol", "dave", "sa-1-robot"}
	var log strings.Builder
	looks := rnd.IntN(4)
	for i := range looks {
		log.WriteString(view(people[rnd.IntN(len(people))], moment(i, looks)) + "\n")
	}
	if rnd.IntN(8) == 0 {
		log.WriteString(`logger=context uname="a line that is cut off msg="Request Completed` + "\n")
	}
	w.append("logs/grafana.log", log.String())
	queries := rnd.IntN(120)
	for i := range queries {
		line := outageQuery(moment(i, queries), []string{"10.1.0.7", "10.1.0.8", "10.9.0.2"}[rnd.IntN(3)], rnd.IntN(20))
		if rnd.IntN(60) == 0 {
			line = line[:len(line)/2]
		}
		w.loki.Push(map[string]string{"app": "prometheus", "pod": fmt.Sprint(i % 2)}, []testserver.LokiLine{{At: moment(i, queries).UnixNano(), Line: line}})
	}
	for i := range rnd.IntN(3) {
		look(w.pod, people[rnd.IntN(len(people))], moment(i, 3))
	}
	w.change(n)
}

// change lets people change rules, write an annotation, and logs rotate. What is known by snapshots alone is not changed late in
// the evening: it counts for the day on which it is seen.
func (w *outageWorld) change(n int) {
	evening := w.now.Hour() >= 22
	w.mu.Lock()
	if n%17 == 8 && !evening {
		w.threshold++
	}
	if n%13 == 6 {
		w.annotations = append(w.annotations, fmt.Sprintf(`{"id":%d,"created":%[2]d,"time":%[2]d,"dashboardUID":"abc","login":"alice","tags":["decision"]}`, n, w.now.Add(-time.Minute).UnixMilli()))
	}
	w.mu.Unlock()
	if n%23 == 8 && !evening {
		w.setResource(w.now.Add(-time.Minute))
	}
	if n%19 == 9 {
		w.git.commit(w.t, fmt.Sprint(n), w.now.Add(-time.Minute).Format(time.RFC3339))
	}
	if n%40 == 7 {
		w.pod.Restart("grafana", w.now)
	}
	if n%6 == 5 {
		if err := os.Rename(filepath.Join(w.dir, "logs/grafana.log"), filepath.Join(w.dir, fmt.Sprintf("logs/grafana.log.%d", n))); err != nil {
			w.t.Fatal(err)
		}
		w.write("logs/grafana.log", "")
	}
}

func (w *outageWorld) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	writeFile(w.t, path, text)
}

func (w *outageWorld) append(name, text string) {
	w.t.Helper()
	before, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(name, string(before)+text)
}

// serveProm answers as a Prometheus whose rule is changed now and then.
func (w *outageWorld) serveProm(rw http.ResponseWriter, r *http.Request) {
	if w.ailing("prom", rw, r) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch r.URL.Path {
	case "/api/v1/rules":
		_, _ = fmt.Fprintf(rw, `{"status":"success","data":{"groups":[{"name":"g","file":"pay.yml","rules":[{"type":"alerting","name":"Burn","query":"rate(pay_errors_total[5m]) > %d"}]}]}}`, w.threshold)
	case "/api/v1/label/__name__/values":
		names := `"up"`
		for i := range w.threshold {
			names += fmt.Sprintf(`,"pay_%d_total"`, i)
		}
		_, _ = fmt.Fprintf(rw, `{"status":"success","data":[%s]}`, names)
	default:
		http.NotFound(rw, r)
	}
}

// serveGrafana answers as a Grafana with one dashboard, to which people write annotations.
func (w *outageWorld) serveGrafana(rw http.ResponseWriter, r *http.Request) {
	if w.ailing("inventory", rw, r) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	answers := map[string]string{
		"/api/org": `{"id":1,"name":"Main Org."}`, "/api/org/users": `[]`, "/api/datasources": `[]`,
		"/api/teams/search": `{"totalCount":1,"teams":[{"id":1,"name":"payments"}]}`, "/api/teams/1/members": `[{"login":"alice"}]`,
		"/api/library-elements": `{"result":{"elements":[]}}`, "/api/ruler/grafana/api/v1/rules": `{}`,
		"/api/dashboards/uid/abc": `{"meta":{"version":1},"dashboard":{"panels":[{"targets":[{"expr":"rate(pay_1_total[5m])"}]}]}}`,
		"/api/annotations":        "[" + strings.Join(w.annotations, ",") + "]", "/api/search": `[]`,
	}
	if r.URL.Query().Get("type") == "dash-db" {
		answers["/api/search"] = `[{"uid":"abc","title":"T"}]`
	}
	text, ok := answers[r.URL.Path]
	if !ok {
		http.NotFound(rw, r)
		return
	}
	_, _ = fmt.Fprint(rw, text)
}

// configure writes the configuration: one whose servers are there, but for what ails sources by their address, and with little
// patience for those that are slow.
func (w *outageWorld) configure() {
	kubeconfig, timeout, repository := map[string]string{}, map[string]string{}, w.git.URL
	for _, source := range outageSources {
		timeout[source] = "30s"
		if w.ails[source] == "slow" {
			timeout[source] = "200ms"
		}
	}
	for source, text := range w.healthy {
		if w.ails[source] == "refused" {
			text = regexp.MustCompile(`server: [^,}]+`).ReplaceAllString(text, "server: https://"+testserver.Addr(w.t))
		}
		kubeconfig[source] = source + ".kubeconfig"
		w.write(kubeconfig[source], text)
	}
	if w.ails["rules"] == "refused" {
		repository = "https://" + testserver.Addr(w.t)
	}
	files := "logs"
	if w.ails["grafana"] != "" {
		files = "away" // as a volume that is not mounted
	}
	w.write("c.yaml", fmt.Sprintf(`timezone: UTC
store: {url: %q}
sources:
  - {name: grafana, type: grafana-log, files: ["%s/grafana.log*"]}
  - {name: promql, type: prometheus-query-log, loki: {url: %q, query: '{app="prometheus"}', retries: 0, lookback: 30d, timeout: %s}, grafana_clients: [10.9.0.0/24]}
  - {name: pods, type: grafana-log, kubernetes: {namespace: grafana, selector: "app=grafana", kubeconfig: %s, timeout: %s}}
  - {name: inventory, type: grafana-api, url: %q, retries: 0, timeout: %s}
  - {name: prom, type: prometheus-api, url: %q, retries: 0, timeout: %s}
  - {name: crds, type: rules-kubernetes, kubernetes: {namespace: "*", kubeconfig: %s, timeout: %s}}
  - {name: rules, type: rules-git, repository: "%s/rules/.git", credentials_file: credentials}
teams:
  - {name: payments, members: [alice, bob], clients: [10.1.0.7/32], metrics: ['{__name__=~"pay_.*"}'], rules: {labels: {team: payments}, paths: ["payments/**"]}, dashboards: [abc]}
  - {name: search, members: [carol, dave], clients: [10.1.0.8/32]}
privacy: {hash_key_file: key, min_team_size: 1}
export: {textfile: out.prom}
`, w.store, files, w.fronts["promql"].url(), timeout["promql"], kubeconfig["pods"], timeout["pods"], w.fronts["inventory"].url(), timeout["inventory"],
		w.fronts["prom"].url(), timeout["prom"], kubeconfig["crds"], timeout["crds"], repository))
}

// run executes a command at the world's time; stop ends it early.
func (w *outageWorld) run(stop context.Context, args ...string) (out string, code int) {
	w.t.Helper()
	var stdout bytes.Buffer
	w.said.Reset()
	a := &app{stdin: strings.NewReader(""), stdout: &stdout, stderr: &w.said, now: func() time.Time { return w.now }, leaseDuration: time.Second}
	err := a.run(stop, append(args, "--config", filepath.Join(w.dir, "c.yaml")))
	if err != nil {
		printError(&w.said, err)
	}
	return stdout.String(), exitCode(err)
}

// metrics are the series of a name that the last run exported, with their values.
func (w *outageWorld) metrics(name string) map[string]string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "out.prom"))
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if series, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && strings.HasPrefix(series, name+"{") {
			found[strings.TrimPrefix(series, name+"{")] = value
		}
	}
	return found
}

// front is a server that can be taken away and put back at its address.
type front struct {
	t       *testing.T
	addr    string
	handler http.Handler
	server  *http.Server
}

func newFront(t *testing.T, handler http.Handler) *front {
	t.Helper()
	f := &front{t: t, addr: "127.0.0.1:0", handler: handler}
	f.up()
	t.Cleanup(f.down)
	return f
}

func (f *front) url() string { return "http://" + f.addr }

func (f *front) up() {
	f.t.Helper()
	if f.server != nil {
		return
	}
	l, err := net.Listen("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.addr, f.server = l.Addr().String(), &http.Server{Handler: f.handler, ReadHeaderTimeout: time.Minute}
	go func(s *http.Server) { _ = s.Serve(l) }(f.server) // until it is closed
}

func (f *front) down() {
	if f.server != nil {
		_ = f.server.Close()
		f.server = nil
	}
}
