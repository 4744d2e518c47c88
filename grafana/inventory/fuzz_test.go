package inventory_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/grafana/inventory"
)

// endpoints are the paths whose answers are decoded.
var endpoints = []string{
	"/api/org", "/api/org/users", "/api/serviceaccounts/search", "/api/datasources", "/api/search?type=dash-folder", "/api/search?type=dash-db",
	"/api/folders/f-checkout/permissions", "/api/teams/search", "/api/teams/1/members", "/api/library-elements", "/apis/dashboard.grafana.app",
	boardAPI, board, board + "/versions", ruler, "/api/ruler/grafana/api/v1/rule/cg53adomlvsowf/versions", "/api/annotations",
}

// marker stands for what an answer may hold of people.
const marker = "somebody@corp.example"

// FuzzAnswers: whatever a Grafana answers to one call, the read ends, says what is wrong by endpoint, and shows nothing of the answer.
func FuzzAnswers(f *testing.F) {
	for i := range endpoints {
		f.Add(uint8(i), []byte("<html>"+marker))
		f.Add(uint8(i), []byte(`[{"login":"`+marker+`","id":"`+marker+`"}]`))
	}
	for _, text := range []string{"", "null", "[]", "{}", "[null]", "[[]]", `"` + marker + `"`} {
		for _, path := range []string{ruler, board, "/api/annotations"} {
			f.Add(uint8(slices.Index(endpoints, path)), []byte(text))
		}
	}
	f.Add(uint8(slices.Index(endpoints, "/api/teams/search")), []byte(`{"teams":[{"name":7,"email":"`+marker+`"}],"totalCount":1000000}`))
	f.Add(uint8(slices.Index(endpoints, ruler)), []byte(`{"`+marker+`":[{"rules":[{"grafana_alert":{"uid":"x","updated":"`+marker+`"}}]}]}`))
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		path := endpoints[int(which)%len(endpoints)]
		s := newServer(t, "adminSA")
		r := newReader(t, s.URL)
		s.set(t, path, http.StatusOK, string(text))
		errs := []error{r.read(t.Context())}
		r.at = now.Add(time.Hour)
		errs = append(errs, r.read(t.Context())) // and what was remembered can be read again
		for _, err := range errs {
			if err == nil {
				continue
			}
			if _, ok := errors.AsType[*inventory.DecodeError](err); !ok {
				t.Errorf("%s: %v", path, err)
			}
			if strings.Contains(err.Error(), marker) {
				t.Errorf("%s: the error shows the answer: %v", path, err)
			}
		}
		if strings.Contains(r.log.String(), marker) {
			t.Errorf("%s: the log shows the answer: %s", path, r.log.String())
		}
	})
}

// TestDecodeErrors: an answer of another shape is an error that names endpoint and field; the other parts are read all the same.
func TestDecodeErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		path, answer string
		want         string
	}{
		"no JSON":     {"/api/teams/search", "<html>login " + marker, "teams of organisation 1: GET /api/teams/search: the answer is no JSON"},
		"a team":      {"/api/teams/search", `{"teams":[{"id":"` + marker + `","name":"x"}]}`, "teams of organisation 1: GET /api/teams/search: field teams.id: a string where a uint is expected"},
		"a member":    {"/api/teams/1/members", `[{"login":{"x":"` + marker + `"}}]`, "teams of organisation 1: GET /api/teams/1/members: field login: a object where a string is expected"},
		"a hit":       {"/api/search?type=dash-db", `{"message":"` + marker + `"}`, "dashboards of organisation 1: GET /api/search: a object where a []sdk.FoundBoard is expected"},
		"a uid":       {"/api/search?type=dash-db", `[{"uid":"../admin"}]`, "dashboards of organisation 1: GET /api/search: field uid: "},
		"users":       {"/api/org/users", `[{"login":7}]`, "users of organisation 1: GET /api/org/users: field login: a number where a string is expected"},
		"sources":     {"/api/datasources", `[{"type":7}]`, "data sources of organisation 1: GET /api/datasources: field type: a number where a string is expected"},
		"folders":     {"/api/folders/f-checkout/permissions", `[{"permission":"Edit"}]`, "folders of organisation 1: GET /api/folders/f-checkout/permissions: field permission: a string where a int is expected"},
		"library":     {"/api/library-elements", `{"result":{"elements":{}}}`, "library panels of organisation 1: GET /api/library-elements: field result.elements: a object where a []"},
		"a rule":      {ruler, `{"x":[{"rules":[{"grafana_alert":{"uid":"u","updated":"` + marker + `"}}]}]}`, "rules of organisation 1: GET /api/ruler/grafana/api/v1/rules: a text where a time is expected"},
		"annotations": {"/api/annotations", `[{"tags":"` + marker + `"}]`, "annotations of organisation 1: GET /api/annotations: field tags: a string where a []string is expected"},
		"org":         {"/api/org", `{"id":"` + marker + `"}`, "GET /api/org: field id: a string where a int64 is expected"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, "adminSA")
			s.set(t, tt.path, http.StatusOK, tt.answer)
			r := newReader(t, s.URL)
			err := r.read(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("%v, want %q", err, tt.want)
			}
			if len(r.covered) > 0 {
				t.Error("a day is covered of which not all was read")
			}
			if name != "org" && !slices.Contains(r.events(), "annotation platform-prom added carol") && name != "annotations" {
				t.Errorf("the other parts were not read: %q", r.events())
			}
		})
	}
}

// TestBrokenDashboard: one dashboard that can't be read is counted, and hinders no other.
func TestBrokenDashboard(t *testing.T) {
	s := newServer(t, "adminSA")
	s.set(t, board, http.StatusOK, `{"meta":{"version":"`+marker+`"},"dashboard":{}}`)
	r := newReader(t, s.URL)
	r.mustRead(t)
	if r.batch.Malformed != 1 || strings.Contains(r.log.String(), marker) || !strings.Contains(r.log.String(), "field meta.version") {
		t.Errorf("malformed %d, log %s", r.batch.Malformed, r.log.String())
	}
}
