package logs_test

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom/logs"
)

// parser is what every type of this package is.
type parser interface {
	Parse(line []byte, b *activity.Batch) (activity.Line, error)
}

// parsers are all of them, by the captured file that each reads.
func parsers() map[string]parser {
	return map[string]parser{
		"mimir.log":           logs.NewQueryStats("src"),
		"thanos.log":          logs.NewThanosSlowQueries("src"),
		"victoriametrics.log": logs.NewVictoriaMetricsSlowQueries("src"),
		"vmauth.log":          logs.NewVMAuth("src"),
		"nginx-combined.log":  logs.NewNginx("src"),
		"nginx-json.log":      logs.NewNginx("src"),
	}
}

func linesOf(t testing.TB, name string) (lines [][]byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		lines = append(lines, bytes.Clone(s.Bytes()))
	}
	return lines
}

// ask is an event in one line: kind of person, scope, tenant, robot and query.
type ask struct {
	Login, Addr, Scope, Tenant, Robot, Query string
}

func asks(events []activity.Event) (all []ask) {
	for _, e := range events {
		a := ask{Login: e.Who.Login, Scope: e.Scope, Tenant: e.Tenant, Robot: e.Robot, Query: e.Query}
		if e.Who.Addr.IsValid() {
			a.Addr = e.Who.Addr.String()
		}
		all = append(all, a)
	}
	return all
}

const (
	rate    = `sum by (job) (rate(http_requests_total{code=~"2.."}[5m]))`
	ownRate = `sum by (job) (rate(prometheus_http_requests_total{code=~"2.."}[5m]))`
)

// TestCaptures holds what real servers wrote to what was asked of them.
func TestCaptures(t *testing.T) {
	panel := ask{Scope: "src", Tenant: "team-a", Robot: activity.RobotGrafana, Query: rate}
	vm := func(query string) ask { return ask{Scope: "src", Addr: "203.0.113.9", Query: query} }
	for name, want := range map[string]struct {
		asks    []ask
		foreign int
		some    int // lines that prove no coverage of quick queries
	}{
		"mimir.log":  {asks: []ask{panel, panel}, foreign: 2}, // the slow queries are the same again
		"thanos.log": {asks: []ask{panel, panel, panel, panel}, foreign: 4},
		"victoriametrics.log": {asks: []ask{
			vm("up"), vm(rate + " # c"), vm("up"), vm("sum("), vm("up"), vm(rate + " # c"), vm("up"),
		}},
		"vmauth.log": {asks: []ask{ // its Referer is a dashboard
			{Scope: "src", Robot: activity.RobotGrafana, Query: "up"},
			{Scope: "src", Robot: activity.RobotGrafana, Query: rate + " # c"},
			{Scope: "src", Robot: activity.RobotGrafana, Query: "up"},
		}, foreign: 9},
		"nginx-combined.log": {asks: []ask{ // the third was refused
			{Scope: "src", Robot: activity.RobotGrafana, Query: ownRate},
			{Scope: "src", Robot: activity.RobotGrafana},
		}},
		"nginx-json.log": {asks: []ask{
			{Scope: "src", Robot: activity.RobotGrafana, Query: ownRate},
			{Scope: "src", Robot: activity.RobotGrafana, Query: ownRate},
			{Scope: "src", Robot: activity.RobotGrafana},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var b activity.Batch
			foreign, some := 0, 0
			for _, line := range linesOf(t, name) {
				l, err := parsers()[name].Parse(line, &b)
				if err != nil {
					t.Errorf("%s: %v", line, err)
				}
				switch {
				case l.Time.IsZero():
					foreign++
				case l.Class == activity.ClassSome:
					some++
				case l.Class != activity.ClassAny || l.Time.Year() != 2026:
					t.Errorf("%s: %+v", line, l)
				}
			}
			if diff := cmp.Diff(want.asks, asks(b.Events)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if foreign != want.foreign || some != want.some {
				t.Errorf("%d foreign, %d slow; want %d, %d", foreign, some, want.foreign, want.some)
			}
		})
	}
}

func TestCapturesKeepTheirTime(t *testing.T) {
	for name, want := range map[string]string{
		"mimir.log":           "2026-11-22T18:05:34.269490674Z",
		"thanos.log":          "2026-11-22T17:59:22.363641059Z",
		"victoriametrics.log": "2026-11-22T17:57:40.546Z",
		"vmauth.log":          "2026-11-22T17:58:10.673Z",
		"nginx-combined.log":  "2026-11-22T17:39:32Z",
		"nginx-json.log":      "2026-11-22T17:39:32Z",
	} {
		var b activity.Batch
		for _, line := range linesOf(t, name) {
			if _, err := parsers()[name].Parse(line, &b); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.Events[0].Time.Format(time.RFC3339Nano); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestNoLineOfOneIsReadByAnother: a file of the wrong type shows nothing rather than something wrong. Query stats are alike in Mimir,
// Cortex and Thanos.
func TestNoLineOfOneIsReadByAnother(t *testing.T) {
	for name := range parsers() {
		for other, p := range parsers() {
			alike := strings.HasPrefix(name, "nginx") && strings.HasPrefix(other, "nginx") || name == "thanos.log" && other == "mimir.log"
			if name == other || alike {
				continue
			}
			for _, line := range linesOf(t, name) {
				var b activity.Batch
				l, err := p.Parse(line, &b)
				if len(b.Events) > 0 || !l.Time.IsZero() {
					t.Errorf("%s as %s: %s: %+v, %v", name, other, line, l, err)
				}
			}
		}
	}
}

// parse reads one line.
func parse(t *testing.T, p parser, line string) ([]ask, activity.Line, error) {
	t.Helper()
	var b activity.Batch
	l, err := p.Parse([]byte(line), &b)
	return asks(b.Events), l, err
}

// check holds one line to what it tells.
func check(t *testing.T, p parser, line string, want ...ask) {
	t.Helper()
	got, l, err := parse(t, p, line)
	if err != nil || l.Time.IsZero() {
		t.Errorf("%s: %+v, %v", line, l, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n-want +got\n%s", line, diff)
	}
}

// broken lines claim to be of the kind that is read, and are not: each is malformed, tells nothing, and its error does not quote it.
func broken(t *testing.T, p parser, lines ...string) {
	t.Helper()
	for _, line := range lines {
		got, l, err := parse(t, p, line)
		if err == nil || len(got) > 0 || l != (activity.Line{}) {
			t.Errorf("%s: %v, %+v, %v", line, got, l, err)
			continue
		}
		for _, secret := range []string{"alice", "10.0.0.7", "secret_metric"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error tells %q: %v", line, secret, err)
			}
		}
	}
}

// foreign lines say nothing.
func foreign(t *testing.T, p parser, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if got, l, err := parse(t, p, line); err != nil || len(got) > 0 || l != (activity.Line{}) {
			t.Errorf("%s: %v, %+v, %v", line, got, l, err)
		}
	}
}
