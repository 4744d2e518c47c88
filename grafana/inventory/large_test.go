package inventory_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// large is a Grafana with many dashboards and teams that takes its time.
type large struct {
	boards, teams int
	delay         time.Duration
	newer         bool // has the newer API, which tells what was saved
	saved         int  // dashboards saved since the first read

	requests, atOnce, mostAtOnce, read atomic.Int64
}

func (l *large) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	l.requests.Add(1)
	if n := l.atOnce.Add(1); n > l.mostAtOnce.Load() {
		l.mostAtOnce.Store(n)
	}
	defer l.atOnce.Add(-1)
	time.Sleep(l.delay)
	v, ok := l.answer(req)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // to a client that may have gone
}

func (l *large) answer(req *http.Request) (any, bool) {
	path, query := req.URL.Path, req.URL.Query()
	switch {
	case path == "/api/org":
		return object{"id": 1}, true
	case path == "/api/search" && query.Get("type") == "dash-folder":
		return list{object{"uid": "f", "title": "F"}}, true
	case path == "/api/search" && query.Get("page") == "1":
		hits := make(list, l.boards)
		for i := range hits {
			hits[i] = object{"uid": "d" + strconv.Itoa(i), "title": "D" + strconv.Itoa(i), "folderUid": "f"}
		}
		return hits, true
	case path == "/api/search":
		return list{}, true
	case path == "/api/teams/search":
		teams := make(list, l.teams)
		for i := range teams {
			teams[i] = object{"id": i + 1, "name": "team" + strconv.Itoa(i)}
		}
		return object{"totalCount": l.teams, "teams": teams}, true
	case strings.HasSuffix(path, "/members"):
		return list{object{"login": "a" + path}, object{"login": "b" + path}}, true
	case path == "/apis/dashboard.grafana.app" && l.newer:
		return object{"preferredVersion": object{"version": "v1beta1"}}, true
	case path == boardAPI && l.newer:
		return l.metadata(query.Get("continue"), query.Get("limit")), true
	case strings.HasSuffix(path, "/versions"):
		return list{object{"version": 2, "created": now.Add(30 * time.Minute), "createdBy": "ada"}}, true
	case strings.HasPrefix(path, "/api/dashboards/uid/d"):
		l.read.Add(1)
		n, _ := strconv.Atoi(strings.TrimPrefix(path, "/api/dashboards/uid/d"))
		panels := make(list, 20)
		for i := range panels {
			panels[i] = object{"type": "timeseries", "targets": list{object{"expr": fmt.Sprintf("sum by (job) (rate(metric_%d_%d_total{job=~\"$job\"}[$__rate_interval]))", n, i)}}}
		}
		return object{"meta": object{"version": l.version(n)}, "dashboard": object{"panels": panels}}, true
	case strings.HasPrefix(path, "/api/annotations"), path == "/api/datasources", path == "/api/org/users", strings.HasSuffix(path, "/permissions"):
		return list{}, true
	case path == ruler:
		return object{}, true
	}
	return nil, false
}

func (l *large) version(n int) int {
	if n < l.saved {
		return 2
	}
	return 1
}

func (l *large) metadata(from, limit string) object {
	start, _ := strconv.Atoi(from)
	size, _ := strconv.Atoi(limit)
	items := list{}
	for n := start; n < min(start+size, l.boards); n++ {
		items = append(items, object{"metadata": object{"name": "d" + strconv.Itoa(n), "resourceVersion": strconv.Itoa(l.version(n))}})
	}
	next := ""
	if start+size < l.boards {
		next = strconv.Itoa(start + size)
	}
	return object{"metadata": object{"continue": next}, "items": items}
}

// TestLarge: 5,000 dashboards and 300 teams are read in much less than a minute from a server that takes 5 ms for each answer, with no more
// requests at once than allowed; a second read asks only for what was saved.
func TestLarge(t *testing.T) {
	for name, boards := range map[string]int{"12": 5000, "11 and earlier": 500} {
		if testing.Short() {
			boards /= 10
		}
		t.Run(name, func(t *testing.T) {
			newer := name == "12"
			l := &large{boards: boards, teams: 300, delay: 5 * time.Millisecond, newer: newer}
			s := httptest.NewServer(l)
			defer s.Close()
			r := newReader(t, s.URL)
			began := time.Now()
			r.mustRead(t)
			took := time.Since(began)
			t.Logf("%d dashboards and %d teams in %v, %d requests, at most %d at once", l.boards, l.teams, took.Round(time.Millisecond), l.requests.Load(), l.mostAtOnce.Load())
			if len(r.batch.Dashboards) != boards || len(r.batch.Teams[0].Teams) != 300 || len(r.batch.Events) > 0 {
				t.Errorf("%d dashboards, %d events", len(r.batch.Dashboards), len(r.batch.Events))
			}
			if took > time.Minute || l.mostAtOnce.Load() > 8 {
				t.Errorf("took %v, %d requests at once", took, l.mostAtOnce.Load())
			}
			l.saved = 7
			l.read.Store(0)
			r.at = now.Add(time.Hour)
			r.mustRead(t)
			edits := slices.DeleteFunc(r.batch.Events, func(e activity.Event) bool { return e.Kind != activity.KindEdit || e.Who.Login != "ada" })
			if len(edits) != 7 || len(r.batch.Dashboards) != 7 {
				t.Errorf("%d edits, %d dashboards, want 7", len(edits), len(r.batch.Dashboards))
			}
			if want := int64(7); newer && l.read.Load() != want {
				t.Errorf("%d dashboards were read again, want %d", l.read.Load(), want)
			}
		})
	}
}
