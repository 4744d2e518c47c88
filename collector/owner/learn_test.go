package owner

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

func TestExplains(t *testing.T) {
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	at := func(clock string) time.Time {
		c, err := time.ParseInLocation("15:04:05", clock, stockholm)
		if err != nil {
			t.Fatal(err)
		}
		return c.AddDate(2026, 4, 3)
	}
	span := func(first, last string, hours ...int) *times {
		s := &times{first: at(first), last: at(last)}
		s.hours = 1<<s.first.Hour() | 1<<s.last.Hour()
		for _, h := range hours {
			s.hours |= 1 << h
		}
		return s
	}
	b := &Book{location: stockholm}
	for _, tt := range []struct {
		name            string
		client, explore *times
		want            bool
	}{
		{"once, together", span("09:00:00", "09:00:00"), span("09:00:02", "09:00:02"), true},
		{"once, half a minute apart", span("09:00:00", "09:00:00"), span("09:00:30", "09:00:30"), true},
		{"once, more apart", span("09:00:00", "09:00:00"), span("09:00:31", "09:00:31"), false},
		{"around", span("08:00:00", "17:00:00", 9), span("09:00:00", "09:30:00"), true},
		{"around, but not in that hour", span("08:00:00", "17:00:00"), span("09:00:00", "09:30:00"), false},
		{"began together, asked on elsewhere", span("09:00:00", "09:00:00"), span("09:00:02", "11:00:00", 10), false},
		{"began together, within the hour", span("09:00:00", "09:00:00"), span("09:00:02", "09:40:00"), true},
		{"the hour turned at both ends", span("08:59:59", "10:59:58"), span("09:00:01", "11:00:01", 10), true},
		{"the hour turned, asked elsewhere between", span("08:59:59", "11:59:58"), span("09:00:01", "12:00:01", 10), false},
		{"after", span("12:00:00", "13:00:00"), span("09:00:00", "09:10:00"), false},
	} {
		if got := b.explains(tt.client, tt.explore); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestLearnsTheGrafanaAlone makes organisations whose people ask in Explore and at workstations, often the same questions
// and now and then at the same minute, and holds that the addresses of the Grafana are found, and no workstation.
func TestLearnsTheGrafanaAlone(t *testing.T) {
	const before, after, workstations = 1000, 1001, 20 // the Grafana's address changes halfway
	begin := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		var days []activity.Day
		row := func(source, scope, fingerprint string, who activity.ActorID, at time.Time) {
			days = append(days, activity.Day{Date: activity.DateOf(at), Source: source, Scope: scope, Kind: activity.KindQuery,
				Subject: fingerprint, Actor: who, Count: 1, First: at, Last: at, Hours: 1 << at.Hour()})
		}
		for date := range 30 {
			grafana := activity.ActorID(before)
			if date >= 15 {
				grafana = after
			}
			at := func() time.Time {
				return begin.AddDate(0, 0, date).Add(8*time.Hour + time.Duration(rnd.IntN(10*60*60))*time.Second)
			}
			for range 1 + rnd.IntN(6) {
				fp, asked := fmt.Sprint("f", rnd.IntN(25)), at()
				row("grafana", "org:1", fp, activity.ActorID(1+rnd.IntN(50)), asked.Add(time.Second))
				if rnd.IntN(20) > 0 { // the query log has gaps
					row("promql", "promql", fp, grafana, asked)
				}
				if rnd.IntN(4) == 0 { // a colleague tries it at once
					row("promql", "promql", fp, activity.ActorID(100+rnd.IntN(workstations)), asked.Add(20*time.Second))
				}
			}
			for panel := range 30 {
				row("promql", "promql", fmt.Sprint("panel", panel), grafana, at())
			}
			for range 5 {
				row("promql", "promql", fmt.Sprint("f", rnd.IntN(25)), activity.ActorID(100+rnd.IntN(workstations)), at())
			}
		}
		days = activity.Fold(days)
		b, err := New(Config{}, testKey, activity.Facts{})
		if err != nil {
			t.Fatal(err)
		}
		want := map[client]bool{{"promql", before}: true, {"promql", after}: true}
		if diff := cmp.Diff(want, b.learnGrafanas(days, nil), cmp.AllowUnexported(client{})); diff != "" {
			t.Errorf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

// TestConcurrentUse is for the race detector: a report is made while facts arrive.
func TestConcurrentUse(t *testing.T) {
	g := readGolden(t, "testdata/clients.txtar")
	b, err := New(g.org.rules, testKey, g.org.facts())
	if err != nil {
		t.Fatal(err)
	}
	want := b.Attribute(g.days)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			b.Foundations(b.Attribute(g.days))
		})
		group.Go(func() {
			for _, q := range g.org.config.Queries {
				b.LearnQuery(q)
			}
		})
	}
	group.Wait()
	if diff := cmp.Diff(want, b.Attribute(g.days)); diff != "" {
		t.Errorf("after all that (-before +after):\n%s", diff)
	}
}
