package sim

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

const (
	rootURL    = "https://grafana.corp.example"
	datasource = "prom"
	dashboards = "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/"
)

// grafanaLog writes acts as the lines that Grafana 12.4 writes for them: not one line an act, but the burst of
// requests that the page sends.
type grafanaLog struct {
	w     *world
	d     dice
	file  *rotated
	panes map[string]string // encoded state of Explore, by query
	err   error

	// The act at hand.
	who *person
	day int
	at  time.Time
}

func (w *world) writeGrafana(dir string) error {
	g := &grafanaLog{
		w: w, d: w.dice("grafana log"), panes: map[string]string{},
		file: &rotated{
			dir: filepath.Join(dir, LogFolder), name: "grafana.log", last: w.End - 7,
			out: func(day activity.Date) bool { return w.out(grafanaSource, day) },
		},
	}
	for _, a := range w.acts {
		g.act(a)
	}
	if g.err != nil {
		return g.err
	}
	return g.file.rotate()
}

// act writes the lines of one act.
func (g *grafanaLog) act(a act) {
	g.who, g.at, g.day = a.who, a.at, int(activity.DateOf(a.at)-g.w.start)
	switch a.kind {
	case openBoard:
		g.loadBoard(a.board, "from=now-6h", "to=now")
	case clickBoard:
		g.showBoard(a.board, "from=now-6h", "timezone=browser&to=now", false)
	case kioskBoard:
		g.loadBoard(a.board, "from=now-6h&kiosk=true", "refresh=5m&timezone=browser&to=now")
	case playBoard:
		g.playBoard(a.board)
	case refreshBoard:
		g.panels(a.board, boardPage(a.board, "from=now-6h", "refresh=5m&timezone=browser&to=now"))
	case kioskRefresh:
		g.panels(a.board, boardPage(a.board, "from=now-6h&kiosk=true", "refresh=5m&timezone=browser&to=now"))
	case followBoard:
		to := a.at.UTC().Truncate(time.Hour)
		absolute := func(t time.Time) string { return url.QueryEscape(t.Format("2006-01-02T15:04:05.000Z")) }
		g.line(0, "GET", "/goto/"+a.text, 302, "", "/goto/:uid", 553)
		g.loadBoard(a.board, "from="+absolute(to.Add(-6*time.Hour)), "timezone=browser&to="+absolute(to))
	case openHome:
		g.home()
	case openExplore:
		g.loadExplore(a.text)
	case followQuery:
		g.line(0, "GET", "/goto/"+g.d.id(14), 302, "", "/goto/:uid", 553)
		g.loadExplore(a.text)
	case runQuery:
		g.run(g.explorePage(a.text))
	case starQuery:
		id := g.d.id(14)
		page := g.explorePage(a.text)
		g.line(0, "GET", "/api/query-history", 200, page, "/api/query-history/", 1220)
		g.line(2100, "POST", "/api/query-history/star/"+id, 200, page, "/api/query-history/star/:uid", 320)
	case linkQuery:
		g.line(0, "POST", "/api/short-urls", 200, g.explorePage(a.text), "/api/short-urls", 83)
	case linkBoard:
		g.line(0, "POST", "/api/short-urls", 200, boardPage(a.board, "from=now-6h", "shareView=link&timezone=browser&to=now"), "/api/short-urls", 83)
	case snapshotBoard:
		page := boardPage(a.board, "from=now-6h", "shareView=snapshot&timezone=browser&to=now")
		g.line(0, "GET", "/api/snapshot/shared-options", 200, page, "/api/snapshot/shared-options/", 76)
		g.line(2200, "POST", "/api/snapshots", 200, page, "/api/snapshots/", 264)
	case openSnapshot:
		g.openSnapshot(a.text)
	case saveBoard:
		page := boardPage(a.board, "editPanel=2&from=now-6h", "timezone=browser&to=now")
		g.line(0, "PUT", dashboards+a.board.uid, 200, page, "/apis/*", 14489)
		g.line(95, "GET", "/api/folders", 200, page, "/api/folders/", 374)
		g.line(30, "GET", "/api/search", 200, page, "/api/search/", 2486)
	case annotate:
		page := boardPage(a.board, "from=now-6h", "timezone=browser&to=now")
		g.line(0, "POST", "/api/annotations", 200, page, "/api/annotations/", 38)
		g.line(20, "GET", "/api/annotations", 200, page, "/api/annotations", 244)
	case pollBoard:
		g.line(0, "GET", "/api/dashboards/uid/"+a.board.uid, 200, "", "/api/dashboards/uid/:uid", 2946)
		g.line(30, "GET", "/api/search", 200, "", "/api/search/", 2462)
	case askPrometheus: // leaves no line in Grafana
	}
}

