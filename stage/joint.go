package stage

import (
	"math"
	"slices"
)

// lookKind is how a team looks.
type lookKind int

const (
	lookNone   lookKind = iota // by chance
	lookSolo                   // one person alone has the habit
	lookSeldom                 // the team has it, though not every week
	lookFixed                  // a ritual at a time of its own
	lookLoose                  // a ritual at any time
	lookKinds
)

func (k lookKind) ritual() bool { return k == lookFixed || k == lookLoose }

// combination is one way in which a team may have the regular habits and lack them.
type combination struct {
	ask, adjust bool
	look        lookKind
	act         int // 0: it does not act; else it does, at the rate numbered so from 1
}

// holds says whether it has the habit of rung i; those of 2 and 3 are none.
func (c combination) holds(i int) bool {
	switch i {
	case 0:
		return c.ask
	case 3:
		return c.look.ritual()
	case 4:
		return c.adjust
	case 5:
		return c.act > 0
	}
	return false
}

// reaches says whether it has all that stage n, of the upper stages, needs.
func (c combination) reaches(n int) bool {
	for i := unassisted - 1; i < n; i++ {
		if !c.holds(i) {
			return false
		}
	}
	return true
}

// height is how far up the ladder of asking, looking, adjusting and acting it reaches, each resting on the one before; -1 if it
// adjusts without looking, or acts without adjusting. Who looks may well never ask: dashboards answer most questions.
func (c combination) height() int {
	n := 0
	switch {
	case c.look.ritual():
		n = 2
	case c.ask:
		n = 1
	}
	switch {
	case !c.adjust && c.act == 0:
		return n
	case n < 2 || !c.adjust:
		return -1
	case c.act == 0:
		return 3
	}
	return 4
}

// flips is how many habits differ between two.
func (c combination) flips(d combination) int {
	n := 0
	for _, i := range []int{0, 3, 4, 5} {
		if c.holds(i) != d.holds(i) {
			n++
		}
	}
	return n
}

// Ladder is what one expects of how the regular habits of a team hang together: one does not adjust what one does not
// look at, so they come and go one after the other, or several at once.
type Ladder struct {
	Change float64    // chance that a team's habits change in a week
	Steps  [4]float64 // of the changes, those by one habit, two, three or all
	Aside  float64    // of the changes, those that leave a habit out: adjusting without looking, say
	Return float64    // chance that such a team gets back onto the ladder in a week
	Acts   []float64  // shares of its looks on which a team may act, each as likely as the other
}

// Beliefs about how habits begin.
const (
	looseShare = 0.15  // of the rituals, those at no time of their own
	otherPrior = 0.05  // of the teams without a ritual, those in which one person looks alone, and those that look seldom
	otherBegin = 0.003 // chance that a team without any habit of looking takes up one of these in a week
	askless    = 0.25  // of the teams that begin to look, those that do not ask
	asidePrior = 0.01  // how much rarer a combination is that leaves a habit out
)

// chain is how habits follow each other.
type chain struct {
	all   []combination
	prior []float64
	step  [][]float64 // the chance of each to follow each
}

func (l Ladder) chain() *chain {
	ch := &chain{}
	for act := range len(l.Acts) + 1 {
		for k := range lookKinds {
			for n := range 4 {
				ch.all = append(ch.all, combination{ask: n&1 != 0, adjust: n&2 != 0, look: k, act: act})
			}
		}
	}
	for _, from := range ch.all {
		p := l.share(combination{look: from.look}, from)
		if from.height() < 0 {
			p *= asidePrior
		}
		ch.prior = append(ch.prior, p)
		ch.step = append(ch.step, l.row(ch.all, from))
	}
	return ch
}

// share is how many of those that come to the habits of to have them in this way.
func (l Ladder) share(from, to combination) float64 {
	share := 1.0
	if to.act > 0 && from.act != to.act {
		share /= float64(len(l.Acts))
	}
	switch to.look {
	case lookFixed:
		return share * (1 - looseShare)
	case lookLoose:
		return share * looseShare
	case lookSolo, lookSeldom:
		return share * otherPrior
	}
	return share * (1 - 2*otherPrior)
}

// row is the chance of each to follow from.
func (l Ladder) row(all []combination, from combination) []float64 {
	row := make([]float64, len(all))
	leave, total := l.Change, 0.0
	if from.height() < 0 {
		leave = l.Return
	}
	for i, to := range all {
		row[i] = l.weight(from, to)
		total += row[i]
	}
	stay := 1 - leave
	for i, to := range all {
		row[i] *= leave / total
		if p := l.otherwise(from, to); p > 0 {
			row[i] = p
			stay -= p
		}
	}
	row[slices.Index(all, from)] = stay
	return row
}

