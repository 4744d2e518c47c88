package stage

import "math"

// pace is the running estimate of a habit that returns after some time of the team's own: once a sprint, say. The
// longer the silence is for this team, the likelier the habit is gone.
type pace struct {
	habit    Habit
	interval float64 // weeks from one time to the next, as expected at first
	gaps     float64 // sum and number of those seen
	count    float64
	times    int     // how often it was seen, but for times long ago
	since    float64 // weeks since the last time, those of few people counted in part; negative before the first
}

// forgottenAfter is after how many weeks of silence a time is no beginning of a habit any more.
const forgottenAfter = 8

func newPace(h Habit, interval float64) *pace {
	return &pace{habit: h, interval: interval, since: -1}
}

// usual is the team's own interval.
func (p *pace) usual() float64 {
	return (p.interval*p.habit.Weight + p.gaps) / (p.habit.Weight + p.count)
}

// lone says that it was seen once, and not again for so long that this was no beginning.
func (p *pace) lone() bool { return p.times < 2 && p.since > 2.5*p.usual() }

// due is how likely a team that has the habit shows it in this week, the next after a silence.
func (p *pace) due(exposure float64) float64 {
	if p.since < 0 {
		return min(1/p.usual(), 0.9) * exposure
	}
	// The less is known of the team, the wider its intervals may scatter.
	spread := (tightest + widest/(1+p.count)) * p.usual()
	by := func(weeks float64) float64 { return 1 / (1 + math.Exp(-(weeks-p.usual())/spread)) }
	now, next := by(p.since), by(p.since+1)
	return p.habit.Usual * min((next-now)/max(1-now, 1e-6), 1) * exposure
}

// How much the intervals of the most regular team scatter, as a share of the usual one, and how much more those of a team of
// which nothing is known yet.
const (
	tightest = 0.1
	widest   = 0.8
)

// see returns how likely a week is without the habit and with it. Begun says that what the habit is about was begun in
// it; finished, that it led to something, now or after a while.
func (p *pace) see(begun, finished bool, exposure float64) [2]float64 {
	due := p.due(exposure)
	e := [2]float64{1 - p.habit.Chance, 1 - due}
	if begun {
		e = [2]float64{p.habit.Chance, max(due, 0.1)}
	}
	if finished {
		e[0] *= unused
	}
	return e
}

// unused is in what share of the times something is made by chance it is then used.
const unused = 0.1

// gap takes in a week of which too little was seen: something may have been begun in it. What is known to have been begun was.
func (p *pace) gap(begun bool, ago float64) {
	switch {
	case begun:
		p.since = ago
	case p.since >= 0:
		p.since = min(p.since, p.usual()/2)
	}
}

// learn takes in a week in which the habit was alive with probability alive. What was begun was begun so many weeks before
// the week's end as ago tells.
func (p *pace) learn(begun bool, alive, ago, exposure float64) {
	switch {
	case begun:
		p.times++
		if p.since > forgottenAfter {
			p.times = 1
		}
		if p.since >= 0 && p.since < 3*p.usual() {
			p.gaps += (p.since + max(exposure-ago, 0)) * alive
			p.count += alive
		}
		p.since = ago
	case p.since >= 0:
		p.since += exposure
	}
}
