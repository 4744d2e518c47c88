package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"
)

const grafanaHost = "https://grafana.example.com"

// visitor writes requests of one Grafana.
type visitor struct {
	*lineWriter
	moments *moments
}

// requestLog writes n lines, or a few more, of an hour of a Grafana: people open dashboards, which ask again while they are open, and explore; pages poll.
func (m *maker) requestLog(w *lineWriter, begin time.Time, n int64) {
	v := visitor{w, newMoments(begin, n)}
	who := rand.NewZipf(w.Rand, 1.05, 200, people-1)
	for w.made.Lines < n {
		v.moments.next(w.Rand)
		person := int(who.Uint64())
		board := person%teams + teams*w.IntN(boards/teams) // mostly of the person's own team
		if w.IntN(10) < 3 {
			board = w.IntN(boards)
		}
		m.visit(v, person, board)
	}
	w.made.Requests = w.made.Lines
}

// visit writes what somebody does now: one line, or the two that a run of Explore makes.
func (m *maker) visit(v visitor, person, board int) {
	uid := boardUID(board)
	page := grafanaHost + "/d/" + uid + "/overview?from=now-6h&orgId=1&to=now"
	if v.IntN(50) == 0 {
		page = grafanaHost + "/d/" + uid + "/overview?from=now-6h&kiosk&orgId=1&to=now"
	}
	const dashboards = "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/"
	switch kind := v.IntN(1000); {
	case kind < 200:
		v.request(person, "GET", dashboards+uid+"/dto", 200, page)
	case kind < 650:
		v.request(person, "POST", "/api/ds/query", 200, page)
	case kind < 750:
		v.request(person, "GET", "/api/annotations", 200, page)
	case kind < 820:
		v.request(person, "GET", "/api/prometheus/grafana/api/v1/rules", 200, page)
	case kind < 880:
		v.request(person, "GET", "/api/live/ws", -1, "")
	case kind < 920:
		v.request(person, "POST", "/api/frontend-metrics", 200, page)
	case kind < 965:
		v.request(person, "POST", "/apis/features.grafana.app/v0alpha1/namespaces/default/ofrep/v1/evaluate/flags", 200, page)
	case kind < 990:
		v.made.NewTexts++
		panes := `{"a":{"datasource":"prom","queries":[{"refId":"A","expr":` + strconv.Quote(adHocQuestion(v.Rand, person%teams)) + `,"range":true,"datasource":{"type":"prometheus","uid":"prom"}}],"range":{"from":"now-1h","to":"now"}}}`
		explore := grafanaHost + "/explore?orgId=1&panes=" + url.QueryEscape(panes) + "&schemaVersion=1"
		v.request(person, "POST", "/api/ds/query", 200, explore)
		v.moments.at += 4e7
		v.request(person, "POST", "/api/query-history", 200, explore)
	case kind < 993:
		v.request(person, "POST", "/api/short-urls", 200, page)
	case kind < 996:
		v.request(person, "PUT", dashboards+uid, 200, page)
	default:
		v.request(-1, "GET", "/api/search", 200, "")
	}
}

// request writes a line; nobody is a service account.
func (v visitor) request(person int, method, path string, status int, referer string) {
	name, id := "sa-1-inventory", "9001"
	if person >= 0 {
		name, id = login(person), strconv.Itoa(person+2)
	}
	v.put("logger=context userId=", id, " orgId=1 uname=", name, " t=")
	v.line = v.moments.append(v.line, v.moments.hour, v.moments.at, 9)
	ms := strconv.Itoa(1 + v.IntN(300))
	v.put(` level=info msg="Request Completed" method=`, method, " path=", path, " status=", strconv.Itoa(status), " remote_addr=", fmt.Sprintf("10.%d.%d.%d", 100+person%40, person%250, 7),
		" time_ms=", ms, " duration=", ms, ".25ms size=", strconv.Itoa(v.IntN(50000)))
	if referer != "" {
		v.put(` referer="`, referer, `"`)
	} else {
		v.put(" referer=")
	}
	v.put(" handler=", path, " status_source=server")
	v.end()
}
