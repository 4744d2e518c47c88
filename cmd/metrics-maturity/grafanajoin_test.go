package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
)

// recordedGrafana answers as a real Grafana did after the acts of which its log tells too; before, as it did before some of them.
type recordedGrafana struct {
	t      *testing.T
	before bool
}

// recordedAnswers are the files of what is asked, by path and the type that is searched for.
var recordedAnswers = map[string]string{
	"/api/org":                                               "org",
	"/api/org/users":                                         "org_users",
	"/api/serviceaccounts/search":                            "serviceaccounts_search",
	"/api/datasources":                                       "datasources",
	"/api/search?dash-folder":                                "search_dash-folder",
	"/api/search?dash-db":                                    "search_dash-db",
	"/api/folders/f-checkout/permissions":                    "folder_permissions_f-checkout",
	"/api/teams/search":                                      "teams_search",
	"/api/teams/1/members":                                   "team_1_members",
	"/api/library-elements":                                  "library_elements",
	"/api/dashboards/uid/checkout-overview":                  "dashboard_uid_checkout-overview",
	"/api/dashboards/uid/checkout-overview/versions":         "dashboard_versions_checkout-overview",
	"/api/ruler/grafana/api/v1/rules":                        "ruler_rules_all",
	"/api/ruler/grafana/api/v1/rule/cg53adomlvsowf/versions": "ruler_rule_versions_edited",
	"/api/annotations":                                       "annotations_type_annotation",
}

func (g *recordedGrafana) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if path == "/api/search" {
		path += "?" + r.URL.Query().Get("type")
	}
	name, ok := recordedAnswers[path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "grafana", "inventory", "testdata", "12.4", name+".adminSA.200.json"))
	if err != nil {
		g.t.Error(err)
	}
	if g.before {
		text = []byte(strings.NewReplacer(`"version":4`, `"version":1`, `"version": 4`, `"version": 1`, `"params":[500]`, `"params":[1000000000]`,
			`"version":2,"uid":"cg53adomlvsowf"`, `"version":1,"uid":"cg53adomlvsowf"`).Replace(compactJSON(g.t, text)))
	}
	_, _ = w.Write(text)
}

func compactJSON(t *testing.T, text []byte) string {
	t.Helper()
	var out strings.Builder
	var v json.RawMessage
	if err := json.Unmarshal(text, &v); err != nil {
		t.Error(err)
	}
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Error(err)
	}
	return out.String()
}

// TestGrafanaTellsOnce: what a Grafana's log and its API both tell counts once, with what the API knows of it; whose it is the teams in
// Grafana say.
func TestGrafanaTellsOnce(t *testing.T) {
	api := &recordedGrafana{t: t, before: true}
	s := httptest.NewServer(api)
	defer s.Close()
	log, err := filepath.Abs(filepath.Join("..", "..", "grafana", "testdata", "imitated.text.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envHashKey, "a key that only tests know")
	path := writeConfig(t, fmt.Sprintf(`
sources:
  - {name: grafana, type: grafana-log, files: [%q]}
  - {name: inventory, type: grafana-api, url: %q, retries: 0}
teams:
  - {name: payments, grafana_teams: [checkout]}
  - {name: platform, members: [carol, dave]}
teams_from: [grafana_teams]
`, log, s.URL))
	for _, api.before = range []bool{true, false, false} {
		runOK(t, "run", "--config", path)
	}
	got := map[string]int64{}
	for line := range strings.Lines(runOK(t, "days", "--config", path)) {
		var d dayRow
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		switch d.Kind {
		case "edit", "annotation", "rule":
			if d.Outcome == "counted" && d.Subject != "" {
				got[fmt.Sprintf("%s %s %s %s", d.Team, d.Kind, d.Subject, d.Detail)] += d.Count
			}
		}
	}
	want := map[string]int64{
		"payments annotation checkout-overview deployment": 1,
		"payments edit checkout-overview saved":            3,
		"payments edit checkout-payments saved":            1, // of which no answer was recorded
		"platform annotation platform-prom added":          1,
		"platform edit platform-prom saved":                1,
		"platform rule Head series high threshold_changed": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	stored, err := os.ReadFile(filepath.Join(filepath.Dir(path), "maturity.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"alice", "Alice", "carol", "dave", "example.test", "eg53ack0ibegwe", "deploy v1.2.3", "rate("} {
		if strings.Contains(string(stored), who) {
			t.Errorf("the store holds %q", who)
		}
	}
	var r report
	if err := json.Unmarshal([]byte(runOK(t, "report", "--config", path, "--format", "json")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Events.Reasons["duplicate"] != 7 { // 3 saves, 3 annotations (one of a service account), 1 rule
		t.Errorf("reasons: %v", r.Events.Reasons)
	}
	if payments := r.Teams[0]; payments.Team != "payments" || !*payments.Foundations["dashboards"] || !*payments.Foundations["query_tooling"] {
		t.Errorf("foundations of %s: %v", payments.Team, payments.Foundations)
	}
}

// TestGrafanaTeamSizes: who is in a team in Grafana counts towards the size from which counts of people are shown.
func TestGrafanaTeamSizes(t *testing.T) {
	seen := func(login string, from, to activity.Date) activity.Membership {
		return activity.Membership{Team: "Payments", Digests: []activity.Digest{activity.NewKey([]byte("k")).Login(login)}, From: from, To: to}
	}
	memberships := []activity.Membership{seen("a", 0, 0), seen("b", 0, 100), seen("c", 100, 0), seen("d", 100, 0), seen("a", 0, 0)} // the last by another source
	o := owner.Config{Teams: []owner.Team{
		{Name: "grafana", GrafanaTeams: []string{"Payments"}},
		{Name: "both", GrafanaTeams: []string{"Payments"}, Members: []owner.Member{{Login: "a"}, {Login: "b"}}},
		{Name: "unknown", GrafanaTeams: []string{"Nobody"}},
	}}.WithGrafanaTeams(memberships, false)
	sizes := newTeamSizes(o, nil, 3)
	for _, tt := range []struct {
		team string
		on   activity.Date
		want bool
	}{{"grafana", 99, true}, {"grafana", 100, false}, {"both", 99, true}, {"both", 100, false}, {"unknown", 100, true}} {
		if got := sizes.hidden(tt.team, tt.on); got != tt.want {
			t.Errorf("%s on day %d: hidden %v", tt.team, tt.on, got)
		}
	}
	if !o.Teams[0].HasPeople() || o.Teams[2].HasPeople() {
		t.Error("a team has people if anybody was seen in it")
	}
}
