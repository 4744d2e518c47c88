package stage

// ritual is the running estimate of whether a team looks at its dashboards every week: at a time of its own (fixed),
// or at any time (loose). Beside them stands the habit of one person alone (solo), which looks like a ritual in
// everything but who takes part. What is left is no habit, in which people look by chance.
//
// A ritual at a time of its own is told sooner, and its end too: a look at another time does not stand in for it.
type ritual struct {
	habit  Habit
	rhythm Rhythm
	byWeek [][]cluster

	fixed, loose, solo float64 // probabilities
	kept, weeks        float64 // weeks in which the fixed ritual took place, of those in which it could have
	joined, met        float64 // of those that took place: in which others than the usual one took part

	seen   []int        // covered weeks so far, oldest first
	people map[int]bool // who ever looked
	slot   slot
	top    int // who looks most of all, or 0

	outcomes []outcome
}

func newRitual(h Habit, r Rhythm, byWeek [][]cluster) *ritual {
	return &ritual{
		habit: h, rhythm: r, byWeek: byWeek, people: map[int]bool{},
		fixed: h.Prior * (1 - looseShare), loose: h.Prior * looseShare, solo: 0.1,
	}
}

// p is the probability of a ritual of the team. With only one person seen for long there is none.
func (r *ritual) p() float64 {
	if n := 2 * r.rhythm.Memory; len(r.seen) >= n && r.one(r.seen[len(r.seen)-n:]) {
		return 1e-6
	}
	return min(max(r.fixed+r.loose, 1e-6), 1-1e-6)
}

// see takes in covered week w.
func (r *ritual) see(w int, exposure float64) {
	recent := r.seen[max(0, len(r.seen)-r.rhythm.Memory):]
	r.seen = append(r.seen, w)
	now := r.byWeek[w]
	for i := range now {
		for _, p := range now[i].who {
			r.people[p] = true
		}
	}
	r.slot = r.rhythm.usual(r.byWeek, recent)
	r.top = r.most(r.seen[max(0, len(r.seen)-r.rhythm.Memory-1):])
	kind := r.kind(now)
	r.pass()
	r.weigh(kind, now, exposure)
	r.outcomes = append(r.outcomes, outcome{w, kind, r.burst(now)})
}

// pass lets a week go by.
func (r *ritual) pass() {
	none := max(1-r.fixed-r.loose-r.solo, 0)
	take, stay := r.habit.TakeUp, 1-r.habit.Lapse
	own := soloTakeUp * (r.fixed + r.loose)
	r.fixed = r.fixed*stay + none*take*(1-looseShare) + r.solo*take*(1-looseShare)
	r.loose = r.loose*stay + none*take*looseShare
	r.solo = r.solo*stay + none*soloTakeUp + own
}
