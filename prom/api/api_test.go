package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/prom/api"
)

// fake is a server that answers as a test says.
type fake struct {
	*httptest.Server
	t       *testing.T
	answers map[string]func(r *http.Request) (status int, body string)
	asked   []string // path and query of every request
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, answers: map[string]func(*http.Request) (int, string){}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.asked = append(f.asked, r.URL.String())
		answer := f.answers[r.URL.Path]
		if answer == nil {
			http.NotFound(w, r)
			return
		}
		status, body := answer(r)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(f.Close)
	f.rules()
	f.names()
	f.says("/api/v1/metadata", http.StatusOK, `{"status":"success","data":{"old_requests":[{"type":"counter"}],"new_seconds":[{"type":"histogram"}],"odd":[{"type":"<b>"}]}}`)
	return f
}

func (f *fake) says(path string, status int, body string) {
	f.answers[path] = func(*http.Request) (int, string) { return status, body }
}

// rule is a rule as the API writes it.
func rule(kind, name, expr string, more ...string) string {
	return fmt.Sprintf(`{"type":%q,"name":%q,"query":%s,"health":"ok","labels":{"team":"payments"}%s}`, kind, name, quoted(expr), strings.Join(append([]string{""}, more...), ","))
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func group(file string, rules ...string) string {
	return fmt.Sprintf(`{"name":"g","file":%q,"rules":[%s]}`, file, strings.Join(rules, ","))
}

func (f *fake) rules(groups ...string) {
	f.says("/api/v1/rules", http.StatusOK, `{"status":"success","data":{"groups":[`+strings.Join(groups, ",")+`]}}`)
}

func (f *fake) names(names ...string) {
	b, err := json.Marshal(map[string]any{"status": "success", "data": append([]string{"up"}, names...)})
	if err != nil {
		f.t.Fatal(err)
	}
	f.says("/api/v1/label/__name__/values", http.StatusOK, string(b))
}

var start = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// source is an API with the cursor that it reached.
type source struct {
	api.API
	t      *testing.T
	at     time.Time
	cursor []byte
}

func newSource(t *testing.T, url string) *source {
	t.Helper()
	s := &source{t: t, at: start}
	s.API = api.API{Source: "prom", HTTP: httpclient.Config{URL: url, Retries: -1}, KeepAnnotations: []string{"owner"}, Now: func() time.Time { return s.at }}
	return s
}

// look takes a snapshot some time after the last one.
func (s *source) look(after time.Duration) (activity.Batch, []activity.CoveredDay, error) {
	s.t.Helper()
	s.at = s.at.Add(after)
	var batch activity.Batch
	var covered []activity.CoveredDay
	saves := 0
	err := s.Fetch(context.Background(), s.cursor, func(b activity.Batch, cursor []byte, days []activity.CoveredDay) error {
		batch, s.cursor, covered = b, cursor, days
		saves++
		return nil
	})
	if (err == nil) != (saves == 1) {
		s.t.Errorf("saved %d times: %v", saves, err)
	}
	return batch, covered, err
}

// told writes the events of a snapshot, one a line.
func (s *source) told(after time.Duration) string {
	s.t.Helper()
	b, _, err := s.look(after)
	if err != nil {
		s.t.Fatal(err)
	}
	var out strings.Builder
	for _, e := range b.Events {
		if !e.Who.IsZero() || e.Query != "" {
			s.t.Errorf("an event tells too much: %+v", e)
		}
		fmt.Fprintf(&out, "%s %s %s %s %s\n", e.Time.Format("01-02 15:04"), e.Kind, e.Scope, e.Subject, e.Detail)
	}
	return out.String()
}

func (s *source) want(after time.Duration, want string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.told(after)); diff != "" {
		s.t.Errorf("-want +got\n%s", diff)
	}
}

const hour = time.Hour

func TestFirstSnapshotIsNoAct(t *testing.T) {
	f := newFake(t)
	f.rules(group("pay.yml", rule("alerting", "Slow", "x > 1", `"annotations":{"owner":"pay","summary":"of alice@corp"}`), rule("recording", "job:x:rate", "rate(x[5m])")))
	s := newSource(t, f.URL)
	b, covered, err := s.look(0)
	if err != nil || len(b.Events) > 0 {
		t.Fatal(b.Events, err)
	}
	want := []activity.Rule{
		{From: start, Scope: "prom:pay.yml", Kind: activity.RuleAlert, Name: "Slow", Metrics: []string{"x"}, Labels: map[string]string{"team": "payments"}, Annotations: map[string]string{"owner": "pay"}},
		{From: start, Scope: "prom:pay.yml", Kind: activity.RuleRecording, Name: "job:x:rate", Metrics: []string{"x"}, Labels: map[string]string{"team": "payments"}},
	}
	if diff := cmp.Diff(want, b.Rules); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]activity.CoveredDay{{Class: activity.ClassAny, Date: activity.DateOf(start)}}, covered); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	s.want(hour, "")
}

