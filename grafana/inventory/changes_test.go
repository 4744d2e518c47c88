package inventory_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

const (
	board    = "/api/dashboards/uid/checkout-overview"
	boardAPI = "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards"
	ruler    = "/api/ruler/grafana/api/v1/rules"
)

// object and list are JSON as encoding/json decodes it.
type (
	object = map[string]any
	list   = []any
)

// restore changes the recorded dashboard into its fifth version: as recorded after a restore from the second.
func restore(t *testing.T, s *server) {
	t.Helper()
	s.edit(t, board, func(v any) any {
		v.(object)["meta"].(object)["version"] = 5
		return v
	})
	s.edit(t, boardAPI, func(v any) any {
		v.(object)["items"].(list)[0].(object)["metadata"].(object)["resourceVersion"] = "1795370505000000"
		return v
	})
}

func TestBoardVersions(t *testing.T) {
	saved := time.Date(2026, 11, 22, 18, 1, 45, 0, time.UTC)
	for name, tt := range map[string]struct {
		identity string
		versions string // what the recorded answers to versions are
		want     []string
	}{
		"an administrator's token": {"adminSA", "dashboard_versions_after_restore.adminSA.200.json", []string{"edit checkout-overview restored alice"}},
		// Its newer API knows nothing of a fifth version, so the dashboard itself tells of the last save.
		"a viewer's token": {"viewerSA", "", []string{"edit checkout-overview saved bob"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, tt.identity)
			r := newReader(t, s.URL)
			r.mustRead(t)
			restore(t, s)
			if tt.versions != "" {
				text, err := os.ReadFile(filepath.Join("testdata", "12.4", tt.versions))
				if err != nil {
					t.Fatal(err)
				}
				s.set(t, board+"/versions", http.StatusOK, string(text))
			}
			r.at = now.Add(10 * 24 * time.Hour) // a version is dated: it is an act however long nothing was read
			r.mustRead(t)
			if diff := cmp.Diff(tt.want, r.events()); diff != "" {
				t.Fatal(diff)
			}
			if at := r.batch.Events[0].Time; tt.identity == "adminSA" && !at.Equal(saved) {
				t.Errorf("saved at %v, want %v", at, saved)
			}
			if len(r.covered) != 10 {
				t.Errorf("%d days are covered, want those since the last read", len(r.covered))
			}
		})
	}
}

// TestHistory: without the right to read versions, the newer API tells who saved, once their ids are known.
func TestHistory(t *testing.T) {
	s := newServer(t, "viewerSA")
	r := newReader(t, s.URL)
	s.edit(t, board, func(v any) any { // as it was after its first save
		v.(object)["meta"].(object)["version"] = 1
		return v
	})
	s.edit(t, boardAPI, func(v any) any {
		v.(object)["items"].(list)[0].(object)["metadata"].(object)["resourceVersion"] = "1"
		return v
	})
	r.mustRead(t)
	later := newServer(t, "viewerSA")
	r.HTTP.URL = later.URL
	r.mustRead(t)
	want := []string{"edit checkout-overview saved", "edit checkout-overview saved", "edit checkout-overview saved bob"} // alice is known by id alone
	if diff := cmp.Diff(want, r.events()); diff != "" {
		t.Error(diff)
	}
}

func TestBoardsComeAndGo(t *testing.T) {
	s := newServer(t, "adminSA")
	r := newReader(t, s.URL)
	r.mustRead(t)
	s.edit(t, "/api/search?type=dash-db", func(v any) any {
		hits := v.(list)
		hits[0].(object)["folderUid"] = "f-checkout-sub" // moved
		return append(hits, object{"uid": "v2-dash", "title": "V2 schema dashboard", "folderUid": "f-platform"})
	})
	r.at = now.Add(time.Hour)
	r.mustRead(t)
	want := []activity.Dashboard{
		{Scope: "org:1", UID: "checkout-overview", Title: "Checkout Overview", Folders: []string{"f-checkout-sub", "Payments", "f-checkout", "Checkout"}},
		{Scope: "org:1", UID: "v2-dash", Title: "V2 schema dashboard", Folders: []string{"f-platform", "Platform"}, Metrics: []string{"prometheus_http_requests_total"}},
	}
	if diff := cmp.Diff(want, r.batch.Dashboards, unseen); diff != "" {
		t.Error(diff)
	}
	if got := r.events(); len(got) > 0 { // its only save was before the first read
		t.Errorf("%q", got)
	}
	s.edit(t, "/api/search?type=dash-db", func(v any) any { return v.(list)[1:] })
	r.at = now.Add(2 * time.Hour)
	r.mustRead(t)
	if got := r.batch.Dashboards; len(got) != 1 || !got[0].Removed || got[0].UID != "checkout-overview" {
		t.Errorf("%+v", got)
	}
}