// otherwise is the chance that a team without a ritual comes to look in another way, and changes nothing else.
func (l Ladder) otherwise(from, to combination) float64 {
	a, b := from.look, to.look
	from.look, to.look = lookNone, lookNone
	switch {
	case from != to || a == b || a.ritual() || b.ritual():
		return 0
	case a == lookNone:
		return otherBegin
	case b == lookNone:
		return l.Change
	}
	return 0
}

// weight is how often habits change so, compared with other changes.
func (l Ladder) weight(from, to combination) float64 {
	a, b, n := from.height(), to.height(), from.flips(to)
	switch {
	case n == 0, from.look.ritual() == to.look.ritual() && from.look != to.look, from.act > 0 && to.act > 0 && from.act != to.act:
		return 0 // the way of a habit stays as it is
	}
	share, same := 1.0, from.look.ritual() == to.look.ritual()
	if same {
		from.look, to.look = lookNone, lookNone
		share /= 1 - 2*otherPrior
	}
	share *= l.share(from, to)
	switch {
	case a < 0 && b >= 0:
		return share / float64(n*n)
	case a < 0 || b < 0 || same && a >= 2 && from.ask != to.ask || !from.ask && a >= 2 && b == 1 || from.ask && a == 1 && b >= 2 && !to.ask:
		if n > 1 {
			share /= 10
		}
		return share * l.Aside
	case a == 0 && b >= 2 && !to.ask:
		a, share = 1, share*askless
	case a == 0 && b >= 2:
		share *= 1 - askless
	case a >= 2 && b == 0 && !from.ask:
		b = 1
	}
	return share * l.Steps[max(a-b, b-a)-1]
}

// joint is what is believed of all regular habits of a team together: the probability of each combination.
type joint struct {
	*chain
	p, next []float64
}

// newJoint returns the belief before anything was seen.
func newJoint(c *chain) *joint {
	j := &joint{chain: c, p: make([]float64, len(c.all)), next: make([]float64, len(c.all))}
	copy(j.p, c.prior)
	j.normalise()
	return j
}

// pass lets a week go by.
func (j *joint) pass() {
	clear(j.next)
	for from, p := range j.p {
		for to, q := range j.step[from] {
			j.next[to] += p * q
		}
	}
	j.p, j.next = j.next, j.p
}

// evidence is how likely what was seen in a week is without a habit and with it.
type evidence struct {
	ask, adjust [2]float64
	look        [lookKinds]float64
	act         [lookKinds][]float64 // by rate; none if nothing could be seen
	away        float64              // chance that nobody of the team was at work, if nothing was seen of it at all; else 0
}

func newEvidence() evidence {
	e := evidence{ask: [2]float64{1, 1}, adjust: [2]float64{1, 1}}
	for k := range e.look {
		e.look[k] = 1
	}
	return e
}

// of is how likely the week was for a team with the habits of c.
func (e *evidence) of(c combination) float64 {
	p := e.look[c.look]
	if c.ask {
		p *= e.ask[1]
	} else {
		p *= e.ask[0]
	}
	if c.adjust {
		p *= e.adjust[1]
	} else {
		p *= e.adjust[0]
	}
	if e.act[c.look] != nil {
		p *= e.act[c.look][c.act]
	}
	return e.away + (1-e.away)*p
}

// weigh takes in a week.
func (j *joint) weigh(e evidence) {
	for i, c := range j.all {
		j.p[i] *= e.of(c)
	}
	j.normalise()
}

// normalise makes the probabilities sum to one. Nothing becomes impossible.
func (j *joint) normalise() {
	sum := 0.0
	for i, p := range j.p {
		if !(p > 1e-9) {
			j.p[i] = 1e-9
		}
		sum += j.p[i]
	}
	for i := range j.p {
		j.p[i] /= sum
	}
}

// of is the probability of all combinations of which is true.
func (j *joint) of(is func(combination) bool) float64 {
	sum := 0.0
	for i, p := range j.p {
		if is(j.all[i]) {
			sum += p
		}
	}
	return math.Min(math.Max(sum, 1e-6), 1-1e-6)
}

// look is the probability that the team looks so.
func (j *joint) look(k lookKind) float64 {
	return j.of(func(c combination) bool { return c.look == k })
}

// share is on which share of its looks the team acts, as expected if it does at all.
func (j *joint) share(rates []float64) float64 {
	sum, total := 0.0, 0.0
	for i, c := range j.all {
		if c.act > 0 {
			sum += j.p[i] * rates[c.act-1]
			total += j.p[i]
		}
	}
	return sum / total
}
