package grafana

import (
	"strconv"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// isDataSourceQuery recognises a query that Grafana passes on: the proxy of scripts and of pages before Grafana 9. rest follows /api/.
func isDataSourceQuery[T string | []byte](rest T) bool {
	const proxy, instant, ranged = "datasources/proxy/", "/api/v1/query", "/api/v1/query_range"
	ends := func(suffix string) bool {
		return len(rest) >= len(suffix) && string(rest[len(rest)-len(suffix):]) == suffix
	}
	return len(rest) >= len(proxy) && string(rest[:len(proxy)]) == proxy && (ends(instant) || ends(ranged))
}

// asking is what it means that a page asked a data source.
type asking uint8

const (
	askingNone    asking = iota // part of a view, or refused
	askingScript                // no page asked
	askingRefresh               // a dashboard refreshes itself
	askingExplore
	askingDrilldown
)

// asking tells it of a page. A failing query was asked too, but not one that was refused before.
func (p *page) asking(status int) asking {
	if status == 401 || status == 403 || status == 404 {
		return askingNone
	}
	switch p.kind {
	case pageNone:
		return askingScript
	case pageDashboard, pageSolo:
		if p.marks()&(markRendered|markRefreshing) == markRefreshing {
			return askingRefresh
		}
	case pageExplore:
		return askingExplore
	case pageDrilldown:
		return askingDrilldown
	}
	return askingNone
}

// query is told when a data source was asked.
func (t *teller) query() {
	switch t.page.asking(t.status) {
	case askingScript:
		if len(t.login) > 0 {
			t.event(activity.KindQuery, "", "")
		}
	case askingRefresh:
		if t.robot == "" {
			t.robot = activity.RobotRefresh
		}
		t.event(activity.KindQuery, t.uid, "")
	case askingExplore:
		t.explored(stepRun)
	case askingDrilldown:
		t.step(stepDrill, activity.KindQuery, "", "")
	}
}

// history is told when Explore wrote a query into its history: once for each run of a person.
func (t *teller) history() {
	if !t.done() || t.robot == activity.RobotServiceAccount {
		return
	}
	switch t.page.kind {
	case pageExplore:
		t.explored(stepHistory)
	case pageUnknown: // only Explore writes it
		t.step(stepHistory, activity.KindQuery, "", "")
	}
}

// explored appends an event for each query on the Explore page. The number of panes goes into the step: a page of n
// panes writes n such lines when all of them run, and every line shows the whole page.
func (t *teller) explored(step string) {
	asked := readExplore(&t.page)
	if asked.live && step == stepRun && t.robot == "" {
		t.robot = activity.RobotRefresh
	}
	if asked.panes > 1 {
		step += strconv.Itoa(asked.panes)
	}
	if len(asked.exprs) == 0 {
		t.step(step, activity.KindQuery, "", "")
	}
	for _, expr := range asked.exprs {
		t.step(step, activity.KindQuery, "", "")
		t.last().Query = expr
	}
}
