package owner

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

func member(team, login string, from, to activity.Date) activity.Membership {
	return activity.Membership{Scope: "org:1", Team: team, Digests: testKey.Member(login, ""), From: from, To: to}
}

func TestGrafanaTeams(t *testing.T) {
	at := row("log", activity.KindView, "d", "", 0).Date
	memberships := []activity.Membership{
		member("Payments", "ada", 0, 0), member("Payments", "bob", 0, at), // bob left
		member("Search", "bob", at, 0), member("Shipping", "eve", at+1, 0), // eve is not there yet
		member("identity", "zoe", 0, 0),
	}
	typed := Config{
		Teams: []Team{{Name: "payments", GrafanaTeams: []string{"Payments"}}, {Name: "identity", Members: []Member{{Login: "eve"}}}},
		Types: map[string]string{"log": "grafana-log"},
	}
	views := make([]activity.Day, 4)
	logins := []string{"ada", "bob", "eve", "zoe"}
	for i := range views {
		views[i] = row("log", activity.KindView, "d", "", i)
		views[i].Actor = activity.ActorID(i + 1)
	}
	for _, tt := range []struct {
		name  string
		all   bool
		teams []string
		want  []string // whose views they are
	}{
		{"as named", false, []string{"payments", "identity"}, []string{"payments", "", "identity", ""}},
		{"all of them", true, []string{"payments", "identity", "Search", "Shipping"}, []string{"payments", "Search", "identity", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := typed.WithGrafanaTeams(memberships, tt.all)
			b, err := New(c, testKey, activity.Facts{})
			if err != nil {
				t.Fatal(err)
			}
			var names, got []string
			for _, team := range c.Teams {
				names = append(names, team.Name)
			}
			for i, login := range logins {
				b.Learn(activity.ActorID(i+1), testKey.Member(login, ""))
			}
			for _, a := range b.Attribute(views) {
				got = append(got, a.Team)
			}
			if diff := cmp.Diff(tt.teams, names); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFolderOwners: the innermost folder that any team is configured with decides, else who may edit it, up through the parents.
func TestFolderOwners(t *testing.T) {
	seen := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	folders := []activity.Folder{
		{Seen: seen, Scope: "org:1", UID: "shop", Title: "Shop", Editors: []string{"Payments"}},
		{Seen: seen, Scope: "org:1", UID: "pay", Title: "Pay", Parent: "shop"},
		{Seen: seen, Scope: "org:1", UID: "deep", Title: "Deep", Parent: "pay"},
		{Seen: seen, Scope: "org:1", UID: "loop", Title: "Loop", Parent: "loop"},
		{Seen: seen, Scope: "org:2", UID: "deep", Title: "Another"},
	}
	c := Config{Teams: []Team{
		{Name: "payments", GrafanaTeams: []string{"Payments"}},
		{Name: "search", Folders: []string{"Deep"}, GrafanaTeams: []string{"Payments"}},
	}}
	b, err := New(c, testKey, activity.Facts{Folders: folders})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		scope   string
		folders []string
		want    []int
	}{
		{"org:1", []string{"shop"}, []int{0}},
		{"org:1", []string{"pay"}, []int{0}},
		{"org:1", []string{"deep"}, []int{1}},
		{"org:2", []string{"deep"}, nil},
		{"org:1", []string{"loop"}, nil},
		{"org:1", []string{"pay", "Pay", "shop", "Shop"}, []int{0}}, // as the API tells
		{"org:1", nil, nil},
	} {
		if diff := cmp.Diff(tt.want, b.folderOwners(tt.scope, tt.folders)); diff != "" {
			t.Errorf("%s %v: %s", tt.scope, tt.folders, diff)
		}
	}
}

// TestFoundationsFromInventory: what is there tells of foundations where nobody did anything yet.
func TestFoundationsFromInventory(t *testing.T) {
	c := Config{Teams: []Team{{Name: "payments", Folders: []string{"Pay"}, Members: []Member{{Login: "ada"}}, Metrics: []string{`{__name__=~"pay_.*"}`}}}}
	seen := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	board := activity.Dashboard{Seen: seen, Scope: "org:1", UID: "d", Title: "D", Folders: []string{"pay", "Pay"}, Metrics: []string{"pay_total"}}
	gone := activity.Dashboard{Seen: seen.AddDate(0, 0, 1), Scope: "org:1", UID: "d", Removed: true}
	loki := activity.DataSource{Seen: seen, Scope: "org:1", UID: "l", Type: "loki"}
	prometheus := activity.DataSource{Seen: seen, Scope: "org:1", UID: "p", Type: "prometheus", Metrics: true}
	for name, tt := range map[string]struct {
		facts activity.Facts
		want  Foundation
	}{
		"a dashboard":                  {activity.Facts{Dashboards: []activity.Dashboard{board}}, Foundation{Collection: activity.Yes, Dashboards: activity.Yes}},
		"a dashboard that was removed": {activity.Facts{Dashboards: []activity.Dashboard{board, gone}}, Foundation{Dashboards: activity.No}},
		"nothing to ask":               {activity.Facts{DataSources: []activity.DataSource{loki}}, Foundation{QueryTooling: activity.No}},
		"a Prometheus to ask":          {activity.Facts{DataSources: []activity.DataSource{loki, prometheus}}, Foundation{}},
	} {
		b, err := New(c, testKey, tt.facts)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, b.Foundations(nil)["payments"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
