package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
)

// smallTeams writes the log of an organisation with small teams and people of no team. hands is by how many of its three people the
// work of each small team is done, and that of nobody's: all else is the same.
func smallTeams(t *testing.T, hands int) string {
	t.Helper()
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(5, 5))
	var log strings.Builder
	teams := map[string]int{"large": 6, "small": 3, "shrunk": 3, "unlisted": 3, "nobody": 3}
	names := slices.Sorted(maps.Keys(teams))
	for i := range 2500 {
		team := names[rnd.IntN(len(names))]
		who := i % teams[team]
		if team != "large" {
			who = i % min(hands, teams[team])
		}
		// Minutes apart, so that nobody's questions are one session; by day, on weekdays.
		day := thursday.AddDate(0, 0, -80+i/32)
		at := time.Date(day.Year(), day.Month(), day.Day(), 7+i%32*20/60, i%3*20+rnd.IntN(15), rnd.IntN(60), 0, time.UTC)
		if at.Weekday() == time.Sunday {
			continue
		}
		login := fmt.Sprint(team, who)
		line := strings.ReplaceAll(view(login, at), "abc", fmt.Sprint("board", rnd.IntN(5)))
		if rnd.IntN(4) == 0 {
			line = strings.ReplaceAll(view(login, at), "abc", team+"board")
		}
		log.WriteString(line + "\n")
	}
	writeFile(t, filepath.Join(dir, "grafana.log"), log.String())
	writeFile(t, filepath.Join(dir, "key"), "a key that only tests know")
	path := filepath.Join(dir, "c.yaml")
	writeFile(t, path, `timezone: UTC
sources: [{name: grafana, type: grafana-log, files: [grafana.log]}]
teams:
  - {name: large, members: [large0, large1, large2, large3, large4, large5], dashboards: [board0, largeboard]}
  - {name: small, members: [small0, small1, small2], dashboards: [board1, smallboard]}
  - name: shrunk # it had a fourth member, and has one again
    members: [shrunk0, shrunk1, shrunk2, {login: shrunk3, to: 2026-08-20}, {login: shrunk4, from: 2026-11-10}]
    dashboards: [shrunkboard]
  - {name: twice, members: [unlisted0, UNLISTED0, unlisted1, unlisted2], dashboards: [unlistedboard]}
privacy: {hash_key_file: key, min_team_size: 4}
export: {textfile: out.prom, dashboards: {limit: 50}}
`)
	return path
}

// TestSmallTeamsAreNotCounted: nothing that is ever said, of teams, days, dashboards or pages, depends on by how many people the work of
// a team under privacy.min_team_size was done, or that of a few who are in no team. So it can't be found out, not by a difference either.
func TestSmallTeamsAreNotCounted(t *testing.T) {
	two, three := everythingSaid(t, smallTeams(t, 2)), everythingSaid(t, smallTeams(t, 3))
	if len(two) < 25 {
		t.Fatalf("only %d outputs were compared", len(two))
	}
	for _, where := range slices.Sorted(maps.Keys(two)) {
		if len(two[where]) < 100 {
			t.Errorf("%s says only %q", where, two[where])
		}
		if diff := cmp.Diff(two[where], three[where]); diff != "" {
			t.Errorf("%s tells by how many people it was done (-two +three):\n%s", where, diff)
		}
	}
	if !strings.Contains(two["report json"], `"people": 6`) {
		t.Error("the people of the large team are not counted either")
	}
}

// guesses are numbers that the inference makes of who looks when, beside counts: they depend on people, and tell no number of them.
var guesses = regexp.MustCompile(`("(?:confidence|probability)": *)[0-9.e-]+|[0-9]+[ \x{a0}]?%|(stage_confidence\{[^}]*\} )[0-9.e-]+`)

