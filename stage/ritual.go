package stage

import (
	"math"
	"math/bits"
	"slices"
)

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

// outcome is how a week was read.
type outcome struct {
	week  int
	what  weekKind
	burst bool // so many looks that something else must have been the reason
}

type weekKind int

const (
	weekNone  weekKind = iota // nobody looked
	weekOther                 // people looked, though not at the usual time
	weekAlone                 // only the one looked who always does
	weekOwn                   // only the one looked who always does, at the usual time
	weekUsual                 // others looked at the usual time
)

// others says whether others looked than the one who always does.
func (k weekKind) others() bool { return k == weekOther || k == weekUsual }

// Beliefs about how people look, beside those of Habit. They are about habits in general, and not worth a setting.
const (
	looseShare = 0.2   // of the rituals, those at no time of their own
	looseUsual = 0.92  // a ritual without a time of its own must show in nearly every week to be told from chance
	looseLook  = 2     // how much likelier a look is with it than in a team that looks every other week
	soloUsual  = 0.93  // the habit of one person is the steadiest of all
	soloTakeUp = 0.004 // chance that somebody takes up a habit of their own in a week
	othersJoin = 0.75  // in what share of a ritual's weeks others than the usual one are seen to take part
	moved      = 0.02  // chance that a ritual moves to another time in a week
)

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

// one says whether at most one person looked in weeks.
func (r *ritual) one(weeks []int) bool {
	who := 0
	for _, w := range weeks {
		for i := range r.byWeek[w] {
			c := &r.byWeek[w][i]
			if c.unknown {
				return false
			}
			for _, p := range c.who {
				if who == 0 {
					who = p
				}
				if p != who {
					return false
				}
			}
		}
	}
	return true
}

// rate is in what share of weeks this team's ritual takes place.
func (r *ritual) rate() float64 {
	return max((r.habit.Usual*r.habit.Weight+r.kept)/(r.habit.Weight+r.weeks), 0.7)
}

