package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// session measures one organisation.
type session struct {
	*options
	bench  *bench
	server *postgres // nil for SQLite
	made   []volume  // by day
	names  []string  // folders of the days' logs
	target *target   // the last one measured
	want   answer    // of the first day, as the first round had it
	stores int
}

// begin looks at the logs that were written, and starts the database.
func (s *session) begin() error {
	for _, date := range s.dates() {
		v, err := made(filepath.Join(s.dir, date.Format(time.DateOnly)))
		if err != nil {
			return err
		}
		s.made, s.names = append(s.made, v), append(s.names, date.Format(time.DateOnly))
	}
	if s.store == "sqlite" {
		return nil
	}
	dir, err := os.MkdirTemp(os.TempDir(), "metrics-maturity-load-postgres-")
	if err != nil {
		return err
	}
	if s.server, err = startPostgres(dir); err != nil {
		return err
	}
	return s.limits.database(s.server)
}

// fresh is an empty store.
func (s *session) fresh() (t *target, err error) {
	s.stores++
	name := fmt.Sprintf("load_%d", s.stores)
	if s.server == nil {
		t = &target{file: filepath.Join(s.dir, name+".db")}
		t.url = "sqlite:" + t.file
		return t, t.drop()
	}
	t = &target{server: s.server}
	t.url, err = s.server.database(name)
	return t, err
}

// rounds reads the first day into a store for each number of collectors, and says whether all counted the same.
func (s *session) rounds() error {
	fmt.Println("\n| collectors | wall s | lines/s | CPU s of collectors | us a line | CPU s of the database | peak MiB | commits | WAL MB | store MB | load | days and counters |\n|---|---|---|---|---|---|---|---|---|---|---|---|")
	var longest time.Duration
	for _, n := range s.shards {
		took, err := s.round(n, nil)
		if err != nil {
			return err
		}
		longest = took
	}
	if s.kills > 0 && len(s.shards) > 0 {
		r := rand.New(rand.NewPCG(s.seed, 13))
		if _, err := s.round(slices.Max(s.shards), killTimes(r, s.kills, longest)); err != nil {
			return err
		}
	}
	return nil
}

// round reads the first day with n collectors into a fresh store, which the next round drops.
func (s *session) round(n int, kills []time.Duration) (time.Duration, error) {
	if s.target != nil {
		if err := s.target.drop(); err != nil {
			return 0, err
		}
	}
	t, err := s.fresh()
	if err != nil {
		return 0, err
	}
	s.target = t
	if err := s.bench.configure(t, "100d", s.names[0]); err != nil {
		return 0, err
	}
	killed := 0
	took, did, err := t.measure(func() (c cost, err error) {
		c, killed, err = s.bench.collect(n, kills)
		return c, err
	})
	if err != nil {
		return 0, err
	}
	load := load()
	c, err := t.content()
	if err != nil {
		return 0, err
	}
	got, _, err := s.bench.answer()
	if err != nil {
		return 0, err
	}
	equal := "first"
	if s.want.digest != "" {
		equal = "equal"
		if got != s.want {
			equal = "DIFFERENT"
		}
	} else {
		s.want = got
	}
	name := fmt.Sprint(n)
	if len(kills) > 0 {
		name = fmt.Sprintf("%d, two killed %d times", n, killed)
	}
	lines := float64(s.made[0].Lines)
	fmt.Printf("| %s | %.1f | %.0f | %.1f | %.2f | %.1f | %d | %d | %.1f | %.1f | %s | %s %s |\n", name, took.wall.Seconds(), lines/took.wall.Seconds(), took.cpu.Seconds(),
		took.cpu.Seconds()*1e6/lines, did.cpu.Seconds(), took.peak>>20, c.commits, float64(did.wal)/1e6, float64(c.size)/1e6, load, equal, got.digest)
	s.waits(did)
	if equal == "DIFFERENT" {
		return 0, fmt.Errorf("%s collectors counted %+v, the first round %+v", name, got, s.want)
	}
	return took.wall, nil
}

// waits tells what connections waited for, in a hundred looks at them.
func (s *session) waits(a activity) {
	if a.samples == 0 {
		return
	}
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(a.waiting)) {
		parts = append(parts, fmt.Sprintf("%s %.1f", what, 100*float64(a.waiting[what])/float64(a.samples)))
	}
	fmt.Fprintf(os.Stderr, "  %d looks at the database; of 100, connections at or waiting for: %s; %d commits, %d deadlocks\n", a.samples, strings.Join(parts, ", "), a.commits, a.deadlocks)
}
