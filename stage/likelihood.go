package stage

import "math"

// Beliefs about how people look, beside those of Habit. They are about habits in general, and not worth a setting.
const (
	looseUsual = 0.92 // a ritual without a time of its own must show in nearly every week to be told from chance
	looseLook  = 2    // how much likelier a look is with it than in a team that looks every other week
	soloUsual  = 0.93 // the habit of one person is the steadiest of all
	othersJoin = 0.75 // in what share of a ritual's weeks others than the usual one are seen to take part
	moved      = 0.02 // chance that a ritual moves to another time in a week
)

// rate is in what share of weeks this team's ritual takes place.
func (r *ritual) rate() float64 {
	return max((r.habit.Usual*r.habit.Weight+r.kept)/(r.habit.Weight+r.weeks), 0.7)
}

// join is in what share of those weeks others than the usual one take part.
func (r *ritual) join() float64 {
	return (othersJoin*r.habit.Weight + r.joined) / (r.habit.Weight + r.met)
}

// chance is in what share of weeks somebody of a team without a ritual looks: the more people, the more strays.
func (r *ritual) chance() float64 {
	return 1 - math.Exp(-r.habit.Chance*max(1, float64(len(r.people))/20))
}

// again is how likely a team that looks every other week, or every month, looks in this one: not right after it did.
func (r *ritual) again() float64 {
	chances := [...]float64{0.08, 0.85, 0.3, 0.6, 0.4}
	if n := r.ago(); n > 0 {
		return chances[min(n, len(chances))-1]
	}
	return 0.3
}

// ago is how many covered weeks ago the team last looked: at its usual time, or at any if it has none; 0 if that is long ago.
func (r *ritual) ago() int {
	usual := r.slot.found && r.slot.shared()
	before := r.outcomes[:len(r.outcomes)-1]
	for n := 1; n <= min(len(before), r.rhythm.Memory); n++ {
		o := before[len(before)-n]
		if !usual && o.what.others() && !o.burst {
			return n
		}
		for i := range r.byWeek[o.week] {
			if usual && r.slot.at.has(&r.byWeek[o.week][i], r.rhythm.Minutes) {
				return n
			}
		}
	}
	return 0
}

// likelihood of a week under each of the possible habits.
type likelihood struct{ none, fixed, loose, solo, seldom float64 }

// likely tells how likely the week was under each of them. What is the same for all is left out.
func (r *ritual) likely(kind weekKind, now []cluster, exposure float64) likelihood {
	h, join, q, s := r.rate()*exposure, r.join(), r.chance(), r.again()*exposure
	k, burst := r.shares(now), r.burst(now)
	if burst {
		q = 1 // something kept people busy: that they looked says nothing by itself
	}
	hit := 1 - math.Pow(1-r.rhythm.Coincidence, float64(max(k, 1))) // that one of so many looks falls into the time
	var l likelihood
	switch kind {
	case weekNone:
		return likelihood{1 - q, (1 - h) * (1 - q), (1 - looseUsual*exposure) * (1 - q) * 1.9, (1 - soloUsual*exposure) * (1 - q), (1 - s) * (1 - q)}
	case weekUsual:
		l = likelihood{q * hit, h * join, looseLook * q * hit, q * hit * soloUsual, s * join}
	case weekOwn:
		l = likelihood{q * hit, h * (1 - join), looseLook * q * hit, soloUsual * 0.8, s * (1 - join)}
	case weekAlone:
		l = likelihood{q * 0.5, (1 - h) * q * 0.5, q * 0.25, soloUsual * 0.4, (1 - s) * q * 0.5}
	default:
		l = likelihood{q * 0.5, (1-h)*q*0.5 + moved*h, looseLook * q * 0.5, (1 - soloUsual) * q * 0.5, (1-s)*q*0.5 + moved*s}
		if r.top != 0 && r.took(now, r.top) {
			l.solo = soloUsual * q * 0.5
		}
		switch {
		case burst:
			l.fixed, l.loose, l.seldom = (1-h)*0.5, 0.5, (1-s)*0.5
		case r.several(now):
			l.loose *= 2
		}
		if !r.slot.found || !r.slot.shared() { // no time of its own is known yet
			l.fixed, l.seldom = max(l.fixed, h*0.3), max(l.seldom, s*0.3)
			if !burst && together(now) {
				l.fixed, l.seldom, l.none = h*0.45, s*0.45, l.none*0.5
			}
			if r.top == 0 && len(r.people) == 1 {
				l.solo = soloUsual * 0.4
			}
		}
	}
	if r.top != 0 && r.took(now, r.top) {
		switch days := r.days(now, r.top); {
		case days >= 3 && !burst: // a person who looks every day, which no team does for a ritual
			l.none, l.fixed, l.loose, l.solo, l.seldom = l.none*0.05, l.fixed*0.05, l.loose*0.05, l.solo*0.5, l.seldom*0.05
		case kind != weekUsual && r.punctual(now): // nobody is punctual to the minute, week by week
			l.none, l.fixed, l.loose, l.solo, l.seldom = l.none*0.1, l.fixed*0.05, l.loose*0.1, l.solo*0.5, l.seldom*0.05
		default:
			l.solo *= 0.15
		}
	}
	return l
}

// learn takes in a week of a team that has the fixed ritual with a probability.
func (r *ritual) learn(kind weekKind, fixed, exposure float64) {
	r.weeks += fixed * exposure
	switch kind {
	case weekUsual:
		r.kept += fixed * exposure
		r.met += fixed
		r.joined += fixed
	case weekOwn:
		r.kept += fixed * exposure
		r.met += fixed
	}
}
