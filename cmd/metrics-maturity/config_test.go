package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/prom/export"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// writeConfig writes a configuration file and returns its path.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "metrics-maturity.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func day(t testing.TB, s string) activity.Date {
	t.Helper()
	d, err := activity.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const fullConfig = `
timezone: Europe/Stockholm
store: {url: "sqlite:data/maturity.db"}
sources:
  - {name: grafana, type: grafana-log, files: ["logs/grafana*.log*", "/var/log/grafana.log"]}
  - {name: promql, type: prometheus-query-log, files: ["logs/query*.log*"], grafana_clients: [10.9.0.7/24, 2001:db8::1]}
  - {name: rules, type: rules-git, repository: "../rules", ref: main, paths: ["**/*.yaml"]}
  - {name: remote, type: rules-git, repository: "git@git.example:rules.git"}
teams:
  - name: Payments
    members: [alice, {login: bob, from: 2026-05-01}, {login: eve, to: 2026-03-01}, 007]
    authors: ["Bob B <bob@corp.example>"]
    folders: [Payments]
    dashboards: [abc123]
    rules: {paths: ["payments/**"], labels: {Team: payments, app.kubernetes.io/Name: "true"}, annotations: {team.Name: Payments}}
    metrics: ['{__name__=~"payments_.*"}', '{Name_Space="payments"}']
    clients: [10.1.2.0/24]
    tenants: [payments]
teams_from: ["rule_label:team", "rule_label:team"]
automation: {logins: [ci], authors: ["*[bot]"], clients: [10.8.0.0/16]}
stages: {weeks_with_a_view: {enter: 5, leave: 3, window: 8w}, query_days: {window: 28d}}
privacy: {hash_key_file: key, actor_retention: 120d, min_team_size: 5}
export:
  textfile: out/metrics.prom
  pushgateway: {url: "https://push:9091", token_file: token, job: maturity, labels: {cluster: a}}
  remote_write: {url: "https://mimir/api/v1/push", tenant: platform, labels: {cluster: a}}
serve: {listen: "127.0.0.1:1234", interval: 1h30m, web_config: web.yaml}
`

func TestEveryKeyIsRead(t *testing.T) {
	path := writeConfig(t, fullConfig)
	dir := filepath.Dir(path)
	c, err := loadConfig(path, overrides{})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Owner.Location.String(); got != "Europe/Stockholm" {
		t.Errorf("timezone is %s", got)
	}
	c.Owner.Location = nil
	criteria := stage.DefaultCriteria()
	criteria.ByName[stage.WeeksWithAView] = stage.Criterion{Enter: 5, Leave: 3, Window: 8}
	criteria.ByName[stage.QueryDays] = stage.Criterion{Enter: 2, Leave: 1, Window: 4}
	agent := "metrics-maturity/" + readBuild().Version
	want := &config{
		Path:     path,
		StoreURL: "sqlite:" + filepath.Join(dir, "data/maturity.db"),
		Sources: []sourceConfig{
			{Name: "grafana", Type: typeGrafanaLog, Files: []string{filepath.Join(dir, "logs/grafana*.log*"), "/var/log/grafana.log"}},
			{
				Name: "promql", Type: typePrometheusQueryLog, Files: []string{filepath.Join(dir, "logs/query*.log*")},
				GrafanaClients: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/24"), netip.MustParsePrefix("2001:db8::1/128")},
			},
			{Name: "rules", Type: typeRulesGit, Repository: filepath.Join(filepath.Dir(dir), "rules"), Ref: "main", Paths: []string{"**/*.yaml"}},
			{Name: "remote", Type: typeRulesGit, Repository: "git@git.example:rules.git"},
		},
		Owner: owner.Config{
			Teams: []owner.Team{{
				Name: "Payments",
				Members: []owner.Member{
					{Login: "alice"}, {Login: "bob", From: day(t, "2026-05-01")}, {Login: "eve", To: day(t, "2026-03-01")}, {Login: "007"},
				},
				Authors:         []string{"Bob B <bob@corp.example>"},
				Folders:         []string{"Payments"},
				Dashboards:      []string{"abc123"},
				RulePaths:       []string{"payments/**"},
				RuleLabels:      map[string]string{"Team": "payments", "app.kubernetes.io/Name": "true"},
				RuleAnnotations: map[string]string{"team.Name": "Payments"},
				Metrics:         []string{`{__name__=~"payments_.*"}`, `{Name_Space="payments"}`},
				Clients:         []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24")},
				Tenants:         []string{"payments"},
			}},
			Automation: owner.Automation{Logins: []string{"ci"}, Authors: []string{"*[bot]"}, Clients: []netip.Prefix{netip.MustParsePrefix("10.8.0.0/16")}},
			GrafanaClients: map[string][]netip.Prefix{
				"promql": {netip.MustParsePrefix("10.9.0.0/24"), netip.MustParsePrefix("2001:db8::1/128")},
			},
			Types: map[string]string{"grafana": typeGrafanaLog, "promql": typePrometheusQueryLog, "rules": typeRulesGit, "remote": typeRulesGit},
		},
		TeamsFrom: teamsFrom{RuleLabels: []string{"team"}},
		Criteria:  criteria,
		Privacy:   privacyConfig{HashKeyFile: filepath.Join(dir, "key"), ActorRetention: 120 * 24 * time.Hour, MinTeamSize: 5},
		Export: exportConfig{
			Textfile: filepath.Join(dir, "out/metrics.prom"),
			Pushgateway: &pushgatewayConfig{
				Client: httpclient.Config{URL: "https://push:9091", UserAgent: agent, TokenFile: filepath.Join(dir, "token")},
				Group:  export.Group{Job: "maturity", Labels: map[string]string{"cluster": "a"}},
			},
			RemoteWrite: &remoteWriteConfig{
				Client: httpclient.Config{URL: "https://mimir/api/v1/push", UserAgent: agent, Tenant: "platform", RetryPOST: true},
				Labels: map[string]string{"cluster": "a"},
			},
		},
		Serve: serveConfig{Listen: "127.0.0.1:1234", Interval: 90 * time.Minute, WebConfig: filepath.Join(dir, "web.yaml")},
	}
	if diff := cmp.Diff(want, c, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error("want -, got +\n" + diff)
	}
}

const leastConfig = "sources: [{name: grafana, type: grafana-log, files: [grafana.log]}]\n"

func TestDefaults(t *testing.T) {
	path := writeConfig(t, leastConfig)
	c, err := loadConfig(path, overrides{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "sqlite:" + filepath.Join(filepath.Dir(path), "maturity.db"); c.StoreURL != want {
		t.Errorf("store is %s, want %s", c.StoreURL, want)
	}
	if c.Owner.Location != time.UTC || c.Privacy.MinTeamSize != 4 || c.Privacy.ActorRetention != 100*24*time.Hour || c.Serve.Interval != time.Hour || c.Serve.Listen != ":9095" {
		t.Errorf("defaults are %+v", c)
	}
	if diff := cmp.Diff(stage.DefaultCriteria(), c.Criteria); diff != "" {
		t.Error(diff)
	}
}

// TestOrderOfSettings: flags stand above the environment, which stands above the file, which stands above the defaults.
func TestOrderOfSettings(t *testing.T) {
	path := writeConfig(t, leastConfig+"serve: {listen: \":1\", interval: 10m}\n")
	listen := func(o overrides) string {
		t.Helper()
		c, err := loadConfig(path, o)
		if err != nil {
			t.Fatal(err)
		}
		return c.Serve.Listen
	}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	flags.String("listen", "", "")
	over := overrides{flags: map[string]*pflag.Flag{"serve.listen": flags.Lookup("listen")}}
	if got := listen(over); got != ":1" {
		t.Errorf("a flag that is not given hides the file: %s", got)
	}
	t.Setenv("METRICS_MATURITY_SERVE_LISTEN", ":2")
	if got := listen(over); got != ":2" {
		t.Errorf("listen is %s, want that of the environment", got)
	}
	if err := flags.Set("listen", ":3"); err != nil {
		t.Fatal(err)
	}
	if got := listen(over); got != ":3" {
		t.Errorf("listen is %s, want that of the flag", got)
	}
	if got := listen(overrides{alone: true}); got != ":1" {
		t.Errorf("listen is %s although the environment does not count", got)
	}
}

// TestComplaintsNameTheirPlace: a wrong value is blamed on where it was set.
func TestComplaintsNameTheirPlace(t *testing.T) {
	path := writeConfig(t, leastConfig)
	t.Setenv("METRICS_MATURITY_PRIVACY_ACTOR_RETENTION", "long")
	_, err := loadConfig(path, overrides{})
	want := "METRICS_MATURITY_PRIVACY_ACTOR_RETENTION: \"long\" is not a duration\nhint: write a number and a unit, as Prometheus does: 100d, 8w, 1h30m"
	if err == nil || err.Error() != want || exitCode(err) != exitUsage {
		t.Errorf("error is %v", err)
	}
}

func TestSharedParts(t *testing.T) {
	path := writeConfig(t, leastConfig+`
teams:
  - &base
    name: payments
    members: &people [alice, bob]
  - <<: *base
    name: shipping
  - {name: billing, members: *people}
`)
	c, err := loadConfig(path, overrides{})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"payments", "shipping", "billing"} {
		if team := c.Owner.Teams[i]; team.Name != name || len(team.Members) != 2 {
			t.Errorf("team %d is %+v", i, team)
		}
	}
}

// FuzzParseFile: whatever a file holds, reading it ends, with an answer or an error of exit code 2.
func FuzzParseFile(f *testing.F) {
	f.Add([]byte(fullConfig))
	f.Add([]byte(leastConfig))
	f.Add([]byte("teams:\n  - &a\n    <<: *a\n"))
	f.Add([]byte("teams: &a [*a]\n"))
	f.Add([]byte("a: b\n---\nc: d\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := parseFile("fuzz.yaml", text)
		if err != nil && exitCode(err) != exitUsage {
			t.Errorf("exit code %d for: %v", exitCode(err), err)
		}
	})
}

// FuzzConfig: the same of all that a configuration is made into, and the error says what to do.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		fullConfig, leastConfig, leastConfig + "stages: {weeks_with_a_view: {enter: 0, window: 9999w}}\n", leastConfig + "serve: {listen: '::', interval: 1ns}\n",
		leastConfig + "teams:\n  - {name: a, members: [{login: b, from: 0000-01-01}], metrics: ['{__name__=~\"(\"}'], clients: [10.0.0.0/33]}\n",
		leastConfig + "teams_from: ['rule_label:\"']\nautomation: {authors: ['[']}\nexport: {remote_write: {url: '%'}}\n",
		leastConfig + "privacy: {actor_retention: 99999999999y, min_team_size: -1}\nstore: {url: 'postgres://%zz'}\n",
	} {
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := loadConfig(path, overrides{alone: true})
		if err != nil {
			if exitCode(err) != exitUsage || !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("exit code %d for: %v", exitCode(err), err)
			}
			return
		}
		for i, s := range c.Sources {
			if s.Name == "" || slices.ContainsFunc(c.Sources[:i], func(o sourceConfig) bool { return o.Name == s.Name }) {
				t.Errorf("source %d has the name %q", i, s.Name)
			}
		}
		if c.Owner.Location == nil || c.Privacy.MinTeamSize < 0 || c.Privacy.ActorRetention <= 0 || c.StoreURL == "" {
			t.Errorf("accepted: %+v", c.Privacy)
		}
	})
}
