package stage

import "github.com/metrics-maturity/metrics-maturity/collector/activity"

// A look at a dashboard of which a snapshot was taken is a look back at it only if the team does not open that
// dashboard anyway: not for some time before, and seldom at all.
const (
	lookBackDays   = 14
	seldomDays     = 56
	seldomOpenings = 2
)

// lookBacks adds what version 1 does not see: an opened snapshot (the log does not tell which, so the newest that is
// old enough), and a return to the dashboard that a snapshot shows.
func (o *observer) lookBacks(b *baselineBook, add func(*activity.Act, place) bool) {
	if len(b.snapshots) == 0 {
		return
	}
	for _, a := range o.acts[activity.KindOpen] {
		if a.Detail != activity.ShareSnapshot || a.Subject != "" {
			continue
		}
		shown := func(p place) bool {
			taken, ok := b.snapshots[p.subject]
			return ok && p.kind == activity.KindView && o.late(taken, a.Date)
		}
		if p, ok := o.latest(b, a.Date, shown); ok {
			add(a, p)
		}
	}
	views := map[string][]*activity.Act{}
	for subject := range b.snapshots {
		views[subject] = nil
	}
	for _, a := range o.acts[activity.KindView] {
		file(views, a.Subject, a)
	}
	sortDays(views)
	for subject, acts := range views {
		for _, a := range acts {
			if o.late(b.snapshots[subject], a.Date) && o.returns(acts, a) {
				add(a, place{kind: activity.KindView, subject: subject})
			}
		}
	}
}

// returns says whether a is the first opening of its dashboard after some time in which it was seldom opened.
func (o *observer) returns(acts []*activity.Act, a *activity.Act) bool {
	days, last := 0, activity.Date(-1)
	for _, other := range between(acts, a.Date-seldomDays, a.Date-1) {
		if other.Date != last {
			days, last = days+1, other.Date
		}
	}
	return days <= seldomOpenings && len(between(acts, a.Date-lookBackDays, a.Date-1)) == 0
}
