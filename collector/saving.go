package collector

import (
	"context"
	"maps"

	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// saving is a batch on its way into the store.
type saving struct {
	store.Commit
	lines, foreign int64

	ended chan struct{} // closed when it is over
	fence store.Fence   // after it
	err   error         // of it
}

// take adds what a folder read but for days and parts.
func (s *saving) take(b *batch) {
	s.Queries = append(s.Queries, b.asked...)
	for _, sheet := range b.questions.sheets {
		s.Queries, s.Texts = append(s.Queries, sheet.queries...), append(s.Texts, sheet.parsed...)
	}
	s.Dashboards = append(s.Dashboards, b.facts.Dashboards...)
	s.Rules, s.Goals = append(s.Rules, b.facts.Rules...), append(s.Goals, b.facts.Goals...)
	s.Selections = append(s.Selections, b.facts.Selections...)
	s.Codeowners = append(s.Codeowners, b.facts.Codeowners...)
	s.Folders, s.DataSources = append(s.Folders, b.facts.Folders...), append(s.DataSources, b.facts.DataSources...)
	s.Teams = append(s.Teams, b.teams...)
	s.Malformed += b.bad
	for d := range b.covered {
		s.Covered = append(s.Covered, d)
	}
	s.lines += int64(b.lines)
	s.foreign += b.foreign
}

// store judges and saves a batch. Nothing that it uses changes while the next one is read.
func (r *reader) store(ctx context.Context, s *saving) {
	s.Totals, s.HeldTotals = r.judge(s.Commit)
	s.fence, s.err = r.Store.Save(ctx, s.Commit)
}

// settled waits until the last batch is saved, if one is under way.
func (r *reader) settled() error {
	s := r.saving
	if s == nil {
		return nil
	}
	<-s.ended
	r.saving = nil
	return r.conclude(s)
}

// underway is how many lines are being saved.
func (r *reader) underway() int64 {
	if r.saving == nil {
		return 0
	}
	return r.saving.lines
}

// conclude notes what was saved.
func (r *reader) conclude(s *saving) error {
	if s.err != nil {
		return errStore{s.err}
	}
	maps.Copy(r.fence, s.fence)
	r.texts.committed(s.Texts)
	for _, t := range s.Totals {
		r.sum.Events[t.Outcome] += t.Count
	}
	r.sum.Malformed += s.Malformed
	r.sum.Foreign += s.foreign
	r.sum.Lines += s.lines
	return nil
}