// boardPage is the address of a dashboard, its parameters sorted as Grafana logs them; orgId stands between those
// before and those after it.
func boardPage(b *board, before, after string) string {
	return rootURL + "/d/" + b.uid + "/" + b.slug + "?" + before + "&orgId=1&" + after
}

// loadBoard is a page load of a dashboard.
func (g *grafanaLog) loadBoard(b *board, before, after string) {
	first := boardPage(b, before, after)
	g.line(30, "GET", "/d/"+b.uid+"/"+b.slug, 200, "", "/d/:uid/:slug", 61292)
	g.started(first)
	g.showBoard(b, before, after, true)
}

// showBoard is what a dashboard asks for, whether its page was loaded or it was reached from within Grafana.
func (g *grafanaLog) showBoard(b *board, before, after string, loaded bool) {
	first := boardPage(b, before, after)
	g.line(300, "GET", dashboards+b.uid+"/dto", 200, first, "/apis/*", 5632)
	if loaded {
		g.line(34, "GET", "/api/user/orgs", 200, first, "/api/user/orgs", 48)
		g.line(27, "GET", "/api/user/preferences", 200, first, "/api/user/preferences", 2)
	}
	g.line(149, "GET", "/api/folders/"+b.folder, 200, first, "/api/folders/:uid/", 905)
	page := first
	if !strings.Contains(page, "timezone=") {
		page = boardPage(b, before, "timezone=browser&"+after)
	}
	g.line(244, "GET", "/api/user/stars", 200, page, "/api/user/stars", 2)
	g.line(8, "GET", "/api/prometheus/grafana/api/v1/rules", 200, page, "/api/prometheus/grafana/api/v1/rules", 41)
	g.panels(b, page)
}

// panels are the requests of a dashboard's panels, when it opens and each time that it refreshes.
func (g *grafanaLog) panels(b *board, page string) {
	g.line(60, "GET", "/api/annotations", 200, page, "/api/annotations", 2)
	for range b.panels {
		g.line(40, "POST", "/api/ds/query", 200, page, "/api/ds/query", 17491)
	}
}

// started are the requests of every page that loads.
func (g *grafanaLog) started(page string) {
	const flags = "/apis/features.grafana.app/v0alpha1/"
	g.line(900, "POST", flags+"namespaces/default/ofrep/v1/evaluate/flags", 200, page, flags+"*", 33095)
	g.line(60, "GET", "/api/live/ws", -1, "", "/api/live/ws", 0)
}

func (g *grafanaLog) playBoard(b *board) {
	g.line(0, "GET", "/playlists/play/pl-office", 200, rootURL+"/playlists", "/playlists/*", 56801)
	g.showBoard(b, "from=now-6h&kiosk=true", "timezone=browser&to=now", false)
}

func (g *grafanaLog) home() {
	g.line(0, "GET", "/", 200, "", "/", 61292)
	g.started(rootURL + "/")
	g.line(280, "GET", "/api/dashboards/home", 200, rootURL+"/", "/api/dashboards/home", 1296)
	g.line(460, "GET", "/api/search", 200, rootURL+"/?from=now-6h&orgId=1&timezone=browser&to=now", "/api/search/", 2487)
}

// explorePage is the address of Explore with a query in it.
func (g *grafanaLog) explorePage(query string) string {
	page, ok := g.panes[query]
	if !ok {
		text, err := json.Marshal(query)
		if err != nil { // a string always has a JSON form
			text = []byte(`""`)
		}
		expr := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(text))
		state := `{"lab":{"datasource":"` + datasource + `","queries":[{"refId":"A","expr":` + expr +
			`,"range":true,"instant":true,"editorMode":"code","datasource":{"type":"prometheus","uid":"` + datasource +
			`"}}],"range":{"from":"now-1h","to":"now"},"compact":false}}`
		page = rootURL + "/explore?orgId=1&panes=" + url.QueryEscape(state) + "&schemaVersion=1"
		g.panes[query] = page
	}
	return page
}

