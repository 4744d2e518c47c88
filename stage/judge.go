package stage

import "github.com/metrics-maturity/metrics-maturity/collector/activity"

// judge is what version 2 believes of one team's regular habits.
type judge struct {
	joint  *joint
	query  rate
	ritual *ritual
	adjust *pace
	acts   []float64 // shares of its looks on which a team may act
	other  float64   // how often one that does not seems to, in a week
}

func newJudge(k Criteria, f *facts2, ch *chain) *judge {
	return &judge{
		joint:  newJoint(ch),
		query:  rate{habit: k.Habits[QueryDays]},
		ritual: newRitual(k.Habits[WeeksWithAView], k.Rhythm, f.clusters),
		adjust: newPace(k.Habits[MonthsAdopted], k.Interval),
		acts:   k.Ladder.Acts,
		other:  k.Habits[MonthsLookToAct].Chance,
	}
}

// facts2 is what version 2 looks at beside what the criteria count.
type facts2 struct {
	clusters [][]cluster // by week: looks, without machines
	machines []int
	active   []bool // by week: somebody of the team was seen
	added    []int  // by week: the last day, from 1, on which the team's own people added a metric, used or not; else 0
}

// watch takes in week w for every habit that could be seen in it.
func (r *run) watch(w int) {
	j, e, exposure := r.judge, newEvidence(), r.exposure[w]
	asked, adjusted, looked, acted := r.coverage[0].covered[w], r.coverage[4].covered[w], r.coverage[3].covered[w], r.coverage[5].covered[w]
	if !r.facts.active[w] {
		e.away = awayLarge
		if len(j.ritual.people) <= smallTeam {
			e.away = awaySmall
		}
		if !asked && !looked && !adjusted && !acted {
			e.away = 0
		}
	}
	days := 0
	if asked {
		days = r.series[0].different(w)
		e.ask = j.query.times(days, exposure)
	}
	last := outcome{what: weekOther}
	if looked {
		e.look = j.ritual.see(w, exposure)
		last = j.ritual.outcomes[len(j.ritual.outcomes)-1]
	}
	added := r.facts.added[w]
	if adjusted {
		e.adjust = j.adjust.see(added > 0, r.series[4].became(w), exposure)
	}
	if acted {
		r.acted(&e, w, last)
	}
	j.joint.pass()
	j.joint.weigh(e)
	if asked {
		j.query.learn(float64(days), j.probability(0), exposure)
	}
	if looked {
		j.ritual.learn(last.what, j.joint.look(lookFixed), exposure)
	}
	if ago := 1 - float64(added)/7; adjusted {
		j.adjust.learn(added > 0, j.probability(4), ago, exposure)
	} else {
		j.adjust.gap(added > 0, ago)
	}
}

// acted says how likely it is that the team did, or did not, act on what it saw in week w.
func (r *run) acted(e *evidence, w int, saw outcome) {
	did, present := r.series[5].any(w, w), r.exposure[w]
	if saw.what == weekUsual || saw.what == weekOwn {
		present = max(present, lookers) // those who look are there to act
	}
	chance := r.judge.other
	if did && !r.weighty(w) {
		chance *= lightly
	}
	if saw.burst {
		chance = max(chance, troubleActs)
	}
	for k := range e.act {
		// Who did not look had nothing to act on.
		if !did && saw.what == weekNone {
			continue
		}
		c := chance
		if !lookKind(k).ritual() {
			c *= idle
		}
		e.act[k] = make([]float64, 1, len(r.judge.acts)+1)
		e.act[k][0] = c
		if !did {
			e.act[k][0] = 1 - c
		}
		for _, rate := range r.judge.acts {
			p := rate * present
			if !did {
				p = 1 - p
			}
			e.act[k] = append(e.act[k], p)
		}
	}
}

// weighty says whether something was changed in week w that is seldom changed for another reason: a threshold or a target
// rather than a dashboard.
func (r *run) weighty(w int) bool {
	for _, f := range r.series[5].span(w, w) {
		if f.kind != activity.KindEdit {
			return true
		}
	}
	return false
}