func TestChangesOfRules(t *testing.T) {
	f := newFake(t)
	slow, rate := rule("alerting", "Slow", "x > 1", `"duration":300`), rule("recording", "job:x:rate", "rate(x[5m])")
	f.rules(group("pay.yml", slow, rate))
	s := newSource(t, f.URL)
	s.want(0, "")
	steps := []struct {
		what   string
		groups []string
		want   string
	}{
		{"another file, order, format: nothing", []string{group("b.yml", rate), group("a.yml", rule("alerting", "Slow", "x   >\n1 # often", `"duration":300`, `"state":"firing"`))}, ""},
		{"a threshold", []string{group("b.yml", rate), group("a.yml", rule("alerting", "Slow", "x > 2", `"duration":300`))}, "rule prom:a.yml Slow threshold_changed\n"},
		{"an expression", []string{group("b.yml", rate), group("a.yml", rule("alerting", "Slow", "y > 2", `"duration":300`))}, "rule prom:a.yml Slow expr_changed\n"},
		{"how long", []string{group("b.yml", rate), group("a.yml", rule("alerting", "Slow", "y > 2", `"duration":600`))}, "rule prom:a.yml Slow other_changed\n"},
		{"one more, one less", []string{group("a.yml", rule("alerting", "Slow", "y > 2", `"duration":600`), rule("alerting", "Dead", "up == 0"))},
			"rule prom:a.yml Dead added\nrule prom:b.yml job:x:rate removed\n"},
		{"an alert that is recorded", []string{group("a.yml", rule("alerting", "Slow", "y > 2", `"duration":600`), rule("recording", "Dead", "up == 0"))},
			"rule prom:a.yml Dead removed\nrule prom:a.yml Dead added\n"},
		{"logs", []string{group("a.yml", rule("alerting", "Slow", "y > 2", `"duration":600`), rule("recording", "Dead", `sum(rate({app="x"} |= "e" [1m]))`))}, "rule prom:a.yml Dead expr_changed\n"},
		{"a type of a later version", []string{group("a.yml", rule("alerting", "Slow", "y > 2", `"duration":600`), rule("recording", "Dead", `sum(rate({app="x"} |= "e" [1m]))`), rule("tracing", "New", "y"))}, ""},
	}
	for i, step := range steps {
		f.rules(step.groups...)
		at := start.Add(time.Duration(i+1) * hour).Format("01-02 15:04 ")
		want := ""
		for line := range strings.Lines(step.want) {
			want += at + line
		}
		if diff := cmp.Diff(want, s.told(hour)); diff != "" {
			t.Errorf("%s: -want +got\n%s", step.what, diff)
		}
	}
}

// TestRulesThatVanish: a server that has none for a while has not had them all removed.
func TestRulesThatVanish(t *testing.T) {
	f := newFake(t)
	slow := group("pay.yml", rule("alerting", "Slow", "x > 1"))
	f.rules(slow)
	s := newSource(t, f.URL)
	s.want(0, "")
	f.rules()
	s.want(hour, "")
	f.rules(slow)
	s.want(hour, "")
	f.rules()
	s.want(hour, "")
	s.want(hour, "11-02 15:00 rule prom:pay.yml Slow removed\n") // since when they were gone
	s.want(hour, "")
}

func TestNewMetrics(t *testing.T) {
	f := newFake(t)
	f.names("old_requests")
	s := newSource(t, f.URL)
	s.want(0, "")
	f.rules(group("pay.yml", rule("recording", "job:new:rate", "rate(new[5m])")))
	f.names("old_requests", "new_seconds_bucket", "new_seconds_bucket", "odd", "job:new:rate", "ALERTS")
	s.want(hour, "11-02 13:00 rule prom:pay.yml job:new:rate added\n11-02 13:00 metric prom job:new:rate recorded\n"+
		"11-02 13:00 metric prom new_seconds_bucket histogram\n11-02 13:00 metric prom odd \n")
	// What is gone for a while is not new when it is back.
	f.names("old_requests")
	s.want(24*hour, "")
	f.names("old_requests", "odd")
	s.want(24*hour, "")
	if last := f.asked[len(f.asked)-2]; !strings.Contains(last, fmt.Sprintf("start=%d", s.at.Add(-25*hour).Unix())) {
		t.Errorf("asked for %s", last)
	}
}