// everythingSaid collects, and asks for all that there is to be said.
func everythingSaid(t *testing.T, config string) map[string]string {
	t.Helper()
	now := thursday.Add(12 * time.Hour)
	said := map[string]string{}
	keep := func(where string, text []byte) {
		said[where] = guesses.ReplaceAllString(strings.ReplaceAll(string(text), filepath.Dir(config), ""), "$1$2?")
	}
	run := func(where string, args ...string) {
		t.Helper()
		var out, log bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &log, now: func() time.Time { return now }}
		if err := a.run(t.Context(), append(args, "--config", config)); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, &log)
		}
		if where != "" {
			keep(where, out.Bytes())
		}
	}
	run("", "run")
	for _, format := range []string{"table", "json", "html", "openmetrics"} {
		run("report "+format, "report", "--history", "--format", format)
	}
	for _, format := range []string{"table", "json", "csv"} {
		run("dashboards "+format, "report", "--dashboards", "--format", format)
	}
	for _, format := range []string{"ndjson", "csv"} {
		run("days "+format, "days", "--format", format)
		run("days of a week "+format, "days", "--format", format, "--from", "2026-11-02", "--to", "2026-11-09")
	}
	for _, team := range []string{"small", "shrunk", "twice", "large"} {
		run("explain "+team, "explain", team)
		run("explain json "+team, "explain", team, "--format", "json")
	}
	metrics, err := os.ReadFile(filepath.Join(filepath.Dir(config), "out.prom"))
	if err != nil {
		t.Fatal(err)
	}
	keep("metrics", metrics)
	for path, body := range pagesOf(t, config, now) {
		keep("GET "+path, body)
	}
	return said
}

// pagesOf asks for each page, and the JSON beside it, as of a time.
func pagesOf(t *testing.T, config string, now time.Time) map[string][]byte {
	t.Helper()
	c, err := loadConfig(config, overrides{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := openDesk(t.Context(), c, true, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.close(&err)
	p, err := d.assemble(t.Context(), now, true)
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.newSite(p)
	if err != nil {
		t.Fatal(err)
	}
	h, pages := serveSite(s), map[string][]byte{}
	for _, path := range []string{
		"/", "/dashboards", "/sources", "/teams/small", "/teams/shrunk", "/teams/twice", "/teams/large",
		"/api/v1/report?history=true", "/api/v1/teams/small", "/api/v1/teams/large", "/api/v1/dashboards", "/api/v1/sources",
	} {
		w := ask(t, h, http.MethodGet, path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		pages[path] = w.Body.Bytes()
	}
	return pages
}

// TestSizeOfATeam: who is listed twice is one person, and who was seen in several sources too.
func TestSizeOfATeam(t *testing.T) {
	first, second := day(t, "2026-01-05"), day(t, "2026-03-02")
	o := owner.Config{Teams: []owner.Team{
		{Name: "grew", Members: []owner.Member{{Login: "a"}, {Login: "b"}, {Login: "c", From: second}}},
		{Name: "twice", Members: []owner.Member{{Login: "a"}, {Login: "A"}, {Login: "b", To: second}, {Login: "b", From: second}}},
		{Name: "seen"}, {Name: "seen more"},
	}}
	var acts []activity.Act
	for i, source := range []string{"grafana", "git", "nginx", "mimir"} {
		acts = append(acts, activity.Act{Day: activity.Day{Source: source, Actor: activity.ActorID(i + 1)}, Team: "seen"},
			activity.Act{Day: activity.Day{Source: "grafana", Actor: activity.ActorID(i + 10)}, Team: "seen more"})
	}
	s := newTeamSizes(o, acts, 3)
	for _, tt := range []struct {
		team   string
		on     activity.Date
		hidden bool
	}{
		{"grew", first, true}, {"grew", second, false}, {"twice", first, true}, {"twice", second, true}, {"seen", first, true}, {"seen more", first, false},
	} {
		if got := s.hidden(tt.team, tt.on); got != tt.hidden {
			t.Errorf("%s on %s: hidden %v", tt.team, tt.on, got)
		}
	}
	for _, tt := range []struct {
		from, to activity.Date
		hidden   bool
	}{
		{first, second, true}, {first, second + 7, true}, {second, second + 7, false}, {second - 1, second + 7, true},
	} {
		if got := s.hiddenWithin("grew", tt.from, tt.to); got != tt.hidden {
			t.Errorf("grew from %s to %s: hidden %v", tt.from, tt.to, got)
		}
	}
}
