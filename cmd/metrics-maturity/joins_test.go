package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/kube/fakeapi"
)

// joined is an organisation of which eight sources tell, most of them the same.
type joined struct {
	t       *testing.T
	dir     string
	cluster *fakeapi.Server
	grafana string // address
	prom    string
	phase   int // 0: the first reading of all; 1: after what is done
	now     time.Time
}

// The rules before and after. One is recorded newly, the alert gets another threshold.
var joinedRules = []string{
	"groups:\n- name: g\n  rules:\n  - {alert: Burn, expr: 'rate(pay_total[5m]) > 5'}\n",
	"groups:\n- name: g\n  rules:\n  - {alert: Burn, expr: 'rate(pay_total[5m]) > 7'}\n  - {record: 'pay:ratio', expr: 'rate(pay_total[5m]) / rate(pay_all[5m])'}\n",
}

func newJoined(t *testing.T) *joined {
	t.Helper()
	j := &joined{t: t, dir: t.TempDir(), cluster: fakeapi.New(t), now: thursday}
	g, p := httptest.NewServer(http.HandlerFunc(j.serveGrafana)), httptest.NewServer(http.HandlerFunc(j.serveProm))
	t.Cleanup(g.Close)
	t.Cleanup(p.Close)
	j.grafana, j.prom = g.URL, p.URL
	j.git("init", "-q", "-b", "main")
	j.commit("alice", joinedTimes[0])
	j.apply(joinedTimes[0])
	for name := range j.sources() {
		j.write(name+".yaml", j.config(name))
	}
	j.write("all.yaml", j.config(slices.Sorted(maps.Keys(j.sources()))...))
	return j
}

func (j *joined) sources() map[string]string {
	return map[string]string{
		"grafana":   "type: grafana-log, files: [grafana.log]",
		"nginx":     "type: nginx-log, files: [nginx.log]",
		"mimir":     "type: mimir-query-stats, files: [mimir.log]",
		"promql":    "type: prometheus-query-log, files: [query.log]",
		"inventory": fmt.Sprintf("type: grafana-api, url: %q, retries: 0", j.grafana),
		"prom":      fmt.Sprintf("type: prometheus-api, url: %q, retries: 0", j.prom),
		"crds":      fmt.Sprintf("type: rules-kubernetes, kubernetes: {namespace: '*', kubeconfig: %q}", j.kubeconfig()),
		"rules":     "type: rules-git, repository: rules",
	}
}

// routine is what the logs hold by now that is nobody's act in question, by which days are known to be covered.
func (j *joined) routine() map[string]string {
	logs := map[string]string{}
	for day := -49; ; day++ {
		at := thursday.AddDate(0, 0, day)
		if day > 0 || !at.Before(j.now) {
			return logs
		}
		logs["grafana.log"] += strings.ReplaceAll(view("bob", at), "abc", "other") + "\n"
		if day < -3 {
			continue
		}
		logs["nginx.log"] += fmt.Sprintf(`{"time":%q,"remote_addr":"10.0.0.9","request_uri":"/api/v1/query?query=up","status":"200","http_x_panel_id":"1"}`+"\n", at.Format(time.RFC3339))
		logs["mimir.log"] += fmt.Sprintf(`ts=%s level=info user=t msg="query stats" component=ruler query="up"`+"\n", at.Format(time.RFC3339))
		logs["query.log"] += fmt.Sprintf(`{"time":%q,"msg":"promql query logged","params":{"query":"up"},"ruleGroup":{"file":"r","name":"g"}}`+"\n", at.Format(time.RFC3339Nano))
	}
}

func (j *joined) kubeconfig() string {
	path := filepath.Join(j.dir, "kubeconfig")
	if _, err := os.Stat(path); err != nil {
		text, err := os.ReadFile(j.cluster.Kubeconfig(j.t, ""))
		if err != nil {
			j.t.Fatal(err)
		}
		j.write("kubeconfig", string(text))
	}
	return path
}

