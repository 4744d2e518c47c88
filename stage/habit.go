package stage

import "math"

// Habit is what one expects of a team that has a regular habit, and of one that has not. All are beliefs about
// people, worth some weeks of watching; what is then seen of a team itself soon outweighs them.
type Habit struct {
	Begin float64 // the habit is told from this probability on
	End   float64 // it is no longer told below this one

	Prior  float64 // probability before anything was seen
	TakeUp float64 // chance that a team takes it up in a week
	Lapse  float64 // chance that a team drops it in a week

	Usual  float64 // share of the weeks in which a team that has the habit shows it
	Weight float64 // how many weeks of watching that belief is worth
	Chance float64 // share of the weeks in which a team without it seems to show it
}

// memory is the running estimate of one habit of one team.
type memory struct {
	habit Habit
	p     float64 // probability that it is alive
	shown float64 // weeks in which it was alive and shown, and all weeks in which it was alive, as far as one knows
	weeks float64
	known bool // at least one week was seen
}

func newMemory(h Habit) memory { return memory{habit: h, p: h.Prior} }

// rate is in what share of weeks this team shows the habit while it has it.
func (m *memory) rate() float64 {
	return (m.habit.Usual*m.habit.Weight + m.shown) / (m.habit.Weight + m.weeks)
}

// pass lets a week go by of which something is known.
func (m *memory) pass() {
	m.p = m.p*(1-m.habit.Lapse) + (1-m.p)*m.habit.TakeUp
}

// weigh takes in how likely the week was with the habit and without it.
func (m *memory) weigh(with, without float64) {
	m.known = true
	m.p = posterior(m.p, with, without)
}

// learn takes in whether the week showed the habit, as far as it was alive.
func (m *memory) learn(shown bool, exposure float64) {
	m.weeks += m.p * exposure
	if shown {
		m.shown += m.p * exposure
	}
}

// see takes in a week in which the habit was shown or not. Exposure is how much of the organisation was at work: who is
// away shows nothing.
func (m *memory) see(shown bool, exposure, chance float64) {
	m.pass()
	r := m.rate() * exposure
	if shown {
		m.weigh(r, chance)
	} else {
		m.weigh(1-r, 1-chance)
	}
	m.learn(shown, exposure)
}

func posterior(p, with, without float64) float64 {
	sum := p*with + (1-p)*without
	if sum <= 0 || math.IsNaN(sum) {
		return p
	}
	return min(max(p*with/sum, 1e-6), 1-1e-6)
}
