package stage

import (
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Rhythm is what tells a ritual from other looks.
type Rhythm struct {
	Minutes       int     // looks of a ritual are at most so far apart by the clock, on the same weekday
	Memory        int     // a ritual's time is learnt from so many covered weeks
	Coincidence   float64 // chance that some other look falls into that time
	Burst         int     // so many separate looks in a week are trouble, or curiosity, and say little
	ClockworkDays int     // a page opened to the minute on half of so many days, at night or on weekends, is a machine's
}

// cluster is people looking at about the same time.
type cluster struct {
	who          []int32
	week, minute int32
	weekday      int8
	unknown      bool // somebody forgotten was among them
}

// has says whether cluster c lies in the time of slot s.
func (s *cluster) has(c *cluster, minutes int) bool {
	return s.weekday == c.weekday && apart(int(s.minute), int(c.minute)) <= minutes
}

// appendClusters joins looks of a day of a week, in order of their minutes, that are at most so many minutes apart.
func appendClusters(to []cluster, week int, day activity.Date, looks []look, minutes int) []cluster {
	for i, l := range looks {
		if i == 0 || l.minute()-looks[i-1].minute() > minutes {
			to = append(to, cluster{week: int32(week), weekday: int8(day.Weekday()), minute: int32(l.minute())})
		}
		c := &to[len(to)-1]
		switch who := l.who(); {
		case who == 0:
			c.unknown = true
		case !slices.Contains(c.who, who):
			c.who = append(c.who, who)
		}
	}
	return to
}

// slot is when a team usually looks, as far as the weeks before showed it.
type slot struct {
	at    cluster
	found bool
	weeks int     // weeks in which somebody looked then
	score float64 // the same, those of busy weeks counted less
	who   []int32 // different people who looked then
	crowd bool    // somebody forgotten was among them
}

// usual finds the time at which the team looked most often in weeks, preferring one shared by different people.
func (r Rhythm) usual(byWeek [][]cluster, weeks []int) slot {
	var best slot
	for _, w := range weeks {
		for i := range byWeek[w] {
			s := r.slotAt(byWeek[w][i], byWeek, weeks)
			if !best.found || s.rank() > best.rank() || s.rank() == best.rank() && s.at.week > best.at.week {
				best = s
			}
		}
	}
	return best
}

// shared says whether different people looked then.
func (s *slot) shared() bool { return len(s.who) >= 2 || s.crowd }

// different says whether with those of c it was different people who looked then.
func (s *slot) different(c *cluster) bool {
	n := len(s.who)
	for _, p := range c.who {
		if !slices.Contains(s.who, p) {
			n++
		}
	}
	return n >= 2 || c.unknown || s.crowd
}

func (s *slot) rank() float64 {
	if s.shared() {
		return 2 * s.score
	}
	return s.score
}

func (r Rhythm) slotAt(at cluster, byWeek [][]cluster, weeks []int) slot {
	s := slot{at: at, found: true}
	for _, v := range weeks {
		hit := false
		for i := range byWeek[v] {
			c := &byWeek[v][i]
			if !at.has(c, r.Minutes) {
				continue
			}
			hit = true
			s.crowd = s.crowd || c.unknown
			for _, p := range c.who {
				if !slices.Contains(s.who, p) {
					s.who = append(s.who, p)
				}
			}
		}
		if hit {
			s.weeks++
			s.score += 1 / float64(len(byWeek[v]))
		}
	}
	return s
}