// join is in what share of those weeks others than the usual one take part.
func (r *ritual) join() float64 {
	return (othersJoin*r.habit.Weight + r.joined) / (r.habit.Weight + r.met)
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

// chance is in what share of weeks somebody of a team without a ritual looks: the more people, the more strays.
func (r *ritual) chance() float64 {
	return 1 - math.Exp(-r.habit.Chance*max(1, float64(len(r.people))/20))
}

// likelihood of a week under each of the possible habits.
type likelihood struct{ none, fixed, loose, solo float64 }

func (r *ritual) likely(kind weekKind, now []cluster, exposure float64) likelihood {
	h, join, q := r.rate()*exposure, r.join(), r.chance()
	k, burst := r.shares(now), r.burst(now)
	if burst {
		q = 1 // something kept people busy: that they looked says nothing by itself
	}
	hit := 1 - math.Pow(1-r.rhythm.Coincidence, float64(max(k, 1))) // that one of so many looks falls into the time
	var l likelihood
	switch kind {
	case weekNone:
		return likelihood{1 - q, (1 - h) * (1 - q), (1 - looseUsual*exposure) * (1 - q) * 1.9, (1 - soloUsual*exposure) * (1 - q)}
	case weekUsual:
		l = likelihood{q * hit, h * join, looseLook * q * hit, q * hit * soloUsual}
	case weekOwn:
		l = likelihood{q * hit, h * (1 - join), looseLook * q * hit, soloUsual * 0.8}
	case weekAlone:
		l = likelihood{q * 0.5, (1 - h) * q * 0.5, q * 0.25, soloUsual * 0.4}
	default:
		l = likelihood{q * 0.5, (1-h)*q*0.5 + moved*h, looseLook * q * 0.5, (1 - soloUsual) * q * 0.5}
		if r.top != 0 && r.took(now, r.top) {
			l.solo = soloUsual * q * 0.5
		}
		switch {
		case burst:
			l.fixed, l.loose = (1-h)*0.5, 0.5
		case r.several(now):
			l.loose *= 2
		}
		if !r.slot.found || !r.slot.shared() { // no time of its own is known yet
			l.fixed = max(l.fixed, h*0.3)
			if !burst && together(now) {
				l.fixed, l.none = h*0.45, l.none*0.5
			}
			if r.top == 0 && len(r.people) == 1 {
				l.solo = soloUsual * 0.4
			}
		}
	}
	if r.top != 0 && r.took(now, r.top) {
		switch days := r.days(now, r.top); {
		case days >= 3 && !burst: // a person who looks every day, which no team does for a ritual
			l.none, l.fixed, l.loose, l.solo = l.none*0.05, l.fixed*0.05, l.loose*0.05, l.solo*0.5
		case kind != weekUsual && r.punctual(now): // nobody is punctual to the minute, week by week
			l.none, l.fixed, l.loose, l.solo = l.none*0.1, l.fixed*0.05, l.loose*0.1, l.solo*0.5
		default:
			l.solo *= 0.15
		}
	}
	return l
}

// shares returns how many times others than the one who looks most took part in looking.
func (r *ritual) shares(now []cluster) int {
	k := 0
	for i := range now {
		if r.others(&now[i]) {
			k++
		}
	}
	return k
}

// burst says whether people looked so often in a week that trouble must have been the reason.
func (r *ritual) burst(now []cluster) bool { return r.shares(now) >= r.rhythm.Burst }

// steady is in how many of the last n covered weeks others than one person looked, but for bursts.
func (r *ritual) steady(n int) int {
	k := 0
	for _, o := range r.outcomes[max(0, len(r.outcomes)-n):] {
		if o.what.others() && !o.burst {
			k++
		}
	}
	return k
}

// others says whether somebody else than the one who looks most took part.
func (r *ritual) others(c *cluster) bool {
	for _, p := range c.who {
		if p != r.top {
			return true
		}
	}
	return c.unknown
}

// days returns on how many days of the week p looked.
func (r *ritual) days(now []cluster, p int) int {
	var days uint8
	for i := range now {
		if slices.Contains(now[i].who, p) {
			days |= 1 << now[i].weekday
		}
	}
	return bits.OnesCount8(days)
}

// punctual says whether the one who looks most does so at the same minute in nearly all of the weeks before.
func (r *ritual) punctual(now []cluster) bool {
	minute := -1
	for i := range now {
		if r.slot.at.has(&now[i], r.rhythm.Minutes) && slices.Contains(now[i].who, r.top) {
			minute = now[i].minute
		}
	}
	if minute < 0 {
		return false
	}
	same, hits := 0, 0
	for _, w := range r.seen[max(0, len(r.seen)-r.rhythm.Memory-1) : len(r.seen)-1] {
		for i := range r.byWeek[w] {
			c := &r.byWeek[w][i]
			if !r.slot.at.has(c, r.rhythm.Minutes) || !slices.Contains(c.who, r.top) {
				continue
			}
			hits++
			if apart(c.minute, minute) <= clockworkMinutes {
				same++
			}
		}
	}
	return same >= 2 && 4*same >= 3*hits
}

// weigh takes in a week.
func (r *ritual) weigh(kind weekKind, now []cluster, exposure float64) {
	l := r.likely(kind, now, exposure)
	none := max(1-r.fixed-r.loose-r.solo, 1e-6) * l.none
	r.fixed, r.loose, r.solo = r.fixed*l.fixed, r.loose*l.loose, r.solo*l.solo
	sum := none + r.fixed + r.loose + r.solo
	if !(sum > 0) {
		return
	}
	r.fixed, r.loose, r.solo = max(r.fixed/sum, 1e-6), max(r.loose/sum, 1e-6), max(r.solo/sum, 1e-6)
	r.weeks += r.fixed * exposure
	switch kind {
	case weekUsual:
		r.kept += r.fixed * exposure
		r.met += r.fixed
		r.joined += r.fixed
	case weekOwn:
		r.kept += r.fixed * exposure
		r.met += r.fixed
	}
}

// took says whether p looked.
func (r *ritual) took(now []cluster, p int) bool {
	return slices.ContainsFunc(now, func(c cluster) bool { return slices.Contains(c.who, p) })
}

// several says whether different people looked in a week.
func (r *ritual) several(now []cluster) bool {
	who := 0
	for i := range now {
		for _, p := range now[i].who {
			if who != 0 && p != who {
				return true
			}
			who = p
		}
	}
	return false
}

// together says whether different people looked at the same time.
func together(now []cluster) bool {
	for i := range now {
		if len(now[i].who) >= 2 {
			return true
		}
	}
	return false
}

// kind reads a week.
func (r *ritual) kind(now []cluster) weekKind {
	others, own := false, false
	for i := range now {
		c := &now[i]
		other := r.others(c)
		others = others || other
		if !r.slot.found || !r.slot.at.has(c, r.rhythm.Minutes) {
			continue
		}
		if !other {
			own = true
		} else if r.slot.different(c) {
			return weekUsual
		}
	}
	switch {
	case len(now) == 0:
		return weekNone
	case others:
		return weekOther
	case own:
		return weekOwn
	}
	return weekAlone
}

// most returns who looked in most of the weeks in which anybody did, in at least two and more than anybody else, or 0.
func (r *ritual) most(weeks []int) int {
	by, looked := map[int]int{}, 0
	for _, w := range weeks {
		in := map[int]bool{}
		for i := range r.byWeek[w] {
			for _, p := range r.byWeek[w][i].who {
				if !in[p] {
					in[p] = true
					by[p]++
				}
			}
		}
		if len(r.byWeek[w]) > 0 {
			looked++
		}
	}
	top, second := 0, 0
	for p, n := range by {
		if n > by[top] {
			top, second = p, by[top]
		} else {
			second = max(second, n)
		}
	}
	if by[top] < 2 || by[top] == second || 3*by[top] < 2*looked {
		return 0
	}
	return top
}
