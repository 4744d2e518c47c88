package sim

import "math"

// signs are what a team's habits led to in a week, by what it was: no log tells that. Only the limit knows.
type signs struct {
	asked   bool
	strays  int
	ritual  bool
	reacted bool
	made    int // day of the simulation on which the habit made a metric, plus one; 0 if it made none
}

// sign returns the signs of the week of a day, to be added to.
func (t *team) sign(day int) *signs {
	if t.signs == nil {
		t.signs = map[int]*signs{}
	}
	s := t.signs[day/7]
	if s == nil {
		s = &signs{}
		t.signs[day/7] = s
	}
	return s
}

// seenOn says whether Grafana's log of a day was kept.
func (w *world) seenOn(day int) bool { return !w.out(grafanaSource, w.start+dateOf(day)) }

// weekOdds is how likely the signs of a week are, by what they would be a sign of: P(seen | there is the habit). None of
// them, but for asking and stray looks, is seen without the habit.
type weekOdds struct {
	asked, ritual, reacted float64
	strays                 [3]float64 // mean number at level 0, below 4, from 4 on
}

// odds computes them for a week of a team from its true parameters, and from who was at work.
func (w *world) odds(t *team, week int) weekOdds {
	var o weekOdds
	workdays := 0.0
	for day := week * 7; day < week*7+5; day++ {
		if w.seenOn(day) && len(w.present(t, day)) > 0 {
			workdays++
		}
	}
	o.asked = 1 - math.Exp(-askMean(t)*workdays/5)
	for i, level := range []int{0, 1, 4} {
		o.strays[i] = strayMean(t, level) * workdays / 5
	}
	usual := week*7 + int(t.ritualDay) - 1
	kept := 1 - ritualMoves
	if publicHoliday(w.start + dateOf(usual)) {
		kept = 0
	}
	for shift := -1; shift <= 1; shift++ {
		share := (1 - kept) * (1 - movedCancelled) / 3
		if shift == 0 {
			share += kept
		}
		held := share * w.heldOn(t, usual+shift)
		o.ritual += held
		o.reacted += held * w.reactsAfter(t, usual+shift)
	}
	if o.ritual > 0 {
		o.reacted /= o.ritual
	}
	return o
}

// heldOn is how likely a ritual of that day is held and seen.
func (w *world) heldOn(t *team, day int) float64 {
	people := w.present(t, day)
	switch {
	case len(people) == 0 || !w.seenOn(day):
		return 0
	case len(people) == 1 && len(t.ever) > 2:
		return t.devotion * (1 - aloneCancelled)
	}
	return t.devotion
}

// reactsAfter is how likely a team at level 6 is seen to act on the ritual of a day.
func (w *world) reactsAfter(t *team, day int) float64 {
	people, seen := w.present(t, day), 0.0
	for _, p := range people {
		for _, later := range reactDays() {
			switch {
			case !w.works(p, t, day+later):
			case w.seenOn(day + later):
				seen++
			default:
				seen += 1 - reactByBoard // a changed rule is seen all the same
			}
		}
	}
	if seen == 0 {
		return 0
	}
	return t.resolve * seen / float64(len(people)*len(reactDays()))
}

// makes is how likely a team with the habit makes a metric in a week, having made the last one on a day and none since;
// last is negative if it never made one.
func (w *world) makes(t *team, last, week int) float64 {
	low, high := last+t.sprint-sprintSpread, last+t.sprint+sprintSpread
	if last < 0 {
		low, high = t.formed*7, t.formed*7+t.sprint
	}
	now, later := 0, 0
	for due := low; due <= high; due++ {
		day := max(due, last+1)
		for day < (week+1)*7 && len(w.present(t, day)) == 0 {
			day++
		}
		switch {
		case day < week*7: // it would have been made already
		case day < (week+1)*7:
			now++
		default:
			later++
		}
	}
	if now+later == 0 {
		return 1
	}
	return float64(now) / float64(now+later)
}
