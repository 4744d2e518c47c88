package grafana

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// seeds are lines of every shape for the fuzzer to start from.
func seeds(f *testing.F) {
	for _, name := range []string{"browser.text.log", "browser.json.log", "imitated.json.log", "anonymous.text.log", "terminal.log"} {
		for i, line := range readLines(f, name) {
			if i%17 == 0 || bytes.Contains(line, []byte("error")) {
				f.Add(line)
			}
		}
	}
	for _, line := range []string{
		`logger="context" msg="Request Completed" uname="a\"b\u00e9" t=2026-05-04T12:00:00Z orgId=1 method=GET path=/x status=200 referer=`,
		`logger=context logger=x msg="Request Completed" uname t=2026-05-04T12:00:00Z orgId=1 orgId=2 method=GET path=/x status=200 referer=""a=b`,
		`{"logger":"context","msg":"Request Completed","uname":null,"uname":"a\u0062\/\n","t":"2026-05-04T12:00:00Z","orgId":-0,"method":"GET","path":"/x","status":"200","referer":"","x":{"y":[1,2.5e3,true]}}`,
		"{\"logger\" : \"context\",\t\"msg\":\"Request Completed\",\"\xff\":\"\xff\",\"k\":01}",
		`logger=context userId=0 orgId=1 uname= t=2026-05-04T12:00:00Z level=info msg="Request Completed" method=GET path=/api/dashboards/uid/x status=200 remote_addr=10.0.0.1 time_ms=1 duration=1ms size=2 referer=http://g/d/x/y handler=/a status_source=server`,
		glanced("GET", "/api/dashboards/uid/x", "http://g/d/x/y"), glanced("GET", "/api/dashboards/uid/x", ""), glanced("GET", "/api/dashboards/uid/x", "http://g/d/y"),
		glanced("GET", "/apis/dashboard.grafana.app/v2/namespaces/default/dashboards/x/dto", `"http://g/sub/d/x?a=b&kiosk=1"`),
		glanced("GET", "/apis/dashboard.grafana.app/v1/namespaces/default/dashboards/x/dto", `"http://g/d/x?editPanel=1&render=1"`),
		glanced("POST", "/api/ds/query", `"http://g/d/x?kiosk=false&kiosk&refresh=5s&refresh="`), glanced("POST", "/api/ds/query", ""),
		strings.Replace(glanced("GET", "/api/dashboards/uid/x", "http://g/d/x"), " userId", " traceID=00f067aa0ba902b7 userId", 1),
		strings.Replace(glanced("GET", "/api/dashboards/uid/x", "http://g/d/x"), "=context", "=contexts", 1),
		`{"level":"info","logger":"context","method":"GET","msg":"Request Completed","orgId":1,"path":"/api/dashboards/uid/x","referer":"http://g/d/x?a=b","status":200,"t":"2026-05-04T12:00:00Z","uname":"Alice"}`,
		glanced("POST", "/api/datasources/proxy/uid/p/api/v1/query", `"http://g/d/%78?refresh=5s"`),
		"logger=context msg=\"Request Completed\" a=\"x\ny\" \xff=1",
	} {
		f.Add([]byte(line))
	}
}

// glanced is a line that is told at a glance.
func glanced(method, path, referer string) string {
	return "logger=context userId=1 orgId=1 uname=Alice t=2026-05-04T12:00:00Z level=info msg=\"Request Completed\" method=" + method + " path=" + path +
		" status=200 remote_addr=10.0.0.1 time_ms=1 duration=1.5ms size=2 referer=" + referer + " handler=/a status_source=server"
}

// FuzzParse holds the scanners against the plain decoders: the same lines are read, and they tell the same.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		var fast, plain activity.Batch
		gotLine, gotErr := parse(line, &fast, decode)
		wantLine, wantErr := parse(line, &plain, decodePlain)
		if gotLine != wantLine || (gotErr == nil) != (wantErr == nil) {
			t.Errorf("%q\nfast  %+v, %v\nplain %+v, %v", line, gotLine, gotErr, wantLine, wantErr)
		}
		if d := diff(plain, fast); d != "" {
			t.Errorf("%q (-plain +fast)\n%s", line, d)
		}
		if !bytes.Equal(before, line) {
			t.Errorf("%q: the line was changed", before)
		}
		checkGlance(t, line, wantLine, wantErr, plain.Events)
		trimmed := bytes.TrimSpace(line)
		if _, ok, err := decodePlain(trimmed); ok && err == nil && isOther(trimmed) && bytes.Contains(trimmed, completed) {
			t.Errorf("%q: a request line was passed over", line)
		}
		for _, e := range finish(NewRequestLog(), fast.Events) {
			if e.Step != "" || e.Kind == "" || e.Scope == "" {
				t.Errorf("unfinished event %+v", e)
			}
		}
	})
}

