package owner

import (
	"slices"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// What somebody did in Grafana may be told by several logs: Grafana's request log, its usage insights, and the log of the
// database that it asked. It is one act, and the request log tells most of it. So:
//
//   - What a database was asked through a Grafana counts only of days of which no request log was read.
//   - Where the request log shows an act of a person, the same act of that person and day in another log is left out. Usage
//     insights name neither queries nor, in most versions, dashboards as the request log does: then any act of the kind is the same.
//
// What a Grafana's API tells too is twice.go's matter.

// toldByGrafana reports whether d was asked through a Grafana, on a day of which the request log was read.
func (b *Book) toldByGrafana(d *activity.Day) bool {
	return d.Kind == activity.KindQuery && d.Scope == activity.ThroughGrafana(d.Source) && b.grafanas[d.Date]
}

// personal is what one person did of a kind on a day.
type personal struct {
	actor activity.ActorID
	date  activity.Date
	kind  activity.Kind
}

// toldByRequestLog finds rows of which a request log tells too, by their place in the days, with the reason to leave them out.
func (b *Book) toldByRequestLog(days []activity.Day) map[int]string {
	var others []int
	for i := range days {
		if d := &days[i]; d.Actor != 0 && d.Robot == "" && b.mayBeTwice(d) {
			others = append(others, i)
		}
	}
	if len(others) == 0 {
		return nil
	}
	told := map[personal]map[string]bool{}
	for _, i := range others {
		told[personalOf(&days[i])] = map[string]bool{}
	}
	for i := range days {
		d := &days[i]
		if subjects := told[personalOf(d)]; subjects != nil && d.Robot == "" && b.config.Types[d.Source] == typeRequestLog {
			subjects[d.Subject] = true
		}
	}
	again := map[int]string{}
	for _, i := range others {
		d := b.named(days[i])
		if subjects := told[personalOf(&d)]; len(subjects) == 0 || d.Subject != "" && !byNumber(d.Subject) && !subjects[d.Subject] {
			continue
		}
		again[i] = activity.RobotGrafana
		if b.config.Types[d.Source] == typeInsights {
			again[i] = activity.RobotDuplicate
		}
	}
	return again
}

// mayBeTwice reports whether a request log may tell of d too: d names a person, and is from another log.
func (b *Book) mayBeTwice(d *activity.Day) bool {
	return b.namesPeople(d) && (b.config.Types[d.Source] == typeInsights || !b.isClient(d, b.actors[d.Actor]))
}

// namesPeople reports whether rows like d are from a log beside the request log that may name a person.
func (b *Book) namesPeople(d *activity.Day) bool {
	switch t := b.config.Types[d.Source]; {
	case t == typeInsights:
		return d.Kind == activity.KindView || d.Kind == activity.KindQuery
	case t == "" || strings.HasPrefix(t, grafanaPrefix):
		return false
	}
	return d.Kind == activity.KindQuery
}

func personalOf(d *activity.Day) personal { return personal{d.Actor, d.Date, d.Kind} }

// numberPrefix begins the subject of a dashboard that a log knows by its number alone (see grafana.UsageInsights).
const numberPrefix = "id:"

func byNumber(uid string) bool { return strings.HasPrefix(uid, numberPrefix) }

// named returns d with the uid of its dashboard, if d has only its number and one dashboard of the same title stands in the same
// folder.
func (b *Book) named(d activity.Day) activity.Day {
	if !byNumber(d.Subject) {
		return d
	}
	seen := b.dashboards[place{d.Scope, d.Subject}]
	if len(seen) == 0 {
		return d
	}
	known := numbered(seen[len(seen)-1])
	uid := ""
	for _, candidate := range b.titles[place{d.Scope, known.Title}] {
		if !slices.ContainsFunc(b.dashboards[place{d.Scope, candidate}], known.sharesFolder) {
			continue
		}
		if uid != "" {
			return d // two of them
		}
		uid = candidate
	}
	if uid != "" {
		d.Subject = uid
	}
	return d
}

// numbered is a dashboard that is known by its number.
type numbered activity.Dashboard

func (n numbered) sharesFolder(d activity.Dashboard) bool {
	return slices.ContainsFunc(d.Folders, func(folder string) bool { return slices.Contains(n.Folders, folder) })
}
