package stage

import (
	"cmp"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// teamFolder folds the acts of one team.
type teamFolder struct {
	number   int
	folder   *Folder
	out      foldedTeam
	wanted   wanted
	work     map[workday]bool
	shared   map[string]bool
	people   numbers[activity.ActorID]
	actor    activity.ActorID // the last one numbered
	who      int32            // its number
	pages    clockworks
	sessions map[activity.ActorID]*session // the last of each person
	days     map[activity.Date]bool        // on which somebody is known to have begun to ask

	// Of the date that is folded.
	busy    bool
	looks   []look
	queries []asking
	spans   []span          // of the queries
	joined  []session       // room for those of a person
	kept    map[keptKey]int // where in out.kept

	// Of the week.
	known   bool
	last    sighting
	viewers map[viewer]bool
	viewer  viewer           // the last
	shown   map[shownKey]int // where in out.shown
}

// asking is what somebody asked on the date that is folded.
type asking struct {
	actor   activity.ActorID
	subject string
	own     activity.Tri
	count   int64
	last    time.Time
}

// keptKey is what views or queries of a day must share to be added up.
type keptKey struct {
	kind    activity.Kind
	subject string
	own     activity.Tri
	metrics *string // lists of metrics are shared by the acts that are about them
	n       int
}

// shownKey is what facts of evidence must share to be added up.
type shownKey struct {
	week    int
	kind    activity.Kind
	subject string
	own     activity.Tri
	aside   bool
}

func newTeamFolder(number int, t Team, f *Folder) *teamFolder {
	o := newObserver(t, f.cal, f.criteria, nil, f.goals, nil)
	shared := map[string]bool{}
	for _, a := range o.acts[activity.KindShare] {
		shared[a.Subject] = true
	}
	return &teamFolder{
		number: number, folder: f, wanted: o.wants(), work: o.edited(), shared: shared, people: numbers[activity.ActorID]{},
		pages: clockworks{f.criteria.Rhythm, map[habitOf]*page{}}, sessions: map[activity.ActorID]*session{}, days: map[activity.Date]bool{},
		out: foldedTeam{
			sessions: map[activity.ActorID][]session{}, clusters: make([][]cluster, f.cal.weeks),
			machines: make([]int, f.cal.weeks), active: make([]bool, f.cal.weeks),
		},
		kept: map[keptKey]int{}, viewers: map[viewer]bool{}, viewer: viewer{week: -1}, shown: map[shownKey]int{},
	}
}

// view takes in a look at a dashboard.
func (t *teamFolder) view(a *activity.Act) {
	t.keep(a)
	if a.Actor == 0 && !a.Retired {
		return // nobody's view is no ritual
	}
	var who int32
	if a.Actor != 0 {
		who = t.person(a.Actor)
	}
	first, last := minutesOfDay(a)
	before := t.pages.page(a)
	firstByMachine := t.pages.machine(before, a.Date, first)
	lastByMachine := firstByMachine
	if last != first {
		lastByMachine = t.pages.machine(before, a.Date, last)
	}
	work := len(t.work) > 0 && t.work[workday{a.Actor, a.Subject, a.Date}]
	aside := work || firstByMachine && lastByMachine
	t.looked(viewer{int32(t.folder.week), who, aside})
	t.show(shownKey{t.folder.week, a.Kind, a.Subject, a.Own, aside}, max(a.Count, 1))
	before.opened(a.Date, first)
	if work {
		return
	}
	if firstByMachine {
		t.out.machines[t.folder.week]++
	} else {
		t.looks = append(t.looks, newLook(first, who))
	}
	if last != first && !lastByMachine {
		t.looks = append(t.looks, newLook(last, who))
	}
}

// person numbers somebody from 1.
func (t *teamFolder) person(who activity.ActorID) int32 {
	if who != t.actor {
		t.actor, t.who = who, int32(t.people.of(who))+1
	}
	return t.who
}

func (t *teamFolder) looked(v viewer) {
	if v == t.viewer {
		return
	}
	t.viewer = v
	if !t.viewers[v] {
		t.viewers[v] = true
		t.out.viewers = append(t.out.viewers, v)
	}
}

// query takes in a question.
func (t *teamFolder) query(a *activity.Act) {
	t.keep(a)
	_, last := times(a)
	t.spans = appendSpans(t.spans, a)
	t.queries = append(t.queries, asking{a.Actor, a.Subject, a.Own, max(a.Count, 1), last})
}

// keep keeps an act that has to do with one of the few.
func (t *teamFolder) keep(a *activity.Act) {
	if !t.wanted.has(a) {
		return
	}
	k := keptKey{kind: a.Kind, subject: a.Subject, own: a.Own, n: len(a.Metrics)}
	if k.n > 0 {
		k.metrics = &a.Metrics[0]
	}
	first, last := times(a)
	i, ok := t.kept[k]
	if !ok {
		t.kept[k] = len(t.out.kept)
		t.out.kept = append(t.out.kept, activity.Act{
			Day: activity.Day{Date: a.Date, Kind: a.Kind, Subject: a.Subject, Count: max(a.Count, 1), First: first, Last: last},
			Own: a.Own, Metrics: a.Metrics,
		})
		return
	}
	have := &t.out.kept[i]
	have.Count += max(a.Count, 1)
	if first.Before(have.First) {
		have.First = first
	}
	if last.After(have.Last) {
		have.Last = last
	}
}

// show keeps so many acts as evidence.
func (t *teamFolder) show(k shownKey, count int64) {
	if k.week < t.folder.out.shown {
		return
	}
	i, ok := t.shown[k]
	if !ok {
		i = len(t.out.shown)
		t.shown[k] = i
		t.out.shown = append(t.out.shown, shownFact{fact{week: k.week, known: k.week, void: forever, kind: k.kind, subject: k.subject, own: k.own}, k.aside})
	}
	have := &t.out.shown[i]
	have.count += count
	have.date = max(have.date, t.folder.date)
}

func (t *teamFolder) endDay() {
	slices.Sort(t.looks)
	w := t.folder.week
	t.out.clusters[w] = appendClusters(t.out.clusters[w], w, t.folder.date, t.looks, t.folder.criteria.Rhythm.Minutes)
	slices.SortFunc(t.spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.who, b.who), a.start.Compare(b.start)) })
	slices.SortFunc(t.queries, func(a, b asking) int { return cmp.Compare(a.actor, b.actor) })
	spans, queries := t.spans, t.queries
	for len(queries) > 0 {
		actor := queries[0].actor
		n := firstOther(spans, func(s *span) bool { return s.who == actor })
		k := firstOther(queries, func(q *asking) bool { return q.actor == actor })
		t.ask(actor, queries[:k], spans[:n])
		spans, queries = spans[n:], queries[k:]
	}
	t.looks, t.queries, t.spans, t.busy = t.looks[:0], t.queries[:0], t.spans[:0], false
	if len(t.kept) > 0 {
		clear(t.kept)
	}
}

