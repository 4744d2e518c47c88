package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// hostile are names that try to be more than names.
func hostile() []string {
	return []string{
		`<script>alert("x")</script>`, `"><img src=x onerror=alert(1)>`, `'; DROP TABLE days; --`, "\x1b[31mred\x1b[0m", "safe\u202etxt.exe", `{{.Secret}}`,
		"javascript:alert(1)", strings.Repeat("long ", 200) + "name", "a/b", "..", "100%", `</title><svg onload=alert(1)>`, "=HYPERLINK(\"x\")", "teams?x=1#y",
	}
}

// hostileSite has such names wherever a name may stand.
func hostileSite(t testing.TB) *site {
	t.Helper()
	r := smallReport(t)
	u := &usageReport{Schema: 1, From: day(t, "2026-08-24"), To: day(t, "2026-11-22"), CoveredDays: 90}
	reading := &sourcesReport{Schema: 1, Events: r.Events}
	for i, name := range hostile() {
		team := r.Teams[0]
		team.Team, team.assessment.Team = name, name
		team.Next = &nextReport{Stage: 5, Missing: []string{name}}
		r.Teams = append(r.Teams, team)
		u.Dashboards = append(u.Dashboards, dashboardReport{
			Scope: "org:1", UID: name, Title: name, Folder: name, Owners: []string{name}, State: boardViewed, Views30d: int64(i),
			Teams90d: []string{name}, KnownSince: &u.From, URL: boardURL("https://grafana.example", boardKey{"org:1", name}),
		})
		reading.Mend = append(reading.Mend, mendReport{Source: name, Problem: name, Hint: name})
		reading.Kinds = append(reading.Kinds, kindReport{Kind: "view", Outcome: "automated", Reason: name, Count: 1})
	}
	for _, s := range r.Sources {
		reading.Sources = append(reading.Sources, sourceDetail{sourceReport: s, Days: []calendarDay{{u.To - 2, dayFull}, {u.To - 1, dayNone}}})
	}
	s, err := newSite(r, u, reading, map[string][]setAside{hostile()[0]: {{Kind: "view", Outcome: "automated", Reason: hostile()[0], Count: 3}}}, time.UTC, 4)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serveSite is a handler over pages that do not change.
func serveSite(s *site) http.Handler {
	server := newServer(&app{log: slog.New(slog.DiscardHandler)}, nil)
	server.latest.Store(s)
	return server.handler()
}

// ask sends a request without a network.
func ask(t testing.TB, h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// TestPagesEscape: a name is text, on every page, and each team is found by the link that leads to it.
func TestPagesEscape(t *testing.T) {
	s := hostileSite(t)
	h := serveSite(s)
	paths := []string{"/", "/dashboards", "/sources", "/?q=" + url.QueryEscape(hostile()[0]), "/?sort=" + url.QueryEscape(hostile()[1]), "/dashboards?q=" + url.QueryEscape(hostile()[1])}
	for _, name := range hostile() {
		paths = append(paths, "/"+page{site: s}.TeamLink(name))
	}
	bodies := map[string]string{}
	for _, path := range paths {
		w := ask(t, h, http.MethodGet, path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		bodies[path] = w.Body.String()
	}
	var mail bytes.Buffer
	if err := s.writeMail(&mail); err != nil {
		t.Fatal(err)
	}
	bodies["mail"] = mail.String()
	for path, body := range bodies {
		if strings.Count(body, "<script") > 1 || strings.Contains(body, "<img") || strings.Contains(body, "onload=alert(1)>") || strings.Contains(body, `href="javascript:`) || strings.Contains(body, "ZgotmplZ") {
			t.Errorf("%s: a name became more than a name", path)
		}
		if strings.Contains(body, " style=") || strings.Contains(body, " onclick=") {
			t.Errorf("%s: what the content security policy would refuse", path)
		}
	}
	if i := slices.Index(hostile(), "a/b"); !strings.Contains(bodies["/teams/a%2Fb"], "<bdi>"+hostile()[i]+"</bdi>") {
		t.Error("a team with a slash in its name is not shown on its page")
	}
	if !strings.Contains(bodies["/teams/?name=.."], "<h1><bdi>..</bdi></h1>") {
		t.Error("the team .. has no page")
	}
	for _, outside := range []string{` src="`, "@import", "<link", "<script", "url(http"} {
		if strings.Contains(bodies["mail"], outside) {
			t.Errorf("the file to mail wants something from elsewhere: %s", outside)
		}
	}
}

// TestTerminalEscapes: neither a table nor a spreadsheet obeys a name.
func TestTerminalEscapes(t *testing.T) {
	s := hostileSite(t)
	var table, history, usage, csv bytes.Buffer
	for _, err := range []error{writeTable(&table, s.report, time.UTC), writeHistory(&history, s.Teams), writeUsage(&usage, s.Usage), writeUsageCSV(&csv, s.Usage)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for what, out := range map[string]string{"table": table.String(), "history": history.String(), "usage": usage.String(), "csv": csv.String()} {
		if strings.ContainsAny(out, "\x1b\u202e") {
			t.Errorf("%s: a control character gets through", what)
		}
	}
	if strings.Contains(csv.String(), "\n=HYPER") || strings.Contains(csv.String(), ",=HYPER") || strings.Contains(csv.String(), `,"=HYPER`) {
		t.Error("a title is a formula")
	}
}

// TestAPIEscapes: JSON holds every name as it is, and nothing that a browser takes for a page.
func TestAPIEscapes(t *testing.T) {
	s := hostileSite(t)
	h := serveSite(s)
	for _, name := range hostile() {
		w := ask(t, h, http.MethodGet, "/api/v1/"+page{site: s}.TeamLink(name))
		var got struct {
			Team      string   `json:"team"`
			Sentences []string `json:"sentences"`
			History   []any    `json:"history"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Team != name || len(got.Sentences) == 0 || len(got.History) == 0 {
			t.Errorf("%q: %v %+v", name, err, got)
		}
		if strings.Contains(w.Body.String(), "<") || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: a browser may take this for a page: %v", name, w.Header())
		}
	}
}

// TestAPI: the same names as report --format json has, and proper errors.
func TestAPI(t *testing.T) {
	s := hostileSite(t)
	h := serveSite(s)
	want, err := json.Marshal(s.withHistory(false))
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, h, http.MethodGet, "/api/v1/report").Body.String(); got != string(want)+"\n" {
		t.Error("the report is another than that of the command")
	}
	if !strings.Contains(ask(t, h, http.MethodGet, "/api/v1/report?history=true").Body.String(), `"history":[`) {
		t.Error("no history")
	}
	for path, keys := range map[string][]string{
		"/api/v1/dashboards": {"schema", "from", "to", "covered_days", "dashboards"}, "/api/v1/sources": {"schema", "sources", "events", "kinds", "mend"},
		"/api/v1/teams/payments": {"team", "stage", "criteria", "sentences", "set_aside", "dashboards", "history"},
	} {
		var got map[string]any
		if err := json.Unmarshal(ask(t, h, http.MethodGet, path).Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, path, got, keys...)
	}
	for _, path := range []string{"/api/v1/teams/nobody", "/api/v1/nothing", "/api/"} {
		if w := ask(t, h, http.MethodGet, path); w.Code != http.StatusNotFound || !strings.HasPrefix(w.Body.String(), `{"error":`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestHTTP: methods, caching, compression, and pages that are not there.
func TestHTTP(t *testing.T) {
	h := serveSite(hostileSite(t))
	whole := ask(t, h, http.MethodGet, "/")
	if csp := whole.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy: %s", csp)
	}
	etag := whole.Header().Get("ETag")
	if w := ask(t, h, http.MethodGet, "/", "If-None-Match", etag); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("a page that the reader has is sent again: %d", w.Code)
	}
	if w := ask(t, h, http.MethodGet, "/", "If-None-Match", `W/"other"`); w.Code != http.StatusOK {
		t.Errorf("another page: %d", w.Code)
	}
	w := ask(t, h, http.MethodGet, "/", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(z); err != nil || string(body) != whole.Body.String() || w.Header().Get("ETag") != etag {
		t.Errorf("compressed it is another page: %v", err)
	}
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{http.MethodHead, "/", 200}, {http.MethodHead, "/teams/payments", 200}, {http.MethodPost, "/", 405}, {http.MethodDelete, "/teams/payments", 405},
		{http.MethodPut, "/api/v1/report", 405}, {http.MethodGet, "/teams/nobody", 404}, {http.MethodGet, "/nothing/here", 404}, {http.MethodGet, "/static/mail.html", 404},
		{http.MethodGet, "/static/..%2fweb.go", 404}, {http.MethodGet, "/static/page.css", 200}, {http.MethodGet, "/static/page.js@1", 200}, {http.MethodPost, "/metrics", 405},
	} {
		if w := ask(t, h, tt.method, tt.path); w.Code != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, w.Code, tt.want)
		}
	}
	if js := ask(t, h, http.MethodGet, "/static/page.js@1").Header(); !strings.Contains(js.Get("Content-Type"), "javascript") || !strings.Contains(js.Get("Cache-Control"), "immutable") {
		t.Errorf("%v", js)
	}
	if body := ask(t, h, http.MethodGet, "/nothing/here").Body.String(); !strings.Contains(body, `href="../static/page.css@`) {
		t.Error("the page that says so has no style")
	}
}

// TestBrokenPage: of a page that fails halfway nothing is sent but the error.
func TestBrokenPage(t *testing.T) {
	s := hostileSite(t)
	bad := template.Must(template.New("x").Funcs(template.FuncMap{"fail": func() (string, error) { return "", errors.New("a secret") }}).
		Parse(`{{define "base"}}<p>the first half{{fail}}{{end}}`))
	s.pages["organisation"] = bad
	w := ask(t, serveSite(s), http.MethodGet, "/")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "half") || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestPagesNotReady: before the first assessment pages say so.
func TestPagesNotReady(t *testing.T) {
	h := serveSite(nil)
	for _, path := range []string{"/", "/teams/payments", "/api/v1/report"} {
		if w := ask(t, h, http.MethodGet, path); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// order returns the teams of a list as it is shown.
func order(s *site, query string) []string {
	values, err := url.ParseQuery(query)
	if err != nil {
		panic(err)
	}
	var names []string
	for _, row := range s.organisation(values).Rows {
		names = append(names, row.Team)
	}
	return names
}

// TestTeamList: the list by what is asked, without a script; what is unknown comes last in either order.
func TestTeamList(t *testing.T) {
	r := smallReport(t)
	r.Teams[1].Team = "held"
	s, err := newSite(r, &usageReport{}, &sourcesReport{}, nil, time.UTC, 4)
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string][]string{
		"":                           {"payments", "held", "fresh"},
		"sort=stage&order=asc":       {"held", "payments", "fresh"},
		"sort=team&order=asc":        {"fresh", "held", "payments"},
		"sort=team&order=desc":       {"payments", "held", "fresh"},
		"sort=confidence&order=asc":  {"payments", "fresh", "held"},
		"sort=confidence&order=desc": {"payments", "fresh", "held"},
		"sort=nonsense":              {"fresh", "held", "payments"},
		"q=PAY":                      {"payments"},
		"stage=0":                    {"held"},
		"stage=unknown":              {"fresh"},
		"status=stale":               {"held"},
		"moved=rose":                 {"payments"},
		"moved=fell":                 nil,
		"q=a&stage=4&sort=since":     {"payments"},
	} {
		if diff := cmp.Diff(want, order(s, query)); diff != "" {
			t.Errorf("%q: want -, got +\n%s", query, diff)
		}
	}
	heads := s.organisation(url.Values{"q": {"a"}, "sort": {"team"}, "order": {"asc"}}).Heads
	if heads[0].Aria != "ascending" || heads[0].Link != "?order=desc&q=a&sort=team" || heads[1].Aria != "none" {
		t.Errorf("%+v", heads[:2])
	}
}
