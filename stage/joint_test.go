package stage

import (
	"math"
	"testing"
)

func ladder(t *testing.T) (Ladder, *chain) {
	t.Helper()
	l := DefaultCriteria().Ladder
	return l, l.chain()
}

// TestChain: from every combination some combination follows, and how habits change is what Ladder says.
func TestChain(t *testing.T) {
	l, ch := ladder(t)
	for i, from := range ch.all {
		sum := 0.0
		for j, p := range ch.step[i] {
			if !(p >= 0) {
				t.Fatalf("%+v becomes %+v with probability %v", from, ch.all[j], p)
			}
			sum += p
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("what follows %+v sums to %v", from, sum)
		}
		if !(ch.prior[i] > 0) {
			t.Errorf("%+v is impossible", from)
		}
	}
	looks, asks := combination{ask: true, look: lookFixed}, combination{ask: true}
	adjusts, acts := combination{ask: true, look: lookFixed, adjust: true}, combination{ask: true, look: lookFixed, adjust: true, act: 1}
	for _, test := range []struct {
		name     string
		oftener  float64
		seldomer float64
	}{
		{"one step than two", l.weight(looks, adjusts), l.weight(looks, acts) * float64(len(l.Acts))},
		{"on the ladder than beside it", l.weight(adjusts, asks), l.weight(adjusts, combination{ask: true, adjust: true})},
		{"back onto the ladder than further off", l.weight(combination{ask: true, adjust: true}, asks), l.weight(combination{ask: true, adjust: true}, combination{ask: true, adjust: true, act: 1})},
		{"with its own time than without", l.weight(asks, looks), l.weight(asks, combination{ask: true, look: lookLoose})},
	} {
		if !(test.oftener > test.seldomer) || test.seldomer < 0 {
			t.Errorf("%s: %v and %v", test.name, test.oftener, test.seldomer)
		}
	}
	if l.weight(looks, combination{ask: true, look: lookLoose}) != 0 || l.weight(acts, combination{ask: true, look: lookFixed, adjust: true, act: 2}) != 0 {
		t.Error("a habit changes its way without an end")
	}
}

// TestHeight: each habit rests on those below, but for asking, which who looks can do without.
func TestHeight(t *testing.T) {
	for _, test := range []struct {
		c    combination
		want int
	}{
		{combination{}, 0},
		{combination{look: lookSolo}, 0},
		{combination{ask: true, look: lookSeldom}, 1},
		{combination{ask: true}, 1},
		{combination{look: lookFixed}, 2},
		{combination{ask: true, look: lookLoose}, 2},
		{combination{look: lookLoose, adjust: true}, 3},
		{combination{ask: true, look: lookFixed, adjust: true, act: 3}, 4},
		{combination{ask: true, adjust: true}, -1},
		{combination{ask: true, look: lookSolo, adjust: true}, -1},
		{combination{look: lookFixed, act: 1}, -1},
	} {
		if got := test.c.height(); got != test.want {
			t.Errorf("%+v reaches %d, want %d", test.c, got, test.want)
		}
	}
}

// TestWeigh: what is seen of one habit speaks for those that it rests on, silence of all is nobody's if everybody may be
// away, and no evidence makes anything impossible.
func TestWeigh(t *testing.T) {
	_, ch := ladder(t)
	ritual := func(c combination) bool { return c.holds(3) }
	adjusts := func(c combination) bool { return c.holds(4) }

	j := newJoint(ch)
	before := j.of(ritual)
	e := newEvidence()
	e.adjust = [2]float64{0.02, 0.5}
	j.weigh(e)
	if j.of(ritual) <= before {
		t.Errorf("a metric made by the team lowers the probability of its ritual from %v to %v", before, j.of(ritual))
	}

	silent := newEvidence()
	silent.ask, silent.adjust = [2]float64{1, 0.3}, [2]float64{1, 0.3}
	away := silent
	away.away = 0.5
	a, b := newJoint(ch), newJoint(ch)
	a.weigh(silent)
	b.weigh(away)
	if !(a.of(adjusts) < b.of(adjusts)) {
		t.Errorf("a silent week counts %v, and %v if nobody was there", a.of(adjusts), b.of(adjusts))
	}

	never := newEvidence()
	never.ask = [2]float64{0, 0}
	j.weigh(never)
	sum := 0.0
	for _, p := range j.p {
		if !(p > 0) {
			t.Fatalf("after a week that cannot be, something has the probability %v", p)
		}
		sum += p
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("probabilities sum to %v", sum)
	}
}
