package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// envBenchRows is how many rows of days the store of BenchmarkReport holds.
const envBenchRows = "MATURITY_BENCH_ROWS"

// What the store of BenchmarkReport holds: days of an organisation over two years.
const (
	benchTeams, benchMembers, benchDashboards = 600, 8, 3000
	benchWeeks                                = 104
)

// BenchmarkReport assesses a large organisation: 600 teams, two years of days. How many rows of them: 1/50 of what such an
// organisation has, or what the environment says.
func BenchmarkReport(b *testing.B) {
	rows := 400_000
	if text := os.Getenv(envBenchRows); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		rows = n
	}
	d, end := largeStore(b, rows)
	b.ReportAllocs()
	for b.Loop() {
		p, err := d.assemble(b.Context(), end, false)
		if err != nil {
			b.Fatal(err)
		}
		if len(p.report.Teams) != benchTeams {
			b.Fatalf("%d teams", len(p.report.Teams))
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "peak-MiB")
	b.ReportMetric(float64(rows), "rows")
}

// largeStore fills a store with rows of views and queries, and returns its desk and the end of its time.
func largeStore(b *testing.B, rows int) (d *desk, end time.Time) {
	b.Helper()
	dir := b.TempDir()
	var config strings.Builder
	config.WriteString("timezone: UTC\nstore: {url: \"sqlite:large.db\"}\nprivacy: {hash_key_file: key, actor_retention: 10000d}\nsources: [{name: grafana, type: grafana-log, files: [none.log]}]\nteams:\n")
	for team := range benchTeams {
		fmt.Fprintf(&config, "  - {name: team%d, members: [", team)
		for member := range benchMembers {
			fmt.Fprintf(&config, "user%d, ", team*benchMembers+member)
		}
		fmt.Fprintf(&config, "], dashboards: [uid%d]}\n", team)
	}
	for name, text := range map[string]string{"key": "only to measure with, never for people\n", "config.yaml": config.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	c, err := loadConfig(filepath.Join(dir, "config.yaml"), overrides{})
	if err != nil {
		b.Fatal(err)
	}
	if d, err = openDesk(b.Context(), c, false, slog.New(slog.DiscardHandler)); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.store.Close(); err != nil {
			b.Error(err)
		}
	})
	actors := make([]store.Actor, benchTeams*benchMembers)
	for i := range actors {
		actors[i].Whole, actors[i].Digests = d.key.Actor(activity.Identity{Login: "user" + strconv.Itoa(i)})
	}
	ids, err := d.store.ActorIDs(b.Context(), actors)
	if err != nil {
		b.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	end = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	perDay := float64(rows) / float64(benchWeeks*5*len(ids))
	for week := range benchWeeks {
		fillWeek(b, d.store, rnd, ids, end.AddDate(0, 0, 7*(week-benchWeeks)), perDay)
	}
	return d, end
}

// fillWeek adds the days of the week that begins at monday: each person looks at some dashboards of the team on each working day, at
// another one now and then, and asks something.
func fillWeek(b *testing.B, s *store.Store, rnd *rand.Rand, ids []activity.ActorID, monday time.Time, perDay float64) {
	b.Helper()
	p, err := s.Progress(b.Context(), "grafana")
	if err != nil {
		b.Fatal(err)
	}
	c := store.Commit{Source: "grafana", Fence: p.Fence, Days: store.NewFolded("grafana")}
	view := c.Days.SortID(store.Sort{Kind: activity.KindView, Scope: "org:1"})
	query := c.Days.SortID(store.Sort{Kind: activity.KindQuery, Scope: "org:1"})
	for day := range 5 {
		for person, id := range ids {
			team, first := person/benchMembers, rnd.IntN(100)
			for n := range int(perDay + rnd.Float64()) {
				at := monday.AddDate(0, 0, day).Add(time.Duration(8*60+rnd.IntN(10*60)) * time.Minute)
				sort, subject := view, "uid"+strconv.Itoa(team*benchDashboards/benchTeams+(first+n)%5)
				switch n % 8 {
				case 5:
					subject = "uid" + strconv.Itoa(rnd.IntN(benchDashboards))
				case 6, 7:
					sort, subject = query, fmt.Sprintf("%016x", team*40+(first+n)%40)
				}
				sum := store.Sum{Count: 1 + rnd.Int64N(3), First: at.UnixNano(), Last: at.UnixNano(), Hours: 1 << at.Hour()}
				c.Days.Add(activity.DateOf(at), sort, c.Days.NameID(subject), id, sum)
			}
		}
	}
	for day := range 7 {
		for _, class := range []activity.Class{activity.ClassAny, activity.ClassView} {
			c.Covered = append(c.Covered, activity.CoveredDay{Source: "grafana", Class: class, Date: activity.DateOf(monday) + activity.Date(day)})
		}
	}
	if _, err := s.Save(b.Context(), c); err != nil {
		b.Fatal(err)
	}
}
