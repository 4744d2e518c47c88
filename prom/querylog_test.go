package prom_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

var addrs = cmpopts.EquateComparable(netip.Addr{})

const (
	line3 = `{"time":"2026-11-22T17:31:34.117367862Z","level":"INFO","source":"engine.go:729","msg":"promql query logged",` +
		`"params":{"end":"2026-11-22T17:31:33.123Z","query":"sum by (job) (rate(x{code!=\"500\"}[4m0s]))","start":"2026-11-22T16:31:33.500Z","step":15},` +
		`"stats":{"timings":{"evalTotalTime":0.000432393,"resultSortTime":5.31e-7},"samples":{"totalQueryableSamples":390,"peakSamples":48}},` +
		`"spanID":"00f067aa0ba902b7","traceID":"4bf92f3577b34da6a3ce929d0e0e4736",` +
		`"httpRequest":{"clientIP":"10.1.2.3","method":"POST","path":"/api/v1/query_range"}}`
	line2 = `{"httpRequest":{"clientIP":"10.1.2.3","method":"GET","path":"/api/v1/query"},` +
		`"params":{"end":"2026-11-22T17:30:00.000Z","query":"up","start":"2026-11-22T17:20:00.000Z","step":0},` +
		`"spanID":"0000000000000000","stats":{"timings":{}},"ts":"2026-11-22T17:35:41.114Z"}`
	rule2 = `{"params":{"end":"2026-11-22T17:32:48.405Z","query":"up == 0","start":"2026-11-22T17:32:48.405Z","step":0},` +
		`"ruleGroup":{"file":"/etc/prometheus/rules.yml","name":"checkout.rules"},"spanID":"0000000000000000","stats":{"timings":{}},"ts":"2026-11-22T17:32:48.406Z"}`
)

func parse(t *testing.T, line string) ([]activity.Event, activity.Line, error) {
	t.Helper()
	var b activity.Batch
	l, err := prom.NewQueryLog("promql").Parse([]byte(line), &b)
	return b.Events, l, err
}

func TestQueryLogEvents(t *testing.T) {
	api := func(at, query, client string) activity.Event {
		tm, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Fatal(err)
		}
		e := activity.Event{Time: tm, Kind: activity.KindQuery, Scope: "promql", Query: query}
		if client != "" {
			e.Who.Addr = netip.MustParseAddr(client)
		}
		return e
	}
	evaluation := func(at string) activity.Event {
		e := api(at, "", "")
		e.Robot = activity.RobotRuleEvaluation
		return e
	}
	client := func(ip string) string { return strings.Replace(line2, "10.1.2.3", ip, 1) }
	const at2 = "2026-11-22T17:35:41.114Z"
	tests := []struct {
		name, line string
		want       activity.Event
	}{
		{"3.x", line3, api("2026-11-22T17:31:34.117367862Z", `sum by (job) (rate(x{code!="500"}[4m0s]))`, "10.1.2.3")},
		{"2.x", line2, api(at2, "up", "10.1.2.3")},
		{"2.x rule", rule2, evaluation("2026-11-22T17:32:48.406Z")},
		{"error first", `{"error":"\"params\": {x} many-to-many",` + line2[1:], api(at2, "up", "10.1.2.3")},
		{"zone of time", strings.Replace(line2, at2, "2026-11-22T19:35:41.114+02:00", 1), api(at2, "up", "10.1.2.3")},
		{"carriage return", line2 + "\r", api(at2, "up", "10.1.2.3")},
		{"spaced", strings.ReplaceAll(line2, `":`, `" : `), api(at2, "up", "10.1.2.3")},
		{"escaped key", strings.Replace(line2, `"ts"`, `"\u0074s"`, 1), api(at2, "up", "10.1.2.3")},
		{"text that looks like a rule", strings.Replace(line2, `"up"`, `"up{a=\"},\\\"ruleGroup\\\":{\"}"`, 1), api(at2, `up{a="},\"ruleGroup\":{"}`, "10.1.2.3")},
		{"unicode", strings.Replace(line2, `"up"`, `"{\"ä.b\",x=\"\ud83d\ude00\u003c\"} # π"`, 1), api(at2, `{"ä.b",x="😀<"} # π`, "10.1.2.3")},
		{"repeated keys", `{"httpRequest":{"clientIP":"10.9.9.9"},"params":{"query":"old"},` + line2[1:], api(at2, "up", "10.1.2.3")},
		{"rule, then API", `{"ruleGroup":{"file":"f","name":"g"},"params":{"query":"old"},` + line2[1:], api(at2, "up", "10.1.2.3")},
		{"API, then rule", `{"httpRequest":{"clientIP":"10.9.9.9"},` + rule2[1:], evaluation("2026-11-22T17:32:48.406Z")},
		{"IPv6", client("2001:db8::1"), api(at2, "up", "2001:db8::1")},
		{"IPv6 with zone", client("fe80::1%eth0"), api(at2, "up", "fe80::1")},
		{"IPv6 with port", client("[2001:db8::1]:4711"), api(at2, "up", "2001:db8::1")},
		{"IPv6 in brackets", client("[2001:db8::1]"), api(at2, "up", "2001:db8::1")},
		{"IPv4 in IPv6", client("::ffff:10.1.2.3"), api(at2, "up", "10.1.2.3")},
		{"IPv4 with port", client("10.1.2.3:4711"), api(at2, "up", "10.1.2.3")},
		{"no client", client(""), api(at2, "up", "")},
		{"a name", client("grafana"), api(at2, "up", "")},
		{"no clientIP", strings.Replace(line2, `"clientIP"`, `"x"`, 1), api(at2, "up", "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, l, err := parse(t, tt.line)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]activity.Event{tt.want}, events, addrs); diff != "" {
				t.Error(diff)
			}
			if want := (activity.Line{Time: tt.want.Time, Class: activity.ClassView}); !l.Time.Equal(want.Time) || l.Class != want.Class {
				t.Errorf("line %+v, want %+v", l, want)
			}
		})
	}
}