// evaluator reaches the threshold of the recorded alert "Head series high".
func evaluator(v any) object {
	rule := v.(object)["Platform"].(list)[0].(object)["rules"].(list)[0].(object)["grafana_alert"].(object)
	model := rule["data"].(list)[1].(object)["model"].(object)
	return model["conditions"].(list)[0].(object)["evaluator"].(object)
}

func TestRuleVersions(t *testing.T) {
	s := newServer(t, "adminSA")
	r := newReader(t, s.URL)
	recorded := s.answers[ruler]
	s.edit(t, ruler, func(v any) any { // as it was in its first version, and before the recording rule was there
		evaluator(v)["params"] = list{1000000000}
		v.(object)["Platform"].(list)[0].(object)["rules"].(list)[0].(object)["grafana_alert"].(object)["version"] = 1
		delete(v.(object), "Checkout")
		return v
	})
	r.at = time.Date(2026, 11, 22, 17, 53, 51, 0, time.UTC)
	r.mustRead(t)
	s.set(t, ruler, recorded.status, string(recorded.body))
	r.at = now.Add(9 * 24 * time.Hour)
	r.mustRead(t)
	want := []string{"rule Head series high threshold_changed dave", "rule checkout:http_requests:rate1m added alice"}
	if diff := cmp.Diff(want, r.events()); diff != "" {
		t.Error(diff)
	}
	if len(r.batch.Rules) != 2 {
		t.Errorf("%+v", r.batch.Rules)
	}
}

// TestRulesWithoutVersions: what Grafana 11.4 and earlier tell is compared with what is remembered.
func TestRulesWithoutVersions(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(v any) any
		after  time.Duration
		want   []string
	}{
		"a threshold":   {func(v any) any { evaluator(v)["params"] = list{600}; return v }, time.Hour, []string{"rule Head series high threshold_changed dave"}},
		"the other way": {func(v any) any { evaluator(v)["type"] = "lt"; return v }, time.Hour, []string{"rule Head series high expr_changed dave"}},
		"labels": {func(v any) any {
			v.(object)["Growth"].(list)[0].(object)["rules"].(list)[0].(object)["labels"] = object{"team": "web"}
			return v
		}, time.Hour, []string{"rule Provisioned up other_changed sa-1-maturity-editor service_account"}},
		"removed":     {func(v any) any { delete(v.(object), "Growth"); return v }, time.Hour, []string{"rule Provisioned up removed"}},
		"after a gap": {func(v any) any { evaluator(v)["params"] = list{600}; return v }, 72 * time.Hour, nil},
		"a folder's name": {func(v any) any {
			v.(object)["Web"] = v.(object)["Growth"]
			delete(v.(object), "Growth")
			return v
		}, time.Hour, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, "adminSA")
			for _, uid := range []string{"bg53adpa1xhj4a", "cg53adomlvsowf"} {
				s.set(t, "/api/ruler/grafana/api/v1/rule/"+uid+"/versions", http.StatusNotFound, "{}")
			}
			r := newReader(t, s.URL)
			r.mustRead(t)
			s.edit(t, ruler, tt.change)
			r.at = now.Add(tt.after)
			r.mustRead(t)
			if diff := cmp.Diff(tt.want, r.events()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestProvisioningAPI: where the ruler's answer is refused, the provisioning API tells the rules without authors.
func TestProvisioningAPI(t *testing.T) {
	s := newServer(t, "adminSA")
	r := newReader(t, s.URL)
	r.mustRead(t)
	want := r.batch.Rules
	s.set(t, ruler, http.StatusForbidden, "{}")
	other := newReader(t, s.URL)
	other.mustRead(t)
	byUID := func(rules []activity.Rule) map[string]activity.Rule {
		out := map[string]activity.Rule{}
		for _, r := range rules {
			out[r.UID] = r
		}
		return out
	}
	if diff := cmp.Diff(byUID(want), byUID(other.batch.Rules)); diff != "" {
		t.Error(diff)
	}
}

func TestNewAnnotation(t *testing.T) {
	s := newServer(t, "adminSA")
	r := newReader(t, s.URL)
	r.mustRead(t)
	s.edit(t, "/api/annotations", func(v any) any {
		return append(list{
			object{"id": 9, "created": now.Add(time.Hour).UnixMilli(), "time": now.AddDate(0, 3, 0).UnixMilli(), "dashboardUID": "d", "login": "Eve", "tags": list{"Target", "x"}},
			object{"id": 8, "created": now.Add(time.Hour).UnixMilli(), "dashboardId": 3366506324488192, "login": "", "tags": list{"Follow up", "baseline"}},
			object{"id": 7, "alertId": 4, "newState": "Alerting", "created": now.UnixMilli()},
		}, v.(list)...)
	})
	r.at = now.Add(2 * time.Hour)
	r.mustRead(t)
	want := []string{"annotation checkout-overview baseline,follow-up", "annotation d target eve"}
	if diff := cmp.Diff(want, r.events()); diff != "" {
		t.Error(diff)
	}
}
