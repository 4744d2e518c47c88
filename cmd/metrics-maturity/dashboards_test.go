package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/prom/export"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// usageOf is the usage that acts show on dashboards as of 2026-11-23, of a large team and a small one.
func usageOf(t *testing.T, grafana, coveredFrom string, dashboards []activity.Dashboard, acts ...activity.Act) *usageReport {
	t.Helper()
	member := func(name string) owner.Member { return owner.Member{Login: name} }
	config := owner.Config{Teams: []owner.Team{
		{Name: "large", Folders: []string{"Large"}, Members: []owner.Member{member("a"), member("b"), member("c"), member("d"), member("e")}},
		{Name: "small", Dashboards: []string{"s1"}, Members: []owner.Member{member("x"), member("y")}},
	}}
	p := &picture{owners: config, facts: activity.Facts{Dashboards: dashboards}}
	p.org = stage.Org{AsOf: day(t, "2026-11-23"), Sources: []stage.Source{
		{Name: "grafana", Gives: []activity.Kind{activity.KindView}, Class: activity.ClassView}, {Name: "rules", Gives: []activity.Kind{activity.KindRule}, Class: activity.ClassAny},
	}}
	for d := day(t, "2026-01-01"); d < p.org.AsOf; d++ {
		p.facts.Coverage = append(p.facts.Coverage, activity.CoveredDay{Source: "rules", Class: activity.ClassView, Date: d}, activity.CoveredDay{Source: "grafana", Class: activity.ClassAny, Date: d})
		if d >= day(t, coveredFrom) {
			p.facts.Coverage = append(p.facts.Coverage, activity.CoveredDay{Source: "grafana", Class: activity.ClassView, Date: d})
		}
	}
	var err error
	if p.book, err = owner.New(config, activity.NewKey([]byte("a key that only tests know")), p.facts); err != nil {
		t.Fatal(err)
	}
	p.tally = newTally(config, 4)
	uses := newBoardUses(p, time.UTC)
	for i := range acts {
		p.tally.add(&acts[i])
		uses.add(&acts[i], p.tally.sizes)
	}
	return newUsage(p, uses, 4, grafana)
}

// viewAct is a look of somebody.
func viewAct(t *testing.T, date, uid, team string, actor activity.ActorID, count int64) activity.Act {
	t.Helper()
	a := activity.Act{Day: activity.Day{Date: day(t, date), Source: "grafana", Kind: activity.KindView, Scope: "org:1", Subject: uid, Actor: actor, Count: count}, Team: team, Outcome: activity.Counted}
	if team == "" {
		a.Outcome = activity.Unattributed
	}
	return a
}

func robot(a activity.Act) activity.Act {
	a.Outcome, a.Reason, a.Team = activity.Automated, activity.RobotKiosk, ""
	return a
}

func detail(a activity.Act, kind activity.Kind, detail string) activity.Act {
	a.Kind, a.Detail = kind, detail
	return a
}

func retired(a activity.Act) activity.Act {
	a.Retired, a.Actor = true, 0
	return a
}

func board(uid, seen string) activity.Dashboard {
	at, err := time.Parse(time.DateOnly, seen)
	if err != nil {
		panic(err)
	}
	return activity.Dashboard{Seen: at, Scope: "org:1", UID: uid, Title: "The " + uid, Folders: []string{"Large"}}
}

// short is a dashboard in a line: state, views of 30 and 90 days, people, teams, robots, last look.
func short(d dashboardReport) []any {
	return []any{d.State, d.Views30d, d.Views90d, orDash(d.People90d), strings.Join(d.Teams90d, " "), d.Automated90d, orDash(d.LastViewed)}
}

