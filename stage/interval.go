package stage

import "math"

// pace is the running estimate of a habit that returns after some time of the team's own: once a sprint, say. The
// longer the silence is for this team, the likelier the habit is gone.
type pace struct {
	memory
	interval float64 // weeks from one time to the next, as expected at first
	gaps     float64 // sum and number of those seen
	count    float64
	times    int     // how often it was seen, but for times long ago
	since    float64 // weeks since the last time, those of few people counted in part; negative before the first
}

// forgottenAfter is after how many weeks of silence a time is no beginning of a habit any more.
const forgottenAfter = 8

func newPace(h Habit, interval float64) *pace {
	return &pace{memory: newMemory(h), interval: interval, since: -1}
}

// usual is the team's own interval.
func (p *pace) usual() float64 {
	return (p.interval*p.habit.Weight + p.gaps) / (p.habit.Weight + p.count)
}

// due is how likely a team that has the habit shows it in this week, the next after a silence.
func (p *pace) due(exposure float64) float64 {
	if p.since < 0 {
		return min(1/p.usual(), 0.9) * exposure
	}
	// The less is known of the team, the wider its intervals may scatter.
	spread := (tightest + 0.5/(1+p.count)) * p.usual()
	by := func(weeks float64) float64 { return 1 / (1 + math.Exp(-(weeks-p.usual())/spread)) }
	now, next := by(p.since), by(p.since+1)
	return p.habit.Usual * min((next-now)/max(1-now, 1e-6), 1) * exposure
}

// tightest is how much the intervals of the most regular team scatter, as a share of the usual one.
const tightest = 0.1

// see takes in a week. Begun says that what the habit is about was begun in it, so many weeks before the week's end as
// ago tells; finished, that it led to something, now or after a while.
func (p *pace) see(begun, finished bool, ago, exposure float64) {
	p.pass()
	due := p.due(exposure)
	switch {
	case begun:
		p.times++
		if p.since > forgottenAfter {
			p.times = 1
		}
		p.weigh(max(due, 0.1), p.habit.Chance)
		if p.since >= 0 && p.since < 3*p.usual() {
			p.gaps += (p.since + max(exposure-ago, 0)) * p.p
			p.count += p.p
		}
		p.since = ago
	default:
		p.weigh(1-due, 1-p.habit.Chance)
		if p.since >= 0 {
			p.since += exposure
		}
	}
	if finished {
		p.weigh(1, p.habit.Chance*4)
	}
}
