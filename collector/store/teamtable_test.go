package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// crew is a team as a snapshot has it.
func crew(id, name string, logins ...string) store.Team {
	t := store.Team{ID: id, Name: name}
	for _, login := range logins {
		t.Members = append(t.Members, key.Member(login, login+"@corp.example"))
	}
	return t
}

// seen is a membership without its digests, of whom the first is named.
type seen struct {
	Login, Team string
	From, To    activity.Date
}

func TestMembershipsAreDated(t *testing.T) { onEach(t, testMembershipsAreDated) }

func testMembershipsAreDated(t *testing.T, empty func(*testing.T) string) {
	s := open(t, empty(t))
	var version store.Fence
	save := func(date activity.Date, teams ...store.Team) {
		t.Helper()
		c := store.Commit{Source: "inventory", Fence: version, Teams: []store.TeamSnapshot{{Scope: "org:1", Date: date, Teams: teams}}}
		var err error
		if version, err = s.Save(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	save(100, crew("1", "payments", "ada", "bob"), crew("2", "search", "eve"))
	save(100, crew("1", "payments", "ada", "bob"), crew("2", "search", "eve")) // a second run of the day
	save(101, crew("1", "payments", "ada", "eve"), crew("2", "search"))        // bob left, eve moved
	save(102, crew("1", "billing", "ada", "eve"), crew("2", "search", "bob"))  // renamed
	unread := crew("2", "search")
	unread.Unread = true
	save(104, crew("1", "billing", "ada", "eve", "bob"), unread) // bob came back to the first, too
	save(103, crew("1", "billing"), crew("2", "search"))         // too late to be told

	check := func(want ...seen) {
		t.Helper()
		got, err := s.Memberships(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names := map[activity.Digest]string{}
		for _, login := range []string{"ada", "bob", "eve"} {
			names[key.Login(login)] = login
		}
		at := map[seen]int{}
		for _, m := range got {
			at[seen{names[m.Digests[0]], m.Team, m.From, m.To}]++
			if want := key.Member(names[m.Digests[0]], names[m.Digests[0]]+"@corp.example"); !cmp.Equal(m.Digests, want) {
				t.Errorf("digests of %s are not those that were saved", names[m.Digests[0]])
			}
		}
		for _, w := range want {
			at[w]--
		}
		for m, n := range at {
			if n != 0 {
				t.Errorf("%+v: %+d", m, n)
			}
		}
	}
	check(
		seen{"ada", "billing", 0, 0}, seen{"bob", "billing", 0, 101}, seen{"eve", "billing", 101, 0}, seen{"bob", "billing", 104, 0},
		seen{"eve", "search", 0, 101}, seen{"bob", "search", 102, 0},
	)

	// Who left longer ago than actors live is forgotten.
	if due, err := s.RetireDue(t.Context(), 101); err != nil || !due {
		t.Fatalf("due %v, %v", due, err)
	}
	if _, err := s.Retire(t.Context(), 101, func([]activity.Day) ([]activity.Act, []store.TeamWeekPeople) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	if due, err := s.RetireDue(t.Context(), 101); err != nil || due {
		t.Fatalf("due %v, %v", due, err)
	}
	check(seen{"ada", "billing", 0, 0}, seen{"eve", "billing", 101, 0}, seen{"bob", "billing", 104, 0}, seen{"bob", "search", 102, 0})
}

func TestDashboardsKeepWhatOnlyAnInventoryTells(t *testing.T) {
	onEach(t, testDashboardsKeepWhatOnlyAnInventoryTells)
}

func testDashboardsKeepWhatOnlyAnInventoryTells(t *testing.T, empty func(*testing.T) string) {
	s := open(t, empty(t))
	at := activity.Date(20000).Start(time.UTC)
	facts := []activity.Dashboard{
		{Seen: at, Scope: "org:1", UID: "d", Title: "D", Folders: []string{"f", "Payments", "p", "Shop"}, Metrics: []string{"up"}},
		{Seen: at, Scope: "org:1", UID: "d", Folders: []string{"f"}},                  // a log, the same day: nothing new
		{Seen: at.AddDate(0, 0, 1), Scope: "org:1", UID: "d", Folders: []string{"g"}}, // moved
		{Seen: at.AddDate(0, 0, 2), Scope: "org:1", UID: "d", Removed: true},
	}
	for i, d := range facts {
		if _, err := s.Save(t.Context(), store.Commit{Source: "s", Fence: store.Fence{store.Whole: int64(i)}, Dashboards: []activity.Dashboard{d}}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Facts(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []activity.Dashboard{
		facts[0],
		{Seen: at.AddDate(0, 0, 1), Scope: "org:1", UID: "d", Title: "D", Folders: []string{"g"}, Metrics: []string{"up"}},
		facts[3],
	}
	if diff := cmp.Diff(want, got.Dashboards); diff != "" {
		t.Error(diff)
	}
}
