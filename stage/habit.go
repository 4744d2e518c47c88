package stage

import "math"

// Habit is what one expects of a team that has a regular habit, and of one that has not. All are beliefs about
// people, worth some weeks of watching; what is then seen of a team itself soon outweighs them.
type Habit struct {
	Begin float64 // the habit is told from this probability on
	End   float64 // it is no longer told below this one

	// How often a team that has the habit shows it in a week, and how many weeks of watching that belief is worth. Of
	// acting, Ladder.Acts tells.
	Usual, Weight float64

	Chance float64 // how often a team without it seems to show it in a week
}

// rate is the running estimate of how often one team shows a habit while it has it.
type rate struct {
	habit Habit
	shown float64 // times that it was shown while it was alive, and weeks in which it was, as far as one knows
	weeks float64
}

// usual is how often this team shows the habit in a week.
func (r *rate) usual() float64 {
	return (r.habit.Usual*r.habit.Weight + r.shown) / (r.habit.Weight + r.weeks)
}

// learn takes in a week in which the habit was alive with probability p, and shown so many times.
func (r *rate) learn(times, p, exposure float64) {
	r.weeks += p * exposure
	r.shown += p * times
}

// times is how likely so many times in a week are without the habit and with it. What is the same for both is left out.
// Habits come in bouts: weeks differ more than chance alone would have it.
func (r *rate) times(n int, exposure float64) [2]float64 {
	mean := r.usual() * exposure
	with := math.Pow(bouts/(bouts+mean), bouts)
	without := math.Exp(-r.habit.Chance)
	for i := range n {
		with *= (bouts + float64(i)) * mean / (bouts + mean)
		without *= r.habit.Chance
	}
	return [2]float64{max(without, 1e-3*with), max(with, 1e-3*without)}
}

// bouts is how little the weeks of a habit differ.
const bouts = 3
