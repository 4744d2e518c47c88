package grafana

import (
	"bytes"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// glimpse is what a glance finds in a request line whose bytes are the values.
type glimpse struct {
	org                                  byte // below 10
	login, method, path, status, referer []byte
}

// The sorts of acts that a glance tells apart, in each organisation.
const (
	actOther     = iota // decided by all of its texts
	actAsked            // a script asked a data source
	actRefreshed        // a dashboard refreshed itself
	actFetched          // a dashboard was fetched: two sorts for each sight, one for each schema
	actSorts     = actFetched + 2*(uint8(sightOpened)+1)
)

// tell says what the line shows, in the fewest texts that decide it: mostly no more than a dashboard's uid, so that there is little to
// remember. All else is decided by what and where, which hold method, path, status and Referer, if they are given. It is false for lines
// that are left to Parse: of nobody, and of service accounts, perhaps.
func (r *glimpse) tell(g *activity.Glance, what, where []byte) bool {
	g.Class = activity.ClassAny
	if r.seen() {
		g.Class = activity.ClassView
	}
	asks := r.asks()
	uid, second := r.fetches()
	if !asks && uid == nil && (!mayTell(r.path) || r.is("GET") && onlyLooks(r.path)) {
		return true
	}
	if len(r.login) == 0 || len(r.login) >= 3 && r.login[2] == '-' && r.login[0]|0x20 == 's' {
		return false
	}
	sort, subject := uint8(actOther), []byte(nil)
	if asks {
		page := readPage(r.referer)
		switch page.asking(r.statusCode()) {
		case askingNone:
			return true
		case askingScript:
			sort = actAsked
		case askingRefresh:
			if !page.escaped() {
				sort, subject = actRefreshed, page.uid
			}
		}
	} else if uid != nil {
		if !r.seen() {
			return true
		}
		if page := readPage(r.referer); !page.escaped() {
			sight := page.sight(string(page.uid) == string(uid))
			if sight == sightNone {
				return true
			}
			sort, subject = actFetched+2*uint8(sight)+second, uid
		}
	}
	if sort == actOther {
		if what == nil {
			return false
		}
		subject = what
		g.Where = where
	}
	g.Act, g.Who, g.What = 1+r.org*actSorts+sort, r.login, subject
	return true
}

func (r *glimpse) is(method string) bool { return string(r.method) == method }

func (r *glimpse) seen() bool { return string(r.status) == "200" || string(r.status) == "304" }

func (r *glimpse) statusCode() int {
	n, _ := parseInt(r.status)
	return int(n)
}

// isStatus reports whether text is a number as statuses are.
func isStatus(text []byte) bool {
	if len(text) == 3 {
		return text[0]-'0' <= 9 && text[1]-'0' <= 9 && text[2]-'0' <= 9
	}
	return string(text) == "-1"
}

// asks reports whether a data source was asked in one of the usual ways.
func (r *glimpse) asks() bool {
	if string(r.path) == "/api/ds/query" {
		return r.is("POST")
	}
	rest, ok := bytes.CutPrefix(r.path, []byte("/api/"))
	return ok && isDataSourceQuery(rest)
}

// fetches returns the dashboard whose JSON was fetched, and 1 if in the second schema; nil if that is not what the line is about.
func (r *glimpse) fetches() (uid []byte, second uint8) {
	if !r.is("GET") {
		return nil, 0
	}
	if uid, ok := bytes.CutPrefix(r.path, []byte("/api/dashboards/uid/")); ok {
		if len(uid) == 0 || bytes.IndexByte(uid, '/') >= 0 {
			return nil, 0
		}
		return uid, 0
	}
	version, ok := bytes.CutPrefix(r.path, []byte("/apis/dashboard.grafana.app/"))
	if !ok {
		return nil, 0
	}
	version, rest, _ := bytes.Cut(version, []byte("/"))
	rest, ok = bytes.CutPrefix(rest, []byte("namespaces/"))
	_, rest, _ = bytes.Cut(rest, []byte("/"))
	rest, ok2 := bytes.CutPrefix(rest, []byte("dashboards/"))
	uid, last, _ := bytes.Cut(rest, []byte("/"))
	if !ok || !ok2 || len(uid) == 0 || string(last) != "dto" {
		return nil, 0
	}
	if bytes.HasPrefix(version, []byte("v2")) {
		second = 1
	}
	return uid, second
}

// onlyLooks turns GETs away that change nothing and are no act of looking either: most of those that mayTell lets through.
func onlyLooks(path []byte) bool {
	rest, ok := bytes.CutPrefix(path, []byte("/api/"))
	if !ok || len(rest) == 0 {
		return false
	}
	switch rest[0] {
	case 'a', 'q', 'r', 'v': // annotations, alert managers, query history, rulers, provisioning
		return true
	case 'd':
		if uid, ok := bytes.CutPrefix(rest, []byte("dashboards/uid/")); ok {
			deeper := bytes.IndexByte(uid, '/')
			return deeper >= 0 && deeper < len(uid)-1
		}
		return !bytes.Contains(rest, []byte("/api/v1/query"))
	}
	return false
}
