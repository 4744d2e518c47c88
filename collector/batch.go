package collector

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

const (
	// tooLate is how far ahead of this machine's clock a line may have been written. Beyond it, it would mark days as
	// covered that have not come yet.
	tooLate = 36 * time.Hour
	// maxActors bounds the identities remembered between batches; beyond it they are looked up again.
	maxActors = 1 << 17
)

// reader reads one source. It is used by one goroutine.
type reader struct {
	Config
	source  Source
	judging *sync.Mutex
	sum     *SourceSummary

	version   int64
	held      *held
	malformed int64

	total   int64 // bytes to read in this run
	saved   []lines.Position
	sampled time.Time      // when a line was last shown
	failed  error          // what could not be read; the rest was
	refused bool           // the parser said that a file is of no use: said once
	parsed  activity.Batch // of one line

	known   map[activity.Identity]activity.ActorID // committed
	queries map[string]bool                        // keys of queries known to be stored
	boards  map[place]activity.Dashboard           // as last stored

	batch
}

// place is a dashboard's.
type place struct{ scope, uid string }

// batch is what was read since the last commit. Actors that are not stored yet have negative ids: -1 is fresh[0].
type batch struct {
	days    map[activity.Day]*activity.Day
	fresh   []activity.Identity
	freshID map[activity.Identity]activity.ActorID
	asked   []activity.Query
	facts   activity.Batch
	covered map[activity.CoveredDay]bool
	bad     int64
	lines   int
	day     dayCache
}

// dayCache saves the conversion of a time to a civil day for neighbours in one day.
type dayCache struct {
	date       activity.Date
	begin, end time.Time
}

func (r *reader) reset() {
	r.batch = batch{
		days: map[activity.Day]*activity.Day{}, freshID: map[activity.Identity]activity.ActorID{}, covered: map[activity.CoveredDay]bool{},
	}
	if r.known == nil || len(r.known) > maxActors {
		r.known = map[activity.Identity]activity.ActorID{}
	}
	if r.queries == nil || len(r.queries) > maxActors {
		r.queries = map[string]bool{}
	}
	if r.boards == nil || len(r.boards) > maxActors {
		r.boards = map[place]activity.Dashboard{}
	}
}

// plausible reports whether a line may have been written at t.
func (r *reader) plausible(t time.Time) bool {
	return t.Year() >= 2010 && t.Before(r.Now().Add(tooLate))
}

// cover notes that a line of a class was read.
func (r *reader) cover(l activity.Line) {
	if l.Time.Before(r.day.begin) || !l.Time.Before(r.day.end) {
		r.day.date = activity.DateOf(l.Time.In(r.Location))
		r.day.begin, r.day.end = r.day.date.Start(r.Location), (r.day.date + 1).Start(r.Location)
	}
	r.covered[activity.CoveredDay{Source: r.source.Name, Class: l.Class, Date: r.day.date}] = true
	if l.Class == activity.ClassView {
		r.covered[activity.CoveredDay{Source: r.source.Name, Class: activity.ClassAny, Date: r.day.date}] = true
	}
}

// add takes what a parser or fetcher read. Everything that names a person or holds a query's text ends here.
func (r *reader) add(b *activity.Batch) {
	for _, e := range b.Events {
		actor := r.actor(e.Who)
		if e.Query != "" {
			q := r.ask(e.Query)
			e.Subject = q.Fingerprint
			if e.Kind == activity.KindQuery && e.Step == "" && e.Detail == "" {
				e.Detail = q.Variant // no person is known: the matchers may tell whose query it is
			}
		}
		if e.Step != "" && r.source.Joiner != nil {
			r.held.Parts = append(r.held.Parts, newPart(e, actor))
			continue
		}
		r.fold(joined{e, actor})
	}
	for _, d := range b.Dashboards {
		d.Seen = d.Seen.Truncate(24 * time.Hour)
		at := place{d.Scope, d.UID}
		if last, ok := r.boards[at]; ok && last.Same(d) && !d.Seen.Before(last.Seen) {
			continue
		}
		r.boards[at] = d
		r.facts.Dashboards = append(r.facts.Dashboards, d)
	}
	r.facts.Rules = append(r.facts.Rules, b.Rules...)
	for _, g := range b.Goals {
		if g.Query != "" {
			q := r.ask(g.Query)
			g.Query, g.Metrics = q.Fingerprint, q.Metrics
		}
		r.facts.Goals = append(r.facts.Goals, g)
	}
}

