package grafana

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// req writes a request line as Grafana does.
type req struct {
	at                     string // seconds after noon
	login                  string
	org                    int
	method, path, referer  string
	status                 int
	traceID, noStatusSrc   bool
	jsonFormat, oldTimeFmt bool
}

const host = "https://grafana.example"

func (r req) line() []byte {
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	wait, err := time.ParseDuration(r.at)
	if err != nil {
		wait = 0
	}
	at := start.Add(wait).Format(time.RFC3339Nano)
	if r.oldTimeFmt {
		at = start.Add(wait).Format("2006-01-02T15:04:05-0700")
	}
	if r.status == 0 {
		r.status = 200
	}
	if r.org == 0 {
		r.org = 1
	}
	if r.jsonFormat {
		line, err := json.Marshal(map[string]any{"logger": "context", "msg": "Request Completed", "t": at, "orgId": r.org,
			"uname": r.login, "method": r.method, "path": r.path, "status": r.status, "referer": r.referer,
			"level": "info", "userId": 7, "size": 12, "duration": "96.185µs"})
		if err != nil {
			panic(err)
		}
		return line
	}
	trace := ""
	if r.traceID {
		trace = " traceID=4bf92f3577b34da6"
	}
	source := " status_source=server"
	if r.noStatusSrc {
		source = ""
	}
	referer := r.referer
	if strings.Contains(referer, "=") {
		referer = `"` + referer + `"`
	}
	login := r.login
	if strings.ContainsAny(login, ` ="`) {
		login = fmt.Sprintf("%q", login)
	}
	return fmt.Appendf(nil, `logger=context%s userId=7 orgId=%d uname=%s t=%s level=info msg="Request Completed" method=%s path=%s status=%d remote_addr=10.0.0.1 time_ms=0 duration=96.185µs size=12 referer=%s handler=/apis/*%s`,
		trace, r.org, login, at, r.method, r.path, r.status, referer, source)
}

func dto(uid string) string {
	return "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/" + uid + "/dto"
}

