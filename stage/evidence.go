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
	acts     map[activity.Kind][]*activity.Act // of views and queries those that were kept
	folded   *foldedTeam
	goals    goalBook
	recorded recordings
}

// newObserver returns the observer of a team with its folded views and queries, nil while they are not.
func newObserver(t Team, cal *calendar, k Criteria, folded *foldedTeam, goals goalBook, recorded recordings) *observer {
	o := &observer{cal: cal, criteria: k, team: t.Name, acts: map[activity.Kind][]*activity.Act{}, folded: folded, goals: goals, recorded: recorded}
	for i := range t.Acts {
		a := &t.Acts[i]
		if _, ok := cal.week(a.Date); ok && counted(a) && Few(a.Kind) {
			o.acts[a.Kind] = append(o.acts[a.Kind], a)
		}
	}
	if folded != nil {
		for i := range folded.kept {
			a := &folded.kept[i]
			o.acts[a.Kind] = append(o.acts[a.Kind], a)
		}
	}
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

// views are the weeks in which the team's people opened dashboards, and which ones.
func (o *observer) views() series {
	var facts []fact
	people := 0
	for _, v := range o.folded.viewers {
		if v.aside && o.criteria.Version >= 2 {
			continue
		}
		facts = append(facts, fact{week: int(v.week), known: int(v.week), void: forever, who: int(v.who)})
		people = max(people, int(v.who))
	}
	return o.showing(activity.KindView, newSeries(facts, o.cal.weeks, 1, people))
}

// queryDays are the days on which somebody began to ask: a session over midnight is one day.
func (o *observer) queryDays() series {
	var facts []fact
	days := numbers[activity.Date]{}
	for _, q := range o.folded.asked {
		facts = append(facts, fact{week: int(q.week), known: int(q.week), void: forever, key: days.of(q.day)})
	}
	return o.showing(activity.KindQuery, newSeries(facts, o.cal.weeks, len(days), 0))
}

// showing gives s the evidence of a kind.
func (o *observer) showing(kind activity.Kind, s series) series {
	var facts []fact
	for _, f := range o.folded.shown {
		if f.kind == kind && (!f.aside || o.criteria.Version < 2) {
			facts = append(facts, f.fact)
		}
	}
	shown := newSeries(facts, o.cal.weeks, 0, 0)
	s.shown = &shown
	return s
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
	f := &facts2{clusters: o.folded.clusters, machines: o.folded.machines, active: o.folded.active, added: make([]int, o.cal.weeks)}
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
