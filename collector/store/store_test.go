package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

var key = activity.NewKey([]byte("a key for tests"))

func options() store.Options { return store.Options{Key: key, Timezone: "UTC"} }

func day(date string, kind activity.Kind, subject string, actor activity.ActorID, count int64) activity.Day {
	d, err := activity.ParseDate(date)
	if err != nil {
		panic(err)
	}
	at := d.Start(time.UTC).Add(9 * time.Hour)
	return activity.Day{Date: d, Source: "grafana", Kind: kind, Scope: "org:1", Subject: subject, Actor: actor, Count: count, First: at, Last: at.Add(time.Minute), Hours: 1 << 9}
}

func save(t *testing.T, s *store.Store, c store.Commit) store.Fence {
	t.Helper()
	v, err := s.Save(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSaveAddsUp(t *testing.T) { onEach(t, saveAddsUp) }

func saveAddsUp(t *testing.T, empty func(*testing.T) string) {
	s := open(t, empty(t))
	ids, err := s.ActorIDs(t.Context(), []store.Actor{{Whole: key.Login("a"), Digests: []activity.Digest{key.Login("a")}}})
	if err != nil {
		t.Fatal(err)
	}
	var days []activity.Day
	for i := range 200 { // more than one statement takes
		days = append(days, day("2026-03-02", activity.KindView, fmt.Sprint("d", i), ids[0], 1))
	}
	v := save(t, s, store.Commit{Source: "grafana", Days: store.Fold("grafana", days), Cursors: map[string][]byte{"f": []byte("1")}, Malformed: 2,
		Queries: []activity.Query{{Fingerprint: "0123456789abcdef", Metrics: []string{"up"}}},
		Covered: []activity.CoveredDay{{Source: "grafana", Class: activity.ClassView, Date: days[0].Date}}})
	later := day("2026-03-02", activity.KindView, "d7", ids[0], 3)
	later.Last, later.Hours = later.Last.Add(5*time.Hour), 1<<14
	save(t, s, store.Commit{Source: "grafana", Fence: v, Days: store.Fold("grafana", []activity.Day{later}), Cursors: map[string][]byte{"f": []byte("2")}})

	got, err := s.Days(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(days)
	want[7].Add(later)
	byKey := func(a, b activity.Day) int { return strings.Compare(a.Subject, b.Subject) }
	slices.SortFunc(got, byKey)
	slices.SortFunc(want, byKey)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	p, err := s.Progress(t.Context(), "grafana")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(store.Progress{Fence: store.Fence{store.Whole: 2}, Cursors: map[string][]byte{"f": []byte("2")}, Newest: days[0].Date}, p); diff != "" {
		t.Error(diff)
	}
	f, err := s.Facts(t.Context(), []activity.Digest{key.Login("A "), key.Login("b")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[activity.Digest][]activity.ActorID{key.Login("a"): ids}, f.Actors); diff != "" {
		t.Error(diff)
	}
	if len(f.Coverage) != 1 || len(f.Status) != 1 || f.Status[0].Malformed != 2 || len(f.Queries) != 1 {
		t.Errorf("coverage %v, status %v, queries %v", f.Coverage, f.Status, f.Queries)
	}
	less, err := s.FactsButQueries(t.Context(), []activity.Digest{key.Login("A "), key.Login("b")})
	if err != nil {
		t.Fatal(err)
	}
	f.Queries = map[string]activity.Query{}
	if diff := cmp.Diff(f, less); diff != "" {
		t.Errorf("without queries (-all +without)\n%s", diff)
	}
}

func TestSaveIsFenced(t *testing.T) { onEach(t, saveIsFenced) }

func saveIsFenced(t *testing.T, empty func(*testing.T) string) {
	s := open(t, empty(t))
	c := store.Commit{Source: "grafana", Days: store.Fold("grafana", []activity.Day{day("2026-03-02", activity.KindView, "d", 0, 1)})}
	save(t, s, c)
	if _, err := s.Save(t.Context(), c); !errors.Is(err, store.ErrFenced) {
		t.Fatalf("a second collector got %v", err)
	}
	days, err := s.Days(t.Context(), 0, 0)
	if err != nil || len(days) != 1 || days[0].Count != 1 {
		t.Fatalf("%v %v", days, err)
	}
}

func TestFullDiskLosesNothing(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "s.db"))
	v := save(t, s, store.Commit{Source: "grafana", Days: store.Fold("grafana", []activity.Day{day("2026-03-02", activity.KindView, "d", 0, 1)}), Cursors: map[string][]byte{"f": []byte("1")}})
	if err := s.LimitPages(t.Context(), 60); err != nil {
		t.Fatal(err)
	}
	var many []activity.Day
	for i := range 20000 {
		many = append(many, day("2026-03-03", activity.KindView, fmt.Sprint("dashboard-", i), 0, 1))
	}
	c := store.Commit{Source: "grafana", Fence: v, Days: store.Fold("grafana", many), Cursors: map[string][]byte{"f": []byte("2")}}
	_, err := s.Save(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "hint: make room") {
		t.Fatalf("a full disk gave %v", err)
	}
	if p, err := s.Progress(t.Context(), "grafana"); err != nil || !maps.Equal(p.Fence, v) || string(p.Cursors["f"]) != "1" {
		t.Fatalf("after a full disk: %+v %v", p, err)
	}
	if err := s.LimitPages(t.Context(), 1<<30); err != nil {
		t.Fatal(err)
	}
	save(t, s, c)
	days, err := s.Days(t.Context(), 0, 0)
	if err != nil || len(days) != 20001 {
		t.Fatalf("%d days, %v", len(days), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.db")
	open(t, "sqlite:"+path)
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		target string
		o      store.Options
		is     error
		says   string
	}{
		"another key":      {"sqlite:" + path, store.Options{Key: activity.NewKey([]byte("b")), Timezone: "UTC"}, store.ErrKey, "hint: put the old key back"},
		"another timezone": {"sqlite:" + path, store.Options{Key: key, Timezone: "Europe/Stockholm"}, store.ErrTimezone, "UTC, not Europe/Stockholm\nhint: "},
		"missing":          {"sqlite:" + filepath.Join(dir, "none.db"), store.Options{Key: key, Timezone: "UTC", ReadOnly: true}, store.ErrMissing, "hint: run `metrics-maturity collect` first"},
		"no database":      {"sqlite:" + garbage, options(), nil, "hint: the file is damaged or no store"},
		"unknown kind":     {"mysql://u:secret@h/d", options(), nil, "u:xxxxx@h"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Open(t.Context(), tc.target, tc.o)
			if err == nil || (tc.is != nil && !errors.Is(err, tc.is)) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRetireForgetsActors(t *testing.T) { onEach(t, retireForgetsActors) }

func retireForgetsActors(t *testing.T, empty func(*testing.T) string) {
	s := open(t, empty(t))
	ids, err := s.ActorIDs(t.Context(), []store.Actor{{Whole: key.Login("a"), Digests: []activity.Digest{key.Login("a")}}, {Whole: key.Login("b"), Digests: []activity.Digest{key.Login("b")}}})
	if err != nil {
		t.Fatal(err)
	}
	old, fresh := day("2026-01-05", activity.KindView, "d", ids[0], 2), day("2026-05-04", activity.KindView, "d", ids[1], 1)
	other := day("2026-01-05", activity.KindView, "d", ids[1], 5)
	save(t, s, store.Commit{Source: "grafana", Days: store.Fold("grafana", []activity.Day{old, other, fresh})})
	attribute := func(days []activity.Day) ([]activity.Act, []store.TeamWeekPeople) {
		var acts []activity.Act
		for _, d := range days {
			acts = append(acts, activity.Act{Day: d, Team: "payments", Outcome: activity.Counted, Reason: "member"})
		}
		return acts, []store.TeamWeekPeople{{Team: "payments", Monday: old.Date, People: 2}}
	}
	for range 2 { // the second time finds nothing to do
		if _, err := s.Retire(t.Context(), fresh.Date, attribute); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Days(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	merged := old
	merged.Add(other)
	merged.Actor, merged.Retired, merged.Team, merged.TeamReason = 0, true, "payments", "member"
	if diff := cmp.Diff([]activity.Day{merged, fresh}, got); diff != "" {
		t.Error(diff)
	}
	f, err := s.Facts(t.Context(), []activity.Digest{key.Login("a"), key.Login("b")})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Actors) != 1 {
		t.Errorf("the actor of forgotten days is still there: %v", f.Actors)
	}
	people, err := s.RetiredPeople(t.Context())
	if err != nil || len(people) != 1 || people[0].People != 2 {
		t.Errorf("%v %v", people, err)
	}
}

// TestAnySplitAddsUpAlike: however days are cut into commits, the store holds the same.
func TestAnySplitAddsUpAlike(t *testing.T) { onEach(t, anySplitAddsUpAlike) }

func anySplitAddsUpAlike(t *testing.T, empty func(*testing.T) string) {
	r := rand.New(rand.NewPCG(1, 2))
	var days []activity.Day
	for range 500 {
		d := day("2026-03-02", activity.KindView, fmt.Sprint("d", r.IntN(40)), 0, int64(1+r.IntN(3)))
		d.Date += activity.Date(r.IntN(5))
		d.First = d.First.Add(time.Duration(r.IntN(1000)) * time.Second)
		d.Last, d.Hours = d.First, 1<<r.IntN(24)
		days = append(days, d)
	}
	want := activity.Fold(days)
	order := func(a, b activity.Day) int {
		return strings.Compare(a.Date.String()+a.Subject, b.Date.String()+b.Subject)
	}
	slices.SortFunc(want, order)
	for range 5 {
		s := open(t, empty(t))
		var v store.Fence
		for rest := days; len(rest) > 0; {
			n := min(1+r.IntN(200), len(rest))
			v = save(t, s, store.Commit{Source: "grafana", Fence: v, Days: store.Fold("grafana", rest[:n])})
			rest = rest[n:]
		}
		got, err := s.Days(context.Background(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, order)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	}
}
