package export

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Dashboards is how dashboards are used, of which only so many have series of their own.
type Dashboards struct {
	ByState map[string]int // how many dashboards are in each state
	Omitted int            // how many have no series of their own
	Rows    []Dashboard
}

// Dashboard is how one dashboard is used, by people of whatever team.
type Dashboard struct {
	Scope, UID    string
	Title, Folder string // may be empty
	Views30d      int64
	Views90d      int64
	Automated90d  int64
	People90d     *int // nil if it is not to be told
	Teams90d      int
	LastViewed    activity.Date // 0 for never
}

// boardDescs are the metrics of dashboards. Titles change, so they stand on a series of their own.
type boardDescs struct {
	info, views30, views90, automated, people, teams, last, states, omitted *prometheus.Desc
}

func newBoardDescs() boardDescs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("metrics_maturity_"+name, help, labels, nil)
	}
	return boardDescs{
		info:      desc("dashboard_info", "Always 1; the labels carry the title and the folder of the dashboard.", "scope", "uid", "title", "folder"),
		views30:   desc("dashboard_views_30d", "Views of the dashboard by people within the last 30 days.", "scope", "uid"),
		views90:   desc("dashboard_views_90d", "Views of the dashboard by people within the last 90 days.", "scope", "uid"),
		automated: desc("dashboard_automated_views_90d", "Views of the dashboard by wall screens and other robots within the last 90 days.", "scope", "uid"),
		people:    desc("dashboard_people_90d", "Different people who viewed the dashboard within the last 90 days; absent if they are too few to be told.", "scope", "uid"),
		teams:     desc("dashboard_teams_90d", "Different teams whose people viewed the dashboard within the last 90 days.", "scope", "uid"),
		last:      desc("dashboard_last_view_timestamp_seconds", "Start of the day on which a person last viewed the dashboard; absent if never seen.", "scope", "uid"),
		states:    desc("dashboards", "Dashboards by whether people viewed them within the last 90 days.", "state"),
		omitted:   desc("dashboards_over_limit", "Dashboards without series of their own, because export.dashboards.limit is reached."),
	}
}

func (d boardDescs) describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{d.info, d.views30, d.views90, d.automated, d.people, d.teams, d.last, d.states, d.omitted} {
		ch <- desc
	}
}

func (d boardDescs) collect(g gauges, all *Dashboards, loc *time.Location) {
	for _, state := range slices.Sorted(maps.Keys(all.ByState)) {
		g.set(d.states, float64(all.ByState[state]), state)
	}
	g.set(d.omitted, float64(all.Omitted))
	for _, b := range all.Rows {
		g.set(d.info, 1, b.Scope, b.UID, b.Title, b.Folder)
		g.set(d.views30, float64(b.Views30d), b.Scope, b.UID)
		g.set(d.views90, float64(b.Views90d), b.Scope, b.UID)
		g.set(d.automated, float64(b.Automated90d), b.Scope, b.UID)
		g.set(d.teams, float64(b.Teams90d), b.Scope, b.UID)
		if b.People90d != nil {
			g.set(d.people, float64(*b.People90d), b.Scope, b.UID)
		}
		if b.LastViewed != 0 {
			g.set(d.last, seconds(b.LastViewed.Start(loc)), b.Scope, b.UID)
		}
	}
}