func (r *reader) ask(text string) activity.Query {
	q := r.Fingerprint(text)
	if q.Fingerprint != "" && !r.queries[q.Key()] {
		r.queries[q.Key()] = true
		r.asked = append(r.asked, q)
	}
	return q
}

func (r *reader) actor(who activity.Identity) activity.ActorID {
	if who.IsZero() {
		return 0
	}
	if id, ok := r.known[who]; ok {
		return id
	}
	id, ok := r.freshID[who]
	if !ok {
		r.fresh = append(r.fresh, who)
		id = -activity.ActorID(len(r.fresh))
		r.freshID[who] = id
	}
	return id
}

func (r *reader) fold(e joined) {
	d := activity.FoldEvent(e.Event, r.Location)
	d.Source, d.Actor = r.source.Name, e.Actor
	key := d.Key()
	if sum, ok := r.days[key]; ok {
		sum.Add(d)
		return
	}
	r.days[key] = &d
}

// position is how far this batch got.
type position struct {
	cursors   map[string][]byte
	watermark time.Time
	done      bool
}

// commit saves the batch with the position it reached, and begins the next.
func (r *reader) commit(ctx context.Context, at position) error {
	ids, err := r.resolve(ctx)
	if err != nil {
		return errStore{err}
	}
	c := store.Commit{
		Source: r.source.Name, Version: r.version, Queries: r.asked, Dashboards: r.facts.Dashboards, Rules: r.facts.Rules, Goals: r.facts.Goals,
		Malformed: r.bad, Cursors: at.cursors,
	}
	if r.source.Joiner != nil {
		for i, p := range r.held.Parts {
			r.held.Parts[i].Actor = ids.of(p.Actor)
		}
		for _, e := range r.held.settle(r.source.Joiner, at.watermark, at.done) {
			r.fold(e)
		}
		if c.Held, err = json.Marshal(r.held); err != nil {
			return fmt.Errorf("what is held can't be written: %w", err)
		}
	}
	for _, d := range r.days {
		d.Actor = ids.of(d.Actor)
		c.Days = append(c.Days, *d)
	}
	c.Days = activity.Fold(c.Days) // a new actor's days and those of settled parts meet only now
	for d := range r.covered {
		c.Covered = append(c.Covered, d)
	}
	if r.source.Joiner != nil {
		c.HeldDay = r.provisional()
	}
	c.Totals, c.HeldTotals = r.judge(c, ids)
	version, err := r.Store.Save(ctx, c)
	if err != nil {
		return errStore{err}
	}
	r.version = version
	r.malformed += r.bad
	for _, t := range c.Totals {
		r.sum.Events[t.Outcome] += t.Count
	}
	r.reset()
	return nil
}

// provisional folds what is held as things stand.
func (r *reader) provisional() []activity.Day {
	var days []activity.Day
	for _, e := range r.held.provisional(r.source.Joiner) {
		d := activity.FoldEvent(e.Event, r.Location)
		d.Source, d.Actor = r.source.Name, e.Actor
		days = append(days, d)
	}
	return activity.Fold(days)
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

func (r *reader) totals(days []activity.Day) []store.EventTotal {
	counts := map[store.EventTotal]int64{}
	for _, a := range r.Judge.Attribute(days) {
		counts[store.EventTotal{Source: r.source.Name, Kind: a.Kind, Outcome: a.Outcome}] += a.Count
	}
	var out []store.EventTotal
	for t, n := range counts {
		t.Count = n
		out = append(out, t)
	}
	return out
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
func (r *reader) resolve(ctx context.Context) (actorIDs, error) {
	var a actorIDs
	if len(r.fresh) == 0 {
		return a, nil
	}
	for _, who := range r.fresh {
		whole, digests := r.Key.Actor(who)
		a.actors = append(a.actors, store.Actor{Whole: whole, Digests: digests})
	}
	var err error
	if a.ids, err = r.Store.ActorIDs(ctx, a.actors); err != nil {
		return a, err
	}
	for i, who := range r.fresh {
		r.known[who] = a.ids[i]
	}
	return a, nil
}
