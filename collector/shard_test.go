package collector_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// TestEachStreamHasOneShard: however many shards there are, each whole source is in one of them, and divided ones are in all.
func TestEachStreamHasOneShard(t *testing.T) {
	sources := []collector.Source{{Name: "c", Joiner: toyJoiner{}}, {Name: "a", Joiner: toyJoiner{}}, {Name: "d"}, {Name: "b", Joiner: toyJoiner{}}}
	for n := 1; n <= 5; n++ {
		seen := map[string]int{}
		for i := range n {
			for _, s := range (collector.Shard{Index: i, Count: n}).Of(sources) {
				seen[s.Name]++
			}
		}
		if diff := gocmp.Diff(map[string]int{"a": 1, "b": 1, "c": 1, "d": n}, seen); diff != "" {
			t.Errorf("%d shards: %s", n, diff)
		}
	}
}

// shardedRun is a folder of files that several collectors read into one store.
type shardedRun struct {
	*run
	target string
}

func (r *shardedRun) open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(context.WithoutCancel(t.Context()), r.target, store.Options{Key: activity.NewKey([]byte("k")), Timezone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// collectShard reads a shard of a source without joins and the whole of one with; it returns what the run says.
func (r *shardedRun) collectShard(ctx context.Context, s *store.Store, shard collector.Shard, batch int) error {
	logger := slog.New(slog.DiscardHandler)
	files := func(glob string) *lines.Files {
		return &lines.Files{Patterns: []string{filepath.Join(r.dir, glob)}, Logger: logger}
	}
	sources := []collector.Source{
		{Name: "apart", Parser: toyParser{}, Files: files("apart*.log*")},
		{Name: "joined", Parser: toyParser{}, Joiner: toyJoiner{}, Files: files("joined*.log*")},
	}
	sum, err := collector.Run(ctx, collector.Config{
		Store: s, Key: activity.NewKey([]byte("k")), Location: time.UTC, Judge: toyJudge{}, Logger: logger, BatchLines: batch, Retention: r.retention,
		Now: func() time.Time { return r.now }, Fingerprint: func(text string) activity.Query { return activity.Query{Fingerprint: text} },
		Sources: shard.Of(sources),
	})
	for _, s := range sum.Sources {
		err = errors.Join(err, s.Err)
	}
	return err
}

// totals is what is stored of both sources.
func (r *shardedRun) totals(t *testing.T) []string {
	t.Helper()
	s := r.open(t)
	defer closeStore(t, s)
	days, err := s.Days(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]*activity.Day{}
	for _, d := range days {
		key := fmt.Sprint(d.Date, d.Source, d.Subject, d.Detail)
		if counts[key] == nil {
			d.Actor = 0
			counts[key] = &d
			continue
		}
		counts[key].Add(d)
	}
	var out []string
	for key, d := range counts {
		out = append(out, fmt.Sprint(key, " x", d.Count, " ", d.First, d.Last, d.Hours))
	}
	totals, err := s.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, total := range totals {
		out = append(out, fmt.Sprintf("%+v", total))
	}
	return sorted(out)
}

// TestShardsCountOnce: several collectors at once, some of them twice for one shard, stopped at will and with another division in
// between, count what one counts.
func TestShardsCountOnce(t *testing.T) {
	onEach(t, func(t *testing.T, empty func() string) {
		rnd := rand.New(rand.NewPCG(11, 5))
		text := randomLines(rnd)
		plain := make([]string, len(text))
		for i, l := range text {
			plain[i] = strings.NewReplacer(" a ", " - ", " b ", " - ").Replace(l)
		}
		one := &shardedRun{newRun(t), empty()}
		many := &shardedRun{newRun(t), empty()}
		for _, r := range []*shardedRun{one, many} {
			for i, piece := range cut(rand.New(rand.NewPCG(1, 1)), plain, 12) {
				r.write(t, fmt.Sprintf("apart-%d.log", i), strings.Join(piece, ""))
			}
			for i, piece := range cut(rand.New(rand.NewPCG(1, 1)), text, 4) {
				r.write(t, fmt.Sprintf("joined-%d.log", i), strings.Join(piece, ""))
			}
		}
		s := one.open(t)
		if err := one.collectShard(t.Context(), s, collector.Shard{}, 0); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)

		for round := range 8 {
			n := 1 + rnd.IntN(4)
			var working sync.WaitGroup
			for i := range n + 1 { // one shard is read twice
				shard := collector.Shard{Index: i % n, Count: n}
				batch, stop := 1+rnd.IntN(40), time.Duration(rnd.IntN(20*(round+1)))*time.Millisecond
				working.Go(func() {
					ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), stop)
					defer cancel()
					s := many.open(t)
					defer closeStore(t, s)
					err := many.collectShard(ctx, s, shard, batch)
					if err != nil && !errors.Is(err, store.ErrFenced) && ctx.Err() == nil {
						t.Error(err)
					}
				})
			}
			working.Wait()
		}
		s = many.open(t)
		for i := range 3 {
			if err := many.collectShard(t.Context(), s, collector.Shard{Index: i, Count: 3}, 0); err != nil {
				t.Fatal(err)
			}
		}
		closeStore(t, s)
		if diff := gocmp.Diff(one.totals(t), many.totals(t)); diff != "" {
			t.Errorf("one collector -, several +:\n%s", diff)
		}
	})
}
