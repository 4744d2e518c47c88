package stage

import (
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// wanted tells which views and queries have to do with one of the few acts: what followed a look, what was made and used, what was
// written down and looked at again. It may want more than that, and never less.
type wanted struct {
	goals   goalBook
	asked   map[string]activity.Date // by fingerprint, from when on queries may revisit it
	shown   map[string]activity.Date // by dashboard, the same of views
	ties    map[tie]dates
	metrics dates // on which there is a tie to any metric
}

// dates is a set of days of a calendar.
type dates struct {
	first activity.Date
	bits  []uint64
}

func (d *dates) has(day activity.Date) bool {
	i := int(day - d.first)
	return i >= 0 && i>>6 < len(d.bits) && d.bits[i>>6]&(1<<(i&63)) != 0
}

func (d *dates) add(from, to activity.Date) {
	for day := max(from, d.first); day <= to; day++ {
		if i := int(day - d.first); i>>6 < len(d.bits) {
			d.bits[i>>6] |= 1 << (i & 63)
		}
	}
}

// wants reads what is wanted off the acts of which there are few.
func (o *observer) wants() wanted {
	w := wanted{goals: o.goals, asked: map[string]activity.Date{}, shown: map[string]activity.Date{}, ties: map[tie]dates{}, metrics: o.noDates()}
	for _, a := range o.acts[activity.KindShare] {
		under, from := w.asked, a.Date+activity.Date(o.criteria.RevisitDays)
		if a.Detail == activity.ShareSnapshot {
			under, from = w.shown, a.Date-seldomDays
		}
		if first, ok := under[a.Subject]; !ok || from < first {
			under[a.Subject] = from
		}
	}
	all := *o
	all.criteria.Version = 1 // which takes more for a change
	for _, c := range all.changes() {
		for _, t := range ties(c) {
			o.want(&w, t, c.Date-activity.Date(o.criteria.ActDays), c.Date)
		}
	}
	for _, add := range o.additions() {
		until := add.act.Date + activity.Date(o.criteria.AdoptDays)
		o.want(&w, tie{activity.KindView, true, add.metric}, add.act.Date, until)
		o.want(&w, tie{activity.KindQuery, true, add.metric}, add.act.Date, until)
	}
	return w
}

func (o *observer) noDates() dates {
	return dates{o.cal.first, make([]uint64, (7*o.cal.weeks+63)/64)}
}

func (o *observer) want(w *wanted, t tie, from, to activity.Date) {
	days, ok := w.ties[t]
	if !ok {
		days = o.noDates()
		w.ties[t] = days
	}
	days.add(from, to)
	if t.metric {
		w.metrics.add(from, to)
	}
}

// has reports whether a view or query is wanted.
func (w *wanted) has(a *activity.Act) bool {
	if a.Kind == activity.KindQuery {
		if from, ok := w.asked[a.Subject]; ok && a.Date >= from || len(w.goals[a.Subject]) > 0 {
			return true
		}
	} else if from, ok := w.shown[a.Subject]; ok && a.Date >= from || w.tied(tie{activity.KindView, false, a.Subject}, a.Date) {
		return true
	}
	if len(a.Metrics) == 0 || !w.metrics.has(a.Date) {
		return false
	}
	return slices.ContainsFunc(a.Metrics, func(m string) bool { return w.tied(tie{a.Kind, true, m}, a.Date) })
}

func (w *wanted) tied(t tie, date activity.Date) bool {
	days, ok := w.ties[t]
	return ok && days.has(date)
}