func TestQueryLogMalformed(t *testing.T) {
	drop := func(part string) string { return strings.Replace(line2, part, "", 1) }
	swap := func(old, with string) string { return strings.Replace(line2, old, with, 1) }
	tests := map[string]string{
		"garbage":            "goroutine 1 [running]:",
		"array":              "[]",
		"empty object":       "{}",
		"half":               line2[:len(line2)-30],
		"half a rule":        rule2[:len(rule2)-30],
		"tail":               line2 + "x",
		"two on a line":      rule2 + rule2,
		"no time":            drop(`,"ts":"2026-11-22T17:35:41.114Z"`),
		"bad time":           swap("2026-11-22T17:35", "2026-11-22 17:35"),
		"number for time":    swap(`"2026-11-22T17:35:41.114Z"`, "17"),
		"no origin":          drop(`"httpRequest":{"clientIP":"10.1.2.3","method":"GET","path":"/api/v1/query"},`),
		"origin is a text":   swap(`{"clientIP":"10.1.2.3","method":"GET","path":"/api/v1/query"}`, `"x"`),
		"rule is a text":     strings.Replace(rule2, `{"file":"/etc/prometheus/rules.yml","name":"checkout.rules"}`, `"x"`, 1),
		"no query":           drop(`"query":"up",`),
		"empty query":        swap(`"up"`, `""`),
		"number for a query": swap(`"up"`, `1`),
		"params is null":     swap(`{"end":"2026-11-22T17:30:00.000Z","query":"up","start":"2026-11-22T17:20:00.000Z","step":0}`, `null`),
		"number for client":  swap(`"10.1.2.3"`, `1`),
	}
	for name, line := range tests {
		t.Run(name, func(t *testing.T) {
			events, l, err := parse(t, line)
			if err == nil || len(events) != 0 || l != (activity.Line{}) {
				t.Fatalf("got %v, %v, %v; want an error alone", events, l, err)
			}
			for _, private := range []string{"10.1.2.3", "checkout"} {
				if strings.Contains(err.Error(), private) {
					t.Errorf("the error %q tells %q", err, private)
				}
			}
		})
	}
}

func TestQueryLogOtherLogs(t *testing.T) {
	for _, line := range []string{
		"", "  \t", "\r",
		`ts=2026-11-22T17:31:00.000Z caller=main.go:512 level=info msg="Starting Prometheus Server"`,
		`time=2026-11-22T17:31:00.000Z level=INFO source=main.go:640 msg="Starting Prometheus Server"`,
		`level=info ts=2026-11-22T17:31:00.000Z caller=main.go:512 msg="Starting"`,
		`{"caller":"main.go:512","level":"info","msg":"Starting Prometheus Server","ts":"2026-11-22T17:31:00.000Z"}`,
		`{"time":"2026-11-22T17:31:00Z","level":"INFO","source":"main.go:640","msg":"Completed loading of configuration file","httpRequest":{}}`,
	} {
		events, l, err := parse(t, line)
		if err != nil || len(events) != 0 || l != (activity.Line{}) {
			t.Errorf("%q: got %v, %v, %v; want nothing", line, events, l, err)
		}
	}
}