// config reads some of the sources into the one store.
func (j *joined) config(names ...string) string {
	var out strings.Builder
	out.WriteString("sources:\n")
	for _, name := range names {
		fmt.Fprintf(&out, "  - {name: %s, %s}\n", name, j.sources()[name])
	}
	return out.String() + `store: {url: "sqlite:maturity.db"}
teams:
  - {name: payments, members: [alice], clients: [10.1.0.0/16], metrics: ['{__name__=~"pay[_:].*"}'], dashboards: [abc]}
  - {name: platform, members: [bob], clients: [10.0.0.0/24]}
privacy: {min_team_size: 1}
`
}

func (j *joined) write(name, text string) {
	j.t.Helper()
	path := filepath.Join(j.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		j.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		j.t.Fatal(err)
	}
}

func (j *joined) git(args ...string) {
	j.t.Helper()
	dir := filepath.Join(j.dir, "rules")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		j.t.Fatal(err)
	}
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+j.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		j.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// commit writes the rules of the phase into git.
func (j *joined) commit(author string, at time.Time) {
	j.write("rules/pay.yaml", joinedRules[j.phase])
	j.git("add", "-A")
	stamp := at.Format(time.RFC3339)
	j.t.Setenv("GIT_COMMITTER_DATE", stamp)
	j.git("-c", "user.name=CI", "-c", "user.email=ci@corp.example", "commit", "-q", "-m", "rules", "--author", author+" <"+author+"@corp.example>", "--date", stamp)
}

// apply brings the rules of the phase to the cluster, as a person at a terminal would.
func (j *joined) apply(at time.Time) {
	rules := []any{map[string]any{"alert": "Burn", "expr": fmt.Sprintf("rate(pay_total[5m]) > %d", 5+2*j.phase)}}
	if j.phase > 0 {
		rules = append(rules, map[string]any{"record": "pay:ratio", "expr": "rate(pay_total[5m]) / rate(pay_all[5m])"})
	}
	j.cluster.SetRule("payments", "slo", nil, []any{map[string]any{"name": "g", "rules": rules}}, "kubectl-client-side-apply", at)
}

// serveProm answers as a Prometheus that has loaded the rules.
func (j *joined) serveProm(w http.ResponseWriter, r *http.Request) {
	rules, names := fmt.Sprintf(`{"type":"alerting","name":"Burn","query":"rate(pay_total[5m]) > %d"}`, 5+2*j.phase), `"pay_total"`
	if j.phase > 0 {
		rules += `,{"type":"recording","name":"pay:ratio","query":"rate(pay_total[5m]) / rate(pay_all[5m])"}`
		names += `,"pay:ratio"`
	}
	switch r.URL.Path {
	case "/api/v1/rules":
		fmt.Fprintf(w, `{"status":"success","data":{"groups":[{"name":"g","file":"pay.yaml","rules":[%s]}]}}`, rules)
	case "/api/v1/label/__name__/values":
		fmt.Fprintf(w, `{"status":"success","data":[%s]}`, names)
	default:
		http.NotFound(w, r)
	}
}

