package owner

import (
	"math/bits"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Some robots act under a person's login or from a team's network, and no line tells them from a person: a wall screen without
// kiosk mode, a tab that reloads itself, a script. What gives them away is the clock. The bounds are where no person is; who
// keeps to a weekly meeting by the minute is still far from them.
const (
	sleepless    = 16               // hours of one day in which one thing was opened or asked
	steadyHours  = 8                // hours of one day with at least steadyRate openings each
	steadyRate   = 8                // an hour, on average
	rapidRate    = 40               // openings of one dashboard an hour: each is a page load, by hand a matter of minutes
	punctualDays = 6                // days on which something happened at the same time of day
	punctual     = 30 * time.Second // either side of it
	punctualPart = 0.9              // share of all its days
)

// routine is one thing that one actor does.
type routine struct {
	source         string
	actor          activity.ActorID
	kind           activity.Kind
	scope, subject string
}

// clockworks are the rows that a clock made, by their place in the days.
type clockworks map[int]bool

// clockwork finds rows of views and queries that are too regular for a person.
func (b *Book) clockwork(days []activity.Day) clockworks {
	rows := map[routine][]int{}
	for i := range days {
		d := &days[i]
		if d.Actor == 0 || d.Robot != "" || d.Subject == "" || (d.Kind != activity.KindView && d.Kind != activity.KindQuery) {
			continue
		}
		key := routine{d.Source, d.Actor, d.Kind, d.Scope, d.Subject}
		rows[key] = append(rows[key], i)
	}
	found := clockworks{}
	for _, at := range rows {
		b.restless(days, at, found)
		b.punctual(days, at, found)
	}
	return found
}

// restless marks days without a pause. Where they are the most of a routine, its other days are those on which it began or ended.
func (b *Book) restless(days []activity.Day, at []int, found clockworks) {
	var restless int
	for _, i := range at {
		d := &days[i]
		if restlessDay(d.Hours, d.Count, d.Kind == activity.KindView) {
			found[i] = true
			restless++
		}
	}
	if restless > 1 && 2*restless >= len(at) {
		for _, i := range at {
			found[i] = true
		}
	}
}

// restlessDay reports whether so many views, or queries, in hours of a day are too many for a person.
func restlessDay(hoursOfDay uint32, count int64, views bool) bool {
	hours := bits.OnesCount32(hoursOfDay)
	rate := count / int64(max(hours, 1))
	return hours >= sleepless || hours >= steadyHours && rate >= steadyRate || views && rate >= rapidRate
}

// punctual marks a routine that happens at one time of day, by the local clock or by UTC, to the half minute.
func (b *Book) punctual(days []activity.Day, at []int, found clockworks) {
	if len(at) < punctualDays {
		return
	}
	for _, location := range []*time.Location{b.location, time.UTC} {
		times := make([]time.Duration, len(at))
		for k, i := range at {
			times[k] = timeOfDay(days[i].First.In(location))
		}
		sorted := slices.Sorted(slices.Values(times))
		median := sorted[len(sorted)/2]
		on := func(t time.Duration) bool { return (t - median).Abs() <= punctual }
		n := 0
		for _, t := range times {
			if on(t) {
				n++
			}
		}
		if n < punctualDays || float64(n) < punctualPart*float64(len(times)) {
			continue
		}
		for k, i := range at {
			if on(times[k]) && on(timeOfDay(days[i].Last.In(location))) {
				found[i] = true
			}
		}
	}
}

func timeOfDay(t time.Time) time.Duration {
	h, m, s := t.Clock()
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second + time.Duration(t.Nanosecond())
}
