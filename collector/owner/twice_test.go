package owner

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// row is a day of one act at a minute of one day.
func row(source string, kind activity.Kind, subject, detail string, minute int) activity.Day {
	at := time.Date(2026, 11, 2, 10, minute, 0, 0, time.UTC)
	return activity.Day{
		Date: activity.DateOf(at), Source: source, Kind: kind, Scope: "org:1", Subject: subject, Detail: detail, Actor: 1,
		Count: 1, First: at, Last: at, Hours: 1 << 10,
	}
}

// TestToldTwice: whichever of a Grafana's log and its API saw an act, it is one.
func TestToldTwice(t *testing.T) {
	edit, note, rule := activity.KindEdit, activity.KindAnnotation, activity.KindRule
	two := row("log", edit, "d", "saved", 0)
	two.Count, two.Last = 2, two.First.Add(time.Minute)
	three := row("api", edit, "d", "saved", 0)
	three.Count, three.Last = 3, three.First.Add(3*time.Minute)
	script := row("log", note, "d", "added", 0)
	script.Robot = activity.RobotAPI
	other := row("api", edit, "d", "saved", 0)
	other.Actor = 2
	gone := row("api", rule, "High load", "removed", 40) // found when the API was read
	gone.Actor = 0
	before, after := row("api", edit, "d", "saved", 0), row("log", edit, "d", "saved", 0)
	before.First = time.Date(2026, 11, 1, 23, 59, 59, 0, time.UTC)
	after.First = before.First.Add(2 * time.Second)
	before.Last, after.Last, before.Date, after.Date = before.First, after.First, activity.DateOf(before.First), activity.DateOf(after.First)
	tests := map[string]struct {
		days []activity.Day
		want []int64 // of each row the acts that count
	}{
		"a save": {[]activity.Day{row("log", edit, "d", "saved", 0), row("api", edit, "d", "saved", 0)}, []int64{1, 0}},
		"a save of which only the API knows what": {[]activity.Day{row("log", edit, "", "saved", 0), row("api", edit, "d", "saved", 0)}, []int64{1, 0}},
		"another dashboard":                       {[]activity.Day{row("log", edit, "e", "saved", 0), row("api", edit, "d", "saved", 0)}, []int64{1, 1}},
		"another time":                            {[]activity.Day{row("log", edit, "d", "saved", 0), row("api", edit, "d", "saved", 5)}, []int64{1, 1}},
		"another person":                          {[]activity.Day{row("log", edit, "d", "saved", 0), other}, []int64{1, 1}},
		"the log began later":                     {[]activity.Day{two, three}, []int64{2, 1}},
		"an annotation with its tags":             {[]activity.Day{row("log", note, "d", "added", 0), row("api", note, "d", "baseline", 0)}, []int64{0, 1}},
		"an annotation that was changed":          {[]activity.Day{row("log", note, "d", "changed", 0), row("api", note, "d", "baseline", 0)}, []int64{1, 1}},
		"an annotation that a script wrote":       {[]activity.Day{script, row("api", note, "d", "baseline", 0)}, []int64{0, 0}},
		"a rule by its uid":                       {[]activity.Day{row("log", rule, "uid1", "other_changed", 0), row("api", rule, "High load", "threshold_changed", 0)}, []int64{0, 1}},
		"a new rule":                              {[]activity.Day{row("log", rule, "", "added", 0), row("api", rule, "High load", "added", 0)}, []int64{0, 1}},
		"a rule that was removed":                 {[]activity.Day{row("log", rule, "uid1", "removed", 0), gone}, []int64{1, 0}},
		"another rule was removed":                {[]activity.Day{row("log", rule, "uid2", "removed", 0), gone}, []int64{1, 1}},
		"a save at midnight":                      {[]activity.Day{before, after}, []int64{0, 1}},
		"the log alone":                           {[]activity.Day{row("log", edit, "d", "saved", 0), row("log", edit, "d", "restored", 0)}, []int64{1, 1}},
	}
	facts := activity.Facts{Rules: []activity.Rule{{Scope: "org:1", Kind: activity.RuleAlert, Name: "High load", UID: "uid1", Labels: map[string]string{"team": "payments"}}}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := New(Config{
				Teams: []Team{{Name: "payments", Members: []Member{{Login: "ada"}, {Login: "bob"}}, RuleLabels: map[string]string{"team": "payments"}}},
				Types: map[string]string{"log": "grafana-log", "api": "grafana-api"},
			}, testKey, facts)
			if err != nil {
				t.Fatal(err)
			}
			b.Learn(1, testKey.Member("ada", ""))
			b.Learn(2, testKey.Member("bob", ""))
			var got []int64
			for _, a := range b.Attribute(tt.days) {
				n := a.Count
				if a.Outcome != activity.Counted {
					n = 0
				}
				got = append(got, n)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRuleOfTheLogHasItsFacts: Grafana's log names a rule by its uid, which the inventory translates.
func TestRuleOfTheLogHasItsFacts(t *testing.T) {
	b, err := New(Config{Teams: []Team{{Name: "payments", Folders: []string{"Payments"}}}}, testKey, activity.Facts{
		Rules:   []activity.Rule{{Scope: "org:1", Kind: activity.RuleRecording, Name: "payments:rate", UID: "uid1", Metrics: []string{"payments_total"}, Folders: []string{"sub"}}},
		Folders: []activity.Folder{{Scope: "org:1", UID: "sub", Title: "Sub", Parent: "top"}, {Scope: "org:1", UID: "top", Title: "Payments"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := row("log", activity.KindRule, "uid1", "other_changed", 0)
	d.Actor = 0
	got := b.Attribute([]activity.Day{d})[0]
	if got.Team != "payments" || got.Reason != ReasonRuleFolder || got.Records != "payments:rate" || !cmp.Equal(got.Metrics, []string{"payments_total"}) {
		t.Errorf("%+v", got)
	}
}

// TestToldTwiceIsQuick: a script that annotates many dashboards for years does not take the square of that.
func TestToldTwiceIsQuick(t *testing.T) {
	b, err := New(Config{Types: map[string]string{"log": "grafana-log", "api": "grafana-api"}}, testKey, activity.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	var days []activity.Day
	for day := range 700 {
		for board := range 30 {
			for _, source := range []string{"log", "api"} {
				d := row(source, activity.KindAnnotation, strconv.Itoa(board), "added", board)
				d.First = d.First.AddDate(0, 0, day)
				d.Last, d.Date = d.First, activity.DateOf(d.First)
				days = append(days, d)
			}
		}
	}
	if got := len(b.toldTwice(days)); got != len(days)/2 {
		t.Errorf("%d rows are told twice, want %d", got, len(days)/2)
	}
}
