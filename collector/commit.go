package collector

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// reader reads one source: its folders fold, and it commits what they folded.
type reader struct {
	Config
	source  Source
	judging *sync.Mutex
	texts   *texts
	budget  budget
	sum     *SourceSummary

	fence       store.Fence // of all slices, as last read or written here
	forgottenAt int64       // store.Progress.Forgotten
	held        *held
	folders     []*folder // at least one
	ahead       bool      // lines are read while a batch is saved
	saving      *saving   // that batch; nil for none

	total   int64 // bytes to read in this run
	saved   []lines.Position
	failure error // what could not be read; the rest was
	sampler sampler
}

// position is how far this batch got.
type position struct {
	cursors   map[string][]byte
	slices    map[int]bool // that the cursors are of
	watermark int64        // time up to which every file was read, in nanoseconds since 1970; 0 if one was not begun
	done      bool
}

func newPosition() position { return position{cursors: map[string][]byte{}, slices: map[int]bool{}} }

// cursor sets where a stream goes on.
func (p position) cursor(name string, value []byte) {
	p.cursors[name] = value
	p.slices[sliceOf(name)] = true
}

// commit saves what the folders hold with the position they reached, and begins the next batch. If that was not all, it may be read while
// this one is saved: what became of it the next commit tells, or settled.
func (r *reader) commit(ctx context.Context, at position) error {
	if err := r.settled(); err != nil {
		return err
	}
	s, err := r.gather(ctx, at)
	if err != nil {
		return err
	}
	if at.done || !r.ahead {
		r.store(ctx, s)
		return r.conclude(s)
	}
	s.ended = make(chan struct{})
	r.saving = s
	go func() {
		defer close(s.ended)
		r.store(context.WithoutCancel(ctx), s) // who stops us waits for it: what was read is kept
	}()
	return nil
}

// gather takes what the folders hold, and begins their next batch.
func (r *reader) gather(ctx context.Context, at position) (*saving, error) {
	s := &saving{Commit: store.Commit{
		Source: r.source.Name, Fence: r.fenceOf(at), Lease: r.Lease, Forgotten: r.forgottenAt, Cursors: at.cursors, Profile: r.Profile,
	}}
	first := r.folders[0]
	if err := r.answer(ctx); err != nil {
		return nil, errStore{err}
	}
	for i, f := range r.folders {
		ids, err := f.resolve(ctx)
		if err != nil {
			return nil, errStore{err}
		}
		f.countListed()
		f.settleQuestions()
		if len(ids) > 0 {
			f.days.MapActors(ids.of)
			f.memory.mapActors(ids.of)
		}
		for j := range f.parts {
			f.parts[j].actor = ids.of(f.parts[j].actor)
		}
		r.held.parts = append(r.held.parts, f.parts...)
		if i > 0 {
			first.days.Merge(f.days)
		}
		s.take(&f.batch)
	}
	if r.source.Joiner != nil {
		r.held.settle(r.source.Joiner, at.watermark, at.done, r.forgotten(), first)
		first.countListed()
		var err error
		if s.Held, err = r.held.state(); err != nil {
			return nil, fmt.Errorf("what is held can't be written: %w", err)
		}
		s.HeldDay = r.provisional()
	}
	s.Days = first.days.Take()
	renumbered := r.held.renumber(r.budget.remembered)
	for _, f := range r.folders {
		f.reset(renumbered)
	}
	return s, nil
}

// answer finds out what the queries of the batch ask.
func (r *reader) answer(ctx context.Context) error {
	var sheets []*sheet
	for _, f := range r.folders {
		sheets = append(sheets, f.answered()...)
	}
	return r.texts.answerAll(ctx, sheets)
}

// forgotten is the time before which no actor is kept.
func (r *reader) forgotten() time.Time {
	if r.Retention <= 0 {
		return time.Time{}
	}
	return r.Now().Add(-r.Retention)
}

// provisional folds what is held as things stand.
func (r *reader) provisional() *store.Folded {
	f := folder{reader: r, clock: clock{location: r.Location}}
	f.days = store.NewFolded(r.source.Name)
	r.held.provisional(r.source.Joiner, &f)
	f.countListed()
	return f.days
}

// judge counts the days of a commit by outcome.
func (r *reader) judge(c store.Commit) (totals, heldTotals []store.EventTotal) {
	r.judging.Lock()
	defer r.judging.Unlock()
	for _, q := range c.Queries {
		r.Judge.LearnQuery(q)
	}
	for _, rule := range c.Rules {
		r.Judge.LearnRule(rule)
	}
	for _, d := range c.Dashboards {
		r.Judge.LearnDashboard(d)
	}
	return r.totals(c.Days), r.totals(c.HeldDay)
}

// countHeld adds what is held, as things stand, to the summary of the run.
func (r *reader) countHeld(sign int64) {
	if r.source.Joiner == nil {
		return
	}
	r.judging.Lock()
	defer r.judging.Unlock()
	for _, t := range r.totals(r.provisional()) {
		r.sum.Events[t.Outcome] += sign * t.Count
	}
}

// actorIDs are the ids of a batch's new actors.
type actorIDs []activity.ActorID

// of returns the stored id of an actor of the batch.
func (a actorIDs) of(id activity.ActorID) activity.ActorID {
	if id < 0 {
		return a[-id-1]
	}
	return id
}

// storedTogether is how many actors are stored in one transaction: an address has up to 98 hashes.
const storedTogether = 2048

// resolve stores the actors that the batch saw first, and tells the judge of them.
func (f *folder) resolve(ctx context.Context) (actorIDs, error) {
	ids := make(actorIDs, 0, len(f.fresh))
	for chunk := range slices.Chunk(f.fresh, storedTogether) {
		actors := make([]store.Actor, len(chunk))
		for i, who := range chunk {
			whole, digests := f.Key.Actor(who)
			actors[i] = store.Actor{Whole: whole, Digests: digests, Former: f.Key.FormerOf(who)}
		}
		stored, err := f.Store.ActorIDs(ctx, actors)
		if err != nil {
			return nil, err
		}
		ids = append(ids, stored...)
		f.learn(actors, stored)
		for i, who := range chunk {
			f.known[who] = stored[i]
		}
	}
	return ids, nil
}

// learn tells the judge who is who.
func (f *folder) learn(actors []store.Actor, ids []activity.ActorID) {
	f.judging.Lock()
	defer f.judging.Unlock()
	for i := range actors {
		f.Judge.Learn(ids[i], actors[i].Digests)
	}
}