// brief writes events as `login kind subject detail robot`, without what is empty.
func brief(events []activity.Event) string {
	var out []string
	for _, e := range events {
		words := []string{}
		for _, w := range []string{e.Who.Login, string(e.Kind), e.Subject, e.Detail, e.Robot} {
			if w != "" {
				words = append(words, w)
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	return strings.Join(out, "; ")
}

func explore(pane string) string {
	return host + "/explore?orgId=1&panes=" + url.QueryEscape(pane) + "&schemaVersion=1"
}

func TestActs(t *testing.T) {
	const d = host + "/d/abc/title?from=now-6h&orgId=1"
	const api, put = "/apis/dashboard.grafana.app/v2/namespaces/org-2/dashboards", "PUT"
	up := explore(`{"a":{"datasource":"p","queries":[{"refId":"A","expr":"up"}]}}`)
	ask := req{login: "alice", method: "POST", path: "/api/ds/query"}
	from := func(r req, referer string, status int) req { r.referer, r.status = referer, status; return r }
	for _, c := range []struct {
		name string
		req  req
		want string
	}{
		// views
		{"view", req{login: "Alice", method: "GET", path: dto("abc"), referer: d}, "alice view abc"},
		{"view from the browser's cache", req{login: "alice", method: "GET", path: dto("abc"), referer: d, status: 304}, "alice view abc"},
		{"view in Grafana 11", req{login: "alice", method: "GET", path: "/api/dashboards/uid/abc", referer: d, noStatusSrc: true}, "alice view abc"},
		{"view in Grafana 8", req{login: "alice", method: "GET", path: "/api/dashboards/uid/abc", referer: d, oldTimeFmt: true}, "alice view abc"},
		{"view with tracing", req{login: "alice", method: "GET", path: dto("abc"), referer: d, traceID: true}, "alice view abc"},
		{"view under a sub-path", req{login: "alice", method: "GET", path: dto("abc"), referer: host + "/tools/grafana/d/abc/title?orgId=1"}, "alice view abc"},
		{"view without a slug", req{login: "alice", method: "GET", path: dto("abc"), referer: host + "/d/abc"}, "alice view abc"},
		{"view whose slug looks like a page", req{login: "alice", method: "GET", path: dto("abc"), referer: host + "/d/abc/explore"}, "alice view abc"},
		{"view of one panel", req{login: "alice", method: "GET", path: dto("abc"), referer: d + "&viewPanel=panel-3"}, "alice view abc"},
		{"anonymous view", req{method: "GET", path: dto("abc"), referer: d}, "view abc"},
		{"a login with blanks", req{login: `al "x" uname=bob`, method: "GET", path: dto("abc"), referer: d}, `al "x" uname=bob view abc`},
		{"another dashboard's page", req{login: "alice", method: "GET", path: dto("xyz"), referer: d}, ""},
		{"missing", req{login: "alice", method: "GET", path: dto("abc"), referer: d, status: 404}, ""},
		{"edited panel", req{login: "alice", method: "GET", path: dto("abc"), referer: d + "&editPanel=2"}, ""},
		{"edited panel, anonymous", req{method: "GET", path: dto("abc"), referer: d + "&editPanel=2"}, ""},
		{"playlist, anonymous", req{method: "GET", path: "/playlists/play/p", referer: host + "/playlists"}, ""},
		{"settings", req{login: "alice", method: "GET", path: dto("abc"), referer: d + "&editview=settings"}, ""},
		{"embedded", req{login: "alice", method: "GET", path: dto("abc"), referer: host + "/d-solo/abc/t?panelId=1"}, ""},
		{"picker", req{login: "alice", method: "GET", path: dto("abc"), referer: host + "/alerting/new?defaults=%7B%7D"}, ""},
		{"only the origin", req{login: "alice", method: "GET", path: dto("abc"), referer: host + "/"}, ""},
		{"another site", req{login: "alice", method: "GET", path: dto("abc"), referer: "https://wiki.example/x"}, ""},
		{"page itself", req{login: "alice", method: "GET", path: "/d/abc/title"}, ""},
		{"home", req{login: "alice", method: "GET", path: "/api/dashboards/home", referer: host + "/"}, ""},
		{"versions", req{login: "alice", method: "GET", path: "/api/dashboards/uid/abc/versions"}, ""},
		{"script", req{login: "alice", method: "GET", path: dto("abc")}, "alice view abc api"},
		{"service account", req{login: "sa-1-poller", method: "GET", path: "/api/dashboards/uid/abc"}, "sa-1-poller view abc service_account"},
		{"no service account", req{login: "sa-lly", method: "GET", path: dto("abc"), referer: d}, "sa-lly view abc"},
		{"kiosk", req{login: "tv", method: "GET", path: dto("abc"), referer: d + "&kiosk="}, "tv view abc kiosk"},
		{"kiosk, no value", req{login: "tv", method: "GET", path: dto("abc"), referer: host + "/d/abc/t?kiosk"}, "tv view abc kiosk"},
		{"a variable called kiosk", req{login: "alice", method: "GET", path: dto("abc"), referer: d + "&var-kiosk=1&var-x=%26kiosk%3D1"}, "alice view abc"},
		{"render", req{login: "alice", method: "GET", path: dto("abc"), referer: host + "/d-solo/abc/t?render=1"}, "alice view abc render"},
		{"public", req{method: "GET", path: "/api/public/dashboards/0123456789abcdef", referer: host + "/public-dashboards/0123456789abcdef"}, "view public_dashboard"},
		{"other org", req{login: "alice", org: 2, method: "GET", path: "/apis/dashboard.grafana.app/v0alpha1/namespaces/org-2/dashboards/abc/dto", referer: d}, "alice view abc"},
		{"websocket", req{login: "alice", method: "GET", path: "/api/live/ws", status: -1}, ""},
		// queries
		{"explore", from(ask, up, 200), "alice query q:up"},
		{"explore, multi status", from(ask, up, 207), "alice query q:up"},
		{"explore, failing", from(ask, up, 400), "alice query q:up"},
		{"explore, refused", from(ask, up, 403), ""},
		{"explore, bare", from(ask, host+"/explore", 200), "alice query"},
		{"explore, sub-path", from(ask, strings.Replace(up, "/explore", "/grafana/explore", 1), 200), "alice query q:up"},
		{"explore, blanks and signs", from(ask, explore(`{"a":{"queries":[{"expr":"rate(x{a=\"b c+d\"}[5m]) > 1"}]}}`), 200), `alice query q:rate(x{a="b c+d"}[5m]) > 1`},
		{"explore, encoded once more", from(ask, host+"/explore?panes="+url.QueryEscape(url.QueryEscape(`{"a":{"queries":[{"expr":"a + b"}]}}`)), 200), "alice query q:a + b"},
		{"explore, two queries", from(ask, explore(`{"a":{"queries":[{"expr":"up"},{"expr":"down"},{"expr":"up "},{"expr":"no","hide":true},{"expr":""}]}}`), 200), "alice query q:down; alice query q:up"},
		{"explore, two panes", from(ask, explore(`{"a":{"queries":[{"expr":"up"}]},"b":{"queries":[{"expr":"down"}]}}`), 200), "alice query q:down; alice query q:up"},
		{"explore, broken", from(ask, host+"/explore?panes=%7B%22a", 200), "alice query"},
		{"explore, bad escapes", from(ask, host+"/explore?panes=%zz", 200), "alice query"},
		{"explore, other types", from(ask, explore(`{"a":{"queries":[{"expr":1},7,{"expr":"up"}]}}`), 200), "alice query"},
		{"explore, left", from(ask, host+"/explore?left="+url.QueryEscape(`{"queries":[{"expr":"up"}],"range":{"from":"now-1h"}}`), 200), "alice query q:up"},
		{"explore, left and right", from(ask, host+"/explore?left="+url.QueryEscape(`{"queries":[{"expr":"up"}]}`)+"&right="+url.QueryEscape(`{"queries":[{"expr":"down"}]}`), 200), "alice query q:down; alice query q:up"},
		{"explore, left array", from(ask, host+"/explore?left="+url.QueryEscape(`["now-1h","now","Prometheus",{"expr":"up"},{"ui":[true,true,true,"none"]}]`), 200), "alice query q:up"},
		{"explore, live", from(ask, explore(`{"a":{"queries":[{"expr":"up"}],"refreshInterval":"5s"}}`), 200), "alice query q:up refresh"},
		{"explore by a service account", req{login: "sa-1-x", method: "POST", path: "/api/ds/query", referer: up}, "sa-1-x query q:up service_account"},
		{"history alone, URL too long", req{login: "alice", method: "POST", path: "/api/query-history", referer: host + "/"}, "alice query"},
		{"somewhere", from(ask, host+"/", 200), ""},
		{"query API", req{login: "alice", method: "POST", path: "/apis/query.grafana.app/v0alpha1/namespaces/default/query", referer: up}, "alice query q:up"},
		{"data source API", req{login: "alice", method: "POST", path: "/apis/prometheus.datasource.grafana.app/v0alpha1/namespaces/default/connections/p/query", referer: up}, "alice query q:up"},
		{"drilldown", from(ask, host+"/a/grafana-metricsdrilldown-app/drilldown?metric=up", 200), "alice query"},
		{"drilldown in Grafana 11", from(ask, host+"/explore/metrics/trail?metric=up", 200), "alice query"},
		{"another app", from(ask, host+"/a/grafana-oncall-app/x", 200), ""},
		{"panel", from(ask, d, 200), ""},
		{"panel, refresh off", from(ask, d+"&refresh=&to=now", 200), ""},
		{"panel, refresh", from(ask, d+"&refresh=10s", 200), "alice query abc refresh"},
		{"anonymous panel, refresh", req{method: "POST", path: "/api/ds/query", referer: d + "&refresh=10s"}, "query abc refresh"},
		{"script query", from(ask, "", 200), "alice query api"},
		{"proxy", req{login: "sa-1-x", method: "GET", path: "/api/datasources/proxy/uid/p/api/v1/query"}, "sa-1-x query service_account"},
		{"proxy, labels", req{login: "sa-1-x", method: "GET", path: "/api/datasources/proxy/uid/p/api/v1/labels"}, ""},
		{"alert preview", req{login: "alice", method: "POST", path: "/api/v1/eval", referer: host + "/alerting/new"}, ""},
		// edits
		{"save", req{login: "alice", method: put, path: api + "/abc", referer: d + "&editPanel=2"}, "alice edit abc saved"},
		{"save, place unknown", req{login: "alice", method: put, path: api + "/abc", referer: host + "/"}, "alice edit abc saved"},
		{"save refused", req{login: "alice", method: put, path: api + "/abc", referer: d, status: 412}, ""},
		{"restore", req{login: "alice", method: put, path: api + "/abc", referer: d + "&editview=versions"}, "alice edit abc restored"},
		{"restore in Grafana 11", req{login: "alice", method: "POST", path: "/api/dashboards/uid/abc/restore", referer: d}, "alice edit abc restored"},
		{"restore by number", req{login: "alice", method: "POST", path: "/api/dashboards/id/7/restore", referer: d}, "alice edit abc restored"},
		{"move", req{login: "alice", method: put, path: api + "/abc", referer: host + "/dashboards/f/x/"}, ""},
		{"legacy move", req{login: "alice", method: "POST", path: "/api/dashboards/db", referer: host + "/dashboards"}, ""},
		{"import", req{login: "alice", method: put, path: api + "/abc", referer: host + "/dashboard/import", status: 201}, "alice edit abc saved"},
		{"legacy import", req{login: "alice", method: "POST", path: "/api/dashboards/import", referer: host + "/dashboard/import"}, "alice edit saved"},
		{"legacy save", req{login: "alice", method: "POST", path: "/api/dashboards/db/", referer: d}, "alice edit abc saved"},
		{"legacy first save", req{login: "alice", method: "POST", path: "/api/dashboards/db/", referer: host + "/dashboard/new"}, "alice edit saved"},
		{"legacy restore page", req{login: "alice", method: "POST", path: "/api/dashboards/db", referer: d, status: 412}, ""},
		{"first save", req{login: "alice", method: "POST", path: api, referer: host + "/dashboard/new", status: 201}, "alice edit saved"},
		{"delete", req{login: "alice", method: "DELETE", path: api + "/abc", referer: d + "&editview=settings"}, "alice edit abc deleted"},
		{"delete from the list", req{login: "alice", method: "DELETE", path: api + "/abc", referer: host + "/dashboards"}, "alice edit abc deleted"},
		{"legacy delete", req{login: "alice", method: "DELETE", path: "/api/dashboards/uid/abc", referer: d}, "alice edit abc deleted"},
		{"script save", req{login: "alice", method: put, path: api + "/abc"}, "alice edit abc saved api"},
		{"terraform", req{login: "sa-1-tf", method: "POST", path: "/api/dashboards/db"}, "sa-1-tf edit saved service_account"},
		// shares and opens
		{"short link", req{login: "alice", method: "POST", path: "/api/short-urls", referer: d}, "alice share abc short_link"},
		{"short link, no place", req{login: "alice", method: "POST", path: "/api/short-urls", referer: host + "/"}, "alice share short_link"},
		{"short link, explore", req{login: "alice", method: "POST", path: "/api/short-urls", referer: up}, "alice share q:up short_link"},
		{"snapshot", req{login: "alice", method: "POST", path: "/api/snapshots", referer: d}, "alice share abc snapshot"},
		{"snapshot refused", req{login: "alice", method: "POST", path: "/api/snapshots", referer: d, status: 403}, ""},
		{"snapshot opened", req{method: "GET", path: "/api/snapshots/sEcReT", referer: host + "/dashboard/snapshot/sEcReT"}, "open snapshot"},
		{"snapshot deleted", req{login: "alice", method: "DELETE", path: "/api/snapshots/sEcReT", referer: host + "/dashboard/snapshots"}, ""},
		{"snapshots listed", req{login: "alice", method: "GET", path: "/api/snapshots", referer: host + "/dashboard/snapshots"}, ""},
		{"star", req{login: "alice", method: "POST", path: "/api/query-history/star/x", referer: up}, "alice share q:up starred_query"},
		{"unstar", req{login: "alice", method: "DELETE", path: "/api/query-history/star/x", referer: up}, ""},
		{"comment", req{login: "alice", method: "PATCH", path: "/api/query-history/x", referer: up}, "alice comment q:up"},
		{"link, nothing follows", req{login: "alice", method: "GET", path: "/goto/l1", status: 302}, "alice open l1"},
		{"link, no login", req{method: "GET", path: "/goto/l1", status: 302}, ""},
		{"link, unknown", req{login: "alice", method: "GET", path: "/goto/l1", status: 308}, ""},
		// annotations, rules, silences
		{"annotate", req{login: "alice", method: "POST", path: "/api/annotations", referer: d}, "alice annotation abc added"},
		{"annotations read", req{login: "alice", method: "GET", path: "/api/annotations", referer: d}, ""},
		{"annotation changed", req{login: "alice", method: "PUT", path: "/api/annotations/4", referer: d}, "alice annotation abc changed"},
		{"annotation removed", req{login: "alice", method: "DELETE", path: "/api/annotations/4", referer: d}, "alice annotation abc removed"},
		{"annotated by a pipeline", req{login: "sa-1-ci", method: "POST", path: "/api/annotations"}, "sa-1-ci annotation added service_account"},
		{"rule added", req{login: "alice", method: "POST", path: "/api/ruler/grafana/api/v1/rules/f", referer: host + "/alerting/new/alerting", status: 202}, "alice rule added"},
		{"rule added from a panel", req{login: "alice", method: "POST", path: "/api/ruler/grafana/api/v1/rules/f", referer: host + "/alerting/new?defaults=%7B%7D", status: 202}, "alice rule added"},
		{"rule edited", req{login: "alice", method: "POST", path: "/api/ruler/grafana/api/v1/rules/f", referer: host + "/grafana/alerting/r1/edit?x=1", status: 202}, "alice rule r1 other_changed"},
		{"rule paused", req{login: "alice", method: "POST", path: "/api/ruler/grafana/api/v1/rules/f", referer: host + "/alerting/grafana/r1/view", status: 202}, "alice rule r1 other_changed"},
		{"group reordered", req{login: "alice", method: "POST", path: "/api/ruler/grafana/api/v1/rules/f", referer: host + "/alerting/list", status: 202}, "alice rule other_changed"},
		{"rules read", req{login: "alice", method: "GET", path: "/api/ruler/grafana/api/v1/rules/f", referer: host + "/alerting/list", status: 202}, ""},
		{"rule refused", req{login: "alice", method: "POST", path: "/api/ruler/grafana/api/v1/rules/f", referer: host + "/alerting/list", status: 400}, ""},
		{"group removed", req{login: "alice", method: "DELETE", path: "/api/ruler/grafana/api/v1/rules/f/g", referer: host + "/alerting/grafana/r1/view", status: 202}, "alice rule r1 removed"},
		{"rule provisioned", req{login: "sa-1-tf", method: "POST", path: "/api/v1/provisioning/alert-rules", status: 201}, "sa-1-tf rule added service_account"},
		{"rule provisioned anew", req{login: "sa-1-tf", method: "PUT", path: "/api/v1/provisioning/alert-rules/r1"}, "sa-1-tf rule r1 other_changed service_account"},
		{"provisioned group", req{login: "sa-1-tf", method: "PUT", path: "/api/v1/provisioning/folder/f/rule-groups/g"}, "sa-1-tf rule other_changed service_account"},
		{"rule deprovisioned", req{login: "sa-1-tf", method: "DELETE", path: "/api/v1/provisioning/alert-rules/r1", status: 204}, "sa-1-tf rule r1 removed service_account"},
		{"silence", req{login: "alice", method: "POST", path: "/api/alertmanager/grafana/api/v2/silences", referer: host + "/alerting/silence/new", status: 202}, "alice silence"},
		{"unsilence", req{login: "alice", method: "DELETE", path: "/api/alertmanager/grafana/api/v2/silence/4c", referer: host + "/alerting/silences"}, ""},
		{"path of nothing", req{login: "alice", method: "GET", path: "/"}, ""},
	} {
		for _, jsonFormat := range []bool{false, true} {
			c.req.jsonFormat = jsonFormat
			if got := brief(collect(t, c.req.line())); got != c.want {
				t.Errorf("%s (JSON %v)\n got %q\nwant %q", c.name, jsonFormat, got, c.want)
			}
		}
	}
}

func TestScopeTimeAndClass(t *testing.T) {
	var b activity.Batch
	line, err := NewRequestLog().Parse(req{at: "90s", login: "alice", org: 2, method: "GET", path: dto("abc"),
		referer: host + "/d/abc", status: 304}.line(), &b)
	at := time.Date(2026, 5, 4, 12, 1, 30, 0, time.UTC)
	if want := (activity.Line{Time: at, Class: activity.ClassView}); err != nil || line != want {
		t.Errorf("line %+v, %v; want %+v", line, err, want)
	}
	want := []activity.Event{{Time: at, Kind: activity.KindView, Scope: "org:2", Subject: "abc", Who: activity.Identity{Login: "alice"}, Step: stepView}}
	if d := diff(want, b.Events); d != "" {
		t.Error(d)
	}
	line, err = NewRequestLog().Parse(req{login: "alice", method: "POST", path: "/x", status: 500}.line(), &b)
	if err != nil || line.Class != activity.ClassAny || line.Time.IsZero() {
		t.Errorf("a failed request proves that something is logged: %+v, %v", line, err)
	}
}

func TestFolderFacts(t *testing.T) {
	var b activity.Batch
	for _, r := range []req{
		{login: "alice", method: "GET", path: "/api/folders/f1", referer: host + "/d/abc/t?orgId=1"},
		{login: "alice", method: "GET", path: "/apis/folder.grafana.app/v1beta1/namespaces/default/folders/f2", referer: host + "/d/xyz"},
		{login: "alice", method: "GET", path: "/api/folders/f3", referer: host + "/d/abc/t?editview=settings"}, // the folder picker
		{login: "alice", method: "GET", path: "/api/folders/f3", referer: host + "/dashboards/f/f3"},
		{login: "alice", method: "GET", path: "/api/folders/f3", referer: host + "/d/abc", status: 403},
		{login: "alice", method: "GET", path: "/api/folders", referer: host + "/d/abc"},
		{login: "alice", method: "GET", path: "/api/folders/f3/permissions", referer: host + "/d/abc"},
	} {
		if _, err := NewRequestLog().Parse(r.line(), &b); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	want := []activity.Dashboard{
		{Seen: at, Scope: "org:1", UID: "abc", Folders: []string{"f1"}},
		{Seen: at, Scope: "org:1", UID: "xyz", Folders: []string{"f2"}},
	}
	if d := diff(want, b.Dashboards); d != "" || len(b.Events) > 0 {
		t.Errorf("%s\nevents %v", d, b.Events)
	}
}

func TestOtherLines(t *testing.T) {
	good := string(req{login: "alice", method: "GET", path: dto("abc"), referer: host + "/d/abc"}.line())
	for _, line := range []string{
		"", "\r\n", "not a log line", "{}", "[]", `{"msg":"x"`, `{"logger":"context","msg":"Plugin Request Completed"}`,
		`logger=plugin.instrumentation t=2026-11-22T17:59:00Z level=info msg="Plugin Request Completed" endpoint=queryData`,
		`logger=http.server t=x level=info msg="Request Completed" method=GET`,
		`{"logger":"tsdb","msg":"Request Completed"}`,
		`logger=context t=2026-11-22T17:59:00Z level=info msg="Invalid path" path="msg=\"Request Completed\""`,
		`t=2026-11-22T17:59:00Z logger=sqlstore error="\"Request Completed\" msg`,
		strings.Replace(good, "logger=context", "logger=contextual", 1),
	} {
		var b activity.Batch
		got, err := NewRequestLog().Parse([]byte(line), &b)
		if err != nil || got != (activity.Line{}) || len(b.Events) > 0 {
			t.Errorf("%q: %+v, %v, %v", line, got, err, b.Events)
		}
	}
}

func TestMalformed(t *testing.T) {
	good := string(req{login: "alice", method: "GET", path: dto("abc"), referer: host + "/d/abc?orgId=1"}.line())
	asJSON := string(req{jsonFormat: true, login: "alice", method: "GET", path: dto("abc"), referer: host + "/d/abc"}.line())
	for _, line := range []string{
		strings.Replace(good, "orgId=1 ", "", 1),
		strings.Replace(good, "orgId=1 ", "orgId=one ", 1),
		strings.Replace(good, "status=200", "status=ok", 1),
		strings.Replace(good, "t=2026", "t=06", 1),
		strings.Replace(good, "path=", "path=a=b", 1),
		good[:strings.Index(good, "orgId=1\" handler")],
		good[:strings.Index(good, " size=")],
		asJSON[:len(asJSON)-1],
		asJSON[:len(asJSON)/2] + "\x00" + asJSON[len(asJSON)/2:],
		strings.Replace(asJSON, `"orgId":1`, `"orgId":1.5`, 1),
		strings.Replace(asJSON, `"path"`, `"pfad"`, 1),
	} {
		var b activity.Batch
		got, err := NewRequestLog().Parse([]byte(line), &b)
		if err == nil || got != (activity.Line{}) || len(b.Events) > 0 {
			t.Errorf("%q: %+v, %v", line, got, b.Events)
		} else if strings.Contains(err.Error(), "alice") || strings.Contains(err.Error(), "abc") {
			t.Errorf("the error tells the line's text: %v", err)
		}
	}
}

func TestTerminalFormat(t *testing.T) {
	for _, line := range readLines(t, "terminal.log") {
		if len(line) == 0 {
			continue
		}
		if _, err := NewRequestLog().Parse(line, &activity.Batch{}); !errors.Is(err, ErrTerminalFormat) || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestKeyOrderDoesNotMatter(t *testing.T) {
	line := `referer="https://g/d/abc/x?a=1" status=200 path=` + dto("abc") + ` method=GET msg="Request Completed" level=info t=2026-05-04T12:00:00+02:00 uname="Alice" orgId=3 traceID=1 logger=context`
	for _, line := range []string{line, strings.ReplaceAll(line, " uname", " \t uname") + " \r\n", "Nov 22 host grafana[12]: " + line} {
		got := collect(t, []byte(line))
		if brief(got) != "alice view abc" || got[0].Scope != "org:3" || got[0].Time.Hour() != 10 {
			t.Errorf("%q: %+v", line, got)
		}
	}
}

func TestForgedText(t *testing.T) {
	forged := `x\" uname=eve logger=context msg=\"Request Completed\" path=` + dto("abc")
	for _, line := range []string{
		`logger=context orgId=1 uname="` + forged + `" t=2026-05-04T12:00:00Z msg="Request Completed" method=GET path=` + dto("abc") + ` status=200 referer="https://g/d/abc"`,
		`{"logger":"context","orgId":1,"uname":"` + strings.ReplaceAll(forged, "=", `\u003d`) + `","t":"2026-05-04T12:00:00Z","msg":"Request Completed","method":"GET","path":"` + dto("abc") + `","status":200,"referer":"https://g/d/abc"}`,
	} {
		got := collect(t, []byte(line))
		if len(got) != 1 || !strings.HasPrefix(got[0].Who.Login, `x" uname=eve `) {
			t.Errorf("%+v", got)
		}
	}
	// A forged Referer that hides a second page in its query.
	got := collect(t, req{login: "alice", method: "GET", path: dto("abc"), referer: host + "/?next=/d/abc/title"}.line())
	if len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestLoggingSwitchedOff(t *testing.T) {
	for _, line := range readLines(t, "router_logging_off.text.log") {
		var b activity.Batch
		got, err := NewRequestLog().Parse(line, &b)
		if err != nil || got.Class != activity.ClassAny || len(b.Events) > 0 {
			t.Errorf("%+v, %v, %v\n%s", got, err, b.Events, line)
		}
	}
}

func TestAnonymousAccess(t *testing.T) {
	want := map[act]int{
		{"alice", "view", "checkout-overview", "", ""}:                           3,
		{"alice", "view", "checkout-overview", "", "api"}:                        1, // a proxy strips the Referer
		{"alice", "query", "", "", ""}:                                           1,
		{"alice", "annotation", "checkout-overview", "added", ""}:                1,
		{"", "view", "checkout-overview", "", ""}:                                1,
		{"sa-1-dash-poller", "view", "checkout-overview", "", "service_account"}: 1,
	}
	if d := diff(want, tally(collect(t, readLines(t, "anonymous.text.log")...))); d != "" {
		t.Error(d)
	}
}

// TestBrowserReferers holds the pages that Chromium sends against what is read from them.
func TestBrowserReferers(t *testing.T) {
	type sent struct{ T, Referer string }
	want := map[string]pageKind{
		"/api/hardload_dto": pageDashboard, "/api/spa_nav_dto": pageDashboard, "/api/kiosk_dto": pageDashboard,
		"/api/explore_query": pageExplore, "/api/explore_len_3961": pageExplore, "/api/explore_len_4095": pageExplore,
		"/api/explore_len_4096": pageExplore, "/api/explore_len_4097": pageUnknown, "/api/explore_len_6000": pageUnknown,
	}
	for _, s := range readTruth[sent](t, "referers.jsonl") {
		p := readPage([]byte(s.Referer))
		if p.kind != want[s.T] {
			t.Errorf("%s: page %d, want %d", s.T, p.kind, want[s.T])
		}
		if s.T == "/api/explore_query" {
			if e := readExplore(&p); len(e.exprs) != 1 || e.exprs[0] != `rate(http_requests_total{job="a b",code=~"5.."}[5m])` {
				t.Errorf("read %q", e.exprs)
			}
		}
	}
}

func TestIrrelevantLinesAllocateNothing(t *testing.T) {
	l := NewRequestLog()
	var b activity.Batch
	for _, line := range [][]byte{
		[]byte(`logger=plugin.instrumentation t=2026-11-22T17:59:00Z level=info msg="Plugin Request Completed" endpoint=queryData`),
		[]byte(`{"logger":"plugin.instrumentation","msg":"Plugin Request Completed"}`),
		req{login: "alice", method: "GET", path: "/public/build/app.js", referer: host + "/d/abc?orgId=1"}.line(),
		req{jsonFormat: true, login: "alice", method: "GET", path: "/public/build/app.js", referer: host + "/d/abc"}.line(),
	} {
		if n := testing.AllocsPerRun(100, func() { _, _ = l.Parse(line, &b) }); n > 0 {
			t.Errorf("%v allocations: %s", n, line)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"browser.text.log", "browser.json.log"} {
		b.Run(strings.Split(name, ".")[1], func(b *testing.B) {
			lines := readLines(b, name)
			b.SetBytes(int64(len(bytes.Join(lines, []byte("\n")))))
			b.ReportAllocs()
			l := NewRequestLog()
			var batch activity.Batch
			for b.Loop() {
				batch.Reset()
				for _, line := range lines {
					if _, err := l.Parse(line, &batch); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(len(lines))*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// TestHostileReferers: a long line is read in a time that grows with its length alone.
func TestHostileReferers(t *testing.T) {
	const n = 200_000
	for name, referer := range map[string]string{
		"slashes":    host + strings.Repeat("/d/", n),
		"alerting":   host + strings.Repeat("/x/alerting", n),
		"parameters": host + "/d/abc?" + strings.Repeat("a&", n),
		"queries":    explore(`{"a":{"queries":[` + strings.Repeat(`{"expr":"up"},`, n/10) + `{"expr":"down"}]}}`),
		"brackets":   host + "/explore?panes=" + strings.Repeat("%5B", n),
		"percents":   host + "/explore?panes=" + strings.Repeat("%25", n),
	} {
		start := time.Now()
		for _, path := range []string{"/api/ds/query", "/api/short-urls"} {
			var b activity.Batch
			if _, err := NewRequestLog().Parse(req{login: "alice", method: "POST", path: path, referer: referer}.line(), &b); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}
