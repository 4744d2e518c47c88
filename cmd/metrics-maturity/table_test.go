package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

func pointer[T any](v T) *T { return &v }

// smallReport has a team in each status, and names that try to be more than names.
func smallReport(t testing.TB) *report {
	t.Helper()
	evil := `<script>alert("x")</script>`
	monday := day(t, "2026-11-16")
	r := &report{
		Schema: 1, AsOf: time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC), CriteriaVersion: 1,
		Events: eventsReport{Counted: 10, Automated: 5, Unattributed: 2, Reasons: map[string]int64{"kiosk": 2, "refresh": 3, "no rule": 2}},
		Sources: []sourceReport{
			{Name: "grafana", Type: typeGrafanaLog, Up: true, Events: 17, CoveredDays: 3, MissingDays: []activity.Date{monday}},
			{Name: evil, Type: typeRulesGit, Error: evil + "\nhint: none", MissingDays: []activity.Date{}},
			{Name: "new", Type: typeRulesGit, MissingDays: []activity.Date{}},
		},
		PeopleKnownFrom: &monday,
	}
	for _, a := range []stage.Assessment{
		{
			Team: "payments", Status: stage.StatusOK, Stage: pointer(4), StageName: "regular_looking", RawStage: pointer(4), Confidence: pointer(0.97),
			Since: &monday, PreviousStage: pointer(3),
			Foundations: map[string]activity.Tri{"collection": activity.Yes, "query_tooling": activity.No, "dashboards": activity.Unknown},
			Criteria:    []stage.CriterionResult{{Stage: 5, Name: stage.MonthsAdopted, Known: true, Value: 1, Enter: 2, Leave: 1, WindowWeeks: 12}},
			Next:        stage.Next{Stage: 5, Missing: []string{"one more"}},
			History:     []stage.WeekStage{{Week: monday - 14, Status: stage.StatusInsufficient}, {Week: monday - 7, Stage: pointer(3), Status: stage.StatusStale}, {Week: monday, Stage: pointer(4), Status: stage.StatusOK}},
		},
		{Team: evil, Status: stage.StatusStale, Stage: pointer(0), StageName: "none"},
		{Team: "fresh", Status: stage.StatusInsufficient, AssessableFrom: monday + 28},
	} {
		r.Teams = append(r.Teams, newTeam(a, nil))
	}
	return r
}

func TestTable(t *testing.T) {
	r := smallReport(t)
	r.Teams[1].Team, r.Sources[1].Name, r.Sources[1].Error = "held", "rules", "no such repository\nhint: none"
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := writeTable(&b, r, stockholm); err != nil {
		t.Fatal(err)
	}
	if err := writeHistory(&b, r.Teams); err != nil {
		t.Fatal(err)
	}
	want := `metrics maturity as of 2026-11-23 (criteria version 1)

6 acting           │
5 adjusting        │
4 regular_looking  │██ payments
3 follow_up        │
2 preplanning      │
1 one_off_queries  │
0 none             │██ held
? not enough data  │██ fresh

TEAM      STAGE  NAME                              CONFIDENCE  SINCE       BEFORE  FOUNDATIONS             NEXT
payments  4      regular_looking                   97%         2026-11-16  3       collection,dashboards?  5: months_with_an_adopted_metric 1 of 2
held      0      none (stale)                      -           -           -       -                       -
fresh     -      not enough data until 2026-12-14  -           -           -       -                       -

source grafana: up, 17 events, 0 malformed, 3 days covered, 1 missing
source rules: down: no such repository, 0 events, 0 malformed, 0 days covered, 0 missing
source new: never read, 0 events, 0 malformed, 0 days covered, 0 missing
acts: 10 counted, 5 automated, 2 under no team (refresh 3, kiosk 2, no rule 2)
before 2026-11-16 people were forgotten: those acts stay with the team as owned then

weeks from 2026-11-02 (letters: held through a gap, a is 0; dots: not enough data)
payments  .d4
held      
fresh     
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error("want -, got +\n" + diff)
	}
}

func TestFormatInstant(t *testing.T) {
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	for want, at := range map[string]time.Time{
		"2026-11-23":            time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC),
		"2026-11-23 00:30 CET":  time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC),
		"2026-07-01 12:00 CEST": time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC),
	} {
		if got := formatInstant(at, stockholm); got != want {
			t.Errorf("%s is written as %s, want %s", at, got, want)
		}
	}
}
