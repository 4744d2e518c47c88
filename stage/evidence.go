package stage

import (
	"cmp"
	"slices"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// observer turns one team's acts into facts.
type observer struct {
	cal      *calendar
	criteria Criteria
	team     string
	acts     map[activity.Kind][]*activity.Act
	sessions map[activity.ActorID][]session
	goals    goalBook
	recorded recordings
	aside    *setAside // once it is known
}

func newObserver(t Team, cal *calendar, k Criteria, goals goalBook, recorded recordings) *observer {
	o := &observer{cal: cal, criteria: k, team: t.Name, acts: map[activity.Kind][]*activity.Act{}, goals: goals, recorded: recorded}
	for i := range t.Acts {
		a := &t.Acts[i]
		if _, ok := cal.week(a.Date); ok && counted(a) {
			o.acts[a.Kind] = append(o.acts[a.Kind], a)
		}
	}
	o.findSessions()
	return o
}

// series returns what each criterion counts of the team, by rung.
func (o *observer) series() []series {
	b := o.baselines()
	return []series{o.queryDays(), b.written(), o.revisits(b), o.views(), o.adopted(), o.lookThenAct()}
}

// counted says whether an act is a person's, and some team's.
func counted(a *activity.Act) bool {
	return a.Robot == "" && (a.Outcome == activity.Counted || a.Outcome == "")
}

// fact returns a as a fact of the given key.
func (o *observer) fact(a *activity.Act, key int) fact {
	w, _ := o.cal.week(a.Date)
	return fact{
		week: w, known: w, void: forever, key: key,
		date: a.Date, kind: a.Kind, subject: a.Subject, count: max(a.Count, 1), own: a.Own,
	}
}

// views are the dashboards that the team's people opened.
func (o *observer) views() series {
	var facts []fact
	people := numbers[activity.ActorID]{}
	set := o.setAside()
	for _, a := range o.acts[activity.KindView] {
		if a.Actor == 0 && !a.Retired {
			continue // nobody's view is no ritual
		}
		if set.machine(a) || set.work[workday{a.Actor, a.Subject, a.Date}] {
			continue
		}
		f := o.fact(a, 0)
		if a.Actor != 0 {
			f.who = people.of(a.Actor) + 1
		}
		facts = append(facts, f)
	}
	return newSeries(facts, o.cal.weeks, 1, len(people))
}

// queryDays are the days on which somebody began to ask: a session over midnight is one day.
func (o *observer) queryDays() series {
	var facts []fact
	days := numbers[activity.Date]{}
	for _, a := range o.acts[activity.KindQuery] {
		began := o.began(a)
		f := o.fact(a, days.of(began))
		if w, ok := o.cal.week(began); ok {
			f.week, f.known = w, w
		}
		facts = append(facts, f)
	}
	return newSeries(facts, o.cal.weeks, len(days), 0)
}

// tagged says whether an annotation carries one of the tags; its detail is a list of tags.
func tagged(a *activity.Act, tags ...string) bool {
	for tag := range strings.SplitSeq(a.Detail, ",") {
		if slices.Contains(tags, strings.ToLower(strings.TrimSpace(tag))) {
			return true
		}
	}
	return false
}

// file adds an act under a key, if acts of that key are wanted.
func file[K comparable](under map[K][]*activity.Act, key K, a *activity.Act) {
	if have, wanted := under[key]; wanted {
		under[key] = append(have, a)
	}
}

// sortDays puts the acts of each key in order of their days.
func sortDays[K comparable](under map[K][]*activity.Act) {
	for _, acts := range under {
		slices.SortFunc(acts, func(a, b *activity.Act) int { return cmp.Compare(a.Date, b.Date) })
	}
}

// between returns those of acts, in order of their days, from a day to another, both included.
func between(acts []*activity.Act, from, to activity.Date) []*activity.Act {
	at := func(d activity.Date) int {
		i, _ := slices.BinarySearchFunc(acts, d, func(a *activity.Act, d activity.Date) int { return cmp.Compare(a.Date, d) })
		return i
	}
	return acts[at(from):max(at(from), at(to+1))]
}

// facts2 returns what version 2 looks at beside the series.
func (o *observer) facts2() *facts2 {
	f := &facts2{added: make([]int, o.cal.weeks), active: make([]bool, o.cal.weeks)}
	for _, acts := range o.acts {
		for _, a := range acts {
			if w, ok := o.cal.week(a.Date); ok && a.ByTeam != activity.No {
				f.active[w] = true
			}
		}
	}
	f.looks, f.machines = o.looks()
	for _, add := range o.additions() {
		if add.act.ByTeam != activity.Yes {
			if since, ok := o.recorded.byOthers(add.metric, o.team); ok && since <= add.act.Date {
				continue
			}
		}
		if w, ok := o.cal.week(add.act.Date); ok {
			f.added[w] = max(f.added[w], int(add.act.Date-o.cal.monday(w))+1)
		}
	}
	return f
}
