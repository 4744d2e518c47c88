package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

// TestEveryWay starts a Prometheus that scrapes a serving organisation and a Pushgateway, receives remote write, and loads the rules.
// Every way gives the same series; a team's fall fires the alert; the same organisation with its logs lost does not. What backfill
// writes is the same again, as blocks and by remote write.
func TestEveryWay(t *testing.T) {
	if testing.Short() {
		t.Skip("starts five servers")
	}
	gateway := startPushgateway(t)
	servers := map[string]string{"fell": testserver.Addr(t), "dark": testserver.Addr(t)}
	cert := newCertificate(t)
	main := startPrometheus(t, filepath.Join(t.TempDir(), "data"), scrapeConfig(servers, gateway, cert))
	now := time.Now().UTC()

	fell := recentOrganisation(t, now, 0)
	addConfig(t, fell, fmt.Sprintf("serve: {listen: %q}\nexport:\n  pushgateway: %q\n  remote_write: {url: %q, labels: {way: remote}}\n",
		servers["fell"], gateway, main+"/api/v1/write"))
	dark := recentOrganisation(t, now, 6)
	addConfig(t, dark, fmt.Sprintf("serve: {listen: %q, web_config: %q}\n", servers["dark"], webConfig(t, cert)))
	for _, config := range []string{fell, dark} {
		serveUntilEnd(t, config)
	}

	scraped := eventually(t, main, `{__name__=~"metrics_maturity_.+",job="fell"}`)
	maps.DeleteFunc(scraped, func(series string, _ float64) bool { return strings.Contains(series, "config_last_reload") })
	if len(scraped) < 100 {
		t.Errorf("only %d series: %v", len(scraped), scraped)
	}
	for way, query := range map[string]string{
		"Pushgateway":  `{__name__=~"metrics_maturity_.+",job="metrics_maturity"}`,
		"remote write": `{__name__=~"metrics_maturity_.+",way="remote"}`,
	} {
		if diff := cmp.Diff(scraped, eventually(t, main, query)); diff != "" {
			t.Errorf("%s: scraped -, got +\n%s", way, diff)
		}
	}

	want := eventually(t, main, `metrics_maturity_team_stage{job="fell"} < metrics_maturity_team_stage_previous and time() - metrics_maturity_team_stage_since_timestamp_seconds < 28 * 86400`)
	fired := eventually(t, main, `ALERTS{alertname="MetricsMaturityTeamRegressed",alertstate="firing",job="fell"}`)
	if got := teamsOf(fired); len(got) == 0 || !slices.Equal(got, teamsOf(want)) {
		t.Errorf("the alert fires for %v, and %v fell", got, teamsOf(want))
	}
	eventually(t, main, `team:metrics_maturity_assessable:last{job="dark"} == 0`)
	eventually(t, main, `count_over_time(team:metrics_maturity_stage:last{job="dark"}[1m]) > 4`) // a second each: the alerts have seen it
	if got := query(t, main, `ALERTS{alertname="MetricsMaturityTeamRegressed",job="dark"}`); len(got) > 0 {
		t.Errorf("an outage is taken for a fall: %v", got)
	}

	backfillsTheSame(t, fell, now, scraped)
}

