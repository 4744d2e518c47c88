package stage

import "math"

// Numbers of the confidence of version 1. They are a heuristic and not calibrated: what they say in order (this team
// is surer than that one) means more than what they say in size.
const (
	steepness = 3.0  // how fast certainty grows with the distance from the threshold
	unseen    = 0.75 // certainty that a criterion does not hold where nothing could show it
)

// confidence estimates the probability that the stage is the true one: that all it rests on holds, and nothing above
// does. Each criterion is as certain as its value is far from the threshold that would turn it, less so the fewer
// of its window's weeks were covered, and the longer ago it was evaluated.
func (r *run) confidence() float64 {
	p := 1.0
	stage := *r.state.stage
	for i := stage - 1; i >= 0; i = rungs[i].below - 1 {
		p *= r.certainty(i)
	}
	for i := stage; i < len(rungs); i++ {
		// What stands alone could lift the team at once; of the others only the next.
		if rungs[i].below == 0 || rungs[i].below == stage {
			p *= r.certainty(i)
		}
	}
	return math.Round(p*1000) / 1000
}

// certainty estimates the probability that rung i is rightly said to hold, or not to.
func (r *run) certainty(i int) float64 {
	l, k := &r.state.latches[i], r.criteria.ByName[rungs[i].name]
	if l.last < 0 {
		return unseen
	}
	prior, distance := unseen, k.Enter-l.reading.value
	if l.holds {
		prior, distance = 0.5, l.reading.value-k.Leave+1
	}
	if l.below > 0 {
		distance = 0
	}
	share := max(float64(distance), 0) / float64(k.Enter-k.Leave+1)
	seen := 1 - math.Exp(-steepness*share)/2
	covered := min(float64(l.reading.weeks)/float64(k.Window), 1)
	age := float64(r.cal.weeks-1-l.last) / float64(r.criteria.Stretch*k.Window)
	return prior + (seen-prior)*covered*max(1-age, 0)
}
