package sim

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// Limit assesses a simulated organisation as well as it can be done: it is a Bayesian filter that knows what no observer can. It
// knows each team's true parameters (when its ritual is and how seldom that is cancelled, how often it asks, acts and makes
// metrics, whether it plans projects), the chances by which stories are drawn, who was at work on which day, and of each
// act out of which habit it was done. What it does not know is what it is to find: the level, and when a project is forgotten.
// Of logs that were lost it knows nothing.
//
// So it bounds from above how many weeks any inference from the same logs can place exactly: some changes do not show at
// once, and no filter sees them sooner. Its stage is the likeliest one, but that it reports a fall only when it is four
// times as likely as none: fewer false falls cost later true ones.
func Limit(o Options) (Truth, []stage.Assessment, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Truth{}, nil, err
	}
	w, err := newWorld(o)
	if err != nil {
		return Truth{}, nil, err
	}
	w.live()
	var out []stage.Assessment
	for _, t := range w.teams {
		out = append(out, w.limit(t))
	}
	return w.truth(), out, nil
}

// patientDoubt is up to which probability of no fall one is reported. With it, false falls are within the goal of eval.
const patientDoubt = 0.2

// chapter is where a story stands: the level, as an index of the story's ladder, and how many weeks ago it was last
// drawn whether it changes.
type chapter struct {
	at, age int
	first   bool // it was not drawn yet
}

// oracle is the filter of one team.
type oracle struct {
	w      *world
	t      *team
	ladder []int
	p      map[chapter]float64
	made   int // day of the last metric; negative if there is none
	told   int // stage told last; unknown at first
}

func (w *world) limit(t *team) stage.Assessment {
	o := &oracle{w: w, t: t, ladder: t.story.ladder(), p: map[chapter]float64{}, made: -1, told: unknown}
	for at := t.story.first(); at < len(o.ladder); at++ {
		o.p[chapter{at: at, first: true}] = 1
	}
	a := stage.Assessment{Team: t.name}
	for week := range w.Weeks {
		row := stage.WeekStage{Week: w.start + activity.Date(7*week), Status: stage.StatusInsufficient}
		if week >= t.formed && week < t.dissolved {
			o.see(week)
			best, p := o.likeliest(week)
			row.Stage, row.Confidence, row.Status = &best, &p, stage.StatusOK
		}
		a.History = append(a.History, row)
	}
	return a
}

// see takes in a week.
func (o *oracle) see(week int) {
	s := o.t.signs[week]
	if s == nil {
		s = &signs{}
	}
	odds := o.w.odds(o.t, week)
	makes := o.w.makes(o.t, o.made, week)
	next := map[chapter]float64{}
	for _, from := range chapters(o.p) {
		p := o.p[from]
		for to, q := range o.follow(from, week) {
			level := o.ladder[to.at]
			likely := odds.likely(s, level)
			if level >= 5 {
				chance := makes
				if o.ladder[from.at] < 5 {
					chance = 1 - startsLate // the habit begins with the first one
				}
				likely *= either(s.made > 0, chance)
			} else if s.made > 0 {
				likely = 0
			}
			likely *= o.projects(week, level)
			next[to] += p * q * likely
		}
	}
	sum := 0.0
	for _, c := range chapters(next) {
		sum += next[c]
	}
	if sum > 0 { // else something happened that has no chance: it keeps what it believed
		for c := range next {
			next[c] /= sum
		}
		o.p = next
	}
	if s.made > 0 {
		o.made = s.made - 1
	}
}

// chapters lists in order those that have a probability: sums of the same numbers in another order differ.
func chapters(p map[chapter]float64) []chapter {
	return slices.SortedFunc(maps.Keys(p), func(a, b chapter) int {
		if a.first != b.first {
			if a.first {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.age, b.age))
	})
}

// startsLate is how likely the first metric of a habit comes after its first week, when people are away.
const startsLate = 0.05

// likely is how likely the signs of a week are at a level.
func (o weekOdds) likely(s *signs, level int) float64 {
	strays := o.strays[min(level, 1)]
	if level >= 4 {
		strays = o.strays[2]
	}
	p := poisson(s.strays, strays)
	switch {
	case level >= 1:
		p *= either(s.asked, o.asked)
	case s.asked:
		return 0
	}
	switch {
	case level >= 4:
		p *= either(s.ritual, o.ritual)
	case s.ritual:
		return 0
	}
	switch {
	case level >= 6 && s.ritual:
		p *= either(s.reacted, o.reacted)
	case s.reacted && level < 6:
		return 0
	}
	return p
}

// either is the chance of what happened, of something that happens with probability p. Nothing is taken for impossible.
func either(happened bool, p float64) float64 {
	p = min(max(p, 1e-4), 1-1e-4)
	if happened {
		return p
	}
	return 1 - p
}

func poisson(n int, mean float64) float64 {
	p := math.Exp(-mean)
	for i := range n {
		p *= max(mean, 1e-4) / float64(i+1)
	}
	return p
}

// projects is 0 at levels that do not do for projects what was done in a week, else 1.
func (o *oracle) projects(week, level int) float64 {
	for _, p := range o.t.projects {
		if p.baseline == week && level < 2 || level < 3 && p.touchedIn(week) {
			return 0
		}
	}
	return 1
}

// follow lists where the story may stand in a week, by how likely that is.
func (o *oracle) follow(from chapter, week int) map[chapter]float64 {
	stay := chapter{from.at, from.age + 1, from.first}
	low, high := laterChange()
	if from.first {
		low, high = firstChange()
	}
	week -= o.t.formed
	if week == 0 {
		return map[chapter]float64{from: 1}
	}
	if stay.age < low || week >= o.w.Weeks-4 {
		return map[chapter]float64{stay: 1}
	}
	hazard := 1 / float64(max(high-stay.age, 0)+1)
	out := map[chapter]float64{}
	if hazard < 1 {
		out[stay] = 1 - hazard
	}
	out[chapter{at: from.at}] += hazard * quietStretch
	for _, step := range changeSteps() {
		for _, sign := range []int{-1, 1} {
			to := chapter{at: o.t.story.bounded(from.at, sign*step)}
			out[to] += hazard * (1 - quietStretch) / float64(2*len(changeSteps()))
		}
	}
	return out
}

// likeliest returns the likeliest stage of a week, and its probability.
func (o *oracle) likeliest(week int) (int, float64) {
	written, checked := 0.0, 0.0 // probabilities that a baseline is spoken of, and one that was checked
	for _, p := range o.t.projects {
		if p.baseline > week {
			continue
		}
		spoken := p.spokenOf(week)
		written = 1 - (1-written)*(1-spoken)
		if p.checked <= week {
			checked = 1 - (1-checked)*(1-spoken)
		}
	}
	var p [stages]float64
	for _, c := range chapters(o.p) {
		q, level := o.p[c], o.ladder[c.at]
		if level >= 4 {
			p[level] += q
			continue
		}
		p[3] += q * checked
		p[2] += q * max(written-checked, 0)
		p[min(level, 1)] += q * (1 - max(written, checked))
	}
	best := 0
	for s := range p {
		if p[s] > p[best] {
			best = s
		}
	}
	stays := 0.0
	for s := max(o.told, 0); s < stages; s++ {
		stays += p[s]
	}
	if best < o.told && stays > patientDoubt {
		best = o.told
	}
	o.told = best
	return best, min(p[best], 1)
}