// firstOther is how many at the beginning of all are like the first.
func firstOther[T any](all []T, like func(*T) bool) int {
	n := 0
	for n < len(all) && like(&all[n]) {
		n++
	}
	return n
}

// ask joins what one person asked on a date, in order of time, with the session that may go on from the day before.
func (t *teamFolder) ask(actor activity.ActorID, queries []asking, spans []span) {
	open := t.sessions[actor]
	if open == nil {
		open = &session{}
		t.sessions[actor] = open
	}
	sessions := t.joined[:0]
	if !open.start.IsZero() {
		sessions = append(sessions, *open)
	}
	sessions = sessionsOf(sessions, spans, t.folder.criteria.SessionGap, t.shared)
	for i := range queries {
		t.asked(began(sessions, t.folder.date, queries[i].last), &queries[i])
	}
	last := len(sessions) - 1
	for _, s := range sessions[:last] {
		t.ended(actor, s)
	}
	*open, t.joined = sessions[last], sessions
}

// asked notes that a query was of a session that began on a day.
func (t *teamFolder) asked(day activity.Date, q *asking) {
	w, ok := t.folder.cal.week(day)
	if !ok {
		w = t.folder.week
	}
	if !ok || !t.days[day] {
		t.days[day] = true
		t.out.asked = append(t.out.asked, queryDay{int32(w), day})
	}
	t.show(shownKey{w, activity.KindQuery, q.subject, q.own, false}, q.count)
}

// ended keeps a session in which something was asked that is shared at some time.
func (t *teamFolder) ended(actor activity.ActorID, s session) {
	if len(s.subjects) > 0 {
		t.out.sessions[actor] = append(t.out.sessions[actor], s)
	}
}

func (t *teamFolder) endWeek() {
	clear(t.viewers)
	clear(t.shown)
	t.viewer = viewer{week: -1}
	t.pages.forget(t.folder.date)
}

func (t *teamFolder) end() foldedTeam {
	for actor, s := range t.sessions {
		t.ended(actor, *s)
	}
	return t.out
}