// TestGap: after some days nobody knows when a change was made.
func TestGap(t *testing.T) {
	f := newFake(t)
	s := newSource(t, f.URL)
	s.want(0, "")
	f.names("friday")
	f.rules(group("pay.yml", rule("alerting", "Slow", "x > 1")))
	b, covered, err := s.look(3 * 24 * hour)
	if err != nil || len(b.Events) != 2 || len(covered) != 3 || covered[0].Date != activity.DateOf(start)+1 {
		t.Errorf("over a weekend: %+v, %v, %v", b.Events, covered, err)
	}
	f.names("friday", "later")
	f.rules(group("pay.yml", rule("alerting", "Slow", "x > 2")))
	b, covered, err = s.look(5 * 24 * hour)
	if err != nil || len(b.Events) != 0 || len(covered) != 1 || len(b.Rules) != 0 {
		t.Errorf("after a gap: %+v, %+v, %v, %v", b.Events, b.Rules, covered, err)
	}
	f.names("friday", "later", "last")
	s.want(hour, "11-10 13:00 metric prom last \n")
	// A clock that was set back makes no gap.
	f.names("friday", "later", "last", "past")
	s.want(-48*hour, "11-08 13:00 metric prom past \n")
}

func TestAnotherServerIsSeenForTheFirstTime(t *testing.T) {
	f, g := newFake(t), newFake(t)
	g.names("other")
	s := newSource(t, f.URL)
	s.want(0, "")
	s.HTTP.URL = g.URL
	s.want(hour, "")
	s.HTTP.Tenant = "b"
	g.names("of_b")
	s.want(hour, "")
}

func TestPages(t *testing.T) {
	f := newFake(t)
	refuse := 1
	f.answers["/api/v1/rules"] = func(r *http.Request) (int, string) {
		token := r.URL.Query().Get("group_next_token")
		page := func(i int, next string) string {
			return fmt.Sprintf(`{"status":"success","data":{"groups":[%s],"groupNextToken":%q}}`, group("f.yml", rule("alerting", fmt.Sprint("A", i), "up")), next)
		}
		switch {
		case r.URL.Query().Get("group_limit") == "":
			return http.StatusBadRequest, ""
		case token == "":
			return http.StatusOK, page(1, "t1")
		case token == "t1" && refuse > 0: // the rules were changed meanwhile
			refuse--
			return http.StatusBadRequest, `{"status":"error","errorType":"bad_data","error":"invalid group_next_token"}`
		case token == "t1":
			return http.StatusOK, page(2, "t2")
		}
		return http.StatusOK, page(3, "")
	}
	b, _, err := newSource(t, f.URL).look(0)
	if err != nil || len(b.Rules) != 3 {
		t.Errorf("%+v, %v", b.Rules, err)
	}
	f.says("/api/v1/rules", http.StatusOK, `{"status":"success","data":{"groups":[],"groupNextToken":"again"}}`)
	if _, _, err := newSource(t, f.URL).look(0); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Error(err)
	}
}

func TestMimirsRuler(t *testing.T) {
	f := newFake(t)
	config := `payments:
  - name: slo
    interval: 1m
    labels: {team: payments}
    rules:
      - {record: "job:x:rate", expr: "rate(x[5m])"}
      - {alert: Slow, expr: "x > 1", for: 5m, labels: {severity: page}}
other:
  - name: g
    rules: [{alert: Dead, expr: up == 0}]
`
	f.says("/config/v1/rules", http.StatusOK, config)
	s := newSource(t, f.URL)
	s.RulesFrom, s.HTTP.Tenant = api.RulesMimir, "team-a"
	b, _, err := s.look(0)
	if err != nil || len(b.Rules) != 3 || b.Rules[2].Labels["team"] != "payments" || b.Rules[0].Scope != "prom:other" {
		t.Fatalf("%+v, %v", b.Rules, err)
	}
	f.says("/config/v1/rules", http.StatusOK, strings.Replace(config, "x > 1", "x > 3", 1))
	b, _, err = s.look(hour)
	if err != nil || len(b.Events) != 1 || b.Events[0].Detail != activity.RuleThresholdChanged || b.Events[0].Tenant != "team-a" {
		t.Errorf("%+v, %v", b.Events, err)
	}
	f.says("/config/v1/rules", http.StatusOK, "<html>")
	if _, _, err := s.look(hour); err == nil || !strings.Contains(err.Error(), "no list of rule groups") {
		t.Error(err)
	}
	f.says("/config/v1/rules", http.StatusNotFound, "no rule groups found")
	s.want(hour, "")
	s.want(hour, "11-02 15:00 rule prom:other Dead removed\n11-02 15:00 rule prom:payments Slow removed\n11-02 15:00 rule prom:payments job:x:rate removed\n")
}

