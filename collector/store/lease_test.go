package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// silence is how long these tests wait for a sign of life.
const silence = 20 * time.Millisecond

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestLease: one holds it; the dead are found by their silence, whoever is started for the work takes it from anybody, and who has lost it
// commits nothing more.
func TestLease(t *testing.T) {
	onEach(t, func(t *testing.T, empty func(*testing.T) string) {
		ctx, lease := t.Context(), must[*store.Lease](t)
		s := open(t, empty(t))
		if l := lease(s.Abandoned(ctx, []string{"work", "other"}, silence)); l != nil {
			t.Error("work that nobody ever had is abandoned")
		}
		first := lease(s.Acquire(ctx, "work", silence))
		if first == nil {
			t.Fatal("a free lease is not given")
		}
		fence := must[store.Fence](t)(s.Save(ctx, store.Commit{Source: "a", Lease: first}))

		// A commit is a sign of life.
		alive := make(chan struct{})
		go func() {
			defer close(alive)
			time.Sleep(silence)
			var err error
			if fence, err = s.Save(context.WithoutCancel(ctx), store.Commit{Source: "a", Fence: fence, Lease: first}); err != nil {
				t.Error(err)
			}
		}()
		if l := lease(s.Acquire(ctx, "work", 20*silence)); l != nil {
			t.Error("the lease of a living holder was given away")
		}
		<-alive

		second := lease(s.Abandoned(ctx, []string{"other", "work"}, silence))
		if second == nil || second.Name() != "work" {
			t.Fatalf("the work of a dead holder is not found: %v", second)
		}
		if _, err := s.Save(ctx, store.Commit{Source: "a", Fence: fence, Lease: first}); !errors.Is(err, store.ErrLost) {
			t.Errorf("a lost lease commits: %v", err)
		}
		third := lease(s.Seize(ctx, "work"))
		if _, err := s.Save(ctx, store.Commit{Source: "a", Fence: fence, Lease: second}); !errors.Is(err, store.ErrLost) {
			t.Errorf("a lease that was seized commits: %v", err)
		}
		if err := second.Release(ctx); err != nil { // somebody else's by now
			t.Error(err)
		}
		if _, err := s.Save(ctx, store.Commit{Source: "a", Fence: fence, Lease: third}); err != nil {
			t.Error(err)
		}
		if err := third.Release(ctx); err != nil {
			t.Error(err)
		}
		if l := lease(s.Abandoned(ctx, []string{"work"}, silence)); l != nil {
			t.Error("work that was given back is abandoned")
		}
		if l := lease(s.Acquire(ctx, "work", time.Hour)); l == nil {
			t.Error("a lease that was given back is not given")
		}
	})
}

// TestNobodyWaitsForTheLiving: who has done its own work does not wait longer than it takes to see that the others are alive.
func TestNobodyWaitsForTheLiving(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "s.db"))
	ctx, lease := t.Context(), must[*store.Lease](t)
	alive, done := lease(s.Seize(ctx, "alive")), lease(s.Seize(ctx, "done"))
	time.AfterFunc(silence, func() {
		if _, err := s.Save(context.WithoutCancel(ctx), store.Commit{Source: "a", Lease: alive}); err != nil {
			t.Error(err)
		}
		if err := done.Release(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	})
	began := time.Now()
	if l := lease(s.Abandoned(ctx, []string{"alive", "done"}, time.Hour)); l != nil {
		t.Errorf("%s was taken from a living holder", l.Name())
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it was waited for %s", took)
	}
}

// TestOneIsElected: of many that want a lease at once one gets it.
func TestOneIsElected(t *testing.T) {
	onEach(t, func(t *testing.T, empty func(*testing.T) string) {
		s := open(t, empty(t))
		got := make(chan bool)
		for range 8 {
			go func() {
				l, err := s.Acquire(context.WithoutCancel(t.Context()), "work", time.Second)
				if err != nil {
					t.Error(err)
				}
				if l != nil {
					stop, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
					defer cancel()
					for stop.Err() == nil { // alive
						if _, err := s.Save(stop, store.Commit{Source: "a", Fence: store.Fence{}, Lease: l}); err != nil && stop.Err() == nil {
							t.Error(err)
						}
						time.Sleep(10 * time.Millisecond)
					}
				}
				got <- l != nil
			}()
		}
		leaders := 0
		for range 8 {
			if <-got {
				leaders++
			}
		}
		if leaders != 1 {
			t.Errorf("%d lead", leaders)
		}
	})
}

