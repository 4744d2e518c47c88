package owner

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// sheetsOf makes sheets of days, each of few names at a time, and returns where each row came from.
func sheetsOf(days []activity.Day, epochs int) (sheets []*activity.Sheet, from [][]int) {
	order := make([]int, len(days))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		a, b := &days[x], &days[y]
		return cmp.Or(cmp.Compare(a.Date, b.Date), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Actor, b.Actor))
	})
	epoch := map[string]uint32{}
	named := map[string]*activity.Sheet{} // by source: its names and sorts so far
	for _, i := range order {
		d := &days[i]
		n := len(sheets) - 1
		if n < 0 || sheets[n].Date != d.Date || sheets[n].Source != d.Source {
			of := named[d.Source]
			if of == nil || len(sheets)%epochs == 0 {
				epoch[d.Source]++
				of = &activity.Sheet{}
				named[d.Source] = of
			}
			sheets = append(sheets, &activity.Sheet{Source: d.Source, Date: d.Date, Epoch: epoch[d.Source], Names: of.Names, Sorts: of.Sorts})
			from, n = append(from, nil), n+1
		}
		s := sheets[n]
		sort := activity.Sort{Kind: d.Kind, Scope: d.Scope, Detail: d.Detail, Robot: d.Robot, Tenant: d.Tenant, Team: d.Team, TeamReason: d.TeamReason, TeamAuthor: d.TeamAuthor, Retired: d.Retired}
		if !slices.Contains(s.Sorts, sort) {
			s.Sorts = append(s.Sorts, sort)
		}
		if !slices.Contains(s.Names, d.Subject) {
			s.Names = append(s.Names, d.Subject)
		}
		s.Rows = append(s.Rows, activity.SheetRow{
			Sort: uint32(slices.Index(s.Sorts, sort)), Subject: uint32(slices.Index(s.Names, d.Subject)), Hours: d.Hours, Actor: d.Actor,
			Count: d.Count, First: d.First.UnixNano(), Last: d.Last.UnixNano(),
		})
		from[n] = append(from[n], i)
		named[d.Source].Names, named[d.Source].Sorts = s.Names, s.Sorts
	}
	return sheets, from
}

// streamed attributes days sheet by sheet, and returns the acts in the order of the days.
func streamed(t testing.TB, b *Book, days []activity.Day, epochs int) ([]activity.Act, map[string]Foundation) {
	t.Helper()
	sheets, from := sheetsOf(days, epochs)
	survey := b.Survey()
	for passes := 1; ; passes++ {
		for _, s := range sheets {
			survey.Add(s)
		}
		if !survey.Again() {
			break
		}
		if passes == 2 {
			t.Fatal("a third pass is wanted")
		}
	}
	acts := make([]activity.Act, len(days))
	stream := b.Stream(survey)
	for i, s := range sheets {
		n := 0
		stream.Each(s, func(a *activity.Act) {
			acts[from[i][n]] = *a
			n++
		})
		if n != len(s.Rows) {
			t.Fatalf("%d acts of %d rows", n, len(s.Rows))
		}
	}
	return acts, stream.Foundations()
}

// sameTimes makes days comparable with those of a store, which has instants alone.
func sameTimes(acts []activity.Act) []activity.Act {
	for i := range acts {
		acts[i].First, acts[i].Last = acts[i].First.UTC(), acts[i].Last.UTC()
	}
	return acts
}

// TestStream holds that days are attributed sheet by sheet as they are all at once.
func TestStream(t *testing.T) {
	for _, path := range goldens(t) {
		g := readGolden(t, path)
		b, err := New(g.org.rules, testKey, g.org.facts())
		if err != nil {
			t.Fatal(err)
		}
		compareStream(t, path, b, g.days)
	}
}

func compareStream(t *testing.T, what string, b *Book, days []activity.Day) {
	t.Helper()
	want := b.Attribute(days)
	found := b.Foundations(want)
	for _, epochs := range []int{1, 3, 1 << 30} {
		got, ground := streamed(t, b, days, epochs)
		if diff := gocmp.Diff(sameTimes(want), got); diff != "" {
			t.Fatalf("%s: -all at once +sheet by sheet:\n%s", what, diff)
		}
		if diff := gocmp.Diff(found, ground); diff != "" {
			t.Fatalf("%s: foundations: -all at once +sheet by sheet:\n%s", what, diff)
		}
	}
}

// TestStreamOfMany does the same with many rows, among which are people, scripts, and addresses whose routines begin and end.
func TestStreamOfMany(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		c, f, days := bigOrganisation(4000)
		zone, err := time.LoadLocation([]string{"UTC", "Europe/Stockholm", "America/Los_Angeles"}[seed%3])
		if err != nil {
			t.Fatal(err)
		}
		c.Location = zone
		for i := range 60 {
			days = append(days, habit(rnd, zone, activity.ActorID(1+rnd.IntN(2000)), i)...)
		}
		b, err := New(c, testKey, f)
		if err != nil {
			t.Fatal(err)
		}
		automated := 0
		for _, a := range b.Attribute(days) {
			if a.Reason == activity.RobotClockwork {
				automated++
			}
		}
		if automated < 50 {
			t.Fatalf("only %d rows are a clock's", automated)
		}
		compareStream(t, "many", b, days)
	}
}

// habit is somebody who opens a dashboard on many days, more or less punctually, and perhaps all day.
func habit(rnd *rand.Rand, zone *time.Location, who activity.ActorID, number int) []activity.Day {
	jitter := []int{1, 20, 40, 59, 61, 90, 600}[rnd.IntN(7)]
	off := []int{0, 0, 5, 9, 10, 20}[rnd.IntN(6)]
	at, clock := rnd.IntN(24*3600-700), zone
	if rnd.IntN(2) == 0 {
		clock = time.UTC
	}
	var days []activity.Day
	for n := range 4 + rnd.IntN(60) {
		day := time.Date(2026, 3, 1+n, 0, 0, 0, 0, clock)
		y, m, d := day.Date()
		first := time.Date(y, m, d, 0, 0, at+rnd.IntN(jitter), 0, clock)
		if off > 0 && rnd.IntN(off) == 0 {
			first = time.Date(y, m, d, rnd.IntN(24), rnd.IntN(60), 0, 0, clock)
		}
		local := first.In(zone)
		row := activity.Day{Date: activity.DateOf(local), First: first, Last: first, Hours: 1 << local.Hour(), Count: 1, Source: "grafana", Kind: activity.KindView, Scope: "org:1", Actor: who, Subject: "team1-" + string(rune('a'+number%26))}
		if rnd.IntN(12) == 0 {
			row.Hours, row.Count = 0xffffff>>rnd.IntN(10), int64(rnd.IntN(200))+1
		}
		days = append(days, row)
	}
	return days
}
