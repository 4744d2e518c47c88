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
	looks    []look
	machines []int
	added    []bool // by week: the team's own people added a metric, used or not
}

// watch takes in week w for every habit that could be seen in it.
func (r *run) watch(w int) {
	j := r.judge
	e := r.exposure[w]
	if r.coverage[0].covered[w] {
		j.query.see(r.series[0].any(w, w), e)
	}
	looked := true
	if r.coverage[3].covered[w] {
		j.ritual.see(w, e)
		last := j.ritual.outcomes[len(j.ritual.outcomes)-1].what
		looked = last != weekNone
	}
	if r.coverage[4].covered[w] {
		j.adjust.see(r.facts.added[w], r.series[4].became(w), e)
	}
	if r.coverage[5].covered[w] {
		acted := r.series[5].any(w, w)
		switch {
		case acted || looked:
			j.act.see(acted, e)
		default:
			j.act.pass() // who did not look had nothing to act on
		}
	}
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

// counted is the rung without its demand for different people: that holiday leave one person alone for a while is
// no end of a ritual.
func (r rung) counted() rung {
	r.people = false
	return r
}

// judgeHabit tells whether a habit holds by its probability.
func (l *latch) judgeHabit(h Habit, k Criterion, r rung, c Criteria, w int, now reading, p float64) {
	l.last, l.reading = w, now
	enough := now.value >= k.Enter && (!r.people || now.people >= c.People)
	l.meets = p >= 0.5 && enough
	switch {
	case l.holds && (p < h.End || r.counted().lapsing(k, c, now)):
		l.holds = false
	case !l.holds && p >= h.Begin && enough:
		l.holds = true
	}
}
