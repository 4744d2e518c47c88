package store_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// TestState: the digest of what is stored changes with whatever is stored, and with nothing else.
func TestState(t *testing.T) {
	onEach(t, func(t *testing.T, empty func(*testing.T) string) {
		s := open(t, empty(t))
		state := func() string {
			t.Helper()
			d, err := s.State(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return string(d)
		}
		seen := map[string]string{state(): "nothing"}
		day := activity.Day{Date: 20000, Source: "a", Kind: activity.KindView, Scope: "org:1", Subject: "s", Actor: 1, Count: 1, First: time.Unix(20000*86400, 0), Last: time.Unix(20000*86400, 0), Hours: 1}
		seenAt := time.Unix(1e9, 0)
		for _, step := range []struct {
			what string
			c    store.Commit
		}{
			{"a day", store.Commit{Days: store.Fold("a", []activity.Day{day})}},
			{"the same again", store.Commit{Days: store.Fold("a", []activity.Day{day})}},
			{"open acts", store.Commit{Held: []byte(`{}`), HeldDay: store.Fold("a", []activity.Day{day})}},
			{"a dashboard", store.Commit{Fence: store.Fence{}, Dashboards: []activity.Dashboard{{Scope: "org:1", UID: "s", Seen: seenAt}}}},
			{"its title", store.Commit{Fence: store.Fence{}, Dashboards: []activity.Dashboard{{Scope: "org:1", UID: "s", Seen: seenAt.Add(time.Hour), Title: "t"}}}},
			{"a rule", store.Commit{Fence: store.Fence{}, Rules: []activity.Rule{{Scope: "r", Name: "n", Kind: activity.RuleRecording, From: seenAt}}}},
			{"coverage", store.Commit{Fence: store.Fence{}, Covered: []activity.CoveredDay{{Source: "a", Class: activity.ClassAny, Date: 20000}}}},
			{"a team", store.Commit{Fence: store.Fence{}, Teams: []store.TeamSnapshot{{Scope: "org:1", Date: 20000, Teams: []store.Team{{ID: "1", Name: "one", Members: [][]activity.Digest{{{1}}}}}}}}},
			{"nobody in it", store.Commit{Fence: store.Fence{}, Teams: []store.TeamSnapshot{{Scope: "org:1", Date: 20001, Teams: []store.Team{{ID: "1", Name: "one"}}}}}},
			{"a question", store.Commit{Fence: store.Fence{}, Queries: []activity.Query{{Fingerprint: "f", Metrics: []string{"up"}}}}},
		} {
			p, err := s.Progress(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			step.c.Source = "a"
			if step.c.Fence == nil {
				step.c.Fence = store.Fence{store.Whole: p.Fence[store.Whole]}
			}
			if _, err := s.Save(t.Context(), step.c); err != nil {
				t.Fatal(err)
			}
			now := state()
			if before, ok := seen[now]; ok {
				t.Errorf("%s is the same as %s", step.what, before)
			}
			seen[now] = step.what
			if state() != now {
				t.Errorf("%s: the digest changes by itself", step.what)
			}
		}
		now := state()
		if err := s.SaveAssessments(t.Context(), []store.Assessment{{Team: "t", Monday: 19999, Made: seenAt}}); err != nil {
			t.Fatal(err)
		}
		if err := s.KeepAnswer(t.Context(), []byte("d"), []byte("x")); err != nil {
			t.Fatal(err)
		}
		if state() != now {
			t.Error("what was answered is taken for a change")
		}
	})
}

// TestAnswer: an answer is found by its digest until there is another one, or people are forgotten.
func TestAnswer(t *testing.T) {
	onEach(t, func(t *testing.T, empty func(*testing.T) string) {
		s := open(t, empty(t))
		want := func(digest, answer string) {
			t.Helper()
			got, err := s.Answer(t.Context(), []byte(digest))
			if err != nil || !bytes.Equal(got, []byte(answer)) {
				t.Errorf("digest %q: answer %q, %v, want %q", digest, got, err, answer)
			}
		}
		keep := func(digest, answer string) {
			t.Helper()
			if err := s.KeepAnswer(t.Context(), []byte(digest), []byte(answer)); err != nil {
				t.Fatal(err)
			}
		}
		want("a", "")
		keep("a", "one")
		want("a", "one")
		want("b", "")
		keep("b", "two")
		want("a", "")
		want("b", "two")
		nobody := func(days []activity.Day) ([]activity.Act, []store.TeamWeekPeople) {
			return make([]activity.Act, len(days)), nil
		}
		if _, err := s.Retire(t.Context(), 10, nobody); err != nil {
			t.Fatal(err)
		}
		want("b", "")
		keep("b", "three")
		_, err := s.Erase(t.Context(), []activity.Digest{{1}}, func(days []activity.Day, _ func(activity.ActorID) bool) ([]activity.Act, []store.TeamWeekPeople) {
			return nobody(days)
		})
		if err != nil {
			t.Fatal(err)
		}
		want("b", "")
	})
}
