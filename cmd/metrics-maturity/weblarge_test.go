package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// largeSite has many teams of two years, and five dashboards for each.
func largeSite(t testing.TB, teams int) *site {
	t.Helper()
	r := smallReport(t)
	like := r.Teams[0]
	monday := day(t, "2026-11-16")
	r.Teams = nil
	u := &usageReport{Schema: 1, From: monday - 83, To: monday + 7, CoveredDays: usageDays}
	for i := range teams {
		team := like
		team.Team = fmt.Sprintf("team-%04d", i)
		team.assessment.Team, team.Stage = team.Team, pointer(i%(topStage+1))
		team.History = nil
		for w := range 104 {
			h := historyWeekReport{Week: monday - activity.Date(7*(103-w)), Status: stage.StatusOK, Stage: pointer((i + w/13) % (topStage + 1))}
			if w%20 == 19 {
				h.Status = stage.StatusStale
			}
			team.History = append(team.History, h)
		}
		r.Teams = append(r.Teams, team)
		for n := range 5 {
			u.Dashboards = append(u.Dashboards, dashboardReport{
				Scope: "org:1", UID: fmt.Sprintf("uid-%d-%d", i, n), Title: fmt.Sprintf("Dashboard %d of team %d", n, i), Owners: []string{team.Team}, State: boardViewed,
				Views30d: int64(i), Views90d: int64(3 * i), Teams90d: []string{team.Team}, LastViewed: &monday, KnownSince: &u.From,
			})
		}
	}
	s, err := newSite(r, u, &sourcesReport{}, nil, time.UTC, 4)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestManyTeams: the pages of 2,000 teams and 10,000 dashboards stay of a size that browsers take.
func TestManyTeams(t *testing.T) {
	h := serveSite(largeSite(t, 2000))
	for path, most := range map[string]int{"/": 2 << 20, "/dashboards": 1 << 20, "/dashboards?page=10": 1 << 20, "/teams/team-1999": 64 << 10} {
		plain := ask(t, h, http.MethodGet, path)
		packed := ask(t, h, http.MethodGet, path, "Accept-Encoding", "gzip")
		if plain.Code != http.StatusOK || plain.Body.Len() > most || packed.Body.Len() > most/5 {
			t.Errorf("%s: status %d, %d bytes, %d compressed", path, plain.Code, plain.Body.Len(), packed.Body.Len())
		}
	}
}

func BenchmarkPage(b *testing.B) {
	h := serveSite(largeSite(b, 2000))
	for _, path := range []string{"/", "/teams/team-1000", "/dashboards", "/api/v1/report"} {
		b.Run(path[1:], func(b *testing.B) {
			size := 0
			for b.Loop() {
				size = ask(b, h, http.MethodGet, path, "Accept-Encoding", "gzip").Body.Len()
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
