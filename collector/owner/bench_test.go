package owner

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// bigOrganisation has 200 teams of 10 people, 4 months of days of a Grafana log, a query log and rules.
func bigOrganisation(rows int) (Config, activity.Facts, []activity.Day) {
	const teams, dates = 200, 120
	rnd := rand.New(rand.NewPCG(1, 2))
	c := Config{Types: map[string]string{"grafana": "grafana-log", "promql": "prometheus-query-log", "rules": "rules-git"}}
	f := activity.Facts{Actors: map[activity.Digest][]activity.ActorID{}, Queries: map[string]activity.Query{}}
	id := activity.ActorID(0)
	for i := range teams {
		name := fmt.Sprintf("team%d", i)
		t := Team{Name: name, Folders: []string{name}, RulePaths: []string{name + "/**"}, RuleLabels: map[string]string{"team": name},
			Metrics: []string{fmt.Sprintf(`{__name__=~"%s_.*"}`, name), fmt.Sprintf(`{namespace=%q}`, name)},
			Clients: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), 0}), 24)}}
		for p := range 10 {
			id++
			login := fmt.Sprintf("%s-%d", name, p)
			t.Members = append(t.Members, Member{Login: login})
			f.Actors[testKey.Login(login)] = []activity.ActorID{id}
		}
		for d := range 10 {
			f.Dashboards = append(f.Dashboards, activity.Dashboard{Scope: "org:1", UID: fmt.Sprintf("%s-%d", name, d), Folders: []string{"u", name}, Metrics: []string{name + "_total"}})
			f.Rules = append(f.Rules, activity.Rule{Scope: "rules:" + name + "/a.yaml", Name: fmt.Sprintf("%s:%d", name, d), Kind: activity.RuleRecording})
			for q := range 5 {
				fp := fmt.Sprintf("%08x%04x%04x", i, d, q)
				f.Queries[fp] = activity.Query{Fingerprint: fp, Metrics: []string{fmt.Sprintf("%s_%d_total", name, d), "up"}}
			}
		}
		c.Teams = append(c.Teams, t)
	}
	begin := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	days := make([]activity.Day, rows)
	for i := range days {
		team, n := rnd.IntN(teams), rnd.IntN(10)
		first := begin.Add(time.Duration(rnd.IntN(dates*24*60)) * time.Minute)
		d := &days[i]
		*d = activity.Day{Date: activity.DateOf(first), First: first, Last: first.Add(time.Minute), Hours: 1 << first.Hour(), Count: 1}
		switch i % 4 {
		case 0, 1:
			d.Source, d.Kind, d.Scope, d.Subject, d.Actor = "grafana", activity.KindView, "org:1", fmt.Sprintf("team%d-%d", team, n), activity.ActorID(rnd.IntN(teams*10))
		case 2:
			d.Source, d.Kind, d.Scope, d.Actor = "promql", activity.KindQuery, "promql", id+1+activity.ActorID(rnd.IntN(500))
			if i%8 == 2 {
				d.Source, d.Scope, d.Actor = "grafana", "org:1", activity.ActorID(rnd.IntN(teams*10))
			}
			d.Subject = fmt.Sprintf("%08x%04x%04x", team, n, rnd.IntN(5))
		case 3:
			d.Source, d.Kind, d.Scope, d.Subject = "rules", activity.KindRule, fmt.Sprintf("rules:team%d/a.yaml", team), fmt.Sprintf("team%d:%d", team, n)
		}
	}
	return c, f, days
}

func BenchmarkAttribute(b *testing.B) {
	c, f, days := bigOrganisation(1_000_000)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		book, err := New(c, testKey, f)
		if err != nil {
			b.Fatal(err)
		}
		if acts := book.Attribute(days); len(acts) != len(days) {
			b.Fatal("acts are missing")
		}
	}
}

func BenchmarkFoundations(b *testing.B) {
	c, f, days := bigOrganisation(1_000_000)
	book, err := New(c, testKey, f)
	if err != nil {
		b.Fatal(err)
	}
	acts := book.Attribute(days)
	b.ResetTimer()
	for b.Loop() {
		book.Foundations(acts)
	}
}
