package collector

import (
	"math"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// memory is what a folder knows of the lines that a Glancer tells: who did what is looked up by two numbers, and then counted.
// What they mean was found out by Parse, when each was seen first.
type memory struct {
	whos   activity.Numbers
	actors []activity.ActorID // by number of who; unknown where that was not found out
	whats  activity.Numbers
	deeds  []remembered // by number of what
	most   int          // that are remembered after a commit
}

// unknown is no actor's id.
const unknown = activity.ActorID(math.MinInt64)

// remembered is all of an event but when and who, in numbers.
type remembered struct {
	known         bool
	nothing       bool   // it is none
	held          bool   // a part, not an act
	open          bool   // its query is a question of this batch
	what          uint32 // number of the part
	sort, subject uint32 // numbers in the folder's days
	count         int64
}

// forget begins anew if more than most is remembered, or if the numbers of days are others now.
func (m *memory) forget(renumbered bool, most int) {
	m.most = most
	if len(m.actors) > most {
		m.whos, m.actors = activity.Numbers{}, nil
	}
	if renumbered || len(m.deeds) > most {
		m.whats, m.deeds = activity.Numbers{}, nil
	}
}

// mapActors replaces the actors that are stored now.
func (m *memory) mapActors(of func(activity.ActorID) activity.ActorID) {
	for i, id := range m.actors {
		if id != unknown {
			m.actors[i] = of(id)
		}
	}
}

// settle puts what queries are in the place of their questions, as place does for sorts and subjects, and parts for open parts.
func (m *memory) settle(place func(sort, subject uint32) (uint32, uint32), parts []uint32) {
	for i := range m.deeds {
		d := &m.deeds[i]
		switch {
		case !d.open:
			continue
		case d.held:
			d.what = parts[d.what&^store.OpenSubject]
		default:
			d.sort, d.subject = place(d.sort, d.subject)
		}
		d.open = false
	}
}

// glance takes a line if it can be told at a glance.
func (f *folder) glance(from *track, line []byte) bool {
	g := &f.glanced
	if !f.glancer.Glance(line, g) {
		return false
	}
	if g.Foreign {
		f.foreign++
		return true
	}
	if g.At < earliest || g.At > f.latest {
		return false
	}
	if g.Act != 0 && !f.count(line, g) {
		return false
	}
	f.clock.set(g.At)
	f.cover(g.Class)
	from.reached(g.At)
	return true
}

// count counts what a glance told of. It is false if that is not known, and Parse does not know either.
func (f *folder) count(line []byte, g *activity.Glance) bool {
	deed := f.memory.deed(g)
	if deed.known && deed.nothing {
		return true
	}
	var nobody activity.ActorID
	actor := &nobody
	if len(g.Who) > 0 {
		actor = f.memory.actor(g)
	}
	if !deed.known || *actor == unknown {
		e, ok := f.tell(line, g)
		if !ok {
			return false
		}
		if e == nil {
			*deed = remembered{known: true, nothing: true}
			return true
		}
		if *actor = f.actor(e.Who); !deed.known {
			*deed = f.remember(e)
		}
	}
	if deed.held {
		f.parts = append(f.parts, part{at: g.At, actor: *actor, what: deed.what})
		return true
	}
	if f.source.Joiner != nil && deed.count == 1 {
		f.list(act{g.At, *actor, deed.sort, deed.subject})
		return true
	}
	f.clock.set(g.At)
	f.days.Add(f.clock.date, deed.sort, deed.subject, *actor, store.Sum{Count: deed.count, First: g.At, Last: g.At, Hours: 1 << f.clock.hour})
	return true
}

// actor returns the place of the actor that a glance shows.
func (m *memory) actor(g *activity.Glance) *activity.ActorID {
	who, fresh := m.whos.Of(0, g.Who)
	if fresh {
		m.actors = append(m.actors, unknown)
	}
	return &m.actors[who]
}

// deed returns the place of what a glance shows.
func (m *memory) deed(g *activity.Glance) *remembered {
	if len(m.deeds) > 2*m.most {
		m.whats, m.deeds = activity.Numbers{}, nil
	}
	what, fresh := m.numberOf(g)
	if fresh {
		m.deeds = append(m.deeds, remembered{})
	}
	return &m.deeds[what]
}

func (m *memory) numberOf(g *activity.Glance) (number uint32, fresh bool) {
	if g.Where == nil {
		return m.whats.Of(g.Act, g.What)
	}
	return m.whats.OfPair(g.Act, g.What, g.Where)
}

// tell returns the only event of a line that was glanced at, nil if there is none. It is not ok if the line tells more.
func (f *folder) tell(line []byte, g *activity.Glance) (e *activity.Event, ok bool) {
	if f.teller != nil {
		f.told = activity.Event{}
		if f.teller.Tell(g, &f.told) {
			return &f.told, true
		}
	}
	return f.parseOne(line)
}

// parseOne returns the only event of a line, nil if there is none. It is not ok if the line tells more.
func (f *folder) parseOne(line []byte) (e *activity.Event, ok bool) {
	f.parsed.Reset()
	_, err := f.source.Parser.Parse(line, &f.parsed)
	if err != nil || len(f.parsed.Events) > 1 || len(f.parsed.Dashboards) > 0 {
		return nil, false
	}
	if len(f.parsed.Events) == 0 {
		return nil, true
	}
	return &f.parsed.Events[0], true
}

// remember returns what is kept of an event.
func (f *folder) remember(e *activity.Event) remembered {
	number, open := f.ask(e, true)
	switch {
	case open && f.holds(e):
		return remembered{known: true, open: true, held: true, what: f.heldPart(e, number)}
	case open:
		return remembered{known: true, open: true, sort: f.sort(e), subject: store.OpenSubject | number, count: max(e.Count, 1)}
	case f.holds(e):
		return remembered{known: true, held: true, what: f.held.number(e)}
	}
	return remembered{known: true, sort: f.sort(e), subject: f.days.NameID(e.Subject), count: max(e.Count, 1)}
}
