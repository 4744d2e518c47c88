package inventory_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Grafana 9, 10 and 11 answer as their source says; what differs from 12.4 is derived from it:
//
//   - pkg/api/dashboard.go, GetDashboardVersions: a plain array, pages by limit and start; up to 9.1 with createdBy as the store
//     has it (pkg/services/dashboardversion/model.go: a login that may be null, or a number), later a login or "Anonymous"; a version
//     that a migration made is restored from itself.
//   - pkg/api/api.go: no /apis/dashboard.grafana.app before 11, and behind a switch in 11.
//   - pkg/services/ngalert/api/tooling/definitions/cortex-ruler.go: rules of 9 have no record, paused and updated_by, numbers for
//     namespace and organisation; no /versions before 11.5.
//   - pkg/models/org_user.go (9), pkg/services/org/model.go (10, 11): users have no uid before 11.
//   - pkg/api/dtos/folder.go: no parentUid in 9; folders nest from 10 on (behind a switch), and in all of 11.
//   - pkg/services/annotations/models.go: annotations name the dashboard's number alone in 9.0.
type older struct {
	name     string
	versions string // of a dashboard, newest first, the part after the first page
	authors  []string
	users    object
	byNumber bool // annotations name dashboards by number alone
	nested   bool
}

func oldServer(t *testing.T, v older) *server {
	t.Helper()
	s := newServer(t, "adminSA")
	for path := range s.answers {
		if strings.HasPrefix(path, "/apis/") || strings.HasSuffix(path, "/versions") {
			delete(s.answers, path)
		}
	}
	s.set(t, "/api/org/users", http.StatusOK, list{v.users})
	s.edit(t, ruler, func(v any) any {
		for _, groups := range v.(object) {
			for _, group := range groups.(list) {
				for _, node := range group.(object)["rules"].(list) {
					rule := node.(object)["grafana_alert"].(object)
					for _, key := range []string{"updated_by", "is_paused", "metadata", "guid"} {
						delete(rule, key)
					}
					rule["id"], rule["orgId"], rule["namespace_id"] = 1, 1, 12
				}
			}
		}
		delete(v.(object), "Checkout") // no recording rules yet
		return v
	})
	if v.byNumber {
		s.edit(t, "/api/annotations", func(v any) any {
			for _, n := range v.(list) {
				delete(n.(object), "dashboardUID")
			}
			return v
		})
	}
	if !v.nested {
		s.edit(t, "/api/search?type=dash-folder", func(v any) any {
			for _, f := range v.(list) {
				delete(f.(object), "folderUid")
			}
			return v
		})
	}
	return s
}

func TestOlderGrafanas(t *testing.T) {
	for _, v := range []older{
		{
			name: "9.0", byNumber: true, authors: []string{"", "carol"}, users: object{"orgId": 1, "userId": 2, "login": "alice", "role": "Admin"},
			versions: `{"id":41,"dashboardId":1,"parentVersion":4,"version":5,"restoredFrom":5,"created":"2026-11-22T19:00:00Z","createdBy":7,"message":"Initial save (created by migration)"}`,
		},
		{
			name: "10.4", nested: true, authors: []string{"", "carol"}, users: object{"orgId": 1, "userId": 2, "login": "alice", "isDisabled": false, "authLabels": nil},
			versions: `{"id":41,"dashboardId":1,"uid":"checkout-overview","parentVersion":4,"version":5,"restoredFrom":0,"created":"2026-11-22T19:00:00+01:00","createdBy":"Anonymous","data":null}`,
		},
		{
			name: "11.4", nested: true, authors: []string{"dave", "carol"}, users: object{"orgId": 1, "userId": 2, "uid": "u2", "login": "alice"},
			versions: `{"id":41,"dashboardId":1,"uid":"checkout-overview","parentVersion":4,"version":5,"restoredFrom":0,"created":"2026-11-22T19:00:00Z","createdBy":"dave"}`,
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			s := oldServer(t, v)
			r := newReader(t, s.URL)
			r.mustRead(t)
			if got := r.batch.Dashboards; len(got) != 1 || len(got[0].Metrics) != 3 {
				t.Errorf("%+v", got)
			}
			annotations := []string{"annotation  deployment sa-1-maturity-editor service_account", "annotation checkout-overview deployment alice", "annotation platform-prom added carol"}
			if diff := cmp.Diff(annotations, r.events()); diff != "" {
				t.Error(diff)
			}
			// 21 saves later: two pages.
			s.edit(t, board, func(v any) any {
				v.(object)["meta"].(object)["version"] = 25
				return v
			})
			first := make([]string, 0, 20)
			for n := 25; n > 5; n-- {
				first = append(first, strings.Replace(`{"version":N,"created":"2026-11-22T19:30:00Z","createdBy":"carol"}`, "N", strings.TrimSpace(jsonText(t, n)), 1))
			}
			s.set(t, board+"/versions", http.StatusOK, "["+strings.Join(first, ",")+"]")
			s.set(t, board+"/versions?next", http.StatusOK, "["+v.versions+"]")
			s.edit(t, ruler, func(v any) any {
				evaluator(v)["params"] = list{7}
				rule := v.(object)["Platform"].(list)[0].(object)["rules"].(list)[0].(object)["grafana_alert"].(object)
				rule["version"], rule["updated"] = 3, now.Format(time.RFC3339)
				return v
			})
			r.at = now.Add(time.Hour)
			r.mustRead(t)
			byAuthor, rules := map[string]int{}, 0
			for _, e := range r.batch.Events {
				switch e.Kind {
				case activity.KindEdit:
					byAuthor[e.Who.Login]++
				case activity.KindRule:
					rules++
					if e.Detail != activity.RuleThresholdChanged || e.Subject != "Head series high" || !e.Who.IsZero() || !e.Time.Equal(now) {
						t.Errorf("rule: %+v", e)
					}
				}
			}
			if rules != 1 {
				t.Errorf("%d changes of rules, want 1", rules)
			}
			if diff := cmp.Diff(map[string]int{v.authors[0]: 1, v.authors[1]: 20}, byAuthor); diff != "" {
				t.Error(diff)
			}
		})
	}
}