func TestUsage(t *testing.T) {
	five := func(uid, date string) (acts []activity.Act) {
		for actor := range activity.ActorID(5) {
			acts = append(acts, viewAct(t, date, uid, "large", actor+1, 2))
		}
		return acts
	}
	old := board("old", "2026-01-05")
	for name, tt := range map[string]struct {
		covered string
		boards  []activity.Dashboard
		acts    []activity.Act
		want    []any
	}{
		"viewed by five":           {"2026-01-01", nil, five("b", "2026-11-20"), []any{boardViewed, int64(10), int64(10), "5", "large", int64(0), "2026-11-20"}},
		"31 days ago":              {"2026-01-01", nil, five("b", "2026-10-23"), []any{boardViewed, int64(0), int64(10), "5", "large", int64(0), "2026-10-23"}},
		"30 days ago":              {"2026-01-01", nil, five("b", "2026-10-24"), []any{boardViewed, int64(10), int64(10), "5", "large", int64(0), "2026-10-24"}},
		"90 days ago":              {"2026-01-01", nil, five("b", "2026-08-25"), []any{boardViewed, int64(0), int64(10), "5", "large", int64(0), "2026-08-25"}},
		"91 days ago":              {"2026-01-01", nil, five("b", "2026-08-24"), []any{boardNotViewed, int64(0), int64(0), "0", "", int64(0), "2026-08-24"}},
		"by few":                   {"2026-01-01", nil, five("b", "2026-11-20")[:3], []any{boardViewed, int64(6), int64(6), "-", "large", int64(0), "2026-11-20"}},
		"a small team among them":  {"2026-01-01", nil, append(five("b", "2026-11-20"), viewAct(t, "2026-11-19", "b", "small", 9, 1)), []any{boardViewed, int64(11), int64(11), "-", "large small", int64(0), "2026-11-20"}},
		"somebody was forgotten":   {"2026-01-01", nil, append(five("b", "2026-11-20"), retired(viewAct(t, "2026-08-30", "b", "large", 1, 1))), []any{boardViewed, int64(10), int64(11), "-", "large", int64(0), "2026-11-20"}},
		"people of no team":        {"2026-01-01", nil, []activity.Act{viewAct(t, "2026-11-20", "b", "", 7, 3)}, []any{boardViewed, int64(3), int64(3), "-", "", int64(0), "2026-11-20"}},
		"robots alone":             {"2026-01-01", nil, []activity.Act{robot(viewAct(t, "2026-11-20", "b", "", 0, 50)), robot(viewAct(t, "2026-05-20", "b", "", 0, 50))}, []any{boardNotViewed, int64(0), int64(0), "0", "", int64(50), "-"}},
		"in the inventory alone":   {"2026-01-01", []activity.Dashboard{board("b", "2026-01-05")}, nil, []any{boardNotViewed, int64(0), int64(0), "0", "", int64(0), "-"}},
		"not enough was read":      {"2026-11-01", []activity.Dashboard{board("b", "2026-01-05")}, nil, []any{boardUnknown, int64(0), int64(0), "0", "", int64(0), "-"}},
		"new":                      {"2026-01-01", []activity.Dashboard{old, board("b", "2026-11-10")}, nil, []any{boardNew, int64(0), int64(0), "0", "", int64(0), "-"}},
		"the inventory began late": {"2026-01-01", []activity.Dashboard{board("b", "2026-11-10")}, nil, []any{boardNotViewed, int64(0), int64(0), "0", "", int64(0), "-"}},
	} {
		var got []any
		for _, d := range usageOf(t, "", tt.covered, tt.boards, tt.acts...).Dashboards {
			if d.UID == "b" {
				got = short(d)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: want -, got +\n%s", name, diff)
		}
	}
}

// TestUsageLists: what is gone is not listed, what is unused comes last, and owners, titles and links are told.
func TestUsageLists(t *testing.T) {
	gone := board("gone", "2026-01-05")
	gone.Removed = true
	u := usageOf(t, "https://grafana.example/", "2026-01-01", []activity.Dashboard{board("gone", "2026-01-05"), gone, board("l1", "2026-01-05")},
		viewAct(t, "2026-11-20", "s1", "small", 9, 1),
		detail(viewAct(t, "2026-11-18", "deleted", "large", 1, 1), activity.KindEdit, activity.EditSaved),
		detail(viewAct(t, "2026-11-20", "deleted", "large", 1, 1), activity.KindEdit, activity.EditDeleted))
	var got [][]string
	for _, d := range u.Dashboards {
		got = append(got, []string{d.UID, d.Name(), d.Folder, strings.Join(d.Owners, " "), d.URL})
	}
	want := [][]string{
		{"s1", "s1", "", "small", "https://grafana.example/d/s1?orgId=1"}, {"l1", "The l1", "Large", "large", "https://grafana.example/d/l1?orgId=1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("want -, got +\n" + diff)
	}
	if u.CoveredDays != usageDays {
		t.Errorf("%d days covered", u.CoveredDays)
	}
}

// TestUsageMetrics: at most so many dashboards have series, the most viewed first, and lint finds nothing.
func TestUsageMetrics(t *testing.T) {
	var acts []activity.Act
	for i, uid := range []string{"a", "b", "c"} {
		acts = append(acts, viewAct(t, "2026-11-20", uid, "large", 1, int64(i+1)))
	}
	m := dashboardMetrics(usageOf(t, "", "2026-01-01", nil, acts...), 2)
	c := export.NewCollector(func() export.Snapshot { return export.Snapshot{Dashboards: m} })
	problems, err := testutil.CollectAndLint(c)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	want := `
# HELP metrics_maturity_dashboard_views_30d Views of the dashboard by people within the last 30 days.
# TYPE metrics_maturity_dashboard_views_30d gauge
metrics_maturity_dashboard_views_30d{scope="org:1",uid="b"} 2
metrics_maturity_dashboard_views_30d{scope="org:1",uid="c"} 3
# HELP metrics_maturity_dashboards Dashboards by whether people viewed them within the last 90 days.
# TYPE metrics_maturity_dashboards gauge
metrics_maturity_dashboards{state="new"} 0
metrics_maturity_dashboards{state="not_viewed"} 0
metrics_maturity_dashboards{state="unknown"} 0
metrics_maturity_dashboards{state="viewed"} 3
# HELP metrics_maturity_dashboards_over_limit Dashboards without series of their own, because export.dashboards.limit is reached.
# TYPE metrics_maturity_dashboards_over_limit gauge
metrics_maturity_dashboards_over_limit 1
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), "metrics_maturity_dashboard_views_30d", "metrics_maturity_dashboards",
		"metrics_maturity_dashboards_over_limit", "metrics_maturity_dashboard_people_90d"); err != nil {
		t.Error(err) // of one person alone it says nothing
	}
}

// TestGrafanaURL: the address that is set, else that of the only inventory.
func TestGrafanaURL(t *testing.T) {
	api := func(url string) sourceConfig {
		s := sourceConfig{Type: typeGrafanaAPI}
		s.HTTP.URL = url
		return s
	}
	for _, tt := range []struct {
		set     string
		sources []sourceConfig
		want    string
	}{
		{"", nil, ""}, {"", []sourceConfig{api("https://g")}, "https://g"}, {"", []sourceConfig{api("https://g"), api("https://g")}, "https://g"},
		{"", []sourceConfig{api("https://g"), api("https://h")}, ""}, {"https://people", []sourceConfig{api("https://g")}, "https://people"},
	} {
		d := &desk{config: &config{Sources: tt.sources, Serve: serveConfig{GrafanaURL: tt.set}}}
		if got := d.grafanaURL(); got != tt.want {
			t.Errorf("%q and %d sources: %q, want %q", tt.set, len(tt.sources), got, tt.want)
		}
	}
}
