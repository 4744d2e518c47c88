package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

// peopleWindow is over how many days different people are counted together.
const peopleWindow = 8 * 7

// collect reads what is new from sources into the store, then forgets the actors whose time has come. The first error
// is that of sources which failed, when all others were read; the second that of the run itself.
func (d *desk) collect(ctx context.Context, sources []collector.Source, now func() time.Time, progress func(collector.Progress)) (failed, err error) {
	summary, err := d.read(ctx, sources, now, progress)
	if err != nil {
		return nil, err
	}
	for _, s := range summary.Sources {
		if s.Err != nil { // the collector has logged it
			failed = errors.Join(failed, fmt.Errorf("source %s: %w", s.Name, s.Err))
			continue
		}
		d.log.Info("source read", "source", s.Name, "lines", s.Lines, "malformed", s.Malformed, "of_other_logs", s.Foreign, "counted", s.Events[activity.Counted],
			"automated", s.Events[activity.Automated], "unattributed", s.Events[activity.Unattributed], "bytes", s.Bytes,
			"seconds", s.Elapsed.Round(time.Millisecond).Seconds(), "lines_per_second", perSecond(s.Lines, s.Elapsed), "bytes_per_second", perSecond(s.Bytes, s.Elapsed))
		for _, note := range s.Notes {
			d.log.Warn(firstLine(note), "source", s.Name)
		}
	}
	if err := d.warnBlind(ctx, summary); err != nil {
		return failed, err
	}
	return failed, d.retire(ctx, now())
}

// perSecond is a rate, 0 of what took no time.
func perSecond(n int64, took time.Duration) int64 {
	if took <= 0 {
		return 0
	}
	return int64(float64(n) / took.Seconds())
}

// foreignNote is said of a source that is read and shows nothing.
const foreignNote = "none of the lines is of the kind that the type of this source reads"

// warnBlind says which sources do not show all that they could, and which nothing at all.
func (d *desk) warnBlind(ctx context.Context, sum collector.Summary) error {
	covered, err := d.store.Coverage(ctx)
	if err != nil {
		return err
	}
	for _, s := range d.Sources {
		if note, hint := blindness(s, covered); note != "" {
			d.log.Warn(note, "source", s.Name, "hint", hint)
		}
		if i := slices.IndexFunc(sum.Sources, func(r collector.SourceSummary) bool { return r.Name == s.Name }); i >= 0 && sum.Sources[i].Lines > 0 &&
			!slices.ContainsFunc(covered, func(c activity.CoveredDay) bool { return c.Source == s.Name }) {
			d.log.Warn(foreignNote, "source", s.Name, "type", s.Type, "lines", sum.Sources[i].Lines, "hint", "check files: and type:")
		}
	}
	return nil
}

