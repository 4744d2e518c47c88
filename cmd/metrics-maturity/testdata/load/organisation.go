package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The organisation, whatever share of its lines is written.
const (
	people, teams, boards = 10_000, 600, 8_000
	panelsPerBoard        = 12
	environments          = 4 // values of a dashboard's variable, each of which makes another text of a panel
	ruleTexts             = 20_000
	addressesPerTeam      = 10
	grafanas              = 6 // replicas, as Prometheus sees them
)

// organisation is what people and rules ask: texts of PromQL, quoted as in JSON.
type organisation struct {
	panels []string // environments of each panel, panels of each board
	rules  []string
}

func newOrganisation(seed uint64) *organisation {
	r := rand.New(rand.NewPCG(seed, 1))
	o := &organisation{panels: make([]string, 0, boards*panelsPerBoard*environments)}
	for board := range boards {
		for range panelsPerBoard {
			text := newQuestion(r, board%teams)
			for env := range environments {
				o.panels = append(o.panels, strconv.Quote(strings.ReplaceAll(text, "$namespace", namespace(board%teams, env))))
			}
		}
	}
	for i := range ruleTexts {
		o.rules = append(o.rules, strconv.Quote(strings.ReplaceAll(newQuestion(r, i%teams), "$namespace", namespace(i%teams, 0))))
	}
	return o
}

func teamName(team int) string { return fmt.Sprintf("team-%03d", team) }

// namespace is where a team's workloads of an environment are; the first is production.
func namespace(team, env int) string {
	return teamName(team) + [environments]string{"", "-stage", "-dev", "-test"}[env]
}

func login(person int) string { return fmt.Sprintf("person%05d", person) }

func boardUID(board int) string { return fmt.Sprintf("board%04d", board) }

// address is one from which a team's own programs and people ask Prometheus.
func address(team, n int) string { return fmt.Sprintf("10.%d.%d.%d", 16+team/256, team%256, 1+n) }

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// newQuestion is a question of a team, about its own metrics or those that every workload has, with $namespace in its selectors.
func newQuestion(r *rand.Rand, team int) string {
	metric := fmt.Sprintf("team%03d_%s_%s_total", team, pick(r, "orders", "jobs", "payments", "messages", "imports"), pick(r, "started", "failed", "done"))
	if r.IntN(3) > 0 {
		metric = pick(r, "http", "grpc", "kafka", "db", "cache", "queue") + "_" + pick(r, "client", "server", "consumer", "pool") + "_" +
			pick(r, "requests", "errors", "retries", "bytes", "handled") + "_total"
	}
	selector := `{namespace="$namespace", cluster="` + pick(r, "eu-1", "eu-2", "us-1") + `"` +
		pick(r, "", `, code=~"5.."`, `, method="`+pick(r, "GET", "POST")+`"`, `, container="`+pick(r, "app", "proxy", "worker")+`"`) + "}"
	by := pick(r, "pod", "container", "route", "code", "instance", "job")
	rate := pick(r, "rate", "increase") + "(" + metric + selector + "[" + pick(r, "1m", "5m", "15m", "1h") + "])"
	switch r.IntN(5) {
	case 0:
		return "histogram_quantile(0." + pick(r, "5", "9", "95", "99") + ", sum by (le, " + by + ") (rate(" + strings.Replace(metric, "_total", "_seconds_bucket", 1) + selector + "[5m])))"
	case 1:
		return "sum by (" + by + ") (" + rate + ") / sum by (" + by + ") (rate(" + metric + `{namespace="$namespace"}[5m]))`
	case 2:
		return "topk(10, sum by (" + by + ") (" + rate + "))"
	}
	return pick(r, "sum", "avg", "max") + " by (" + by + ") (" + rate + ")" + pick(r, "", fmt.Sprint(" > ", r.IntN(900)))
}

// adHocQuestion is one that nobody asked before, not quoted.
func adHocQuestion(r *rand.Rand, team int) string {
	text := strings.ReplaceAll(newQuestion(r, team), "$namespace", namespace(team, r.IntN(environments)))
	return strings.Replace(text, "{", fmt.Sprintf(`{pod="app-%08x-%05x", `, r.Uint32(), r.IntN(1<<20)), 1)
}

// writeConfig writes the configuration of all teams with log files of some days.
func writeConfig(path, store, retention string, days []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "timezone: UTC\nstore: {url: %q}\nprivacy: {hash_key_file: key, actor_retention: %s}\nsources:\n", store, retention)
	source := func(files, is string) {
		var all []string
		for _, day := range days {
			if found, _ := filepath.Glob(filepath.Join(filepath.Dir(path), day, files)); len(found) > 0 {
				all = append(all, strconv.Quote(day+"/"+files))
			}
		}
		if len(all) > 0 {
			fmt.Fprintf(&b, "  - {%s, files: [%s]}\n", is, strings.Join(all, ", "))
		}
	}
	source("grafana-*", "name: grafana, type: grafana-log")
	source("query-*", "name: promql, type: prometheus-query-log, grafana_clients: [10.9.0.0/24]")
	b.WriteString("teams:\n")
	for team := range teams {
		fmt.Fprintf(&b, "  - name: %[1]s\n    folders: [%[1]s]\n    clients: [10.%[2]d.%[3]d.0/24]\n    metrics: ['{namespace=\"%[1]s\"}', '{__name__=~\"team%03[4]d_.*\"}']\n",
			teamName(team), 16+team/256, team%256, team)
		list := func(key string, n int, name func(int) string) {
			fmt.Fprintf(&b, "    %s: [", key)
			for i := team; i < n; i += teams {
				b.WriteString(name(i) + ", ")
			}
			b.WriteString("]\n")
		}
		list("members", people, login)
		list("dashboards", boards, boardUID)
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}
