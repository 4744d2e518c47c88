package owner

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// A Grafana tells of a saved dashboard, an annotation and a changed rule twice: in its request log and through its API. Each is
// one act, counted from the source that says more: the log knows whether a script saved the dashboard, the API what an
// annotation is tagged with and what of a rule was changed. The other row is set aside as a duplicate, as far as it tells the same.

// typeInventory is the type of a source that reads a Grafana's API.
const typeInventory = "grafana-api"

// apart is how far the two may disagree on the time of one act.
const apart = time.Minute

// told is what is known of a row beside its own words.
type told struct {
	again int64  // how many of its acts another row tells too
	robot string // why that row says that it was no person
}

// apply takes what is told twice out of d; what is left stays.
func (t told) apply(d *activity.Day) {
	if d.Robot == "" {
		d.Robot = t.robot
	}
	if t.again >= d.Count {
		d.Robot = activity.RobotDuplicate
		return
	}
	d.Count -= t.again
}

// thread is what acts must share to be one.
type thread struct {
	kind  activity.Kind
	scope string
	actor activity.ActorID
	date  activity.Date
}

// toldTwice finds, by the place of a row in days, what another source tells too.
func (b *Book) toldTwice(days []activity.Day) map[int]told {
	logged, listed := map[thread][]int{}, map[thread][]int{}
	var vanished []int // what an API has no longer
	for i := range days {
		d := &days[i]
		switch d.Kind {
		case activity.KindEdit, activity.KindAnnotation, activity.KindRule:
		default:
			continue
		}
		at := thread{d.Kind, d.Scope, d.Actor, d.Date}
		switch {
		case d.Actor == 0 && b.config.Types[d.Source] == typeInventory && removes(d):
			vanished = append(vanished, i)
		case d.Actor == 0:
		case b.config.Types[d.Source] == typeInventory:
			listed[at] = append(listed[at], i)
		case b.fromGrafana(d):
			logged[at] = append(logged[at], i)
		}
	}
	out := map[int]told{}
	paired := map[int]int64{}
	for _, named := range []bool{true, false} {
		for _, at := range slices.SortedFunc(maps.Keys(listed), thread.compare) {
			var near []int
			for date := at.date - 1; date <= at.date+1; date++ { // an act at midnight may be of another day to the other
				near = append(near, logged[thread{at.kind, at.scope, at.actor, date}]...)
			}
			b.pair(days, listed[at], near, named, paired, out)
		}
	}
	for _, i := range vanished {
		for at, rows := range logged {
			if at.kind == days[i].Kind && at.scope == days[i].Scope && slices.ContainsFunc(rows, func(log int) bool { return b.sawRemoval(&days[i], &days[log]) }) {
				out[i] = told{again: days[i].Count}
			}
		}
	}
	return out
}

// unnoticed is for how many days an API may not have been read when it has something no longer.
const unnoticed = 2

// sawRemoval reports whether a log tells who removed what an API has no longer.
func (b *Book) sawRemoval(api, log *activity.Day) bool {
	return removes(log) && b.loggedName(log) == api.Subject && log.Date <= api.Date && log.Date+unnoticed >= api.Date
}

func removes(d *activity.Day) bool {
	return d.Detail == activity.RuleRemoved || d.Detail == activity.EditDeleted
}

// loggedName is the subject of a log's row as an API names it.
func (b *Book) loggedName(log *activity.Day) string {
	if name, ok := b.inventory.uids[place{log.Scope, log.Subject}]; ok && log.Kind == activity.KindRule {
		return name
	}
	return log.Subject
}

// compare orders threads by time, and those of a day by content.
func (t thread) compare(o thread) int {
	return cmp.Or(cmp.Compare(t.date, o.date), cmp.Compare(t.kind, o.kind), cmp.Compare(t.scope, o.scope), cmp.Compare(t.actor, o.actor))
}

// pair sets what the rows of an API and of a log have in common aside. Rows that name the same thing are paired before others: a log
// does not always tell what was saved. paired counts the acts of each row that are.
func (b *Book) pair(days []activity.Day, listed, logged []int, named bool, paired map[int]int64, out map[int]told) {
	for _, rows := range [][]int{listed, logged} {
		slices.SortFunc(rows, func(x, y int) int { return days[x].First.Compare(days[y].First) })
	}
	for _, api := range listed {
		for _, log := range logged {
			n := min(days[api].Count-paired[api], days[log].Count-paired[log])
			if n <= 0 || !b.oneAct(&days[api], &days[log], named) {
				continue
			}
			paired[api] += n
			paired[log] += n
			kept, again := api, log
			if days[api].Kind == activity.KindEdit {
				kept, again = log, api
			}
			t := out[again]
			t.again += n
			out[again] = t
			if robot := days[again].Robot; robot != "" && days[kept].Robot == "" {
				t := out[kept]
				t.robot = robot
				out[kept] = t
			}
		}
	}
}

// oneAct reports whether two rows may tell the same act. named is whether they must name the same thing; else one of them must
// name none.
func (b *Book) oneAct(api, log *activity.Day, named bool) bool {
	subject := b.loggedName(log)
	if named != (subject == api.Subject) || !named && subject != "" && api.Subject != "" {
		return false
	}
	removes := func(d *activity.Day) bool {
		return d.Detail == activity.RuleRemoved || d.Detail == activity.EditDeleted
	}
	if removes(api) != removes(log) || log.Kind == activity.KindAnnotation && log.Detail != activity.RuleAdded {
		return false
	}
	return !api.First.After(log.Last.Add(apart)) && !api.Last.Before(log.First.Add(-apart))
}
