package api_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// prometheus runs a real Prometheus that scrapes itself and loads rules.yml.
type prometheus struct {
	t        *testing.T
	dir, url string
}

func startPrometheus(t *testing.T, binary, rules string) *prometheus {
	t.Helper()
	addr := testserver.Addr(t)
	p := &prometheus{t: t, dir: t.TempDir(), url: "http://" + addr}
	p.write("prometheus.yml", `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs: [{job_name: prometheus, static_configs: [{targets: ["`+addr+`"]}]}]
`)
	p.write("rules.yml", rules)
	cmd := exec.Command(binary, "--config.file="+filepath.Join(p.dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(p.dir, "data"),
		"--web.listen-address="+addr, "--web.enable-lifecycle", "--log.level=error")
	testserver.Start(t, cmd, time.Minute, testserver.Answers(p.url+"/-/ready"))
	return p
}

func (p *prometheus) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *prometheus) reload(rules string) {
	p.t.Helper()
	p.write("rules.yml", rules)
	resp, err := http.Post(p.url+"/-/reload", "", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatal(resp.Status)
	}
}

const (
	rulesBefore = `groups:
  - name: slo
    rules:
      - {alert: Down, expr: up == 0, for: 1m, labels: {team: payments}}
      - {alert: Full, expr: prometheus_tsdb_head_series > 1e6}
      - {alert: Gone, expr: absent(up)}
`
	rulesAfter = `groups:
  - name: renamed
    rules:
      - {alert: Full, expr: "prometheus_tsdb_head_series   > 2e6"}
      - {alert: Down, expr: up == 0, for: 1m, labels: {team: payments}}
      - {record: "job:up:sum", expr: sum by (job) (up)}
`
)

// TestRealServers: the rules of a Prometheus 2.42 and a 3.x are changed and reloaded; the changes and the metric that one of
// them records are told.
func TestRealServers(t *testing.T) {
	for name, binary := range map[string]func(t *testing.T) string{
		"2.42 of Debian": func(t *testing.T) string { return testserver.Installed(t, "prometheus", "prometheus", "/usr/bin") },
		"3.x":            func(t *testing.T) string { return testserver.Built(t, "prometheus") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPrometheus(t, binary(t), rulesBefore)
			s := newSource(t, p.url)
			deadline := time.Now().Add(30 * time.Second)
			for !strings.Contains(p.get("/api/v1/label/__name__/values"), "prometheus_tsdb_head_series") { // the first scrape
				if time.Now().After(deadline) {
					t.Fatal("nothing is scraped")
				}
				time.Sleep(100 * time.Millisecond)
			}
			s.at = time.Now()
			s.want(0, "")
			p.reload(rulesAfter)
			var got []string
			for len(got) < 4 {
				for line := range strings.Lines(s.told(time.Since(s.at))) {
					_, what, _ := strings.Cut(line[len("01-02 "):], " ")
					if strings.HasPrefix(what, "rule ") || strings.Contains(what, "job:up:sum") {
						got = append(got, what)
					}
				}
				if time.Now().After(deadline) {
					t.Fatalf("got only %q", got)
				}
				time.Sleep(100 * time.Millisecond)
			}
			file := filepath.Join(p.dir, "rules.yml")
			want := []string{
				"rule prom:" + file + " Full threshold_changed\n", "rule prom:" + file + " Gone removed\n", "rule prom:" + file + " job:up:sum added\n",
				"metric prom job:up:sum recorded\n",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func (p *prometheus) get(path string) string {
	p.t.Helper()
	resp, err := http.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(body)
}
