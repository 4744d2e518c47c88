package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// TestGenerated: what is in the repository is what the generator writes.
func TestGenerated(t *testing.T) {
	files, err := generate("..")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("deploy/%s is not what the generator writes (%v)\nhint: go run ./deploy/gen", name, err)
		}
	}
}

// TestRules runs promtool over the rules, and over the tests of each alert firing and not firing.
func TestRules(t *testing.T) {
	promtool := testserver.Built(t, "promtool")
	for _, args := range [][]string{
		{"check", "rules", "--lint=all", "--lint-fatal", "metrics-maturity.rules.yaml"},
		{"test", "rules", "metrics-maturity.rules.test.yaml"},
	} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = filepath.Join("..", "prometheus")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

// TestEachAlertHasItsRunbook: an alert's link leads to a heading of README.md, and each is seen firing and not firing.
func TestEachAlertHasItsRunbook(t *testing.T) {
	rules, tests, readme := read(t, "../prometheus/metrics-maturity.rules.yaml"), read(t, "../prometheus/metrics-maturity.rules.test.yaml"), read(t, "../../README.md")
	alerts := regexp.MustCompile(`(?m)- alert: (\w+)`).FindAllStringSubmatch(rules, -1)
	if len(alerts) < 5 {
		t.Fatalf("only %d alerts found", len(alerts))
	}
	for _, a := range alerts {
		name := a[1]
		if !strings.Contains(rules, "metrics-maturity#"+strings.ToLower(name)+"\n") || !strings.Contains(readme, "\n#### "+name+"\n") {
			t.Errorf("%s has no runbook in README.md", name)
		}
		of := regexp.MustCompile(`alertname: `+name+`\n\s+exp_alerts:( \[\])?`).FindAllStringSubmatch(tests, -1)
		if !slices.ContainsFunc(of, func(m []string) bool { return m[1] == "" }) || !slices.ContainsFunc(of, func(m []string) bool { return m[1] != "" }) {
			t.Errorf("%s is not tested both firing and not firing", name)
		}
	}
}

// model is what the tests look at of a dashboard.
type model struct {
	UID        string
	Templating struct {
		List []struct{ Name, Type, Label string }
	}
	Panels []struct {
		ID                       int
		Type, Title, Description string
		Datasource               struct{ UID string }
		GridPos                  struct{ X, Y, W, H int }
		Targets                  []struct {
			Expr       string
			Datasource struct{ UID string }
		}
		FieldConfig struct{ Defaults struct{ Unit string } }
	}
}

func dashboard(t *testing.T) model {
	t.Helper()
	var m model
	if err := json.Unmarshal([]byte(read(t, "../grafana/metrics-maturity.json")), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestDashboardIsClean holds what Grafana's dashboard linter checks, but for its rules about instances (deploy/grafana/.lint says why).
func TestDashboardIsClean(t *testing.T) {
	m, ids := dashboard(t), map[int]bool{}
	if v := m.Templating.List; len(v) != 3 || v[0].Name != "datasource" || v[0].Label != "Data source" || v[1].Name != "job" || v[2].Name != "team" {
		t.Errorf("variables: %+v", v)
	}
	for i, p := range m.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have id %d", p.ID)
		}
		ids[p.ID] = true
		for _, q := range m.Panels[:i] {
			a, b := p.GridPos, q.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%q lies over %q", p.Title, q.Title)
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || !strings.HasSuffix(p.Description, ".") || p.FieldConfig.Defaults.Unit == "" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%q lacks a description, a unit, its data source or a query, or is too wide: %+v", p.Title, p)
		}
	}
}

// TestDashboardAsksForWhatIsExported parses every query: of metrics that are exported, of the installations chosen, counters by increase.
func TestDashboardAsksForWhatIsExported(t *testing.T) {
	exported := map[string]bool{}
	for _, m := range regexp.MustCompile(`# TYPE (\w+)`).FindAllStringSubmatch(read(t, "../../prom/export/testdata/sample.prom"), -1) {
		exported[m[1]] = true
	}
	variables := strings.NewReplacer("$__range", "180d", "$__from", "0", "$job", ".+", "$team", "payments")
	promql := parser.NewParser(parser.Options{})
	for _, p := range dashboard(t).Panels {
		for _, target := range p.Targets {
			expr, err := promql.ParseExpr(variables.Replace(target.Expr))
			if err != nil {
				t.Errorf("%q: %v\n%s", p.Title, err, target.Expr)
				continue
			}
			parser.Inspect(expr, func(n parser.Node, path []parser.Node) error {
				v, ok := n.(*parser.VectorSelector)
				if !ok {
					return nil
				}
				if !exported[v.Name] {
					t.Errorf("%q asks for %s, which is not exported", p.Title, v.Name)
				}
				if !strings.Contains(v.String(), `job=~".+"`) {
					t.Errorf("%q asks for all jobs: %s", p.Title, v)
				}
				if strings.HasSuffix(v.Name, "_total") && !strings.Contains(target.Expr, "increase(") && !strings.Contains(p.Title, "Sources") {
					t.Errorf("%q shows the counter %s bare", p.Title, v.Name)
				}
				return nil
			})
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