func (g *grafanaLog) loadExplore(query string) {
	page := g.explorePage(query)
	api := "/api/datasources/uid/" + datasource + "/resources/api/v1/"
	g.line(20, "GET", "/explore", 200, "", "/explore", 61292)
	g.started(page)
	g.line(430, "GET", "/api/user/orgs", 200, page, "/api/user/orgs", 48)
	g.line(300, "GET", api+"rules", 200, page, "/api/datasources/uid/:uid/resources/*", 414)
	g.line(14, "GET", "/api/datasources/correlations", 200, page, "/api/datasources/correlations", 55)
	g.at = g.at.Add(400 * time.Millisecond)
	g.run(page)
}

// run is one run of the query in Explore, and its entry in the history.
func (g *grafanaLog) run(page string) {
	g.line(200, "POST", "/api/ds/query", 200, page, "/api/ds/query", 50877)
	g.line(16, "POST", "/api/query-history", 200, page, "/api/query-history/", 321)
}

func (g *grafanaLog) openSnapshot(key string) {
	page := rootURL + "/dashboard/snapshot/" + key
	g.line(0, "GET", "/dashboard/snapshot/"+key, 200, "", "/dashboard/snapshot/*", 61404)
	g.started(page)
	g.line(250, "GET", "/api/user/preferences", 200, page, "/api/user/preferences", 2)
	g.line(8, "GET", "/api/snapshots/"+key, 200, page, "/api/snapshots/:key", 8121)
}

// line writes one request that ended about after milliseconds after the line before.
func (g *grafanaLog) line(after int, method, path string, status int, referer, handler string, size int) {
	if g.err != nil {
		return
	}
	if after > 0 {
		g.at = g.at.Add(time.Duration(after)*time.Millisecond*3/4 + g.d.pause(0, time.Duration(after)*time.Millisecond/2))
	}
	took := g.d.pause(800*time.Microsecond, 60*time.Millisecond)
	addr := g.who.addr(g.day)
	g.err = g.file.add(g.at, func(b []byte) []byte {
		if g.w.JSON {
			return appendJSONLine(b, g, addr, method, path, status, referer, handler, size, took)
		}
		b = append(b, "logger=context userId="...)
		b = strconv.AppendInt(b, int64(g.who.id), 10)
		b = append(b, " orgId=1 uname="...)
		b = append(b, g.who.login...)
		b = append(b, " t="...)
		b = g.at.UTC().AppendFormat(b, time.RFC3339Nano)
		b = append(b, ` level=info msg="Request Completed" method=`...)
		b = append(b, method...)
		b = append(b, " path="...)
		b = append(b, path...)
		b = append(b, " status="...)
		b = strconv.AppendInt(b, int64(status), 10)
		b = append(b, " remote_addr="...)
		b = append(b, addr...)
		b = append(b, " time_ms="...)
		b = strconv.AppendInt(b, took.Milliseconds(), 10)
		b = append(b, " duration="...)
		b = append(b, took.String()...)
		b = append(b, " size="...)
		b = strconv.AppendInt(b, int64(size), 10)
		b = append(b, " referer="...)
		if strings.ContainsRune(referer, '=') {
			b = strconv.AppendQuote(b, referer)
		} else {
			b = append(b, referer...)
		}
		b = append(b, " handler="...)
		b = append(b, handler...)
		return append(b, " status_source=server"...)
	})
}

// appendJSONLine writes the line as Grafana does with [log.file] format = json: keys sorted. Nothing in it needs
// more escaping than Go's own quoting gives.
func appendJSONLine(b []byte, g *grafanaLog, addr, method, path string, status int, referer, handler string, size int, took time.Duration) []byte {
	text := func(key, value string) {
		b = append(append(append(b, '"'), key...), `":`...)
		b = strconv.AppendQuote(b, value)
		b = append(b, ',')
	}
	number := func(key string, value int64) {
		b = append(append(append(b, '"'), key...), `":`...)
		b = strconv.AppendInt(b, value, 10)
		b = append(b, ',')
	}
	b = append(b, '{')
	text("duration", took.String())
	text("handler", handler)
	text("level", "info")
	text("logger", "context")
	text("method", method)
	text("msg", "Request Completed")
	number("orgId", 1)
	text("path", path)
	text("referer", referer)
	text("remote_addr", addr)
	number("size", int64(size))
	number("status", int64(status))
	text("status_source", "server")
	text("t", g.at.UTC().Format(time.RFC3339Nano))
	number("time_ms", took.Milliseconds())
	text("uname", g.who.login)
	number("userId", int64(g.who.id))
	b[len(b)-1] = '}'
	return b
}
