package collector

import (
	"context"
	"fmt"
	"maps"
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
	stored  *storedTexts
	budget  budget
	sum     *SourceSummary

	fence       store.Fence // of all slices, as last read or written here
	forgottenAt int64       // store.Progress.Forgotten
	held        *held
	folders     []*folder // at least one

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

// commit saves what the folders hold with the position they reached, and begins the next batch.
func (r *reader) commit(ctx context.Context, at position) error {
	c := store.Commit{
		Source: r.source.Name, Fence: r.fenceOf(at), Lease: r.Lease, Forgotten: r.forgottenAt, Cursors: at.cursors, Profile: r.Profile,
	}
	var actors actorIDs
	first := r.folders[0]
	for i, f := range r.folders {
		ids, err := f.resolve(ctx)
		if err != nil {
			return errStore{err}
		}
		f.countListed()
		if len(ids.ids) > 0 {
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
		actors.actors, actors.ids = append(actors.actors, ids.actors...), append(actors.ids, ids.ids...)
		c.Queries, c.Texts = append(c.Queries, f.asked...), append(c.Texts, f.parsing...)
		c.Dashboards = append(c.Dashboards, f.facts.Dashboards...)
		c.Rules, c.Goals = append(c.Rules, f.facts.Rules...), append(c.Goals, f.facts.Goals...)
		c.Selections = append(c.Selections, f.facts.Selections...)
		c.Codeowners = append(c.Codeowners, f.facts.Codeowners...)
		c.Folders, c.DataSources = append(c.Folders, f.facts.Folders...), append(c.DataSources, f.facts.DataSources...)
		c.Teams = append(c.Teams, f.teams...)
		c.Malformed += f.bad
		for d := range f.covered {
			c.Covered = append(c.Covered, d)
		}
	}
	if r.source.Joiner != nil {
		r.held.settle(r.source.Joiner, at.watermark, at.done, r.forgotten(), first)
		first.countListed()
		var err error
		if c.Held, err = r.held.state(); err != nil {
			return fmt.Errorf("what is held can't be written: %w", err)
		}
		c.HeldDay = r.provisional()
	}
	c.Days = first.days
	c.Totals, c.HeldTotals = r.judge(c, actors)
	fence, err := r.Store.Save(ctx, c)
	if err != nil {
		return errStore{err}
	}
	maps.Copy(r.fence, fence)
	for _, t := range c.Totals {
		r.sum.Events[t.Outcome] += t.Count
	}
	renumbered := r.held.renumber(r.budget.remembered)
	for _, f := range r.folders {
		r.sum.Malformed += f.bad
		r.sum.Foreign += f.foreign
		r.sum.Lines += int64(f.lines)
		f.reset(renumbered)
	}
	return nil
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
func (r *reader) judge(c store.Commit, ids actorIDs) (totals, heldTotals []store.EventTotal) {
	r.judging.Lock()
	defer r.judging.Unlock()
	for i, id := range ids.ids {
		r.Judge.Learn(id, ids.actors[i].Digests)
	}
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
type actorIDs struct {
	actors []store.Actor
	ids    []activity.ActorID
}

// of returns the stored id of an actor of the batch.
func (a actorIDs) of(id activity.ActorID) activity.ActorID {
	if id < 0 {
		return a.ids[-id-1]
	}
	return id
}

// resolve stores the actors that the batch saw first.
func (f *folder) resolve(ctx context.Context) (actorIDs, error) {
	var a actorIDs
	if len(f.fresh) == 0 {
		return a, nil
	}
	for _, who := range f.fresh {
		whole, digests := f.Key.Actor(who)
		a.actors = append(a.actors, store.Actor{Whole: whole, Digests: digests, Former: f.Key.FormerOf(who)})
	}
	var err error
	if a.ids, err = f.Store.ActorIDs(ctx, a.actors); err != nil {
		return a, err
	}
	for i, who := range f.fresh {
		f.known[who] = a.ids[i]
	}
	return a, nil
}
