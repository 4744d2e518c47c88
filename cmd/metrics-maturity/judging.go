package main

import (
	"context"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// moment is the stored days as they were at one moment, judged by today's owner rules. They pass by and are not kept: there may be
// many millions.
type moment struct {
	owners  owner.Config
	facts   activity.Facts
	book    *owner.Book
	survey  *owner.Survey
	reading *store.Reading
	failure error // of whoever the acts were yielded to, which ends that
}

// judge calls do with the stored days before a date (0: all of them), once more if the database asks for it: do must begin anew each
// time.
func (d *desk) judge(ctx context.Context, before activity.Date, do func(*moment) error) error {
	owners, facts, err := d.owners(ctx)
	if err != nil {
		return err
	}
	book, err := owner.New(owners, d.key, facts)
	if err != nil {
		return asUsage(err)
	}
	return d.store.Read(ctx, 0, before, func(r *store.Reading) error {
		m := &moment{owners: owners, facts: facts, book: book, survey: book.Survey(), reading: r}
		for again := true; again; again = m.survey.Again() {
			err := r.Each(func(s *activity.Sheet) error {
				m.survey.Add(s)
				return ctx.Err()
			})
			if err != nil {
				return err
			}
		}
		return do(m)
	})
}

// each calls yield with an act for each row, which is valid until the next, the oldest date first. It returns the foundations that
// they show.
func (m *moment) each(yield func(*activity.Act, *owner.Stream)) (map[string]owner.Foundation, error) {
	stream := m.book.Stream(m.survey)
	err := m.reading.Each(func(s *activity.Sheet) error {
		stream.Each(s, func(a *activity.Act) { yield(a, stream) })
		return m.failure
	})
	return stream.Foundations(), err
}

// few returns, by team, the counted acts but views and queries.
func (m *moment) few() map[string][]activity.Act {
	few := map[string][]activity.Act{}
	m.book.Stream(m.survey).Few(func(a *activity.Act) {
		if a.Outcome == activity.Counted && stage.Few(a.Kind) {
			few[a.Team] = append(few[a.Team], *a)
		}
	})
	return few
}

// acts returns those of all acts that are wanted.
func (d *desk) acts(ctx context.Context, wanted func(*activity.Act) bool) (acts []activity.Act, facts activity.Facts, err error) {
	err = d.judge(ctx, 0, func(m *moment) error {
		acts, facts = nil, m.facts
		_, err := m.each(func(a *activity.Act, _ *owner.Stream) {
			if wanted(a) {
				acts = append(acts, *a)
			}
		})
		return err
	})
	return acts, facts, err
}