// read lets the collector read sources into the store. Those that tell who is in which team come first, so that what the others count
// is judged by it.
func (d *desk) read(ctx context.Context, sources []collector.Source, now func() time.Time, progress func(collector.Progress)) (sum collector.Summary, err error) {
	parts := [][]collector.Source{sources}
	if d.teamsFromSources() {
		parts = slices.DeleteFunc(partition(sources, func(s collector.Source) bool { return s.Fetcher != nil }), func(p []collector.Source) bool { return len(p) == 0 })
	}
	for _, part := range parts {
		read, err := d.readAtOnce(ctx, part, now, progress)
		sum.Sources = append(sum.Sources, read.Sources...)
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// teamsFromSources reports whether the configuration alone does not tell the teams and their members.
func (d *desk) teamsFromSources() bool {
	f := d.TeamsFrom
	return f.FromGrafana || f.FromCodeowners || len(f.RuleLabels) > 0 || slices.ContainsFunc(d.Owner.Teams, func(t owner.Team) bool { return len(t.GrafanaTeams) > 0 })
}

// partition returns the sources that come first, and the others, each in their order.
func partition(sources []collector.Source, first func(collector.Source) bool) [][]collector.Source {
	parts := make([][]collector.Source, 2)
	for _, s := range sources {
		if first(s) {
			parts[0] = append(parts[0], s)
		} else {
			parts[1] = append(parts[1], s)
		}
	}
	return parts
}

func (d *desk) readAtOnce(ctx context.Context, sources []collector.Source, now func() time.Time, progress func(collector.Progress)) (collector.Summary, error) {
	owners, facts, err := d.ownersToCollect(ctx)
	if err != nil {
		return collector.Summary{}, err
	}
	book, err := owner.New(owners, d.key, facts)
	if err != nil {
		return collector.Summary{}, asUsage(err)
	}
	var judge collector.Judge = book
	if len(owners.Selectors()) == 0 {
		judge = unclaimed{book}
	}
	fingerprints := prom.NewFingerprinter(owners.LabelNames())
	return collector.Run(ctx, collector.Config{
		Sources: sources, Store: d.store, Key: d.key, Location: d.Owner.Location, Fingerprint: fingerprints.Once, Profile: fingerprints.Profile(),
		Judge: judge, Logger: d.log, Now: now, Progress: progress, Retention: d.Privacy.ActorRetention,
		Lease: d.lease, Memory: int64(d.Memory),
	})
}

// unclaimed is a judge who need not know what is asked, as no team claims metrics. There may be a million questions.
type unclaimed struct{ *owner.Book }

// LearnQuery learns nothing.
func (unclaimed) LearnQuery(activity.Query) {}

// retire forgets who did what before the retention; the acts stay with the team as owned now.
func (d *desk) retire(ctx context.Context, now time.Time) error {
	before := dayOf(now.Add(-d.Privacy.ActorRetention), d.Owner.Location)
	if due, err := d.store.RetireDue(ctx, before); err != nil || !due {
		return err
	}
	return d.alone(ctx, "forget", func(ctx context.Context) error { return d.forget(ctx, before) })
}

func (d *desk) forget(ctx context.Context, before activity.Date) error {
	owners, facts, err := d.owners(ctx)
	if err != nil {
		return err
	}
	var failure error
	rows, err := d.store.Retire(ctx, before, func(days []activity.Day) ([]activity.Act, []store.TeamWeekPeople) {
		book, err := owner.New(owners, d.key, facts)
		if err != nil {
			failure = err
			return nil, nil
		}
		acts := book.Attribute(days)
		return acts, peopleToKeep(acts, before)
	})
	if rows > 0 {
		d.log.Info("people forgotten", "before", before, "rows", rows)
	}
	return errors.Join(err, failure)
}

// teamWeek is a team's week, of its Monday.
type teamWeek struct {
	team   string
	monday activity.Date
}

// peopleToKeep counts the different people of each team over the 8 weeks up to each week whose window reaches back
// before a date: once their actors are gone they can't be counted any more.
func peopleToKeep(acts []activity.Act, before activity.Date) []store.TeamWeekPeople {
	return countPeople(acts, func(w teamWeek) bool { return w.monday+7-peopleWindow < before })
}

// peopleBeside counts the same of the weeks whose window holds a view of somebody who is forgotten.
func peopleBeside(acts []activity.Act, gone func(activity.ActorID) bool) []store.TeamWeekPeople {
	theirs := map[teamWeek]bool{}
	for _, a := range acts {
		if gone(a.Actor) {
			weeksOf(a, func(w teamWeek) { theirs[w] = true })
		}
	}
	return countPeople(acts, func(w teamWeek) bool { return theirs[w] })
}

// weeksOf calls yield with each week of whose count the act is.
func weeksOf(a activity.Act, yield func(teamWeek)) {
	if a.Outcome != activity.Counted || a.Kind != activity.KindView || a.Actor == 0 {
		return
	}
	for m := a.Date.Monday(); m < a.Date.Monday()+peopleWindow; m += 7 {
		yield(teamWeek{a.Team, m})
	}
}

func countPeople(acts []activity.Act, keep func(teamWeek) bool) []store.TeamWeekPeople {
	people := map[teamWeek]map[activity.ActorID]bool{}
	for _, a := range acts {
		weeksOf(a, func(w teamWeek) {
			if !keep(w) {
				return
			}
			if people[w] == nil {
				people[w] = map[activity.ActorID]bool{}
			}
			people[w][a.Actor] = true
		})
	}
	var kept []store.TeamWeekPeople
	for w, who := range people {
		kept = append(kept, store.TeamWeekPeople{Team: w.team, Monday: w.monday, People: len(who)})
	}
	return kept
}

// stopped reports whether err is only that the process was asked to stop.
func stopped(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "interrupted"))
}
