package main

import (
	"fmt"
	"io"
	"slices"
)

// later reads the other days into the last store, and measures what comes after: assessing, over a longer and longer history, and
// forgetting.
func (s *session) later() error {
	if s.target == nil {
		return nil
	}
	n := slices.Max(s.shards)
	fmt.Println("\n| then | wall s | CPU s | CPU s of the database | peak MiB | rows | store MB | of it days | queries | texts | actors | load |\n|---|---|---|---|---|---|---|---|---|---|---|---|")
	collect := func() (cost, error) { c, _, err := s.bench.collect(n, nil); return c, err }
	report := func() (cost, error) { return s.bench.run(io.Discard, "report", "--format", "json") }
	if err := s.step("report after the first day", report); err != nil {
		return err
	}
	for i := 1; i < s.days; i++ {
		if err := s.bench.configure(s.target, "100d", s.names[:i+1]...); err != nil {
			return err
		}
		if err := s.step(fmt.Sprintf("day %d, read by %d", i+1, n), collect); err != nil {
			return err
		}
	}
	if err := s.step("nothing new to read", collect); err != nil {
		return err
	}
	from := s.days
	for _, days := range s.history {
		if err := s.target.repeat(lastDay(), from, days-1); err != nil {
			return err
		}
		from = days
		if err := s.step(fmt.Sprintf("report over %d days", days), report); err != nil {
			return err
		}
	}
	if len(s.history) == 0 {
		return nil
	}
	// Half of the history is older than this.
	if err := s.bench.configure(s.target, fmt.Sprintf("%dd", from/2+1), s.names...); err != nil {
		return err
	}
	return s.step(fmt.Sprintf("people of before %d days forgotten", from/2+1), func() (cost, error) { return s.bench.run(io.Discard, "collect") })
}

// step measures what is done to the last store, and what the store is then.
func (s *session) step(name string, do func() (cost, error)) error {
	took, did, err := s.target.measure(do)
	if err != nil {
		return err
	}
	load := load()
	c, err := s.target.content()
	if err != nil {
		return err
	}
	fmt.Printf("| %s | %.1f | %.1f | %.1f | %d | %d | %.1f | %.1f | %.1f | %.1f | %d | %s |\n", name, took.wall.Seconds(), took.cpu.Seconds(), did.cpu.Seconds(), took.peak>>20,
		c.rows, megabytes(c.size), megabytes(c.days), megabytes(c.queries), megabytes(c.texts), c.actors, load)
	return nil
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }
