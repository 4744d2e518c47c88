package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// kind is a log of one kind of line alone.
type kind struct {
	name            string
	mix             mix
	queries, visits int64 // lines a day
}

// kinds are those that are measured.
func kinds(share float64) []kind {
	lines := min(max(int64(queryLines*share/50), 20_000), 1_000_000)
	return []kind{
		{"an evaluation of a rule", mix{rules: 1000}, lines, 0},
		{"a known text, asked by Grafana", mix{panels: 1000}, lines, 0},
		{"a known text, asked from a team's network", mix{scripts: 1000}, lines, 0},
		{"a new text", mix{adHoc: 1000}, lines, 0},
		{"a request of Grafana", usual, 0, lines},
	}
}

func (k *kind) folder() string {
	return "only-" + strings.ReplaceAll(strings.ToLower(k.name), " ", "-")
}

// maker writes such logs, of the organisation for which m writes, with few enough panels that one day tells all texts of them.
func (k *kind) maker(m maker) *maker {
	few := *m.org
	few.panels = few.panels[:1000*environments]
	m.org, m.mix, m.queries, m.visits, m.servers, m.dir = &few, k.mix, k.queries, k.visits, 1, filepath.Join(m.dir, k.folder())
	return &m
}

// kindDates are the days of such logs.
func kindDates() [2]time.Time { return [2]time.Time{lastDay().AddDate(0, 0, -1), lastDay()} }

// eachKind tells what each kind of line costs: the second day of its log is measured, when all that is not new is known.
func (s *session) eachKind() error {
	fmt.Println("\n| a line that is | us of CPU | us of the database | bytes stored | rows stored |\n|---|---|---|---|---|")
	for _, k := range kinds(s.share) {
		if err := s.kind(&k); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) kind(k *kind) error {
	t, err := s.fresh()
	if err != nil {
		return err
	}
	dates := kindDates()
	var folders []string
	var took [3]cost // the third run has nothing to read: what a run costs by itself
	var did [3]activity
	var held [3]content
	for i := range took {
		if i < len(dates) {
			folders = append(folders, filepath.Join(k.folder(), dates[i].Format(time.DateOnly)))
		}
		if err := s.bench.configure(t, "100d", folders...); err != nil {
			return err
		}
		took[i], did[i], err = t.measure(func() (cost, error) { return s.bench.run(io.Discard, "collect") })
		if err != nil {
			return err
		}
		if held[i], err = t.content(); err != nil {
			return err
		}
	}
	v, err := made(filepath.Join(s.dir, folders[1]))
	if err != nil {
		return err
	}
	each := func(first, second int64) float64 { return float64(second-first) / float64(v.Lines) }
	fmt.Printf("| %s | %.2f | %.2f | %.2f | %.3f |\n", k.name, each(took[2].cpu.Microseconds(), took[1].cpu.Microseconds()), each(did[2].cpu.Microseconds(), did[1].cpu.Microseconds()),
		each(held[0].blocks(), held[1].blocks()), each(held[0].rows, held[1].rows))
	return t.drop()
}
