package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// TestPeopleToKeep counts by hand: who looked in the 8 weeks up to each week that reaches back before the boundary.
func TestPeopleToKeep(t *testing.T) {
	monday := day(t, "2026-08-03")
	view := func(team string, id activity.ActorID, week int) activity.Act {
		return activity.Act{Day: activity.Day{Date: monday + activity.Date(7*week), Kind: activity.KindView, Actor: id, Count: 1}, Team: team, Outcome: activity.Counted}
	}
	acts := []activity.Act{
		view("a", 1, 0), view("a", 1, 1), view("a", 2, 1), view("a", 3, 9), // 3 came after the windows that are cut
		view("b", 4, 0),
		{Day: activity.Day{Date: monday, Kind: activity.KindQuery, Actor: 5, Count: 1}, Team: "a", Outcome: activity.Counted},
		{Day: activity.Day{Date: monday, Kind: activity.KindView, Actor: 6, Count: 1}, Outcome: activity.Unattributed},
		{Day: activity.Day{Date: monday, Kind: activity.KindView, Count: 1}, Team: "a", Outcome: activity.Counted},
	}
	got := peopleToKeep(acts, monday+7) // the first week is to be forgotten
	slices.SortFunc(got, func(x, y store.TeamWeekPeople) int {
		return strings.Compare(x.Team+x.Monday.String(), y.Team+y.Monday.String())
	})
	var want []store.TeamWeekPeople
	for week := range 8 {
		people := 2
		if week == 0 {
			people = 1
		}
		want = append(want, store.TeamWeekPeople{Team: "a", Monday: monday + activity.Date(7*week), People: people})
	}
	for week := range 8 {
		want = append(want, store.TeamWeekPeople{Team: "b", Monday: monday + activity.Date(7*week), People: 1})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("want -, got +\n" + diff)
	}
}

// TestWhatWasExported: a difference between what was said and what is found today is shown.
func TestWhatWasExported(t *testing.T) {
	monday := day(t, "2026-11-09")
	a := stage.Assessment{Team: "payments", History: []stage.WeekStage{
		{Week: monday - 7, Stage: pointer(3), Status: stage.StatusOK},
		{Week: monday, Stage: pointer(4), Status: stage.StatusOK},
		{Week: monday + 7, Status: stage.StatusInsufficient},
	}}
	exported := []store.Assessment{
		{Team: "payments", Monday: monday - 7, Version: 1, Status: stage.StatusOK, Stage: pointer(3)},
		{Team: "payments", Monday: monday, Version: 1, Status: stage.StatusOK, Stage: pointer(2)},
		{Team: "payments", Monday: monday + 7, Version: 1, Status: stage.StatusStale, Stage: pointer(2)},
		{Team: "shipping", Monday: monday, Version: 1, Status: stage.StatusOK, Stage: pointer(6)},
	}
	first := time.Date(2026, 11, 16, 6, 0, 0, 0, time.UTC)
	for i := range exported {
		exported[i].Made = first.AddDate(0, 0, 7*i)
	}
	team := newTeam(a, byTeam(exported)["payments"])
	if !team.knownSince.Equal(first) {
		t.Errorf("known since %v, want %v", team.knownSince, first)
	}
	want := []*exportedReport{nil, {Stage: pointer(2), Status: stage.StatusOK, CriteriaVersion: 1}, {Stage: pointer(2), Status: stage.StatusStale, CriteriaVersion: 1}}
	var got []*exportedReport
	for _, h := range team.History {
		got = append(got, h.Exported)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := differing([]teamReport{team}); n != 2 {
		t.Errorf("%d weeks differ, want 2", n)
	}
}

// writing returns what replaceFile writes.
func writing(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.prom")
	for _, text := range []string{"first\n", "second, longer\n", ""} {
		if err := replaceFile(path, writing(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("file holds %q, %v", got, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
	failed := errors.New("half written")
	if err := replaceFile(path, func(io.Writer) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("a failed write ends with %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%d files are left of a failed write, %v", len(left), err)
	}
	if err := replaceFile(filepath.Join(dir, "nowhere", "out.prom"), writing("lost")); err == nil {
		t.Error("a file was written into a folder that is not there")
	}
}

func TestErrorsAsPrinted(t *testing.T) {
	failed := errors.Join(
		errors.New("source a: no file matches\nhint: check the pattern"),
		errors.New("source b: no such repository\nhint: check the path"))
	var b bytes.Buffer
	printError(&b, failed)
	want := `metrics-maturity: source a: no file matches
hint: check the pattern
metrics-maturity: source b: no such repository
hint: check the path
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	for want, err := range map[int]error{
		0: nil, exitFailed: failed, exitUsage: fmt.Errorf("wrapped: %w", usageErrorf("no such team")),
	} {
		if got := exitCode(err); got != want {
			t.Errorf("exit code of %v is %d, want %d", err, got, want)
		}
	}
}
