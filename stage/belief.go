package stage

import "math"

// remembered is the probability that what was written down or checked age weeks ago is still spoken of: certain for a
// third of the window, then fading to an even chance at its end.
func remembered(age, window int) float64 {
	third := float64(window) / 3
	return 1 - 0.5*min(max(float64(age)-third, 0)/(2*third), 1)
}

// believed estimates that the stage of week w is the true one: that the regular habits are those of the stage and, below
// them, that what is done once was done and is spoken of. What was not seen for a while may have changed since.
func (r *run) believed(w int) float64 {
	stage := *r.state.stage
	single := r.judge.ritual.single()
	p := r.judge.joint.of(func(c combination) bool {
		ritual := c.look.ritual() && !single
		switch {
		case stage >= unassisted:
			return ritual && c.reaches(stage) && !c.reaches(stage+1)
		case ritual:
			return false
		case stage == 0:
			return !c.ask
		case stage == 1:
			return c.ask
		}
		return true
	})
	if stage < unassisted {
		for i := 1; i < unassisted-1; i++ {
			holds := r.onceBelief(i, w)
			switch {
			case rungs[i].stage == stage:
				p *= holds
			case rungs[i].stage > stage:
				p *= 1 - holds
			}
		}
	}
	gap := 0
	for i := range rungs {
		if l := &r.state.latches[i]; l.last >= 0 && r.decides(i) {
			gap = max(gap, w-l.last)
		}
	}
	p = 0.3 + (p-0.3)*math.Pow(1-changes, float64(gap))
	return calibrated(p)
}

// onceBelief is the probability that what is done once for a project, rung i, is true in week w.
func (r *run) onceBelief(i, w int) float64 {
	l := &r.state.latches[i]
	if !l.holds {
		return missed
	}
	return remembered(w-r.newest(i, w), r.criteria.ByName[rungs[i].name].Window)
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
	calibrationShift = 0.35
	calibrationSlope = 1.15
	mostSure         = 0.99 // nothing that is inferred is surer
)
