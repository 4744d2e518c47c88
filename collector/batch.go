package collector

import (
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// folder folds what is read into a batch. It is used by one goroutine; where several files are read side by side there are
// several, and a commit takes them all.
type folder struct {
	*reader
	glancer Glancer          // the source's parser, if it is one
	teller  Teller           // the same
	told    activity.Event   // of one line
	glanced activity.Glance  // at one line
	memory  memory           // of glances
	alone   []remembered     // by number of a part that is an act of its own
	parsed  activity.Batch   // of one line
	answers map[string]asked // of texts that no glance remembers
	known   map[activity.Identity]activity.ActorID
	boards  map[place]activity.Dashboard // as last stored
	sorts   [4]sortID                    // lately used
	spare   []act                        // memory to sort acts in
	clock   clock
	last    activity.CoveredDay // noted last
	latest  int64               // beyond it a line's time is not believed

	batch
}

// place is a dashboard's.
type place struct{ scope, uid string }

// sortID is a sort with its number in the batch.
type sortID struct {
	store.Sort
	id   uint32
	used bool
}

// batch is what was read since the last commit. Actors that are not stored yet have negative ids: -1 is fresh[0].
type batch struct {
	days      *store.Folded
	parts     []part // to be held
	acts      []act  // to be counted
	fresh     []activity.Identity
	freshID   map[activity.Identity]activity.ActorID
	asked     []activity.Query // beside the questions
	questions questions
	facts     activity.Batch
	teams     []store.TeamSnapshot
	covered   map[activity.CoveredDay]bool
	bad       int64
	foreign   int64 // lines of other logs
	lines     int
	failed    error // what could not be read; the rest was
}

func newFolder(r *reader) *folder {
	f := &folder{reader: r, clock: clock{location: r.Location}}
	f.glancer, _ = r.source.Parser.(Glancer)
	f.teller, _ = r.source.Parser.(Teller)
	f.reset(false)
	return f
}

// reset begins a batch. Parts may have other numbers than before.
func (f *folder) reset(renumbered bool) {
	days := f.days
	if days == nil {
		days = store.NewFolded(f.source.Name)
		days.MaxNames = f.budget.remembered
	}
	names := days.Names
	days.Reset()
	if renumbered = renumbered || days.Names != names; renumbered {
		f.alone = nil
	}
	f.memory.forget(renumbered, f.budget.remembered)
	f.batch = batch{
		days: days, freshID: map[activity.Identity]activity.ActorID{}, covered: map[activity.CoveredDay]bool{},
		parts: f.parts[:0], acts: f.acts[:0], questions: newQuestions(),
	}
	f.sorts, f.last = [4]sortID{}, activity.CoveredDay{}
	if f.known == nil || len(f.known) > f.budget.remembered {
		f.known = map[activity.Identity]activity.ActorID{}
	}
	if f.boards == nil || len(f.boards) > f.budget.remembered {
		f.boards = map[place]activity.Dashboard{}
	}
}

// cover notes that a line of a class was read at the time to which the clock is set.
func (f *folder) cover(class activity.Class) {
	if f.last.Date == f.clock.date && f.last.Class == class {
		return
	}
	d := activity.CoveredDay{Source: f.source.Name, Class: class, Date: f.clock.date}
	f.last = d
	f.covered[d] = true
	if d.Class == activity.ClassView {
		d.Class = activity.ClassAny
		f.covered[d] = true
	}
}

// holds reports whether an event is part of an act over several lines.
func (f *folder) holds(e *activity.Event) bool { return e.Step != "" && f.source.Joiner != nil }

// add takes what a parser or fetcher read. Everything that names a person or holds a query's text ends here.
func (f *folder) add(b *activity.Batch) {
	for i := range b.Events {
		e := &b.Events[i]
		actor := f.actor(e.Who)
		number, open := f.ask(e, false)
		switch {
		case f.holds(e) && open:
			f.parts = append(f.parts, part{at: e.Time.UnixNano(), actor: actor, what: f.heldPart(e, number)})
		case f.holds(e):
			f.parts = append(f.parts, part{at: e.Time.UnixNano(), actor: actor, what: f.held.number(e)})
		case open:
			f.foldAs(e, store.OpenSubject|number, actor)
		default:
			f.fold(e, actor)
		}
	}
	for _, d := range b.Dashboards {
		d.Seen = d.Seen.Truncate(24 * time.Hour)
		at := place{d.Scope, d.UID}
		if last, ok := f.boards[at]; ok && last.Same(d) && !d.Seen.Before(last.Seen) {
			continue
		}
		f.boards[at] = d
		f.facts.Dashboards = append(f.facts.Dashboards, d)
	}
	f.facts.Rules = append(f.facts.Rules, b.Rules...)
	f.facts.Folders = append(f.facts.Folders, b.Folders...)
	f.facts.DataSources = append(f.facts.DataSources, b.DataSources...)
	f.facts.Selections = append(f.facts.Selections, b.Selections...)
	f.facts.Codeowners = append(f.facts.Codeowners, b.Codeowners...)
	for _, t := range b.Teams {
		f.teams = append(f.teams, f.snapshot(t))
	}
	for _, g := range b.Goals {
		if g.Query != "" {
			q := f.Fingerprint(g.Query)
			f.asked = append(f.asked, q)
			g.Query, g.Metrics = q.Fingerprint, q.Metrics
		}
		f.facts.Goals = append(f.facts.Goals, g)
	}
}

// snapshot is t without anything that names a person.
func (f *folder) snapshot(t activity.TeamSnapshot) store.TeamSnapshot {
	f.clock.set(t.Seen.UnixNano())
	out := store.TeamSnapshot{Scope: t.Scope, Date: f.clock.date}
	for _, team := range t.Teams {
		known := store.Team{ID: team.ID, Name: team.Name, Unread: team.Unread}
		for _, m := range team.Members {
			known.Members = append(known.Members, f.Key.Member(m.Login, m.Email))
		}
		out.Teams = append(out.Teams, known)
	}
	return out
}

func (f *folder) actor(who activity.Identity) activity.ActorID {
	if who.IsZero() {
		return 0
	}
	if id, ok := f.known[who]; ok {
		return id
	}
	id, ok := f.freshID[who]
	if !ok {
		f.fresh = append(f.fresh, who)
		id = -activity.ActorID(len(f.fresh))
		f.freshID[who] = id
	}
	return id
}

// fold adds a finished event to its day.
func (f *folder) fold(e *activity.Event, actor activity.ActorID) {
	f.foldAs(e, f.days.NameID(e.Subject), actor)
}

// foldAs adds a finished event to its day, under the number of its subject.
func (f *folder) foldAs(e *activity.Event, subject uint32, actor activity.ActorID) {
	at := e.Time.UnixNano()
	f.clock.set(at)
	f.days.Add(f.clock.date, f.sort(e), subject, actor, store.Sum{Count: max(e.Count, 1), First: at, Last: at, Hours: 1 << f.clock.hour})
}

// sort returns the number of an event's sort: there are few, and the same ones again and again.
func (f *folder) sort(e *activity.Event) uint32 {
	want := store.Sort{Kind: e.Kind, Scope: e.Scope, Detail: e.Detail, Robot: e.Robot, Tenant: e.Tenant}
	for i := range f.sorts {
		if s := &f.sorts[i]; s.used && s.Sort == want {
			return s.id
		}
	}
	id := f.days.SortID(want)
	copy(f.sorts[1:], f.sorts[:])
	f.sorts[0] = sortID{want, id, true}
	return id
}

// clock tells the civil day and hour of times. It remembers hours, which saves the conversion.
type clock struct {
	location *time.Location
	wallHour // to which it is set
	hours    [256]wallHour
}

// wallHour is an hour as clocks show it.
type wallHour struct {
	begin, end int64 // in nanoseconds since 1970; nothing is known if they are equal
	date       activity.Date
	hour       int
}

func (c *clock) set(at int64) {
	if at >= c.begin && at < c.end {
		return
	}
	known := &c.hours[uint64(at/int64(time.Hour))%uint64(len(c.hours))]
	if at < known.begin || at >= known.end {
		*known = hourOf(at, c.location)
	}
	c.wallHour = *known
}

// hourOf is the hour of a time. It has no beginning and end if the clocks are changed in it.
func hourOf(at int64, location *time.Location) wallHour {
	local := time.Unix(0, at).In(location)
	h := wallHour{date: activity.DateOf(local), hour: local.Hour()}
	begin := local.Add(-time.Duration(local.Minute())*time.Minute - time.Duration(local.Second())*time.Second - time.Duration(local.Nanosecond()))
	end := begin.Add(time.Hour)
	_, before := begin.Zone()
	if _, after := end.Zone(); before == after && begin.Hour() == h.hour {
		h.begin, h.end = begin.UnixNano(), end.UnixNano()
	}
	return h
}
