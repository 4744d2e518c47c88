package stage_test

import (
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

func TestDefaultCriteriaAreValid(t *testing.T) {
	for version := 1; version <= stage.LatestVersion; version++ {
		if err := criteriaOf(version).Validate(); err != nil {
			t.Fatal(err)
		}
	}
	if got := stage.DefaultCriteria().Version; got != stage.LatestVersion {
		t.Errorf("the default is version %d, not the latest", got)
	}
	if _, err := stage.CriteriaVersion(stage.LatestVersion + 1); err == nil {
		t.Error("there are criteria of a version that is not yet")
	}
}

func TestValidate(t *testing.T) {
	set := func(name string, k stage.Criterion) func(*stage.Criteria) {
		return func(c *stage.Criteria) { c.ByName[name] = k }
	}
	habit := func(change func(*stage.Habit)) func(*stage.Criteria) {
		return func(c *stage.Criteria) {
			h := c.Habits[stage.WeeksWithAView]
			change(&h)
			c.Habits[stage.WeeksWithAView] = h
		}
	}
	for _, test := range []struct {
		name   string
		change func(*stage.Criteria)
		want   string
	}{
		{"unknown", set("weeks_with_views", stage.Criterion{Enter: 1, Leave: 1, Window: 8}),
			"stages: unknown criterion \"weeks_with_views\"\nhint: the criteria are query_days, baselines, revisits, weeks_with_a_view, months_with_an_adopted_metric, months_with_look_then_act"},
		{"missing", func(c *stage.Criteria) { delete(c.ByName, stage.Revisits) }, "stages: criterion revisits is missing"},
		{"no window", set(stage.QueryDays, stage.Criterion{Enter: 2, Leave: 1}), "stages: query_days: window of 0 weeks is not between 1 and 520"},
		{"half a month", set(stage.MonthsAdopted, stage.Criterion{Enter: 2, Leave: 1, Window: 10}),
			"stages: months_with_an_adopted_metric: window of 10 weeks is no whole number of 4-week months\nhint: use a multiple of 4w"},
		{"out of reach", set(stage.WeeksWithAView, stage.Criterion{Enter: 9, Leave: 4, Window: 8}),
			"stages: weeks_with_a_view: enter: 9 is not between 1 and 8, the most that its window of 8 weeks can hold"},
		{"crossed", set(stage.WeeksWithAView, stage.Criterion{Enter: 4, Leave: 6, Window: 8}),
			"stages: weeks_with_a_view: leave: 6 is not between 1 and enter (4)\nhint: a criterion lapses below leave, so a leave above enter would lapse as it begins"},
		{"never", func(c *stage.Criteria) { c.FallEvaluations = 0 }, "stages: evaluations before a fall: 0 is not between 1 and 520"},
		{"weekend", func(c *stage.Criteria) { c.CoveredWeekdays = 6 }, "stages: covered weekdays: 6 is more than Monday to Friday"},
		{"session", func(c *stage.Criteria) { c.SessionGap = 13 * time.Hour }, "stages: session gap: 13h0m0s is not between 0 and 12h"},
		{"no habit", func(c *stage.Criteria) { delete(c.Habits, stage.QueryDays) }, "stages: query_days: what is expected of its habit is missing"},
		{"other habit", func(c *stage.Criteria) { c.Habits[stage.Revisits] = c.Habits[stage.QueryDays] },
			"stages: revisits is no regular habit\nhint: those are query_days, weeks_with_a_view, months_with_an_adopted_metric and months_with_look_then_act"},
		{"certain", habit(func(h *stage.Habit) { h.Chance = 1 }), "stages: weeks_with_a_view: chance: 1 is not between 0 and 1"},
		{"crossed beliefs", habit(func(h *stage.Habit) { h.Begin, h.End = 0.2, 0.5 }),
			"stages: weeks_with_a_view: end (0.5) is above begin (0.2)\nhint: it would lapse as it begins"},
		{"weight", habit(func(h *stage.Habit) { h.Weight = 0 }), "stages: weeks_with_a_view: weight: 0 weeks is not between 0 and 520"},
		{"usual", habit(func(h *stage.Habit) { h.Usual = 8 }), "stages: weeks_with_a_view: usual: 8 times a week is not between 0 and 7"},
		{"no rates", func(c *stage.Criteria) { c.Ladder.Acts = nil }, "stages: shares of looks on which a team may act: 0 is not between 1 and 8"},
		{"certain steps", func(c *stage.Criteria) { c.Ladder.Aside = 1 }, "stages: how habits change: 1 is not between 0 and 1"},
		{"restless", func(c *stage.Criteria) { c.Ladder.Change = 0.5 }, "stages: how habits change: in 0.5 of the weeks is more than 0.2"},
		{"minutes", func(c *stage.Criteria) { c.Rhythm.Minutes = 0 }, "stages: minutes of a ritual: 0 is not between 1 and 720"},
		{"interval", func(c *stage.Criteria) { c.Interval = 0 }, "stages: interval: 0 weeks is not between 0.5 and 52"},
		{"share", func(c *stage.Criteria) { c.QuietShare = 1.5 }, "stages: share of a quiet week: 1.5 is not between 0 and 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := stage.DefaultCriteria()
			test.change(&c)
			err := c.Validate()
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	want := "none one_off_queries preplanning follow_up regular_looking adjusting acting"
	if got := strings.Join(stage.Names(), " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEmptyOrganisation(t *testing.T) {
	if got := stage.Assess(stage.Org{Criteria: stage.DefaultCriteria()}); len(got) != 0 {
		t.Errorf("assessed %d teams of none", len(got))
	}
	o := stage.Org{Criteria: stage.DefaultCriteria(), AsOf: monday1 + 2, Teams: []stage.Team{{Name: "new", HasPeople: true, Sources: []string{"grafana"}}},
		Sources: []stage.Source{{Name: "grafana", Gives: []activity.Kind{activity.KindView}, Class: activity.ClassView}}}
	a := stage.Assess(o)[0]
	if a.Status != stage.StatusInsufficient || len(a.History) != 0 || a.AssessableFrom != monday1+35 {
		t.Errorf("before the first data: %s, %d weeks, assessable from %s", a.Status, len(a.History), a.AssessableFrom)
	}
}

// TestAbsurdDates: a commit dated 1970, or a clock far ahead, costs no more than 20 years of weeks.
func TestAbsurdDates(t *testing.T) {
	for _, org := range []stage.Org{{From: -700_000, AsOf: monday1}, {From: 1, AsOf: 1 << 30}, {From: monday1, AsOf: -5}, {AsOf: monday1 + 3}} {
		org.Criteria = stage.DefaultCriteria()
		org.Teams = []stage.Team{{Name: "t", HasPeople: true}}
		if a := stage.Assess(org)[0]; a.Status != stage.StatusInsufficient || len(a.History) > 20*53 {
			t.Errorf("from %d as of %d: %s, %d weeks", org.From, org.AsOf, a.Status, len(a.History))
		}
	}
}