// Both captures, counted by this parser and by encoding/json's idea of the documented fields.
func TestQueryLogCaptures(t *testing.T) {
	type key struct{ client, query string }
	for file, want := range map[string]struct{ api, rules int }{
		"testdata/query-2.42.log": {125, 248},
		"testdata/query-3.log":    {26, 1271},
	} {
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var (
				b                activity.Batch
				counted, plainly = map[key]int{}, map[key]int{}
				rules            int
			)
			p := prom.NewQueryLog("promql")
			for line := range bytes.Lines(data) {
				if _, err := p.Parse(bytes.TrimSuffix(line, []byte("\n")), &b); err != nil {
					t.Fatal(err)
				}
				var r struct {
					Params      struct{ Query string }
					HTTPRequest *struct{ ClientIP string }
				}
				if err := json.Unmarshal(line, &r); err != nil {
					t.Fatal(err)
				}
				if r.HTTPRequest != nil {
					plainly[key{r.HTTPRequest.ClientIP, r.Params.Query}]++
				}
			}
			f := prom.NewFingerprinter(nil)
			for _, e := range b.Events {
				if e.Robot == activity.RobotRuleEvaluation {
					rules++
					continue
				}
				counted[key{e.Who.Addr.String(), e.Query}]++
				if q := f.Query(e.Query); q.Metrics == nil {
					t.Errorf("does not parse: %s", e.Query)
				}
			}
			if diff := cmp.Diff(plainly, counted); diff != "" {
				t.Error(diff)
			}
			if got := len(b.Events) - rules; rules != want.rules || got != want.api {
				t.Errorf("%d API queries and %d rule evaluations, want %+v", got, rules, want)
			}
		})
	}
}

func FuzzQueryLog(f *testing.F) {
	for _, line := range []string{
		line2, line3, rule2, `{"error":"x",` + line2[1:], `{"ruleGroup":{},` + line2[1:], "{}", "[1,2,{}]", `{"a":[1,-0.5e+7,true,false,null,{"b":"\ud800\u0041"}]}`,
		`{"ts":"2026-11-22T17:35:41Z","httpRequest":{"clientIP":"[::1]:1"},"params":{"query":"\b\f\n\r\t\/\"\\\ud83d\ude00é` + "\xff" + `"}}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if trimmed := bytes.Trim(line, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
			line = append(append([]byte(`{"ts":"2026-11-22T17:35:41Z","ruleGroup":`), line...), '}')
		}
		var b activity.Batch
		l, err := prom.NewQueryLog("s").Parse(line, &b)
		e, wantLine, wantErr := oracle("s", line)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("error %v, want %v: %q", err, wantErr, line)
		}
		if l != wantLine {
			t.Fatalf("line %v, want %v: %q", l, wantLine, line)
		}
		var want []activity.Event
		if !wantLine.Time.IsZero() || wantLine.Class != "" {
			want = append(want, e)
		}
		checkGlance(t, line, e, wantLine)
		if diff := cmp.Diff(want, b.Events, addrs); diff != "" {
			t.Fatalf("%s: %q", diff, line)
		}
	})
}

// checkGlance: what is told at a glance is what the line says.
func checkGlance(t *testing.T, line []byte, e activity.Event, l activity.Line) {
	t.Helper()
	var g activity.Glance
	log := prom.NewQueryLog("s")
	if !log.Glance(line, &g) {
		return
	}
	var query, client string
	if g.Act == 2 {
		if err := errors.Join(json.Unmarshal(g.What, &query), json.Unmarshal(g.Who, &client)); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
	}
	if g.At != l.Time.UnixNano() || g.Class != l.Class || g.Foreign || g.Act == 0 || (g.Act == 1) != (e.Robot == activity.RobotRuleEvaluation) {
		t.Fatalf("%+v, want %v, %v: %q", g, l, e, line)
	}
	if query != e.Query || oracleAddr(client) != e.Who.Addr {
		t.Fatalf("%q by %q, want %v: %q", query, client, e, line)
	}
	var told activity.Event
	if log.Tell(&g, &told); cmp.Diff(e, told, addrs) != "" {
		t.Fatalf("a glance tells %v, want %v: %q", told, e, line)
	}
}

func TestQueryLogNesting(t *testing.T) {
	nest := func(levels int) string {
		return `{"x":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + "," + rule2[1:]
	}
	if _, _, err := parse(t, nest(9999)); err != nil {
		t.Error(err)
	}
	for _, levels := range []int{10000, 500000} {
		if _, _, err := parse(t, nest(levels)); err == nil {
			t.Errorf("%d levels are read; encoding/json refuses them", levels)
		}
	}
}

func BenchmarkQueryLog(b *testing.B) {
	for file, origin := range map[string]string{"testdata/query-2.42.log": "2.x", "testdata/query-3.log": "3.x"} {
		data, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		for kind, mark := range map[string]string{"rule": `"ruleGroup"`, "api": `"httpRequest"`} {
			var line []byte
			for l := range bytes.Lines(data) {
				if line == nil && bytes.Contains(l, []byte(mark)) {
					line = l
				}
			}
			b.Run(origin+"/"+kind, func(b *testing.B) {
				p := prom.NewQueryLog("promql")
				var batch activity.Batch
				b.SetBytes(int64(len(line)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := p.Parse(line, &batch); err != nil {
						b.Fatal(err)
					}
					batch.Reset()
				}
			})
		}
	}
}
