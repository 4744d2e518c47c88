package store

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Folded is days of one source in little memory: names are stored once, and a row is numbers. It is what a batch is folded
// into, and what a block of the store is read into.
type Folded struct {
	Source string
	Names  uint32 // changes when names get other numbers
	// MaxNames is how many names are kept for the rows after a Reset; 0 for the default.
	MaxNames int

	names   []string
	nameIDs map[string]uint32
	sorts   []Sort
	sortIDs map[Sort]uint32
	rows    []foldedRow
	index   rowIndex
	added   []foldedRow // not in rows yet, at most queueLen
	ordered bool        // rows are sorted, each key once
}

// Sort is what many rows have in common.
type Sort = activity.Sort

// rowKey tells rows apart.
type rowKey struct {
	date    activity.Date
	sort    uint32
	subject uint32
	actor   activity.ActorID
}

// Sum is what happened of one key.
type Sum struct {
	Count       int64
	First, Last int64 // nanoseconds since 1970
	Hours       uint32
}

type foldedRow struct {
	rowKey
	Sum
}

func (k rowKey) compare(o rowKey) int {
	switch {
	case k.date != o.date:
		return cmp.Compare(k.date, o.date)
	case k.sort != o.sort:
		return cmp.Compare(k.sort, o.sort)
	case k.actor != o.actor:
		return cmp.Compare(k.actor, o.actor)
	}
	return cmp.Compare(k.subject, o.subject)
}

func (s *Sum) add(o Sum) {
	s.Count += o.Count
	s.First = min(s.First, o.First)
	s.Last = max(s.Last, o.Last)
	s.Hours |= o.Hours
}

// maxNames bounds the names that are kept for later rows, unless Folded.MaxNames says less.
const maxNames = 1 << 17

// NewFolded returns no days of source.
func NewFolded(source string) *Folded {
	return &Folded{Source: source, nameIDs: map[string]uint32{}, sortIDs: map[Sort]uint32{}}
}

// Len is the number of rows, at most: what was added last may belong to others.
func (f *Folded) Len() int { return len(f.rows) + len(f.added) }

// NameID returns the number by which Add knows a subject.
func (f *Folded) NameID(name string) uint32 {
	id, ok := f.nameIDs[name]
	if !ok {
		id = uint32(len(f.names))
		f.names = append(f.names, name)
		f.nameIDs[name] = id
	}
	return id
}

// SortID returns the number by which Add knows a sort.
func (f *Folded) SortID(s Sort) uint32 {
	id, ok := f.sortIDs[s]
	if !ok {
		id = uint32(len(f.sorts))
		f.sorts = append(f.sorts, s)
		f.sortIDs[s] = id
	}
	return id
}

// queueLen is how many sums are added at once.
const queueLen = 32

// Add adds a sum to the row of a key.
func (f *Folded) Add(date activity.Date, sort, subject uint32, actor activity.ActorID, s Sum) {
	key, n := rowKey{date: date, sort: sort, subject: subject, actor: actor}, len(f.added)
	if n > 0 && f.added[n-1].rowKey == key { // evaluations of rules follow each other, and have one key a day
		f.added[n-1].add(s)
		return
	}
	if f.added == nil {
		f.added = make([]foldedRow, 0, queueLen)
	}
	f.added = append(f.added, foldedRow{key, s})
	if len(f.added) == queueLen {
		f.settle()
	}
}

// settle adds what was queued. Where rows are is mostly not in the processor's cache, so all are asked for first: that is waiting once.
func (f *Folded) settle() {
	if f.index.from+f.index.used < len(f.rows) || 2*(f.index.used+len(f.added)) > len(f.index.slots) { // rows came without, or have other numbers now
		f.index.grow(f.rows)
	}
	f.index.fetch(f.rows, f.added)
	for i := range f.added {
		slot := f.index.find(f.rows, f.added[i].rowKey)
		if *slot != 0 {
			f.rows[*slot-1].add(f.added[i].Sum)
			continue
		}
		f.rows, f.ordered = append(f.rows, f.added[i]), false
		f.index.used++
		*slot = uint32(len(f.rows))
	}
	f.added = f.added[:0]
}

// Seal ends a stretch: what is added later makes rows of its own, even of keys that are there, until rows are stored or asked for. So
// who adds the acts of one actor after those of another finds rows in little memory.
func (f *Folded) Seal() {
	f.settle()
	f.index.begin(len(f.rows))
}

// AddDay adds a day, whatever its source.
func (f *Folded) AddDay(d *activity.Day) {
	sort := f.SortID(Sort{
		Kind: d.Kind, Scope: d.Scope, Detail: d.Detail, Robot: d.Robot, Tenant: d.Tenant,
		Team: d.Team, TeamReason: d.TeamReason, TeamAuthor: d.TeamAuthor, Retired: d.Retired,
	})
	f.Add(d.Date, sort, f.NameID(d.Subject), d.Actor, Sum{d.Count, d.First.UnixNano(), d.Last.UnixNano(), d.Hours})
}

// MapActors replaces actors. A row may then have the key of another one until it is stored.
func (f *Folded) MapActors(of func(activity.ActorID) activity.ActorID) {
	f.settle()
	for i := range f.rows {
		f.rows[i].actor = of(f.rows[i].actor)
	}
	f.index.reset()
	f.ordered = false
}