// backfillsTheSame compares the history of an organisation, at its end, with what is scraped of it.
func backfillsTheSame(t *testing.T, config string, now time.Time, scraped map[string]float64) {
	const told = `metrics_maturity_team_(assessable|stage|stage_info|stage_confidence|stage_previous|stage_since_timestamp_seconds)`
	want := maps.Clone(scraped)
	maps.DeleteFunc(want, func(series string, _ float64) bool {
		name, _, _ := strings.Cut(series, "{")
		return !slices.Contains(strings.Split(strings.TrimSuffix(strings.TrimPrefix(told, "metrics_maturity_team_("), ")"), "|"), strings.TrimPrefix(name, "metrics_maturity_team_"))
	})
	dir := t.TempDir()
	file, data, to := filepath.Join(dir, "history.om"), filepath.Join(dir, "data"), now.Truncate(time.Hour)
	args := []string{"backfill", "--config", config, "--from", to.AddDate(0, 0, -56).Format(time.RFC3339), "--to", to.Format(time.RFC3339)}
	runCommand(t, append(args, "--output", file, "--label", "way=blocks")...)
	promtool := testserver.Built(t, "promtool")
	if out, err := exec.Command(promtool, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=744h", file, data).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	blocks := startPrometheus(t, data, "")
	if diff := cmp.Diff(want, queryAt(t, blocks, `{__name__=~"`+told+`"}`, to)); diff != "" {
		t.Errorf("blocks: scraped -, got +\n%s", diff)
	}

	empty := startPrometheus(t, filepath.Join(dir, "empty"), "")
	t.Setenv("METRICS_MATURITY_EXPORT_REMOTE_WRITE_URL", empty+"/api/v1/write")
	runCommand(t, append(args, "--remote-write")...)
	if diff := cmp.Diff(want, queryAt(t, empty, `{__name__=~"`+told+`"}`, to)); diff != "" {
		t.Errorf("remote write: scraped -, got +\n%s", diff)
	}
	// A graph of weeks, in steps of an hour as they are drawn, is one line.
	for _, address := range []string{blocks, empty} {
		if got := queryAt(t, address, `count_over_time(metrics_maturity_team_assessable{team="search"}[4w:1h])`, to); !maps.Equal(got, map[string]float64{`{team="search"}`: 4 * 7 * 24}) {
			t.Errorf("points of four weeks: %v", got)
		}
	}
}

// recentOrganisation writes one in which a team fell two weeks ago, and returns its configuration. Of the last weeks, Grafana's log
// is lost. The organisation goes on after now; its logs do not.
func recentOrganisation(t *testing.T, now time.Time, lost int) string {
	t.Helper()
	dir := t.TempDir()
	stockholm, err := time.LoadLocation(sim.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	monday := activity.DateOf(now.In(stockholm)).Monday()
	// In its 28 weeks the team called search falls to stage 4; eight weeks before the end that has been noticed.
	if _, err := sim.Generate(dir, sim.Options{Weeks: 28, End: monday + 6*7}); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, sim.LogFolder, "grafana.log*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(logs) // the current one, then a file for each week, oldest first
	for _, log := range append(slices.Clone(logs[len(logs)-5-lost:]), logs[0]) {
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, sim.ConfigFile)
}

func addConfig(t *testing.T, path, text string) {
	t.Helper()
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(was, text...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serveUntilEnd runs serve, and waits for its first assessment.
func serveUntilEnd(t *testing.T, config string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log, ended := &watch{}, make(chan error, 1)
	go func() {
		ended <- Run(ctx, []string{"serve", "--config", config}, strings.NewReader(""), io.Discard, log)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil || strings.Contains(log.String(), "export failed") {
			t.Errorf("serve: %v\n%s", err, log)
		}
	})
	log.wait(t, `msg=assessed`)
}

func runCommand(t *testing.T, args ...string) {
	t.Helper()
	var stderr bytes.Buffer
	if err := Run(t.Context(), args, strings.NewReader(""), io.Discard, &stderr); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &stderr)
	}
}

func startPushgateway(t *testing.T) string {
	t.Helper()
	program, addr := testserver.Installed(t, "prometheus-pushgateway", "prometheus-pushgateway"), testserver.Addr(t)
	testserver.Start(t, exec.Command(program, "--web.listen-address="+addr, "--persistence.file="), 20*time.Second, testserver.Answers("http://"+addr+"/-/ready"))
	return "http://" + addr
}

// startPrometheus starts one that takes remote write, with its data in a folder.
func startPrometheus(t *testing.T, data, config string) string {
	t.Helper()
	program, addr := testserver.Built(t, "prometheus"), testserver.Addr(t)
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config.file="+file, "--storage.tsdb.path="+data, "--storage.tsdb.retention.time=10y",
		"--web.listen-address="+addr, "--web.enable-remote-write-receiver")
	testserver.Start(t, cmd, 60*time.Second, testserver.Answers("http://"+addr+"/-/ready"))
	return "http://" + addr
}

func scrapeConfig(servers map[string]string, gateway string, cert certificate) string {
	rules, err := filepath.Abs(filepath.Join("..", "..", "deploy", "prometheus", "metrics-maturity.rules.yaml"))
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - {job_name: fell, static_configs: [{targets: [%q]}]}
  - job_name: dark
    scheme: https
    tls_config: {ca_file: %q}
    basic_auth: {username: prometheus, password: %q}
    static_configs: [{targets: [%q]}]
  - {job_name: pushgateway, honor_labels: true, static_configs: [{targets: [%q]}]}
`, rules, servers["fell"], cert.file, webPassword, servers["dark"], strings.TrimPrefix(gateway, "http://"))
}

// eventually asks until there is an answer.
func eventually(t *testing.T, prometheus, promql string) map[string]float64 {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		if found := query(t, prometheus, promql); len(found) > 0 {
			return found
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatalf("nothing found: %s", promql)
	return nil
}

func query(t *testing.T, prometheus, promql string) map[string]float64 {
	t.Helper()
	return queryAt(t, prometheus, promql, time.Now())
}

// queryAt returns values by series, without the labels that say which way they came.
func queryAt(t *testing.T, prometheus, promql string, at time.Time) map[string]float64 {
	t.Helper()
	form := url.Values{"query": {promql}, "time": {at.Format(time.RFC3339Nano)}}
	resp, err := http.PostForm(prometheus+"/api/v1/query", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Error string
		Data  struct{ Result model.Vector }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Error != "" {
		t.Fatalf("%s: %v %s", promql, err, answer.Error)
	}
	found := map[string]float64{}
	for _, s := range answer.Data.Result {
		for _, l := range []model.LabelName{"job", "instance", "way"} {
			delete(s.Metric, l)
		}
		found[s.Metric.String()] = float64(s.Value)
	}
	return found
}

func teamsOf(found map[string]float64) []string {
	var teams []string
	for series := range found {
		_, after, _ := strings.Cut(series, `team="`)
		team, _, _ := strings.Cut(after, `"`)
		teams = append(teams, team)
	}
	slices.Sort(teams)
	return teams
}
