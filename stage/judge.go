package stage

// judge is what version 2 believes of one team's regular habits.
type judge struct {
	query  memory
	ritual *ritual
	adjust *pace
	act    memory
}

func newJudge(k Criteria, f *facts2, weeks int) *judge {
	return &judge{
		query:  newMemory(k.Habits[QueryDays]),
		ritual: newRitual(k.Habits[WeeksWithAView], k.Rhythm, clusters(f.looks, weeks, k.Rhythm.Minutes)),
		adjust: newPace(k.Habits[MonthsAdopted], k.Interval),
		act:    newMemory(k.Habits[MonthsLookToAct]),
	}
}

// facts2 is what version 2 looks at beside what the criteria count.
type facts2 struct {
	looks    []look // without machines
	machines []int
	active   []bool // by week: somebody of the team was seen
	added    []int  // by week: the last day, from 1, on which the team's own people added a metric, used or not; else 0
}

// watch takes in week w for every habit that could be seen in it.
func (r *run) watch(w int) {
	j, e := r.judge, r.exposure[w]
	if !r.facts.active[w] && len(j.ritual.people) <= smallTeam {
		e *= absence
	}
	if r.coverage[0].covered[w] {
		j.query.see(r.series[0].any(w, w), e, j.query.habit.Chance)
	}
	looked, chance := true, j.act.habit.Chance
	if r.coverage[3].covered[w] {
		j.ritual.see(w, e)
		last := j.ritual.outcomes[len(j.ritual.outcomes)-1]
		looked = last.what != weekNone
		if last.burst {
			chance = max(chance, troubleActs)
		}
	}
	if r.coverage[4].covered[w] {
		added := r.facts.added[w]
		j.adjust.see(added > 0, r.series[4].became(w), 1-float64(added)/7, e)
	}
	if r.coverage[5].covered[w] {
		acted := r.series[5].any(w, w)
		switch {
		case acted || looked:
			j.act.see(acted, e, chance)
		default:
			j.act.pass() // who did not look had nothing to act on
		}
	}
}

// Beliefs about who is away, and about trouble.
const (
	smallTeam   = 3    // so few people may all be away at once
	absence     = 0.88 // how much of a small team is taken to be at work in a week in which none of them was seen
	troubleActs = 0.25 // share of the weeks full of trouble in which something is changed because of it
)

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
	switch i {
	case 0:
		return j.query.p
	case 3:
		return j.ritual.p()
	case 4:
		return j.adjust.p
	case 5:
		return j.act.p
	}
	return -1
}

// counted is the rung without its demand for different people: that holidays leave one person alone for a while is
// no end of a ritual.
func (r rung) counted() rung {
	r.people = false
	return r
}

// Certainties of what the thresholds alone tell.
const (
	enough   = 0.7 // probability of a habit once as much was seen as Criterion.Enter asks for
	fewTimes = 4   // a habit seen in fewer weeks has no rhythm yet by which its silence could be judged
)

// settle tells in week w whether the habit of rung i holds: from what was seen of its rhythm, and within the bounds
// that the thresholds set. As much as Enter asks for is enough by itself, and less than Leave is too little.
func (r *run) settle(i, w int, now reading) {
	l, k := &r.state.latches[i], r.criteria.ByName[rungs[i].name]
	h := r.criteria.Habits[rungs[i].name]
	l.last, l.reading = w, now
	people := !rungs[i].people || now.people >= r.criteria.People
	if !l.holds && people && now.value >= k.Enter && r.fresh(i, w) {
		r.judge.believe(i, enough)
	}
	p := r.judge.probability(i)
	l.meets = p >= 0.5 && now.value > 0 && people
	if rungs[i].counted().lapsing(k, r.criteria, now) {
		l.below++
	} else {
		l.below = 0
	}
	switch {
	case l.holds && (p < h.End && r.judge.rhythmic(i, now, k) || l.below >= r.criteria.FallEvaluations):
		l.holds = false
	case !l.holds && people && p >= h.Begin && r.begun(i, now):
		l.holds = true
	}
}

// fresh says whether week w added to what rung i counts: old facts in a window begin nothing.
func (r *run) fresh(i, w int) bool {
	switch i {
	case 3:
		k := r.criteria.ByName[WeeksWithAView]
		return r.judge.ritual.steady(2) == 2 && r.judge.ritual.steady(k.Window) >= k.Enter && r.judge.ritual.solo < 0.5
	case 4:
		return r.series[i].became(w)
	case 5:
		n := len(r.judge.ritual.outcomes)
		return r.series[i].any(w, w) && (n == 0 || !r.judge.ritual.outcomes[n-1].burst)
	}
	return r.series[i].any(w, w)
}

// begun says whether enough was seen to speak of a habit, however probable it is: nothing that happened once is one.
func (r *run) begun(i int, now reading) bool {
	switch i {
	case 3:
		// Every other week is no weekly ritual, however regular.
		return now.value >= r.criteria.ByName[WeeksWithAView].Enter || r.judge.ritual.looked(4) >= 3
	case 4:
		return now.value >= 1 && r.judge.adjust.times >= 2
	}
	return now.value >= min(2, r.criteria.ByName[rungs[i].name].Enter) || i > 0 && now.value >= 1
}

// believe raises the probability of a habit.
func (j *judge) believe(i int, p float64) {
	switch i {
	case 0:
		j.query.p = max(j.query.p, p)
	case 3:
		if now := j.ritual.p(); now < p {
			j.ritual.loose += (p - now) * (1 - j.ritual.solo)
			j.ritual.solo *= (1 - p)
		}
	case 4:
		j.adjust.p = max(j.adjust.p, p)
	case 5:
		j.act.p = max(j.act.p, p)
	}
}

// rhythmic says whether the silence of a habit can be judged by its rhythm, or nothing else speaks for it. A habit that
// was seen a few times only has no rhythm yet: then it is enough that as much is in the window as Enter asks for, and
// one-off queries are remembered for their whole window.
func (j *judge) rhythmic(i int, now reading, k Criterion) bool {
	switch i {
	case 0:
		return j.query.shown >= fewTimes
	case 4:
		return j.adjust.count >= fewTimes-1 || now.value < k.Enter
	case 5:
		return j.act.shown >= fewTimes || now.value < k.Enter
	}
	return true
}