// OpenSubject marks the number of a subject that will be known later: until MapOpen names it, rows of it can't be read.
const OpenSubject = 1 << 31

// MapOpen replaces the sorts and subjects of rows whose subjects are open. A row may then have the key of another one until it is stored.
func (f *Folded) MapOpen(of func(sort, subject uint32) (uint32, uint32)) {
	f.settle()
	for i := range f.rows {
		if k := &f.rows[i].rowKey; k.subject&OpenSubject != 0 {
			k.sort, k.subject = of(k.sort, k.subject)
		}
	}
	f.index.reset()
	f.ordered = false
}

// Row is one row, by the numbers of its sort and subject.
type Row struct {
	Date          activity.Date
	Sort, Subject uint32
	Actor         activity.ActorID
	Count         int64
}

// Rows returns the rows in order of date, sort, actor and subject.
func (f *Folded) Rows() iter.Seq[Row] {
	f.order()
	return func(yield func(Row) bool) {
		for i := range f.rows {
			r := &f.rows[i]
			if !yield(Row{r.date, r.sort, r.subject, r.actor, r.Count}) {
				return
			}
		}
	}
}

// SortOf returns the sort of a number.
func (f *Folded) SortOf(id uint32) *Sort { return &f.sorts[id] }

// DayOf returns the day that a row is, without its sums.
func (f *Folded) DayOf(r Row) activity.Day {
	return f.day(&foldedRow{rowKey: rowKey{r.Date, r.Sort, r.Subject, r.Actor}, Sum: Sum{Count: r.Count}})
}

// Subjects is how many numbers of subjects there are.
func (f *Folded) Subjects() int { return len(f.names) }

// all appends the days in the order of the rows.
func (f *Folded) all(to []activity.Day) []activity.Day {
	f.settle()
	to = slices.Grow(to, len(f.rows))
	for i := range f.rows {
		to = append(to, f.day(&f.rows[i]))
	}
	return to
}

func (f *Folded) day(r *foldedRow) activity.Day {
	s := &f.sorts[r.sort]
	return activity.Day{
		Date: r.date, Source: f.Source, Kind: s.Kind, Scope: s.Scope, Subject: f.names[r.subject], Detail: s.Detail, Robot: s.Robot,
		Actor: r.actor, Tenant: s.Tenant, Count: r.Count, First: time.Unix(0, r.First).UTC(), Last: time.Unix(0, r.Last).UTC(), Hours: r.Hours,
		Team: s.Team, TeamReason: s.TeamReason, TeamAuthor: s.TeamAuthor, Retired: s.Retired,
	}
}

// Take returns the rows, which f no longer has. They do not change whatever is added to f meanwhile, and nothing can be added to them.
func (f *Folded) Take() *Folded {
	f.settle()
	taken := &Folded{Source: f.Source, Names: f.Names, names: f.names, sorts: f.sorts, rows: f.rows, ordered: f.ordered}
	f.rows, f.ordered = make([]foldedRow, 0, len(f.rows)), false
	f.index.reset()
	return taken
}

// Reset drops the rows and keeps the names, unless they have become too many.
func (f *Folded) Reset() {
	if len(f.names) > cmp.Or(f.MaxNames, maxNames) {
		generation, most := f.Names, f.MaxNames
		*f = *NewFolded(f.Source)
		f.Names, f.MaxNames = generation+1, most
		return
	}
	f.rows, f.added, f.ordered = f.rows[:0], f.added[:0], false
	f.index.reset()
}

// Merge adds what g holds.
func (f *Folded) Merge(g *Folded) {
	g.settle()
	f.merge(g, g.rows)
}

// merge adds rows of g.
func (f *Folded) merge(g *Folded, rows []foldedRow) {
	sorts, names := make([]uint32, len(g.sorts)), make([]uint32, len(g.names)) // numbers here plus one, by those in g
	for i := range rows {
		r := &rows[i]
		if sorts[r.sort] == 0 {
			sorts[r.sort] = f.SortID(g.sorts[r.sort]) + 1
		}
		if names[r.subject] == 0 {
			names[r.subject] = f.NameID(g.names[r.subject]) + 1
		}
		f.Add(r.date, sorts[r.sort]-1, names[r.subject]-1, r.actor, r.Sum)
	}
}

// order sorts the rows, and adds up those of one key.
func (f *Folded) order() {
	f.settle()
	if f.ordered {
		return
	}
	f.index.reset() // the numbers of rows change
	f.sortRows()
	rows := f.rows[:0]
	for i := range f.rows {
		if n := len(rows); n > 0 && rows[n-1].rowKey == f.rows[i].rowKey {
			rows[n-1].add(f.rows[i].Sum)
			continue
		}
		rows = append(rows, f.rows[i])
	}
	f.rows, f.ordered = rows, true
}

// byDate calls yield with the rows of each date in order, each key once.
func (f *Folded) byDate(yield func(activity.Date, []foldedRow) error) error {
	f.order()
	for rest := f.rows; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].date == rest[0].date {
			n++
		}
		if err := yield(rest[0].date, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}