// Beliefs about who is away, and about trouble.
const (
	smallTeam   = 3    // so few people may all be away at once
	smallEnd    = 0.6  // of the probability below which a habit has lapsed
	awaySmall   = 0.1  // share of the weeks in which nobody of a small team is at work
	awayLarge   = 0.01 // the same of a larger one
	lookers     = 0.95 // how much of a team that looks at its usual time is there to act on it
	lightly     = 2    // how much oftener a dashboard is changed for no reason than anything is
	idle        = 0.5  // how much seldomer a team without a ritual changes anything
	beganOnce   = 0.8  // from this probability on, making one metric and using it begins the habit, until the next is due
	troubleActs = 0.25 // share of the weeks full of trouble in which something is changed because of it
)

// different is how many different things of those that are counted once happened in week w.
func (s *series) different(w int) int {
	seen := map[int]bool{}
	for _, f := range s.span(w, w) {
		if f.known <= w && f.void > w {
			seen[f.key] = true
		}
	}
	return len(seen)
}

// any says whether something happened in week w that is known by week by.
func (s *series) any(w, by int) bool {
	for _, f := range s.span(w, w) {
		if f.known <= by && f.void > by {
			return true
		}
	}
	return false
}

// became says whether in week w something became a fact.
func (s *series) became(w int) bool {
	for _, f := range s.span(max(0, w-8), w) {
		if f.known == w && f.void > w {
			return true
		}
	}
	return false
}

// probability of the habit of rung i; -1 if it is none.
func (j *judge) probability(i int) float64 {
	switch {
	case i == 1 || i == 2:
		return -1
	case i == 3 && j.ritual.single():
		return 1e-6
	}
	return j.joint.of(func(c combination) bool { return c.holds(i) })
}

// counted is the rung without its demand for different people: that holidays leave one person alone for a while is
// no end of a ritual.
func (r rung) counted() rung {
	r.people = false
	return r
}

// settle tells in week w whether the habit of rung i holds: by its probability, and within the bounds that the thresholds
// set. It lapses no later than when too little was seen for some evaluations in a row, unless it is likelier alive than
// not: most of a window may be holidays, or before it began.
func (r *run) settle(i, w int, now reading) {
	l, k, h := &r.state.latches[i], r.criteria.ByName[rungs[i].name], r.criteria.Habits[rungs[i].name]
	l.last, l.reading = w, now
	people := !rungs[i].people || now.people >= r.criteria.People
	p := r.judge.probability(i)
	l.meets = p >= 0.5 && now.value > 0 && people
	if rungs[i].counted().lapsing(k, r.criteria, now) {
		l.below++
	} else {
		l.below = 0
	}
	switch {
	case l.holds && (p < r.end(h) || l.below >= r.criteria.FallEvaluations && p < 0.5 || i == 4 && r.judge.adjust.lone()):
		l.holds = false
	case !l.holds && people && p >= h.Begin && r.begun(i, now):
		l.holds = true
	}
}

// end is the probability below which a habit has lapsed. What two or three people do is a matter of few chances, so it takes more
// to say that they stopped.
func (r *run) end(h Habit) float64 {
	if len(r.judge.ritual.people) <= smallTeam {
		return h.End * smallEnd
	}
	return h.End
}

// begun says whether enough was seen to speak of a habit, however probable it is: nothing that happened once is one.
func (r *run) begun(i int, now reading) bool {
	switch i {
	case 0:
		return now.value >= min(2, r.criteria.ByName[QueryDays].Enter)
	case 3:
		return now.value >= r.criteria.ByName[WeeksWithAView].Enter || r.judge.ritual.looked(4) >= 3
	case 4:
		return now.value >= 1 && (r.judge.adjust.times >= 2 || r.judge.probability(4) >= beganOnce)
	}
	return now.value >= 1
}