// checkGlance: what is told at a glance is what the line says.
func checkGlance(t *testing.T, line []byte, l activity.Line, err error, events []activity.Event) {
	t.Helper()
	var g activity.Glance
	if !NewRequestLog().Glance(line, &g) {
		return
	}
	if g.Foreign {
		if err != nil || !l.Time.IsZero() {
			t.Errorf("%q: taken for a line of another log: %+v, %v", line, l, err)
		}
		return
	}
	if err != nil || l.Time.UnixNano() != g.At || l.Class != g.Class {
		t.Errorf("%q: %+v at a glance, %+v, %v", line, g, l, err)
	}
	if g.Act == 0 && len(events) > 0 {
		t.Errorf("%q: no act at a glance: %+v", line, events)
	}
	for _, e := range events {
		if e.Who != (activity.Identity{Login: strings.ToLower(string(g.Who))}) || e.Time.UnixNano() != g.At {
			t.Errorf("%q: %+v at a glance: %+v", line, g, e)
		}
	}
	if g.Act > 0 && g.Where == nil {
		checkSort(t, line, &g, events)
	}
}

// checkSort: an act that is told by its sort and a dashboard's uid alone is what the sort says.
func checkSort(t *testing.T, line []byte, g *activity.Glance, events []activity.Event) {
	t.Helper()
	org, sort := (g.Act-1)/actSorts, (g.Act-1)%actSorts
	want := activity.Event{
		Time: time.Unix(0, g.At).UTC(), Kind: activity.KindView, Scope: fmt.Sprintf("org:%d", org), Subject: string(g.What),
		Who: activity.Identity{Login: strings.ToLower(string(g.Who))},
	}
	second := ""
	if sort >= actFetched && (sort-actFetched)%2 == 1 {
		second = "2"
	}
	switch sort {
	case actAsked:
		want.Kind, want.Robot = activity.KindQuery, activity.RobotAPI
	case actRefreshed:
		want.Kind, want.Robot = activity.KindQuery, activity.RobotRefresh
	default:
		switch sight((sort - actFetched) / 2) {
		case sightScript:
			want.Robot = activity.RobotAPI
		case sightRendered:
			want.Robot = activity.RobotRender
		case sightEdited:
			want.Step = "landing" + second
		case sightKiosk:
			want.Step, want.Robot = "view"+second, activity.RobotKiosk
		case sightOpened:
			want.Step = "view" + second
		}
	}
	if d := diff([]activity.Event{want}, events); d != "" {
		t.Errorf("%q: sort %d of acts (-at a glance +parsed)\n%s", line, sort, d)
	}
}

// FuzzReferer feeds any bytes as the page that asked, through every act that reads it.
func FuzzReferer(f *testing.F) {
	f.Add(`https://g/d/abc/x?refresh=1m&kiosk`)
	f.Add(`http://g:3000/sub/explore?left=%5B%22now-1h%22%2C%22now%22%2C%22p%22%2C%7B%22expr%22%3A%22up%22%7D%5D`)
	f.Add(explore(`{"a":{"queries":[{"expr":"up"}]},"b":{"queries":[{"expr":"a+b","hide":false}]}}`))
	f.Add(`/alerting/%zz/edit`)
	f.Fuzz(func(t *testing.T, referer string) {
		for _, r := range []req{
			{method: "POST", path: "/api/ds/query"}, {method: "POST", path: "/api/query-history"}, {method: "GET", path: dto("abc")},
			{method: "POST", path: "/api/short-urls"}, {method: "POST", path: "/api/ruler/grafana/api/v1/rules/f", status: 202},
		} {
			r.login, r.referer, r.jsonFormat = "alice", referer, true
			var b activity.Batch
			if _, err := NewRequestLog().Parse(r.line(), &b); err != nil {
				t.Fatal(err)
			}
			if len(b.Events) > maxQueries {
				t.Errorf("%d events of one line", len(b.Events))
			}
			for _, e := range b.Events {
				if e.Kind == activity.KindView && e.Subject != "abc" {
					t.Errorf("a view of %q", e.Subject)
				}
			}
		}
	})
}
