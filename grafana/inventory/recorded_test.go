package inventory_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

var unseen = cmpopts.IgnoreFields(activity.Dashboard{}, "Seen")

// TestRecorded reads what Grafana 12.4 answered each identity.
func TestRecorded(t *testing.T) {
	metrics := []string{"prometheus_http_request_duration_seconds_bucket", "prometheus_http_requests_total", "up"}
	boards := []activity.Dashboard{{
		Scope: "org:1", UID: "checkout-overview", Title: "Checkout Overview", Folders: []string{"f-checkout", "Checkout"}, Metrics: metrics,
	}}
	rules := map[string][]string{
		"record checkout:http_requests:rate1m": {"prometheus_http_requests_total"},
		"alert Provisioned up":                 {"up"},
		"alert Head series high":               {"prometheus_tsdb_head_series"},
	}
	notes := []string{
		"annotation  deployment sa-1-maturity-editor service_account",
		"annotation checkout-overview deployment alice",
		"annotation platform-prom added carol",
	}
	for identity, refusals := range map[string][]string{
		"adminSA":  nil,
		"editorSA": {"GET /api/org/users", "GET /api/folders/<folder>/permissions", "GET /api/teams/search"},
		"viewerSA": {"GET /api/org/users", "GET /api/folders/<folder>/permissions", "GET /api/teams/search"},
	} {
		t.Run(identity, func(t *testing.T) {
			s := newServer(t, identity)
			r := newReader(t, s.URL)
			r.mustRead(t)
			if diff := cmp.Diff(boards, r.batch.Dashboards, unseen); diff != "" {
				t.Errorf("dashboards: %s", diff)
			}
			if diff := cmp.Diff(notes, r.events()); diff != "" {
				t.Errorf("events: %s", diff)
			}
			got := map[string][]string{}
			for _, rule := range r.batch.Rules {
				got[string(rule.Kind)+" "+rule.Name] = rule.Metrics
			}
			if diff := cmp.Diff(rules, got); diff != "" {
				t.Errorf("rules: %s", diff)
			}
			if len(r.batch.DataSources) != 2 || !r.batch.DataSources[0].Metrics {
				t.Errorf("data sources: %+v", r.batch.DataSources)
			}
			if len(r.covered) != 1 || r.covered[0].Date != activity.DateOf(now) {
				t.Errorf("covered: %v", r.covered)
			}
			notes := r.Notes()
			if len(notes) != len(refusals) {
				t.Errorf("refused: %q", notes)
			}
			for i, want := range refusals {
				if i < len(notes) && (!strings.HasPrefix(notes[i], want+" was refused (403): it needs the role Admin") || !strings.Contains(notes[i], "not known: ")) {
					t.Errorf("refused: %q, want %q", notes[i], want)
				}
			}
			if identity != "adminSA" {
				return
			}
			checkTeams(t, r.batch.Teams)
			if f := r.batch.Folders[0]; f.UID != "f-checkout" || !cmp.Equal(f.Editors, []string{"checkout"}) {
				t.Errorf("folder: %+v", f)
			}
			if f := r.batch.Folders[2]; f.UID != "f-checkout-sub" || f.Parent != "f-checkout" || f.Editors != nil {
				t.Errorf("nested folder: %+v", f)
			}
		})
	}
}

func checkTeams(t *testing.T, snapshots []activity.TeamSnapshot) {
	t.Helper()
	if len(snapshots) != 1 || len(snapshots[0].Teams) != 3 {
		t.Fatalf("teams: %+v", snapshots)
	}
	team := snapshots[0].Teams[0]
	var logins []string
	for _, m := range team.Members {
		logins = append(logins, m.Login)
	}
	if team.ID != "1" || team.Name != "checkout" || !cmp.Equal(logins, []string{"admin", "alice", "bob"}) {
		t.Errorf("team: %+v", team)
	}
	if other := snapshots[0].Teams[1]; !other.Unread { // its members were not recorded
		t.Errorf("team: %+v", other)
	}
}

// TestNothingNew: a second read asks for nothing that has not changed, and tells nothing twice.
func TestNothingNew(t *testing.T) {
	s := newServer(t, "adminSA")
	r := newReader(t, s.URL)
	r.mustRead(t)
	s.forget()
	r.at = now.Add(time.Hour)
	r.mustRead(t)
	if n := s.requests("/api/dashboards/uid/checkout-overview"); n != 0 {
		t.Errorf("a dashboard that has not changed was read %d times", n)
	}
	if n := s.requests("/api/ruler/grafana/api/v1/rule/"); n != 0 {
		t.Errorf("%d versions of rules that have not changed were read", n)
	}
	if got := r.events(); len(got) > 0 || len(r.batch.Dashboards)+len(r.batch.Rules) > 0 {
		t.Errorf("told again: %q, %+v, %+v", got, r.batch.Dashboards, r.batch.Rules)
	}
}

// TestNoPersonIsRemembered: the cursor is kept in the store.
func TestNoPersonIsRemembered(t *testing.T) {
	r := newReader(t, newServer(t, "adminSA").URL)
	r.mustRead(t)
	for _, word := range []string{"alice", "bob", "admin", "carol", "example", "rate(", "ag53abff183cwf", "INC-7"} {
		if strings.Contains(string(r.cursor), word) {
			t.Errorf("the cursor holds %q: %s", word, r.cursor)
		}
	}
}