// TestSelections: whether a team has metrics of its own is asked by the selectors of owner rules.
func TestSelections(t *testing.T) {
	f := newFake(t)
	names := f.answers["/api/v1/label/__name__/values"]
	f.answers["/api/v1/label/__name__/values"] = func(r *http.Request) (int, string) {
		switch r.URL.Query().Get("match[]") {
		case "":
			return names(r)
		case `{namespace="pay"}`:
			return http.StatusOK, `{"status":"success","data":["x"]}`
		case `{odd}`:
			return http.StatusBadRequest, `{"status":"error","errorType":"bad_data"}`
		}
		return http.StatusOK, `{"status":"success","data":[]}`
	}
	s := newSource(t, f.URL)
	s.Selectors = []string{`{namespace="pay"}`, `{odd}`, `{team="search"}`}
	b, _, err := s.look(0)
	want := []activity.Selection{{Seen: start, Scope: "prom", Selector: `{namespace="pay"}`, Found: true}, {Seen: start, Scope: "prom", Selector: `{team="search"}`}}
	if diff := cmp.Diff(want, b.Selections); diff != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
}

func TestNoRules(t *testing.T) {
	f := newFake(t)
	delete(f.answers, "/api/v1/rules")
	s := newSource(t, f.URL)
	s.RulesFrom = api.RulesNone
	s.want(0, "")
}

// TestCaptured reads what a Prometheus 3.15 answered.
func TestCaptured(t *testing.T) {
	f := newFake(t)
	for path, name := range map[string]string{"/api/v1/rules": "rules.json", "/api/v1/label/__name__/values": "names.json", "/api/v1/metadata": "metadata.json"} {
		body, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		f.says(path, http.StatusOK, string(body))
	}
	s := newSource(t, f.URL)
	b, _, err := s.look(0)
	if err != nil || len(b.Rules) != 3 || b.Rules[2].Name != "job:prometheus_http_requests_latency:p99" || b.Rules[0].Scope != "prom:rules/payments.yml" {
		t.Errorf("%+v, %v", b.Rules, err)
	}
	if strings.Contains(string(s.cursor), "histogram_quantile") {
		t.Error("the cursor holds an expression")
	}
}

// TestFailures: whatever is wrong is told with the call and what to do, and nothing is saved; the next snapshot goes on from the last.
func TestFailures(t *testing.T) {
	const secret = "alice@corp.example"
	for name, tt := range map[string]struct {
		path   string
		status int
		body   string
		want   string // in the error; empty: none
	}{
		"expired token":    {"/api/v1/rules", http.StatusUnauthorized, secret, "401"},
		"no right":         {"/api/v1/label/__name__/values", http.StatusForbidden, secret, "/api/v1/label/__name__/values: 403"},
		"server error":     {"/api/v1/rules", http.StatusInternalServerError, secret, "500"},
		"refused":          {"/api/v1/rules", http.StatusBadRequest, secret, "400"},
		"html":             {"/api/v1/rules", http.StatusOK, "<html>" + secret, "/api/v1/rules: the answer is no JSON\nhint: "},
		"cut off":          {"/api/v1/rules", http.StatusOK, `{"status":"success","data":{"groups":[{"name":"` + secret, "no JSON"},
		"an error":         {"/api/v1/rules", http.StatusOK, `{"status":"error","error":"` + secret + `"}`, "not success"},
		"another type":     {"/api/v1/rules", http.StatusOK, `{"status":"success","data":{"groups":[{"rules":[{"name":1,"x":"` + secret + `"}]}]}}`, `a number in field "groups`},
		"another shape":    {"/api/v1/label/__name__/values", http.StatusOK, `{"status":"success","data":{"x":"` + secret + `"}}`, "a object in field"},
		"no data":          {"/api/v1/label/__name__/values", http.StatusOK, `{"status":"success"}`, "no JSON"},
		"no metadata":      {"/api/v1/metadata", http.StatusNotFound, secret, ""},
		"metadata refused": {"/api/v1/metadata", http.StatusForbidden, secret, ""},
		"metadata broken":  {"/api/v1/metadata", http.StatusOK, secret, "/api/v1/metadata: the answer is no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			s := newSource(t, f.URL)
			s.want(0, "")
			good := f.answers[tt.path]
			f.says(tt.path, tt.status, tt.body)
			f.answers["/api/v1/label/__name__/values"] = or(tt.path == "/api/v1/label/__name__/values", f.answers["/api/v1/label/__name__/values"], func(*http.Request) (int, string) {
				return http.StatusOK, `{"status":"success","data":["new"]}`
			})
			_, _, err := s.look(hour)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			f.answers[tt.path] = good
			f.names("new")
			s.want(hour, "11-02 14:00 metric prom new \n")
		})
	}
}

func or[T any](yes bool, a, b T) T {
	if yes {
		return a
	}
	return b
}

func TestCursorThatCantBeRead(t *testing.T) {
	f := newFake(t)
	for _, cursor := range []string{"x", "\x1f\x8b\x08"} {
		s := newSource(t, f.URL)
		s.cursor = []byte(cursor)
		if _, _, err := s.look(0); err == nil || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("%q: %v", cursor, err)
		}
	}
}
