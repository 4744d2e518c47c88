package main

import (
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// blindness says what the settings of a source keep it from showing, by what was read of it so far, and which setting mends it; both
// are empty if nothing is missing, or nothing was read. What is not logged would otherwise look like teams that do nothing.
func blindness(s sourceConfig, covered []activity.CoveredDay) (note, hint string) {
	seen := map[activity.Class]bool{}
	for _, c := range covered {
		if c.Source == s.Name {
			seen[c.Class] = true
		}
	}
	switch {
	case s.Type == typeGrafanaLog && seen[activity.ClassAny] && !seen[activity.ClassView]:
		return "saves are logged but no views: router_logging seems to be off", "set router_logging = true under [server] in grafana.ini, and restart Grafana"
	case s.Type == typeThanosQueryLog && seen[activity.ClassSome] && !seen[activity.ClassAny]:
		return slowNote, "start the query-frontend with --query-frontend.log-queries-longer-than=-1s, which logs all queries"
	case s.Type == typeVictoriaMetricsLog && seen[activity.ClassSome] && !seen[activity.ClassAny]:
		return slowNote, "start VictoriaMetrics (vmselect in a cluster) with -search.logSlowQueryDuration=1ms, or read vmauth's access log"
	}
	return "", ""
}

// slowNote is said of a log that shows slow queries alone.
const slowNote = "only slow queries are logged: days without a quick one count as not covered"
