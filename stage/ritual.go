package stage

// ritual tells how likely each week is if the team looks at its dashboards every week: at a time of its own (fixed),
// or at any time (loose). Beside them stands the habit of one person alone (solo), which looks like a ritual in
// everything but who takes part, and that of a team that looks at its time but not every week (seldom). What is left is no
// habit, in which people look by chance.
//
// A ritual at a time of its own is told sooner, and its end too: a look at another time does not stand in for it.
type ritual struct {
	habit  Habit
	rhythm Rhythm
	byWeek [][]cluster

	kept, weeks float64 // weeks in which the fixed ritual took place, of those in which it could have
	joined, met float64 // of those that took place: in which others than the usual one took part

	seen   []int          // covered weeks so far, oldest first
	people map[int32]bool // who ever looked
	slot   slot
	top    int32 // who looks most of all, or 0

	outcomes []outcome
}

func newRitual(h Habit, r Rhythm, byWeek [][]cluster) *ritual {
	return &ritual{habit: h, rhythm: r, byWeek: byWeek, people: map[int32]bool{}}
}

// single says that only one person was seen for long: then there is no ritual.
func (r *ritual) single() bool {
	n := 2 * r.rhythm.Memory
	return len(r.seen) >= n && r.one(r.seen[len(r.seen)-n:])
}

// see takes in covered week w, and returns how likely it was.
func (r *ritual) see(w int, exposure float64) [lookKinds]float64 {
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
	r.outcomes = append(r.outcomes, outcome{w, kind, r.burst(now)})
	l := r.likely(kind, now, exposure)
	return [lookKinds]float64{lookNone: l.none, lookSolo: l.solo, lookSeldom: l.seldom, lookFixed: l.fixed, lookLoose: l.loose}
}