// TestForgottenWhileReading: a collector that knows actors by their ids learns that they were forgotten, and what another adds while people
// are forgotten is not lost.
func TestForgottenWhileReading(t *testing.T) {
	onEach(t, func(t *testing.T, empty func(*testing.T) string) {
		ctx := t.Context()
		s := open(t, empty(t))
		ids, err := s.ActorIDs(ctx, []store.Actor{
			{Whole: key.Login("a"), Digests: []activity.Digest{key.Login("a")}}, {Whole: key.Login("b"), Digests: []activity.Digest{key.Login("b")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		old, fresh := day("2026-01-05", activity.KindView, "d", ids[0], 2), day("2026-05-04", activity.KindView, "d", ids[1], 1)
		fence := save(t, s, store.Commit{Source: "grafana", Days: store.Fold("grafana", []activity.Day{old, fresh})})
		another := day("2026-01-06", activity.KindView, "late", ids[1], 1)
		another.Source = "other"
		rows, err := s.Retire(ctx, fresh.Date, func(days []activity.Day) ([]activity.Act, []store.TeamWeekPeople) {
			// Another collector writes in this very moment: to a date that is retired, and one that was empty.
			late := another
			late.Date = old.Date
			save(t, s, store.Commit{Source: "other", Days: store.Fold("other", []activity.Day{another, late})})
			var acts []activity.Act
			for _, d := range days {
				acts = append(acts, activity.Act{Day: d, Team: "payments", Outcome: activity.Counted, Reason: "member"})
			}
			return acts, nil
		})
		if err != nil || rows != 0 {
			t.Fatalf("%d rows of a date that changed meanwhile were retired, %v", rows, err)
		}
		var total int64
		for _, d := range must[[]activity.Day](t)(s.Days(ctx, 0, 0)) {
			total += d.Count
		}
		if total != 5 {
			t.Errorf("%d views are stored, want 5", total)
		}
		rows, err = s.Retire(ctx, fresh.Date, func(days []activity.Day) (acts []activity.Act, _ []store.TeamWeekPeople) {
			for _, d := range days {
				acts = append(acts, activity.Act{Day: d, Team: "payments", Outcome: activity.Counted, Reason: "member"})
			}
			return acts, nil
		})
		if err != nil || rows != 3 {
			t.Fatalf("%d rows were retired, want 3, %v", rows, err)
		}
		// Actor a is gone: a commit that may still name it is refused, until progress is read again.
		c := store.Commit{Source: "grafana", Fence: fence, Days: store.Fold("grafana", []activity.Day{old})}
		if _, err := s.Save(ctx, c); !errors.Is(err, store.ErrForgotten) {
			t.Errorf("a commit with an actor that was forgotten gave %v", err)
		}
		p, err := s.Progress(ctx, "grafana")
		if err != nil {
			t.Fatal(err)
		}
		c.Fence, c.Forgotten = p.Fence, p.Forgotten
		if _, err := s.Save(ctx, c); err != nil {
			t.Error(err)
		}
	})
}

// TestStatusOfShards: a source is up if all its shards are; another division of the work replaces what was kept.
func TestStatusOfShards(t *testing.T) {
	onEach(t, func(t *testing.T, empty func(*testing.T) string) {
		s := open(t, empty(t))
		at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		attempt := func(shard, failure, note string, when time.Time) activity.SourceStatus {
			t.Helper()
			st := activity.SourceStatus{Source: "promql", Up: failure == "", Error: failure, Note: note, LastSuccess: when}
			if err := s.SaveStatus(t.Context(), st, shard); err != nil {
				t.Fatal(err)
			}
			return must[activity.Facts](t)(s.Facts(t.Context(), nil)).Status[0]
		}
		if st := attempt("", "", "", at); !st.Up || !st.LastSuccess.Equal(at) {
			t.Errorf("%+v", st)
		}
		attempt("1/2", "", "edited", at.Add(time.Hour))
		st := attempt("2/2", "broken", "edited", time.Time{})
		if want := (activity.SourceStatus{Source: "promql", Error: "broken", Note: "edited", LastSuccess: at.Add(time.Hour)}); st != want {
			t.Errorf("%+v, want %+v", st, want)
		}
		if st := attempt("2/2", "", "", at.Add(2*time.Hour)); !st.Up || st.Error != "" {
			t.Errorf("%+v", st)
		}
		attempt("1/2", "broken", "", time.Time{})
		if st := attempt("", "", "", at.Add(3*time.Hour)); !st.Up || st.Note != "" {
			t.Errorf("an earlier division is still told of: %+v", st)
		}
	})
}

// TestStatusAtOnce: a shard and whoever takes its work over may say at the same time how it ended.
func TestStatusAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, empty func(*testing.T) string) {
		s := open(t, empty(t))
		var saving sync.WaitGroup
		for i := range 8 {
			saving.Go(func() {
				for range 10 {
					if err := s.SaveStatus(t.Context(), activity.SourceStatus{Source: "promql", Up: true}, []string{"1/2", "2/2"}[i%2]); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		saving.Wait()
		if st := must[activity.Facts](t)(s.Facts(t.Context(), nil)).Status; len(st) != 1 || !st[0].Up {
			t.Errorf("%+v", st)
		}
	})
}
