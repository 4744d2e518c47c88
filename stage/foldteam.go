package stage

import (
	"cmp"
	"slices"

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
	pages    clockworks
	sessions map[activity.ActorID]*session // the last of each person
	days     map[activity.Date]bool        // on which somebody is known to have begun to ask

	// Of the date that is folded.
	busy    bool
	looks   []look
	queries []asking
	kept    map[keptKey]int // where in out.kept

	// Of the week.
	known   bool
	last    sighting
	viewers map[viewer]bool
	shown   map[shownKey]int // where in out.shown
}

// asking is what somebody asked on the date that is folded.
type asking struct {
	*activity.Act
	spans []span
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
		pages: clockworks{f.criteria.Rhythm, map[habitOf][]dayMinute{}}, sessions: map[activity.ActorID]*session{}, days: map[activity.Date]bool{},
		out: foldedTeam{
			sessions: map[activity.ActorID][]session{}, clusters: make([][]cluster, f.cal.weeks),
			machines: make([]int, f.cal.weeks), active: make([]bool, f.cal.weeks),
		},
		kept: map[keptKey]int{}, viewers: map[viewer]bool{}, shown: map[shownKey]int{},
	}
}

// view takes in a look at a dashboard.
func (t *teamFolder) view(a *activity.Act) {
	t.keep(a)
	if a.Actor == 0 && !a.Retired {
		return // nobody's view is no ritual
	}
	who := 0
	if a.Actor != 0 {
		who = t.people.of(a.Actor) + 1
	}
	first, last := minutesOfDay(a)
	page := t.pages.page(a)
	firstByMachine := t.pages.machine(page, a.Date, first)
	lastByMachine := firstByMachine
	if last != first {
		lastByMachine = t.pages.machine(page, a.Date, last)
	}
	work := t.work[workday{a.Actor, a.Subject, a.Date}]
	aside := work || firstByMachine && lastByMachine
	t.looked(viewer{t.folder.week, who, aside})
	t.show(t.folder.week, a, aside)
	t.pages.opened(a, first)
	if work {
		return
	}
	if firstByMachine {
		t.out.machines[t.folder.week]++
	} else {
		t.looks = append(t.looks, look{t.folder.week, a.Date, first, who})
	}
	if last != first && !lastByMachine {
		t.looks = append(t.looks, look{t.folder.week, a.Date, last, who})
	}
}

func (t *teamFolder) looked(v viewer) {
	if !t.viewers[v] {
		t.viewers[v] = true
		t.out.viewers = append(t.out.viewers, v)
	}
}

// query takes in a question.
func (t *teamFolder) query(a *activity.Act) {
	t.keep(a)
	own := *a // until the date ends
	t.queries = append(t.queries, asking{&own, spans(&own)})
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

// show keeps an act as evidence of a week.
func (t *teamFolder) show(week int, a *activity.Act, aside bool) {
	if week < t.folder.out.shown {
		return
	}
	k := shownKey{week, a.Kind, a.Subject, a.Own, aside}
	i, ok := t.shown[k]
	if !ok {
		t.shown[k] = len(t.out.shown)
		t.out.shown = append(t.out.shown, shownFact{fact{
			week: week, known: week, void: forever, date: a.Date, kind: a.Kind, subject: a.Subject, count: max(a.Count, 1), own: a.Own,
		}, aside})
		return
	}
	have := &t.out.shown[i]
	have.count += max(a.Count, 1)
	have.date = max(have.date, a.Date)
}

func (t *teamFolder) endDay() {
	slices.SortFunc(t.looks, func(a, b look) int { return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.who, b.who)) })
	w := t.folder.week
	t.out.clusters[w] = appendClusters(t.out.clusters[w], t.looks, t.folder.criteria.Rhythm.Minutes)
	slices.SortStableFunc(t.queries, func(a, b asking) int { return cmp.Compare(a.Actor, b.Actor) })
	for rest := t.queries; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Actor == rest[0].Actor {
			n++
		}
		t.ask(rest[:n])
		rest = rest[n:]
	}
	clear(t.queries)
	t.looks, t.queries, t.busy = t.looks[:0], t.queries[:0], false
	clear(t.kept)
}

// ask joins what one person asked on a date with the session that may go on from the day before.
func (t *teamFolder) ask(queries []asking) {
	actor := queries[0].Actor
	var all []span
	for _, q := range queries {
		all = append(all, q.spans...)
	}
	slices.SortFunc(all, func(a, b span) int { return a.start.Compare(b.start) })
	var sessions []session
	if open := t.sessions[actor]; open != nil {
		sessions = append(sessions, *open)
	}
	sessions = sessionsOf(sessions, all, t.folder.criteria.SessionGap, t.shared)
	for _, q := range queries {
		t.asked(began(sessions, q.Act), q.Act)
	}
	last := len(sessions) - 1
	for _, s := range sessions[:last] {
		t.ended(actor, s)
	}
	t.sessions[actor] = &sessions[last]
}

// asked notes that a query was of a session that began on a day.
func (t *teamFolder) asked(day activity.Date, a *activity.Act) {
	w, ok := t.folder.cal.week(day)
	if !ok {
		w = t.folder.week
	}
	if !ok || !t.days[day] {
		t.days[day] = true
		t.out.asked = append(t.out.asked, queryDay{w, day})
	}
	t.show(w, a, false)
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
	t.pages.forget(t.folder.date)
}

func (t *teamFolder) end() foldedTeam {
	for actor, s := range t.sessions {
		t.ended(actor, *s)
	}
	return t.out
}
