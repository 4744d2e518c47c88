package stage

import (
	"math/bits"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// look is one person's opening of a dashboard on a day, as exactly as a folded day tells it: the minute of the day, in the
// organisation's own time, then the person, numbered from 1; 0 if forgotten.
type look uint64

func newLook(minute int, who int32) look { return look(minute)<<32 | look(who) }

func (l look) minute() int { return int(l >> 32) }

func (l look) who() int32 { return int32(l) }

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
	days     map[habitOf]*page
}

// page is when a dashboard was opened by somebody, in order of days.
type page []dayMinute

type dayMinute struct {
	date   activity.Date
	minute int32
}

// page returns when whoever opened a dashboard has opened it before, nil if that is not known.
func (c *clockworks) page(a *activity.Act) *page {
	if a.Actor == 0 {
		return nil
	}
	k := habitOf{a.Actor, a.Subject}
	p := c.days[k]
	if p == nil {
		p = new(page)
		c.days[k] = p
	}
	return p
}

// opened takes in an opening.
func (p *page) opened(date activity.Date, minute int) {
	if p != nil {
		*p = append(*p, dayMinute{date, int32(minute)})
	}
}

// forget drops what tells nothing of the days after one.
func (c *clockworks) forget(date activity.Date) {
	from := date + 1 - activity.Date(c.criteria.ClockworkDays)
	for k, p := range c.days {
		days := *p
		n := 0
		for n < len(days) && days[n].date < from {
			n++
		}
		switch n {
		case 0:
		case len(days):
			delete(c.days, k)
		default:
			*p = slices.Delete(days, 0, n)
		}
	}
}

// machine says whether an opening at a minute is a machine's: on most of the days before, weekends included or at night,
// the same page was opened within moments of the same time. No person is so punctual on a Sunday.
func (c *clockworks) machine(before *page, date activity.Date, minute int) bool {
	if before == nil || 2*len(*before) < c.criteria.ClockworkDays {
		return false
	}
	from := date - activity.Date(c.criteria.ClockworkDays)
	same, idle, last := 0, 0, activity.Date(-1)
	for _, d := range slices.Backward(*before) {
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