// serveGrafana answers as a Grafana into which alice imported the alert, and whose dashboard shows what is recorded.
func (j *joined) serveGrafana(w http.ResponseWriter, r *http.Request) {
	version := func(n int) string {
		return fmt.Sprintf(`{"labels":{},"grafana_alert":{"uid":"r1","title":"Burn","version":%d,"updated":%q,"updated_by":{"uid":"u1"},"namespace_uid":"f","condition":"C","data":[`+
			`{"refId":"A","datasourceUid":"p","model":{"expr":"rate(pay_total[5m])"}},`+
			`{"refId":"C","datasourceUid":"__expr__","model":{"type":"threshold","expression":"A","conditions":[{"evaluator":{"type":"gt","params":[%d]}}]}}]}}`,
			n, joinedTimes[n-1].Add(time.Hour).Format(time.RFC3339), 3+2*n)
	}
	answers := map[string]string{
		"/api/org": `{"id":1,"name":"Main Org."}`, "/api/org/users": `[{"userId":1,"uid":"u1","login":"alice"}]`,
		"/api/datasources": `[{"uid":"p","type":"prometheus"}]`, "/api/teams/search": `{"totalCount":0,"teams":[]}`,
		"/api/library-elements": `{"result":{"elements":[]}}`, "/api/annotations": `[]`,
		"/api/dashboards/uid/abc":                    `{"meta":{"version":1},"dashboard":{"panels":[{"datasource":{"uid":"p","type":"prometheus"},"targets":[{"expr":"pay:ratio"}]}]}}`,
		"/api/ruler/grafana/api/v1/rules":            fmt.Sprintf(`{"F":[{"name":"g","rules":[%s]}]}`, version(1+j.phase)),
		"/api/ruler/grafana/api/v1/rule/r1/versions": fmt.Sprintf(`[%s,%s]`, version(1), version(2)),
		"/api/search": `[]`,
	}
	if r.URL.Query().Get("type") == "dash-db" {
		answers["/api/search"] = `[{"uid":"abc","title":"T"}]`
	}
	text, ok := answers[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	fmt.Fprint(w, text)
}

// joinedTimes is when the rules were written, before and after.
var joinedTimes = []time.Time{thursday.AddDate(0, 0, -10), thursday.Add(21 * time.Hour)}

// act does what is done: alice looks at the dashboard, asks in Explore and by curl, and changes the rules.
func (j *joined) act() {
	j.phase, j.now = 1, thursday.Add(26*time.Hour)
	asked := joinedTimes[1].Add(-30 * time.Minute)
	const explored, curled = "rate(pay_other[5m])", "sum(pay_another)"
	pane := url.QueryEscape(fmt.Sprintf(`{"a":{"datasource":"p","queries":[{"refId":"A","expr":%q,"datasource":{"type":"prometheus","uid":"p"}}]}}`, explored))
	request := `logger=context userId=2 orgId=1 uname=alice t=%s level=info msg="Request Completed" method=POST path=%s status=200 remote_addr=10.1.0.7 time_ms=3 duration=3ms size=18 referer="http://g/explore?orgId=1&panes=%s" handler=%s status_source=server` + "\n"
	logs := j.routine()
	grafana := logs["grafana.log"] + view("alice", asked.Add(-time.Minute)) + "\n"
	for i, path := range []string{"/api/ds/query", "/api/query-history"} {
		grafana += fmt.Sprintf(request, asked.Add(time.Duration(i)*10*time.Millisecond).Format(time.RFC3339Nano), path, pane, path)
	}
	grafana += view("alice", joinedTimes[1].Add(time.Hour)) + "\n"
	j.write("grafana.log", grafana)
	nginx, mimir, promql := logs["nginx.log"], logs["mimir.log"], logs["query.log"]
	for i, q := range []string{explored, curled} {
		at := asked.Add(time.Duration(i) * time.Minute)
		agent, who, addr := "Grafana/12.4.0", "alice", "10.0.0.9"
		if q == curled {
			agent, who, addr = "curl/8.5.0", "", "10.1.0.7"
		}
		nginx += fmt.Sprintf(`{"time":%q,"remote_addr":%q,"request_uri":"/api/v1/query?query=%s","status":"200","http_user_agent":%q,"http_x_grafana_user":%q}`+"\n",
			at.Format(time.RFC3339), addr, url.QueryEscape(q), agent, who)
		mimir += fmt.Sprintf(`ts=%s level=info user=t msg="query stats" component=query-frontend method=GET path=/prometheus/api/v1/query user_agent=%s status_code=200 param_query=%q header_x_grafana_user=%s`+"\n",
			at.Add(time.Second).Format(time.RFC3339Nano), agent, q, who)
		promql += fmt.Sprintf(`{"time":%q,"level":"INFO","msg":"promql query logged","params":{"query":%q},"httpRequest":{"clientIP":"10.0.0.2","method":"GET","path":"/api/v1/query"}}`+"\n",
			at.Add(time.Second).Format(time.RFC3339Nano), q)
	}
	j.write("nginx.log", nginx)
	j.write("mimir.log", mimir)
	j.write("query.log", promql)
	j.commit("alice", joinedTimes[1])
	j.apply(joinedTimes[1].Add(2 * time.Hour))
}

// run executes a command with one of the configurations.
func (j *joined) run(config string, args ...string) string {
	j.t.Helper()
	var out, said bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &said, now: func() time.Time { return j.now }, leaseDuration: time.Second}
	if err := a.run(j.t.Context(), append(args, "--config", filepath.Join(j.dir, config+".yaml"))); err != nil {
		j.t.Fatalf("%v of %s: %v\n%s", args, config, err, &said)
	}
	return out.String()
}

