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
	uid   []byte // of the dashboard or rule, as the URL has it
	query []byte // the URL's query, undecoded
}

// drilldownApps are the apps in which people ask without a query language. Other apps (/a/...) are built pages, which
// query as a dashboard does.
var drilldownApps = [...]string{
	"grafana-metricsdrilldown-app", "grafana-lokiexplore-app", "grafana-exploretraces-app", "grafana-pyroscope-app",
}

// readPage reads a Referer. Grafana may be served under a sub-path, so the first segments that look like one of its
// pages count.
func readPage(referer []byte) page {
	if len(referer) == 0 {
		return page{}
	}
	path, query, _ := bytes.Cut(referer, []byte("?"))
	if _, rest, ok := bytes.Cut(path, []byte("://")); ok {
		_, path, _ = bytes.Cut(rest, []byte("/"))
	}
	path, _, _ = bytes.Cut(path, []byte("#"))
	for rest := path; len(rest) > 0; {
		head, tail, _ := bytes.Cut(rest, []byte("/"))
		if kind, uid := classify(head, tail); kind != pageUnknown {
			return page{kind: kind, uid: uid, query: query}
		}
		rest = tail
	}
	return page{kind: pageUnknown}
}

// classify tells the page whose path starts with head, followed by tail.
func classify(head, tail []byte) (pageKind, []byte) {
	next, after, _ := bytes.Cut(tail, []byte("/"))
	switch string(head) {
	case "d":
		if isSegment(next) {
			return pageDashboard, next
		}
	case "d-solo":
		if isSegment(next) {
			return pageSolo, next
		}
	case "dashboard":
		switch string(next) {
		case "new":
			return pageNew, nil
		case "import":
			return pageImport, nil
		}
		return pageOther, nil
	case "dashboards":
		return pageBrowse, nil
	case "explore":
		if string(next) == "metrics" { // Grafana 11: the metrics drilldown before it was an app
			return pageDrilldown, nil
		}
		return pageExplore, nil
	case "a":
		for _, app := range drilldownApps {
			if string(next) == app {
				return pageDrilldown, nil
			}
		}
		if len(next) > 0 {
			return pageOther, nil
		}
	case "alerting":
		return classifyAlerting(next, after)
	case "playlists":
		if string(next) == "play" {
			return pagePlaylist, nil
		}
		return pageOther, nil
	}
	return pageUnknown, nil
}

func classifyAlerting(next, after []byte) (pageKind, []byte) {
	last, more, _ := bytes.Cut(after, []byte("/"))
	switch {
	case string(next) == "new":
		return pageRuleNew, nil
	case string(last) == "edit" && len(more) == 0:
		return pageRule, next
	case string(next) == "grafana" && string(more) == "view":
		return pageRule, last
	}
	return pageOther, nil
}

// isSegment reports whether a segment of a path names something: what can't be decoded does not.
func isSegment(text []byte) bool {
	if bytes.IndexByte(text, '%') < 0 {
		return len(text) > 0
	}
	_, err := url.PathUnescape(string(text))
	return err == nil
}

// name decodes the uid. What can't be decoded is no uid.
func (p *page) name(names *activity.Batch) string {
	if !p.escaped() {
		return names.Text(p.uid)
	}
	s, err := url.PathUnescape(string(p.uid))
	if err != nil {
		return ""
	}
	return s
}

// escaped reports whether the uid is not what it stands for.
func (p *page) escaped() bool { return bytes.IndexByte(p.uid, '%') >= 0 }

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

// marks are what parameters tell of a page, a bit each.
type marks uint8

const (
	markEditing    marks = 1 << iota // the dashboard is open for changing it, or its settings are
	markKiosk                        // the page is on a wall
	markRendered                     // the image renderer opened the page
	markRefreshing                   // the page asks again by itself
)

// marks reads the parameters. Of a repeated one the first counts.
func (p *page) marks() (m marks) {
	var seen marks
	for rest := p.query; len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		if len(pair) < len("kiosk") || pair[0] != 'e' && pair[0] != 'k' && pair[0] != 'r' {
			continue
		}
		name, value, _ := bytes.Cut(pair, []byte("="))
		mark, set := marks(0), false
		switch string(name) {
		case "editPanel", "editview":
			mark, set = markEditing, true
		case "kiosk":
			mark, set = markKiosk, string(value) != "false"
		case "render":
			mark, set = markRendered, len(value) > 0
		case "refresh":
			mark, set = markRefreshing, len(value) > 0
		}
		if set && seen&mark == 0 {
			m |= mark
		}
		seen |= mark
	}
	return m
}
