package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// TestSelectionsAreKeptAsTheyChange: what is told at every look is stored when it becomes different.
func TestSelectionsAreKeptAsTheyChange(t *testing.T) { onEach(t, testSelectionsAreKeptAsTheyChange) }

func testSelectionsAreKeptAsTheyChange(t *testing.T, empty func(*testing.T) string) {
	s := open(t, empty(t))
	var fence store.Fence
	start := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	var want []activity.Selection
	for day, found := range []bool{false, false, true, true, false} {
		sel := activity.Selection{Seen: start.AddDate(0, 0, day), Scope: "prom", Selector: `{namespace="pay"}`, Found: found}
		if day == 0 || want[len(want)-1].Found != found {
			want = append(want, sel)
		}
		var err error
		if fence, err = s.Save(t.Context(), store.Commit{Source: "prom", Fence: fence, Selections: []activity.Selection{sel}}); err != nil {
			t.Fatal(err)
		}
	}
	facts, err := s.Facts(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, facts.Selections); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestCodeownersAreKeptAsTheyChange: the file is read at every look; a repository that never had one has no row.
func TestCodeownersAreKeptAsTheyChange(t *testing.T) { onEach(t, testCodeownersAreKeptAsTheyChange) }

func testCodeownersAreKeptAsTheyChange(t *testing.T, empty func(*testing.T) string) {
	s := open(t, empty(t))
	var fence store.Fence
	start := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	var want []activity.Codeowners
	for day, team := range []string{"", "payments", "payments", "search", ""} {
		file := activity.Codeowners{Seen: start.AddDate(0, 0, day), Scope: "rules"}
		if team != "" {
			file.Entries = []activity.CodeownersLine{{Glob: "**", Teams: []string{team}}, {Section: 1, Glob: "a/**"}}
		}
		if day != 0 && day != 2 {
			want = append(want, file)
		}
		var err error
		if fence, err = s.Save(t.Context(), store.Commit{Source: "rules", Fence: fence, Codeowners: []activity.Codeowners{file}}); err != nil {
			t.Fatal(err)
		}
	}
	facts, err := s.Facts(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, facts.Codeowners); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
