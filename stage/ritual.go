package stage

import "math"

// ritual is the running estimate of whether a team looks at its dashboards regularly, in one of two ways: at a time
// of its own, or at any time but in nearly every week. The first is told sooner, and its end too: a look at another
// time does not stand in for it.
type ritual struct {
	habit    Habit
	rhythm   Rhythm
	fixed    float64 // probability of a ritual at a time of its own
	loose    float64 // of one at any time
	shown    float64
	weeks    float64
	byWeek   [][]cluster
	seen     []int // covered weeks so far, oldest first
	people   map[int]bool
	slot     slot
	solo     int // the person whose habit alone it seems to be, or 0
	outcomes []outcome
}

// outcome is how a week was read.
type outcome struct {
	week int
	what weekKind
}

type weekKind int

const (
	weekNone  weekKind = iota // nobody looked
	weekOther                 // people looked, though not at the usual time
	weekAlone                 // one person looked, whose own habit it seems to be
	weekUsual                 // people looked at the usual time
)

// looseShare is which part of the rituals is at no time of its own.
const looseShare = 0.2

func newRitual(h Habit, r Rhythm, byWeek [][]cluster) *ritual {
	return &ritual{habit: h, rhythm: r, fixed: h.Prior * (1 - looseShare), loose: h.Prior * looseShare, byWeek: byWeek, people: map[int]bool{}}
}

func (r *ritual) p() float64 { return min(r.fixed+r.loose, 1-1e-6) }

func (r *ritual) rate() float64 {
	return (r.habit.Usual*r.habit.Weight + r.shown) / (r.habit.Weight + r.weeks)
}

// see takes in covered week w.
func (r *ritual) see(w int, exposure float64) {
	recent := r.seen
	if n := r.rhythm.Memory; len(recent) > n {
		recent = recent[len(recent)-n:]
	}
	r.seen = append(r.seen, w)
	now := r.byWeek[w]
	for _, c := range now {
		for _, p := range c.who {
			r.people[p] = true
		}
	}
	r.solo = r.alone(append(recent[:len(recent):len(recent)], w))
	r.slot = r.rhythm.usual(r.byWeek, recent)

	// pass
	none := 1 - r.fixed - r.loose
	take, lapse := r.habit.TakeUp, r.habit.Lapse
	r.fixed, r.loose = r.fixed*(1-lapse)+none*take*(1-looseShare), r.loose*(1-lapse)+none*take*looseShare

	h := r.rate() * exposure
	chance := r.chance()
	k := len(now)
	burst := k >= r.rhythm.Burst
	kind := r.kind(now)
	var fixed, loose, without float64
	switch kind {
	case weekNone:
		fixed, loose, without = (1-h)*(1-chance), 1-h*0.95, 1-chance
	case weekAlone:
		fixed, loose, without = 0.5, 0.2, 0.8
	case weekOther:
		c := 1 - math.Pow(1-r.rhythm.Coincidence, float64(k))
		fixed, loose, without = (1-h)*chance*1.5, h*0.95, chance*(1-c)
		if burst {
			fixed, loose, without = 1-h, 1, 1-c
		}
		if !r.slot.found || len(r.slot.who) < 2 && !r.slot.crowd { // no time of its own is known yet
			fixed = max(fixed, 0.6*without)
			if !burst {
				fixed = max(fixed, 0.5*h)
			}
		}
	case weekUsual:
		c := 1 - math.Pow(1-r.rhythm.Coincidence, float64(k))
		fixed, loose, without = h, h*c, chance*c
		if burst {
			fixed, loose, without = h, c, c
		}
	}
	none = (1 - r.fixed - r.loose) * without
	r.fixed *= fixed
	r.loose *= loose
	if sum := r.fixed + r.loose + none; sum > 0 {
		r.fixed, r.loose = max(r.fixed/sum, 1e-6), max(r.loose/sum, 1e-6)
	}
	if kind != weekAlone {
		r.weeks += r.p() * exposure
		if kind == weekUsual || kind == weekOther && r.loose > r.fixed {
			r.shown += r.p() * exposure
		}
	}
	r.outcomes = append(r.outcomes, outcome{w, kind})
}

// chance is in what share of weeks somebody of a team without a ritual looks: the more people, the more strays.
func (r *ritual) chance() float64 {
	return 1 - math.Exp(-r.habit.Chance*max(1, float64(len(r.people))/20))
}

// kind reads a week.
func (r *ritual) kind(now []cluster) weekKind {
	others := false
	for i := range now {
		c := &now[i]
		alone := r.solo != 0 && !c.unknown && len(c.who) == 1 && c.who[0] == r.solo
		others = others || !alone
		if alone || !r.slot.found || !r.slot.at.has(c, r.rhythm.Minutes) {
			continue
		}
		// Different people at the same time, in this week or before.
		n := len(r.slot.who)
		for _, p := range c.who {
			if r.slot.who[p] == 0 {
				n++
			}
		}
		if n >= 2 || c.unknown || r.slot.crowd {
			return weekUsual
		}
	}
	switch {
	case len(now) == 0:
		return weekNone
	case !others:
		return weekAlone
	}
	return weekOther
}

// alone returns the person who looked in nearly every week while the others hardly ever did, or 0.
func (r *ritual) alone(weeks []int) int {
	if len(weeks) < 3 {
		return 0
	}
	by := map[int]int{}
	looked, unknown := 0, false
	for _, w := range weeks {
		in := map[int]bool{}
		for _, c := range r.byWeek[w] {
			unknown = unknown || c.unknown
			for _, p := range c.who {
				in[p] = true
			}
		}
		for p := range in {
			by[p]++
		}
		if len(r.byWeek[w]) > 0 {
			looked++
		}
	}
	top := 0
	for p, n := range by {
		if top == 0 || n > by[top] || n == by[top] && p < top {
			top = p
		}
	}
	if unknown || top == 0 || by[top]*4 < 3*len(weeks) {
		return 0
	}
	others := 0
	for _, w := range weeks {
		for _, c := range r.byWeek[w] {
			if len(c.who) > 1 || c.who[0] != top {
				others++
				break
			}
		}
	}
	if float64(others) > (1-r.rhythm.Alone)*float64(len(weeks)) {
		return 0
	}
	return top
}
