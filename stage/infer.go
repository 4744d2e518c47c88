package stage

// reading is one evaluation of one criterion.
type reading struct {
	value  int
	people int
	weeks  int // covered weeks in the window
}

// latch is whether a criterion holds: it begins at Enter, and lapses after some evaluations in a row below Leave.
type latch struct {
	holds   bool
	below   int // evaluations in a row below Leave
	meets   bool
	last    int // week of the last evaluation; -1 before the first
	reading reading
}

// see evaluates the criterion in week w.
func (l *latch) see(r rung, k Criterion, c Criteria, w int, now reading) {
	l.last, l.reading = w, now
	enough := !r.people || now.people >= c.People
	l.meets = now.value >= k.Enter && enough
	switch {
	case l.meets:
		l.holds, l.below = true, 0
	case !l.holds:
	case r.lapsing(k, c, now):
		if l.below++; l.below >= c.FallEvaluations {
			l.holds, l.below = false, 0
		}
	default:
		l.below = 0
	}
}

// lapsing says whether the value is below Leave, whatever happened in the weeks that the window lacks: what could not be
// seen is not held against a team.
func (r rung) lapsing(k Criterion, c Criteria, now reading) bool {
	unseen := max(k.Window-now.weeks, 0)
	if r.people && unseen == 0 && now.people < c.People {
		return true
	}
	if r.counts == countMonths {
		unseen = (unseen + monthWeeks - 1) / monthWeeks
	}
	return now.value+unseen < k.Leave
}

// state is what is known of a team after a week.
type state struct {
	latches []latch // by rung
	seen    bool    // there was a week in which a stage could be told
	gap     int     // weeks since the last such week

	stage    *int // the last one told
	since    int  // its first week
	previous *int // the one told before
}

// run assesses the weeks 0 to the last in turn.
type run struct {
	team     Team
	criteria Criteria
	cal      *calendar
	coverage []coverage // by rung
	series   []series   // by rung
	mark     *marks
	state    state

	each func() // called after each week, unless nil

	// From version 2 on.
	judge    *judge
	facts    *facts2
	exposure []float64
}

// week evaluates week w, and returns the stage and its status.
func (r *run) week(w int) (*int, string) {
	if r.judge != nil {
		r.watch(w)
	}
	for i := range rungs {
		if c := &r.coverage[i]; r.evaluable(i, w) {
			k := r.criteria.ByName[rungs[i].name]
			value, people := r.series[i].tally(rungs[i], k, c, w, r.mark)
			if rungs[i].people {
				people = max(people, r.retired(c, w))
			}
			now := reading{value, people, c.count(w)}
			if r.judge != nil && r.judge.probability(i) >= 0 {
				r.settle(i, w, now)
				continue
			}
			r.state.latches[i].see(rungs[i], k, r.criteria, w, now)
		}
	}
	now := r.holding()
	r.state.gap++
	if r.told(now, w) {
		r.state.seen, r.state.gap = true, 0
	}
	status := r.status()
	if status == StatusInsufficient {
		return nil, status
	}
	if r.state.stage == nil || *r.state.stage != now {
		r.state.previous, r.state.stage, r.state.since = r.state.stage, &now, w
	}
	return r.state.stage, status
}

func (r *run) status() string {
	switch {
	case !r.state.seen || r.state.gap > r.criteria.StaleWeeks:
		return StatusInsufficient
	case r.state.gap > 0:
		return StatusStale
	}
	return StatusOK
}

// evaluable says whether rung i can be evaluated in week w.
func (r *run) evaluable(i, w int) bool {
	return r.coverage[i].tells(r.criteria, r.criteria.ByName[rungs[i].name], w)
}

// retired returns how many people are known to have been seen in the window although they were forgotten since.
func (r *run) retired(c *coverage, w int) int {
	most := 0
	for v := c.from[w]; v <= w && len(r.team.RetiredPeople) > 0; v++ {
		most = max(most, r.team.RetiredPeople[r.cal.monday(v)])
	}
	return most
}

// holding returns the stage that the latches hold.
func (r *run) holding() int { return r.top(func(l *latch) bool { return l.holds }) }

// top returns the highest stage of which is true, with those that it needs.
func (r *run) top(is func(*latch) bool) int {
	for i := len(rungs) - 1; i >= 0; i-- {
		if r.all(i, func(j int) bool { return is(&r.state.latches[j]) }) {
			return rungs[i].stage
		}
	}
	return 0
}

// all says whether is holds for rung i and for those that it needs.
func (r *run) all(i int, is func(int) bool) bool {
	for ; i >= 0; i = rungs[i].below - 1 {
		if !is(i) {
			return false
		}
	}
	return true
}

// told says whether week w shows that the team is at the stage: what the stage rests on was evaluated. That nothing
// was done is told only of a team whose people are known, and only where looking could have been seen.
func (r *run) told(stage, w int) bool {
	evaluated := func(i int) bool { return r.state.latches[i].last == w }
	if stage > 0 {
		return r.all(stage-1, evaluated)
	}
	if !r.team.HasPeople {
		return false
	}
	now, always := false, true
	for i, k := range rungs[:unassisted] {
		now = now || evaluated(i)
		if k.looks && r.coverage[i].configured && r.state.latches[i].last < 0 {
			always = false
		}
	}
	return now && always
}
