package stage

import (
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

// clockworks is, by person and dashboard, on which day it was first opened at which minute, as far back as that tells of machines.
type clockworks struct {
	criteria Rhythm
	days     map[habitOf][]dayMinute // in order of days
}

type dayMinute struct {
	date   activity.Date
	minute int32
}

// page returns the days on which whoever opened a dashboard had opened it before.
func (c *clockworks) page(a *activity.Act) []dayMinute {
	if a.Actor == 0 {
		return nil
	}
	return c.days[habitOf{a.Actor, a.Subject}]
}

// opened takes in an opening.
func (c *clockworks) opened(a *activity.Act, minute int) {
	if a.Actor != 0 {
		k := habitOf{a.Actor, a.Subject}
		c.days[k] = append(c.days[k], dayMinute{a.Date, int32(minute)})
	}
}

// forget drops what tells nothing of the days after one.
func (c *clockworks) forget(date activity.Date) {
	from := date + 1 - activity.Date(c.criteria.ClockworkDays)
	for k, days := range c.days {
		n := 0
		for n < len(days) && days[n].date < from {
			n++
		}
		switch n {
		case 0:
		case len(days):
			delete(c.days, k)
		default:
			c.days[k] = slices.Delete(days, 0, n)
		}
	}
}

// machine says whether an opening at a minute is a machine's: on most of the days before, weekends included or at night,
// the same page was opened within moments of the same time. No person is so punctual on a Sunday.
func (c *clockworks) machine(page []dayMinute, date activity.Date, minute int) bool {
	from := date - activity.Date(c.criteria.ClockworkDays)
	same, idle, last := 0, 0, activity.Date(-1)
	for _, d := range slices.Backward(page) {
		if d.date < from {
			break
		}
		if d.date >= date || d.date == last || apart(int(d.minute), minute) > clockworkMinutes {
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
