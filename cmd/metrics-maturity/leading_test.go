package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// newLeading opens the store as a process of its own would, and stands for the work.
func newLeading(t *testing.T, target string) *leader {
	t.Helper()
	s, err := store.Open(t.Context(), target, store.Options{Key: activity.NewKey([]byte("a key of tests")), Timezone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	l := newLeader(&desk{store: s, log: slog.New(slog.DiscardHandler)}, "export")
	l.silence = 50 * time.Millisecond
	return l
}

func leads(t *testing.T, l *leader, want bool) {
	t.Helper()
	if got, err := l.leads(t.Context()); err != nil || got != want {
		t.Errorf("leads: %v, %v, want %v", got, err, want)
	}
}

// TestOneServerExports: of the servers that share a PostgreSQL one exports; when it is gone, with a word or without, another one does.
func TestOneServerExports(t *testing.T) {
	target := testserver.PostgresDatabase(t)
	first, second := newLeading(t, target), newLeading(t, target)
	leads(t, first, true)
	second.silence = store.Beat + time.Second // longer than between two signs of life
	leads(t, second, false)
	leads(t, first, true)
	if err := first.resign(t.Context()); err != nil {
		t.Error(err)
	}
	leads(t, second, true)

	second.stop() // it dies: no more signs of life, and nothing given back
	leads(t, first, true)
	if err := second.resign(t.Context()); err != nil { // what is not its own any more
		t.Error(err)
	}
	if err := first.resign(t.Context()); err != nil {
		t.Error(err)
	}

	// Work that another one does is left to it, and is not done twice.
	leads(t, second, true)
	done := false
	err := first.desk.alone(t.Context(), "other work", func(context.Context) error {
		done = true
		return nil
	})
	if err != nil || !done {
		t.Errorf("work that nobody does was not done: %v", err)
	}
	if err := second.resign(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestFileHasNoElection: a file of one machine is nobody else's.
func TestFileHasNoElection(t *testing.T) {
	target := "sqlite:" + t.TempDir() + "/s.db"
	leads(t, newLeading(t, target), true)
	leads(t, newLeading(t, target), true)
}
