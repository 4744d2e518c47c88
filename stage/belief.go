package stage

import "math"

// remembered is the probability that what was written down or checked age weeks ago is still spoken of: certain for a
// third of the window, then fading to an even chance at its end.
func remembered(age, window int) float64 {
	third := float64(window) / 3
	return 1 - 0.5*min(max(float64(age)-third, 0)/(2*third), 1)
}

// believed estimates from the habits' probabilities that the stage of week w is the true one: that all it rests on
// holds, and nothing above does. What was not seen for a while may have changed since.
func (r *run) believed(w int) float64 {
	stage := *r.state.stage
	p := 1.0
	for i := range rungs {
		holds := r.belief(i, w)
		switch {
		case rungs[i].stage > unassisted && stage < unassisted:
		case rungs[i].stage == stage+1 || stage < unassisted && rungs[i].stage > stage:
			p *= 1 - holds
		case rungs[i].stage == stage || stage > unassisted && rungs[i].stage >= unassisted && rungs[i].stage < stage:
			p *= holds
		}
	}
	return calibrated(p)
}

// belief is the probability that rung i holds in week w.
func (r *run) belief(i, w int) float64 {
	l, k := &r.state.latches[i], r.criteria.ByName[rungs[i].name]
	gap := 0
	if l.last >= 0 {
		gap = w - l.last
	}
	p := r.judge.probability(i)
	switch {
	case p < 0 && !l.holds:
		p = missed
	case p < 0:
		p = remembered(w-r.newest(i, w), k.Window)
	}
	change := math.Pow(1-changes, float64(gap))
	return 0.5 + (p-0.5)*change
}

const (
	missed  = 0.02 // chance that something was written down or checked, and nobody could see it
	changes = 0.03 // chance that a habit changes in a week that nobody could see
)

// newest is the week of the newest fact of rung i that is known in week w.
func (r *run) newest(i, w int) int {
	s := &r.series[i]
	for j := s.at[w+1] - 1; j >= 0; j-- {
		if f := &s.facts[j]; f.known <= w && f.void > w {
			return f.week
		}
	}
	return 0
}

// calibrated turns the probability that follows from the habits into the share of weeks in which it turned out right on
// simulated organisations. The habits are judged a little too cautiously: what they say is true more often than that.
func calibrated(p float64) float64 {
	p = min(max(p, 1e-4), 1-1e-4)
	odds := calibrationShift + calibrationSlope*math.Log(p/(1-p))
	return min(math.Round(1000/(1+math.Exp(-odds)))/1000, mostSure)
}

const (
	calibrationShift = 0.2
	calibrationSlope = 1.4
	mostSure         = 0.99 // nothing that is inferred is surer
)
