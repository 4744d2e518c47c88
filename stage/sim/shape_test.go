package sim_test

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

// shape is what a simulated line must have in common with a captured one: its keys in their order, the request, and
// where it was sent from. Names of things are masked.
type shape struct{ keys, method, path, status, handler, page string }

var (
	logfmtPair = regexp.MustCompile(`(\w+)=("(?:[^"\\]|\\.)*"|\S*)`)
	masks      = []struct {
		find *regexp.Regexp
		with string
	}{
		{regexp.MustCompile(`^/d/[^/]+/[^/]+$`), "/d/:uid/:slug"},
		{regexp.MustCompile(`(v1beta1/namespaces/default/dashboards)/[^/]+`), "$1/:uid"},
		{regexp.MustCompile(`^/api/(folders|dashboards/uid|snapshots|query-history/star)/[^/]+$`), "/api/$1/:uid"},
		{regexp.MustCompile(`^/(goto|playlists/play|dashboard/snapshot)/[^/]+$`), "/$1/:uid"},
		{regexp.MustCompile(`^/api/datasources/uid/[^/]+/`), "/api/datasources/uid/:uid/"},
	}
)

func mask(path string) string {
	for _, m := range masks {
		path = m.find.ReplaceAllString(path, m.with)
	}
	return path
}

// page is the masked page of a Referer with the names of its parameters in order. What a page's own state adds is
// left out: variables, refresh, kiosk mode, and the timezone that a page adds to its address a moment after it loaded.
func page(t *testing.T, referer string) string {
	t.Helper()
	u, err := url.Parse(referer)
	if err != nil {
		t.Fatalf("referer %q: %v", referer, err)
	}
	var names []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(part, "=")
		if !strings.HasPrefix(name, "var-") && !slices.Contains([]string{"refresh", "timezone", "kiosk", ""}, name) {
			names = append(names, name)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("parameters are not sorted: %s", referer)
	}
	return mask(u.Path) + "?" + strings.Join(names, "&")
}

func logfmtShape(t *testing.T, line string) shape {
	t.Helper()
	var keys []string
	value := map[string]string{}
	for _, m := range logfmtPair.FindAllStringSubmatch(line, -1) {
		keys = append(keys, m[1])
		value[m[1]] = strings.Trim(m[2], `"`)
		if quoted := strings.HasPrefix(m[2], `"`); m[1] == "referer" && quoted != strings.Contains(m[2], "=") {
			t.Errorf("quoting of %s", m[2])
		}
	}
	return shape{
		strings.Join(keys, " "), value["method"], mask(value["path"]), value["status"], value["handler"], page(t, value["referer"]),
	}
}

func jsonShape(t *testing.T, line string) shape {
	t.Helper()
	var v struct {
		Method, Path, Handler, Referer string
		Status                         json.Number
	}
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return shape{jsonKeys(t, line), v.Method, mask(v.Path), v.Status.String(), v.Handler, page(t, v.Referer)}
}

// jsonKeys returns the keys of a line in their order, nested ones too.
func jsonKeys(t *testing.T, line string) string {
	t.Helper()
	var keys []string
	d := json.NewDecoder(strings.NewReader(line))
	type level struct{ object, key bool }
	var at []level
	for {
		token, err := d.Token()
		if err != nil {
			return strings.Join(keys, " ")
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				at = append(at, level{v == '{', v == '{'})
				continue
			}
			at = at[:len(at)-1]
		case string:
			if n := len(at); n > 0 && at[n-1].key {
				keys = append(keys, v)
				at[n-1].key = false
				continue
			}
		}
		if n := len(at); n > 0 {
			at[n-1].key = at[n-1].object
		}
	}
}

func captured(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// TestGrafanaLinesLookLikeCaptured holds every simulated request line, in both formats, against lines that a real
// Grafana 12.4 wrote.
func TestGrafanaLinesLookLikeCaptured(t *testing.T) {
	for _, format := range []struct {
		name, file string
		json       bool
		shape      func(*testing.T, string) shape
	}{
		{"logfmt", "grafana-captured.log", false, logfmtShape},
		{"json", "grafana-captured.json.log", true, jsonShape},
	} {
		t.Run(format.name, func(t *testing.T) {
			known := map[shape]bool{}
			for _, l := range captured(t, format.file) {
				known[format.shape(t, l)] = true
			}
			var all []string
			for _, o := range []sim.Options{
				{Seed: 11, Weeks: 13, JSON: format.json},
				{Seed: 11, Weeks: 1, JSON: format.json, Teams: 4, Scenarios: []sim.Scenario{sim.Robots}},
			} {
				dir, _ := generate(t, o)
				l, _ := lines(t, dir, "grafana.log*")
				all = append(all, l...)
			}
			kinds := map[shape]bool{}
			for i, l := range all {
				if i%4 != 0 && strings.Contains(l, "/api/ds/query") { // two thirds of all lines, and all alike
					continue
				}
				s := format.shape(t, l)
				if kinds[s] {
					continue
				}
				kinds[s] = true
				if !known[s] {
					t.Errorf("no captured line is like %+v:\n%s", s, l)
				}
			}
			if len(kinds) < 38 {
				t.Errorf("only %d kinds of lines", len(kinds))
			}
		})
	}
}

// TestQueryLogLinesLookLikeCaptured does the same for Prometheus 3.
func TestQueryLogLinesLookLikeCaptured(t *testing.T) {
	known := map[string]bool{}
	for _, l := range captured(t, "prometheus-captured.log") {
		known[jsonKeys(t, l)] = true
	}
	dir, _ := generate(t, sim.Options{Seed: 12, Teams: 4, Weeks: 6})
	all, _ := lines(t, dir, "query.log*")
	rules, asked := 0, 0
	for _, l := range all {
		if !known[jsonKeys(t, l)] {
			t.Fatalf("no captured line has these keys: %s", l)
		}
		switch {
		case strings.Contains(l, `"ruleGroup":`):
			rules++
		case strings.Contains(l, `"clientIP":"10.9.0.`), strings.Contains(l, `"clientIP":"10.1.`), strings.Contains(l, `"clientIP":"10.8.0.`):
			asked++
		default:
			t.Fatalf("from nowhere: %s", l)
		}
	}
	if rules == 0 || asked == 0 {
		t.Errorf("%d rule evaluations, %d queries", rules, asked)
	}
}