// days are the acts that count, and how many do not by reason.
func (j *joined) days() (counted []string, reasons map[string]int64) {
	j.t.Helper()
	reasons = map[string]int64{}
	for line := range strings.Lines(j.run("all", "days", "--from", "2026-11-13")) {
		var d dayRow
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			j.t.Fatal(err)
		}
		if d.Outcome == "counted" {
			counted = append(counted, fmt.Sprintf("%s %s %s %s %d", d.Kind, d.Team, d.Source, d.Detail, d.Count))
		} else {
			reasons[fmt.Sprint(d.Kind, " ", d.Outcome, " ", d.Reason)] += d.Count
		}
	}
	slices.Sort(counted)
	return counted, reasons
}

// TestJoins: what eight sources tell of one look, two questions and one change of rules counts once, and the look, the change and
// what was added are tied by what the dashboard shows. In which order the sources are read does not matter.
func TestJoins(t *testing.T) {
	t.Setenv(envHashKey, "a key that only tests know")
	var first string
	for seed := range uint64(3) {
		j := newJoined(t)
		order := func() []string {
			names := slices.Sorted(maps.Keys(j.sources()))
			rand.New(rand.NewPCG(seed, uint64(j.phase))).Shuffle(len(names), func(a, b int) { names[a], names[b] = names[b], names[a] })
			if seed == 0 {
				return []string{"all"}
			}
			return names
		}
		for day := -3; day <= 0; day++ {
			j.now = thursday.AddDate(0, 0, day).Add(time.Minute)
			for log, text := range j.routine() {
				j.write(log, text)
			}
			for _, name := range order() {
				j.run(name, "collect")
			}
		}
		j.act()
		for _, name := range order() {
			j.run(name, "collect")
		}
		counted, reasons := j.days()
		want := []string{
			"query payments grafana  1", "query payments nginx  1",
			"rule payments rules added 1", "rule payments rules threshold_changed 1", "view payments grafana  2",
		}
		if diff := cmp.Diff(want, counted); diff != "" {
			t.Errorf("order %v: counted (-want +got):\n%s", order(), diff)
		}
		wantReasons := map[string]int64{"metric automated duplicate": 1, "query automated duplicate": 1, "query automated grafana": 4, "rule automated duplicate": 5}
		if diff := cmp.Diff(wantReasons, reasons); diff != "" {
			t.Errorf("order %v: does not count (-want +got):\n%s", order(), diff)
		}
		report := j.run("all", "report", "--format", "json", "--as-of", "2026-11-16")
		if seed == 0 {
			first = report
			j.tied(report)
		} else if diff := cmp.Diff(first, report); diff != "" {
			t.Errorf("order %v: (-all at once +one by one):\n%s", order(), diff)
		}
	}
}

// tied holds that the metric that was added is used by the dashboard that shows it, and that the threshold was changed after a look
// at the dashboard: it shows what is recorded from what the alert watches.
func (j *joined) tied(text string) {
	j.t.Helper()
	var r report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		j.t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range r.Teams[0].Criteria {
		for _, e := range c.Evidence {
			got[c.Name] += fmt.Sprintf("%s %s %d;", e.Kind, e.Subject, e.Count)
		}
	}
	for name, want := range map[string]string{"months_with_an_adopted_metric": "rule pay:ratio 1;", "months_with_look_then_act": "rule Burn 1;"} {
		if got[name] != want {
			j.t.Errorf("%s: evidence %q, want %q", name, got[name], want)
		}
	}
}
