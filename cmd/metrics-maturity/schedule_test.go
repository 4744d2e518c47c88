package main

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scheduled is a server with nothing but an interval.
func scheduled(interval time.Duration) *server {
	return newServer(&app{}, &desk{config: &config{Serve: serveConfig{Interval: interval}}})
}

// TestSchedule: a cycle begins about an interval after the last began, whatever that took; there are never two.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var gaps []time.Duration
		last, running := time.Now(), false
		s := scheduled(time.Hour)
		s.repeat(ctx, func(context.Context) {
			if running {
				t.Error("two cycles at once")
			}
			running = true
			gaps = append(gaps, time.Since(last))
			last = time.Now()
			time.Sleep(20 * time.Minute)
			running = false
			if len(gaps) == 50 {
				stop()
			}
		}, nil)
		if gaps[0] != 0 {
			t.Errorf("the first cycle begins after %v", gaps[0])
		}
		least, most := slices.Min(gaps[1:]), slices.Max(gaps)
		if least < 54*time.Minute || most > 66*time.Minute || most-least < time.Minute {
			t.Errorf("cycles begin %v to %v apart", least, most)
		}
	})
}

// TestSlowCycles: cycles that take longer than the interval follow each other with some peace between them.
func TestSlowCycles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		n := 0
		scheduled(time.Hour).repeat(ctx, func(context.Context) {
			time.Sleep(2 * time.Hour)
			if n++; n == 3 {
				stop()
			}
		}, nil)
		if took := time.Since(began); took != 6*time.Hour+12*time.Minute {
			t.Errorf("three cycles of two hours took %v", took)
		}
	})
}

// TestAdoption: a configuration that comes during a cycle is adopted after it, and a cycle with it begins at once.
func TestAdoption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s, began := scheduled(time.Hour), time.Now()
		r := &reloader{server: s}
		var log []string
		say := func(what string) { log = append(log, time.Since(began).String()+" "+what) }
		go func() {
			time.Sleep(5 * time.Minute)
			r.hand(&config{Path: "first"})
			time.Sleep(time.Minute)
			r.hand(&config{Path: "second"}) // the first is not wanted any more
			time.Sleep(14 * time.Minute)
			r.hand(&config{Path: "third"})
		}()
		cycles := 0
		s.repeat(ctx, func(context.Context) {
			say("cycle")
			if cycles++; cycles == 3 {
				stop()
				return
			}
			time.Sleep(10 * time.Minute)
		}, func(_ context.Context, c *config) { say("adopt " + c.Path) })
		want := []string{"0s cycle", "10m0s adopt second", "10m0s cycle", "20m0s adopt third", "20m0s cycle"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Error("want -, got +\n" + diff)
		}
	})
}
