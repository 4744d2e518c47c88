package sim_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

// history writes a team's truth and report as digits, a week each: '-' is unknown, '.' a week in which the team
// did not exist, and a letter marks an outage at the stage that is its place in the alphabet.
func history(truth, report string) (sim.Truth, []stage.Assessment) {
	const monday = activity.Date(20000 - 20000%7 + 4)
	t := sim.TeamTruth{Name: "payments"}
	a := stage.Assessment{Team: "payments"}
	for i := range truth {
		week := monday + activity.Date(7*i)
		w := sim.WeekTruth{Monday: week, Exists: true, Stage: int(truth[i] - '0')}
		switch {
		case truth[i] == '.':
			w.Exists, w.Stage = false, 0
		case truth[i] >= 'a':
			w.Outage, w.Stage = true, int(truth[i]-'a')
		}
		t.Weeks = append(t.Weeks, w)
		h := stage.WeekStage{Week: week, Status: stage.StatusInsufficient}
		if report[i] != '-' {
			n := int(report[i] - '0')
			h.Stage, h.Status = &n, stage.StatusOK
			a.Stage = &n
		}
		a.History = append(a.History, h)
	}
	return sim.Truth{Teams: []sim.TeamTruth{t}}, []stage.Assessment{a}
}

func TestMeasure(t *testing.T) {
	type want struct {
		Weeks, Unknown, Exact, OffByTwo, FalseFalls int
		Rises, Falls                                sim.Changes
	}
	for name, c := range map[string]struct {
		truth, report string
		warmup        int
		want          want
	}{
		"all right":       {"4444", "4444", 0, want{Weeks: 4, Exact: 4}},
		"warm-up":         {"4444", "--44", 2, want{Weeks: 2, Exact: 2}},
		"unknown":         {"4444", "--42", 0, want{Weeks: 4, Unknown: 2, Exact: 1, OffByTwo: 1, FalseFalls: 1}},
		"fall in week 3":  {"444422", "444442", 0, want{Weeks: 6, Exact: 5, OffByTwo: 1, Falls: sim.Changes{Delays: []int{2}}}},
		"fall by steps":   {"4441111", "4443211", 0, want{Weeks: 7, Exact: 5, OffByTwo: 1, Falls: sim.Changes{Delays: []int{1}}}},
		"rise":            {"33444", "33344", 0, want{Weeks: 5, Exact: 4, Rises: sim.Changes{Delays: []int{2}}}},
		"fall, recovered": {"44334", "44444", 0, want{Weeks: 5, Exact: 3, Falls: sim.Changes{Missed: 1}, Rises: sim.Changes{}}},
		"still open":      {"4433", "4444", 0, want{Weeks: 4, Exact: 2, Falls: sim.Changes{Open: 1}}},
		"missed":          {"44" + strings.Repeat("3", 13), "44" + strings.Repeat("4", 13), 0, want{Weeks: 15, Exact: 2, Falls: sim.Changes{Missed: 1}}},
		"outage":          {"444ddd3", "4444443", 0, want{Weeks: 7, Exact: 4, Falls: sim.Changes{Delays: []int{1}}}},
		"false fall":      {"5555", "5545", 0, want{Weeks: 4, Exact: 3, FalseFalls: 1}},
		"correction":      {"4444", "5544", 0, want{Weeks: 4, Exact: 2}},
		"formed late":     {"..44", "--44", 1, want{Weeks: 1, Exact: 1}},
		"dissolved":       {"44..", "4444", 0, want{Weeks: 2, Exact: 2}},
		"never there":     {"..", "--", 0, want{}},
	} {
		t.Run(name, func(t *testing.T) {
			truth, got := history(c.truth, c.report)
			s := sim.Measure(truth, got, c.warmup)
			have := want{s.Weeks, s.Unknown, s.Exact, s.OffByTwo, s.FalseFalls, s.Rises, s.Falls}
			if diff := cmp.Diff(c.want, have); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScoreAddsUp(t *testing.T) {
	truth, got := history("444422", "444442")
	sure := 0.9
	got[0].Confidence = &sure
	one := sim.Measure(truth, got, 0)
	two := one
	two.Add(one)
	if two.Weeks != 2*one.Weeks || two.Exact != 2*one.Exact || len(two.Falls.Delays) != 2 || two.Confusion[4][4] != 2*one.Confusion[4][4] {
		t.Errorf("added: %+v", two)
	}
	if one.ExactShare() != two.ExactShare() {
		t.Errorf("shares %v and %v", one.ExactShare(), two.ExactShare())
	}
	e, brier, n := two.Calibration()
	if n != 2 || e < 0.0999 || e > 0.1001 || brier < 0.00999 || brier > 0.01001 {
		t.Errorf("calibration %v, brier %v of %d", e, brier, n)
	}
}

// TestFalseFallsInTrouble: a false fall soon after an outage or a holiday may be its work, a later one is not.
func TestFalseFallsInTrouble(t *testing.T) {
	for _, c := range []struct {
		outage, away, fall int // weeks
		outages, holidays  int
	}{
		{outage: 5, away: 20, fall: 5, outages: 1},
		{outage: 5, away: 20, fall: 7, outages: 1},
		{outage: 5, away: 20, fall: 8},
		{outage: 20, away: 5, fall: 6, holidays: 1},
		{outage: 5, away: 5, fall: 6, outages: 1, holidays: 1},
		{outage: 9, away: 9, fall: 8},
	} {
		truth, got := history(strings.Repeat("5", 12), strings.Repeat("5", c.fall)+strings.Repeat("4", 12-c.fall))
		for i := range truth.Teams[0].Weeks {
			truth.Teams[0].Weeks[i].Outage, truth.Teams[0].Weeks[i].Away = i == c.outage, i == c.away
		}
		s := sim.Measure(truth, got, 0)
		if s.FalseFalls != 1 || s.OutageFalls != c.outages || s.HolidayFalls != c.holidays || s.ByStage[5].FalseFalls != 1 {
			t.Errorf("%+v: %d false falls, %d after outages, %d after holidays", c, s.FalseFalls, s.OutageFalls, s.HolidayFalls)
		}
	}
}

// TestChangesByStage: a change counts for the stage that it leads to.
func TestChangesByStage(t *testing.T) {
	s := sim.Measure(first(history("444422255", "444442225")))
	if diff := cmp.Diff([]int{2}, s.ByStage[2].Falls.Delays); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{2}, s.ByStage[5].Rises.Delays); diff != "" {
		t.Error(diff)
	}
	if len(s.ByStage[4].Rises.Delays)+len(s.ByStage[4].Falls.Delays) != 0 {
		t.Errorf("nothing led to stage 4: %+v", s.ByStage[4])
	}
}

func first(truth sim.Truth, got []stage.Assessment) (sim.Truth, []stage.Assessment, int) {
	return truth, got, 0
}

func TestQuantile(t *testing.T) {
	c := sim.Changes{Delays: []int{9, 1, 2, 3, 4, 5, 6, 7, 8, 10}}
	if m, p := c.Quantile(0.5), c.Quantile(0.9); m != 5 || p != 9 {
		t.Errorf("median %d, 90 %% within %d", m, p)
	}
	if q := (sim.Changes{}).Quantile(0.5); q != 0 {
		t.Errorf("of nothing: %d", q)
	}
}

func TestWriteTable(t *testing.T) {
	truth, got := history("444422", "44444-")
	sure := 0.97
	got[0].Confidence = &sure
	s := sim.Measure(truth, got, 0)
	var b strings.Builder
	if err := s.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	if err := s.WriteReliability(&b); err != nil {
		t.Fatal(err)
	}
	want := `team weeks 6: exact 80.0 %, off by two or more 20.0 %, unknown 16.7 %; false falls per team and year 0.000
false falls 0: in an outage or the 2 weeks after it 0, in a holiday or the 2 weeks after it 0
rises 0: noticed 0, missed 0, too late to tell 0
falls 1: noticed 0, missed 0, too late to tell 1
confidence of 1 assessments: expected calibration error 0.970, Brier score 0.941

  true stage  weeks    exact  off by two  unknown  rise to it  fall to it  missed  false falls  |  reported 0  1  2  3  4  5  6  unknown
           0      0    0.0 %       0.0 %    0.0 %           -           -       0            0  |           0  0  0  0  0  0  0        0
           1      0    0.0 %       0.0 %    0.0 %           -           -       0            0  |           0  0  0  0  0  0  0        0
           2      2    0.0 %     100.0 %   50.0 %           -           -       0            0  |           0  0  0  0  1  0  0        1
           3      0    0.0 %       0.0 %    0.0 %           -           -       0            0  |           0  0  0  0  0  0  0        0
           4      4  100.0 %       0.0 %    0.0 %           -           -       0            0  |           0  0  0  0  4  0  0        0
           5      0    0.0 %       0.0 %    0.0 %           -           -       0            0  |           0  0  0  0  0  0  0        0
           6      0    0.0 %       0.0 %    0.0 %           -           -       0            0  |           0  0  0  0  0  0  0        0

  confidence  assessments   mean  right
     0.9-1.0            1  0.970  0.000
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
