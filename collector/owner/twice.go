package owner

import (
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
}

// toldTwice finds, by the place of a row in days, what another source tells too.
func (b *Book) toldTwice(days []activity.Day) map[int]told {
	logged, listed := map[thread][]int{}, map[thread][]int{}
	for i := range days {
		d := &days[i]
		switch d.Kind {
		case activity.KindEdit, activity.KindAnnotation, activity.KindRule:
		default:
			continue
		}
		at := thread{d.Kind, d.Scope, d.Actor}
		switch {
		case d.Actor == 0:
		case b.config.Types[d.Source] == typeInventory:
			listed[at] = append(listed[at], i)
		case b.fromGrafana(d):
			logged[at] = append(logged[at], i)
		}
	}
	out := map[int]told{}
	for at, rows := range listed {
		b.pair(days, rows, logged[at], out)
	}
	return out
}

// pair sets what the rows of an API and of a log have in common aside. Rows that name the same thing are paired first: a log does
// not always tell what was saved.
func (b *Book) pair(days []activity.Day, listed, logged []int, out map[int]told) {
	for _, rows := range [][]int{listed, logged} {
		slices.SortFunc(rows, func(x, y int) int { return days[x].First.Compare(days[y].First) })
	}
	paired := map[int]int64{}
	for _, named := range []bool{true, false} {
		for _, api := range listed {
			for _, log := range logged {
				if !b.oneAct(&days[api], &days[log], named) {
					continue
				}
				n := min(days[api].Count-paired[api], days[log].Count-paired[log])
				if n <= 0 {
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
}

// oneAct reports whether two rows may tell the same act. named is whether they must name the same thing; else one of them must
// name none.
func (b *Book) oneAct(api, log *activity.Day, named bool) bool {
	subject := log.Subject
	if name, ok := b.inventory.uids[place{log.Scope, subject}]; ok && log.Kind == activity.KindRule {
		subject = name
	}
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
