package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// weeksLike turns one letter a week into history: a digit is a stage, s is stage 3 held through a gap, a dot nothing known.
func weeksLike(t *testing.T, text string) []historyWeekReport {
	t.Helper()
	var weeks []historyWeekReport
	for i, c := range text {
		h := historyWeekReport{Week: day(t, "2026-01-05") + activity.Date(7*i), Status: stage.StatusOK}
		switch c {
		case '.':
			h.Status = stage.StatusInsufficient
		case 's':
			h.Status, h.Stage = stage.StatusStale, pointer(3)
		default:
			h.Stage = pointer(int(c - '0'))
		}
		weeks = append(weeks, h)
	}
	return weeks
}

// TestChart: weeks alike are one block, and what is held or unknown is a block of its own.
func TestChart(t *testing.T) {
	c := newChart(weeksLike(t, "..33ss344"))
	var got []string
	for _, r := range c.Runs {
		got = append(got, r.Title())
	}
	want := []string{
		"weeks of 2026-01-05 to 2026-01-12: too little is known to tell a stage",
		"weeks of 2026-01-19 to 2026-01-26: stage 3, follow_up",
		"weeks of 2026-02-02 to 2026-02-09: stage 3, held through weeks of which nothing is known",
		"week of 2026-02-16: stage 3, follow_up",
		"weeks of 2026-02-23 to 2026-03-02: stage 4, regular_looking",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("want -, got +\n" + diff)
	}
	if c.Stale != 2 || c.Unknown != 2 {
		t.Errorf("%d stale, %d unknown", c.Stale, c.Unknown)
	}
	for i, r := range c.Runs {
		if r.Y+r.Height != c.Bottom || r.X+r.Width > c.Width || i > 0 && r.X != c.Runs[i-1].X+c.Runs[i-1].Width {
			t.Errorf("block %d is drawn at %+v", i, r)
		}
	}
	if none := newChart(weeksLike(t, "")); none.Runs != nil {
		t.Errorf("no weeks are drawn as %+v", none)
	}
}

func TestSpark(t *testing.T) {
	for text, want := range map[string]spark{
		"":     {},
		"...":  {},
		"0":    {"M102 19H104", "stages, oldest first: 0"},
		"3344": {"M96 10H100V7H104", "stages, oldest first: 3, 4"},
		"6.66": {"M96 1H98M100 1H104", "stages, oldest first: 6"},
	} {
		if diff := cmp.Diff(want, newSpark(weeksLike(t, text))); diff != "" {
			t.Errorf("%q: want -, got +\n%s", text, diff)
		}
	}
}

// TestTrend: every week every team is somewhere, and a team whose history begins later was not known before.
func TestTrend(t *testing.T) {
	old, young := teamReport{Team: "old", History: weeksLike(t, "00003333")}, teamReport{Team: "young", History: weeksLike(t, "00003333")[4:]}
	r := newTrend([]teamReport{old, young})
	want := []trendRow{
		{day(t, "2026-02-23"), []int{0, 0, 0, 2, 0, 0, 0, 0}},
		{day(t, "2026-01-26"), []int{1, 0, 0, 0, 0, 0, 0, 1}},
	}
	if diff := cmp.Diff(want, r.Rows); diff != "" {
		t.Error("want -, got +\n" + diff)
	}
	if len(r.Areas) != 3 || r.Areas[0].Stage != 3 || !r.Areas[2].Unknown || r.Areas[2].Title != "not enough data: 1 teams at first, 0 now" {
		t.Errorf("%+v", r.Areas)
	}
	if none := newTrend([]teamReport{{History: weeksLike(t, "3")}}); none.Areas != nil {
		t.Errorf("a week is no trend: %+v", none)
	}
}

// TestCalendar: a day is told by what the source could show; before the first nothing is.
func TestCalendar(t *testing.T) {
	end := day(t, "2026-11-23")
	source := stage.Source{Name: "grafana", Class: activity.ClassView}
	days := newCalendar(source, []activity.CoveredDay{
		{Source: "grafana", Class: activity.ClassAny, Date: end - 4}, {Source: "grafana", Class: activity.ClassView, Date: end - 4},
		{Source: "grafana", Class: activity.ClassAny, Date: end - 3}, {Source: "other", Class: activity.ClassView, Date: end - 2},
		{Source: "grafana", Class: activity.ClassView, Date: end - 1},
	}, end)
	var got []string
	for _, d := range days[len(days)-5:] {
		got = append(got, d.Covered)
	}
	if diff := cmp.Diff([]string{"", dayFull, dayPart, dayNone, dayFull}, got); diff != "" {
		t.Error("want -, got +\n" + diff)
	}
	if len(days) != 7*calendarWeeks {
		t.Errorf("%d days", len(days))
	}
	s := sourceReport{MissingDays: []activity.Date{end - 9, end - 8, end - 7, end - 2}}
	if got := s.MissingWords(); got != "2026-11-14 to 2026-11-16, 2026-11-21" {
		t.Errorf("missing: %s", got)
	}
}

// TestMend: each thing that is wrong is told with what to do, and a source that is well says nothing.
func TestMend(t *testing.T) {
	half := 0.5
	for what, tt := range map[string]struct {
		source sourceReport
		want   []mendReport
	}{
		"well":  {sourceReport{Up: true}, nil},
		"never": {sourceReport{}, []mendReport{{"", "was never read", "run collect, or wait for the first cycle of serve; metrics-maturity check reaches it"}}},
		"down":  {sourceReport{Error: "no such host\nhint: spell it\nhint: or not"}, []mendReport{{"", "no such host", "spell it; or not"}}},
		"blind": {sourceReport{Up: true, Note: "no views"}, []mendReport{{"", "no views", "turn it on"}}},
		"gaps and rubbish": {sourceReport{Up: true, Malformed: 3, coveredRatio: &half}, []mendReport{
			{"", "3 lines or files could not be read", "the log of the collector shows a sample; check files: and type:"},
			{"", "only 50% of the last 56 days were read", "logs that are still there are read by the next run; days that are gone stay uncovered, and no team falls for it"},
		}},
	} {
		if diff := cmp.Diff(tt.want, mendSource(tt.source, "turn it on")); diff != "" {
			t.Errorf("%s: want -, got +\n%s", what, diff)
		}
	}
}
