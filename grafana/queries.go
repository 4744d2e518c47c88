package grafana

import (
	"strconv"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// isDataSourceQuery recognises a query that Grafana passes on: the proxy of scripts and of pages before Grafana 9.
func isDataSourceQuery(rest string) bool {
	return strings.HasPrefix(rest, "datasources/proxy/") &&
		(strings.HasSuffix(rest, "/api/v1/query") || strings.HasSuffix(rest, "/api/v1/query_range"))
}

// query is told when a data source was asked. On a dashboard that is part of the view, unless it refreshes itself.
func (t *teller) query() {
	if t.status == 401 || t.status == 403 || t.status == 404 { // refused before it was asked; a failing query was asked
		return
	}
	switch {
	case (t.page.kind == pageDashboard || t.page.kind == pageSolo) && !t.page.rendered():
		if t.page.refreshing() {
			if t.robot == "" {
				t.robot = activity.RobotRefresh
			}
			t.event(activity.KindQuery, t.page.uid, "")
		}
	case t.page.kind == pageExplore:
		t.explored(stepRun)
	case t.page.kind == pageDrilldown:
		t.step(stepDrill, activity.KindQuery, "", "")
	case t.page.kind == pageNone && len(t.login) > 0:
		t.event(activity.KindQuery, "", "")
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
