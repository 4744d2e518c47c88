package stage

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// look is one person's opening of a dashboard, as exactly as a folded day tells it.
type look struct {
	week   int
	date   activity.Date
	minute int // of the day, in the organisation's own time
	who    int // the person, numbered from 1; 0 if forgotten
}

// minutesOfDay returns the minutes of the day at which a began and ended. Instants know nothing of the timezone, the
// hours of a folded day do: a ritual stays at ten when the clocks change.
func minutesOfDay(a *activity.Act) (first, last int) {
	start, end := times(a)
	if a.Hours == 0 {
		return clock(start), clock(end)
	}
	return bits.TrailingZeros32(a.Hours)*60 + start.Minute(), (bits.Len32(a.Hours)-1)*60 + end.Minute()
}

func clock(t time.Time) int { return t.Hour()*60 + t.Minute() }

// looks lists the openings of dashboards by the team's people, in order of time, without those of machines that run
// under their names. The second result is how many days a machine was set aside on, by week.
func (o *observer) looks() (kept []look, machines []int) {
	people := numbers[activity.ActorID]{}
	machines = make([]int, o.cal.weeks)
	set := o.setAside()
	for _, a := range o.acts[activity.KindView] {
		if a.Actor == 0 && !a.Retired {
			continue // nobody's view is no ritual
		}
		if set.work[workday{a.Actor, a.Subject, a.Date}] {
			continue
		}
		l := look{date: a.Date}
		l.week, _ = o.cal.week(a.Date)
		if a.Actor != 0 {
			l.who = people.of(a.Actor) + 1
		}
		first, last := minutesOfDay(a)
		if set.clockwork.at(a, first) {
			machines[l.week]++
		} else {
			l.minute = first
			kept = append(kept, l)
		}
		if last != first && !set.clockwork.at(a, last) {
			l.minute = last
			kept = append(kept, l)
		}
	}
	slices.SortFunc(kept, func(a, b look) int {
		return cmp.Or(cmp.Compare(a.date, b.date), cmp.Compare(a.minute, b.minute), cmp.Compare(a.who, b.who))
	})
	return kept, machines
}

// setAside is what is no look although somebody opened a dashboard. Version 1 sets nothing aside.
type setAside struct {
	clockwork clockworks
	work      map[workday]bool
}

func (o *observer) setAside() *setAside {
	if o.criteria.Version < 2 {
		return &setAside{}
	}
	if o.aside == nil {
		o.aside = &setAside{o.clockwork(), o.edited()}
	}
	return o.aside
}

// machine says whether all of what a folds together was a machine's.
func (s *setAside) machine(a *activity.Act) bool {
	first, last := minutesOfDay(a)
	return s.clockwork.at(a, first) && (first == last || s.clockwork.at(a, last))
}

// workday is a dashboard that somebody changed on a day.
type workday struct {
	who     activity.ActorID
	subject string
	date    activity.Date
}

// edited lists the dashboards of others that the team's people changed: who opens one to change it is at work for
// others, and does not look at how the team is doing.
func (o *observer) edited() map[workday]bool {
	out := map[workday]bool{}
	for _, a := range o.acts[activity.KindEdit] {
		if a.Own == activity.No && a.Actor != 0 {
			out[workday{a.Actor, a.Subject, a.Date}] = true
		}
	}
	return out
}

// habitOf is whose page it is that comes back by itself.
type habitOf struct {
	who     activity.ActorID
	subject string
}

// clockworks is, by person and dashboard, on which day it was first opened at which minute.
type clockworks struct {
	criteria Rhythm
	days     map[habitOf][]dayMinute
}

type dayMinute struct {
	date   activity.Date
	minute int
}

// clockwork collects the first opening of each day.
func (o *observer) clockwork() clockworks {
	c := clockworks{o.criteria.Rhythm, map[habitOf][]dayMinute{}}
	for _, a := range o.acts[activity.KindView] {
		if a.Actor == 0 {
			continue
		}
		first, _ := minutesOfDay(a)
		k := habitOf{a.Actor, a.Subject}
		c.days[k] = append(c.days[k], dayMinute{a.Date, first})
	}
	for _, days := range c.days {
		slices.SortFunc(days, func(a, b dayMinute) int { return cmp.Or(cmp.Compare(a.date, b.date), cmp.Compare(a.minute, b.minute)) })
	}
	return c
}

// at says whether an opening at a minute is a machine's: on most of the days before, weekends included or at night,
// the same page was opened within moments of the same time. No person is so punctual on a Sunday.
func (c clockworks) at(a *activity.Act, minute int) bool {
	days := c.days[habitOf{a.Actor, a.Subject}]
	if len(days) == 0 {
		return false
	}
	end, _ := slices.BinarySearchFunc(days, a.Date, func(d dayMinute, date activity.Date) int { return cmp.Compare(d.date, date) })
	from := a.Date - activity.Date(c.criteria.ClockworkDays)
	same, idle, last := 0, 0, activity.Date(-1)
	for i := end - 1; i >= 0 && days[i].date >= from; i-- {
		d := days[i]
		if d.date == last || apart(d.minute, minute) > clockworkMinutes {
			continue
		}
		last = d.date
		same++
		if wd := d.date.Weekday(); wd == time.Saturday || wd == time.Sunday || minute < nightEnds {
			idle++
		}
	}
	return 2*same >= c.criteria.ClockworkDays && idle > 0
}

// clockworkMinutes is how far apart a machine's openings may be by the clock, and nightEnds when people may be at
// work at the earliest.
const (
	clockworkMinutes = 1
	nightEnds        = 5*60 + 30
)

func apart(a, b int) int { return max(a-b, b-a) }
