package grafana

import (
	"bytes"
	"net/url"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// pageKind is what sort of page a request came from.
type pageKind uint8

const (
	pageNone      pageKind = iota // no Referer: a script, or a proxy that strips it
	pageUnknown                   // a Referer that names no page: only the origin, or another site's
	pageDashboard                 // /d/<uid>
	pageSolo                      // /d-solo/<uid>: one panel, embedded or rendered
	pageNew                       // /dashboard/new
	pageImport                    // /dashboard/import
	pageBrowse                    // /dashboards...
	pageExplore                   // /explore
	pageDrilldown                 // an app that explores without a query language
	pageRuleNew                   // /alerting/new...
	pageRule                      // one rule: /alerting/<uid>/edit, /alerting/grafana/<uid>/view
	pagePlaylist                  // /playlists/play/<uid>
	pageOther                     // any other page of Grafana that is known
)

// page is where a request came from, as its Referer tells. It refers to the line.
type page struct {
	kind  pageKind
	uid   string // of the dashboard or rule
	query []byte // the URL's query, undecoded
}

// drilldownApps are the apps in which people ask without a query language. Other apps (/a/...) are built pages, which
// query as a dashboard does.
var drilldownApps = [...]string{
	"grafana-metricsdrilldown-app", "grafana-lokiexplore-app", "grafana-exploretraces-app", "grafana-pyroscope-app",
}

// readPage reads a Referer. Grafana may be served under a sub-path, so the first segments that look like one of its
// pages count.
func readPage(referer []byte, names *activity.Batch) page {
	if len(referer) == 0 {
		return page{}
	}
	path, query, _ := bytes.Cut(referer, []byte("?"))
	if _, rest, ok := bytes.Cut(path, []byte("://")); ok {
		_, path, _ = bytes.Cut(rest, []byte("/"))
	}
	path, _, _ = bytes.Cut(path, []byte("#"))
	for rest := path; len(rest) > 0; {
		var head []byte
		head, tail, _ := bytes.Cut(rest, []byte("/"))
		if kind, uid := classify(head, tail, names); kind != pageUnknown {
			return page{kind: kind, uid: uid, query: query}
		}
		rest = tail
	}
	return page{kind: pageUnknown}
}

// classify tells the page whose path starts with head, followed by tail.
func classify(head, tail []byte, names *activity.Batch) (pageKind, string) {
	next, after, _ := bytes.Cut(tail, []byte("/"))
	switch string(head) {
	case "d":
		if uid := segment(next, names); uid != "" {
			return pageDashboard, uid
		}
	case "d-solo":
		if uid := segment(next, names); uid != "" {
			return pageSolo, uid
		}
	case "dashboard":
		switch string(next) {
		case "new":
			return pageNew, ""
		case "import":
			return pageImport, ""
		}
		return pageOther, ""
	case "dashboards":
		return pageBrowse, ""
	case "explore":
		if string(next) == "metrics" { // Grafana 11: the metrics drilldown before it was an app
			return pageDrilldown, ""
		}
		return pageExplore, ""
	case "a":
		for _, app := range drilldownApps {
			if string(next) == app {
				return pageDrilldown, ""
			}
		}
		if len(next) > 0 {
			return pageOther, ""
		}
	case "alerting":
		return classifyAlerting(next, after, names)
	case "playlists":
		if string(next) == "play" {
			return pagePlaylist, ""
		}
		return pageOther, ""
	}
	return pageUnknown, ""
}

func classifyAlerting(next, after []byte, names *activity.Batch) (pageKind, string) {
	last, more, _ := bytes.Cut(after, []byte("/"))
	switch {
	case string(next) == "new":
		return pageRuleNew, ""
	case string(last) == "edit" && len(more) == 0:
		return pageRule, segment(next, names)
	case string(next) == "grafana" && string(more) == "view":
		return pageRule, segment(last, names)
	}
	return pageOther, ""
}

// segment decodes a segment of a path. What can't be decoded is no uid.
func segment(text []byte, names *activity.Batch) string {
	if bytes.IndexByte(text, '%') < 0 {
		return names.Text(text)
	}
	s, err := url.PathUnescape(string(text))
	if err != nil {
		return ""
	}
	return s
}

// param returns the undecoded value of the first parameter of that name.
func (p *page) param(name string) (value []byte, ok bool) {
	for rest := p.query; len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		k, v, _ := bytes.Cut(pair, []byte("="))
		if string(k) == name {
			return v, true
		}
	}
	return nil, false
}

func (p *page) has(name string) bool { _, ok := p.param(name); return ok }

// editing reports whether the dashboard is open for changing it, or its settings are.
func (p *page) editing() bool { return p.has("editPanel") || p.has("editview") }

// kiosk reports whether the page is on a wall.
func (p *page) kiosk() bool {
	v, ok := p.param("kiosk")
	return ok && string(v) != "false"
}

// rendered reports whether the image renderer opened the page.
func (p *page) rendered() bool {
	v, ok := p.param("render")
	return ok && len(v) > 0
}

// refreshing reports whether the page asks again by itself.
func (p *page) refreshing() bool {
	v, ok := p.param("refresh")
	return ok && len(v) > 0
}
