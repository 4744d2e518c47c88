package sim

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// dice is chance with the throws that this package needs.
type dice struct{ *rand.Rand }

// dice returns chance for one purpose. Purposes do not disturb each other: a scenario that throws more dice leaves
// everything else as it was.
func (w *world) dice(purpose ...string) dice {
	h := fnv.New64a()
	for _, p := range purpose {
		_, _ = h.Write([]byte(p)) // a hash never fails
		_, _ = h.Write([]byte{0})
	}
	return dice{rand.New(rand.NewPCG(w.Seed, h.Sum64()))}
}

func (d dice) chance(p float64) bool { return d.Float64() < p }

// between returns a number in [low, high).
func (d dice) between(low, high float64) float64 { return low + d.Float64()*(high-low) }

// days returns a whole number in [low, high], or low if there is none.
func (d dice) days(low, high int) int { return low + d.IntN(max(high-low, 0)+1) }

// poisson returns how often something happens that happens mean times on average.
func (d dice) poisson(mean float64) int {
	limit, product, n := math.Exp(-mean), d.Float64(), 0
	for product > limit && n < 100 {
		product *= d.Float64()
		n++
	}
	return n
}

// pause returns a time in [low, high), to the nanosecond as logs have it.
func (d dice) pause(low, high time.Duration) time.Duration {
	return low + time.Duration(d.Int64N(int64(high-low)))
}

func pick[T any](d dice, from []T) T { return from[d.IntN(len(from))] }

// id returns a string of n letters and digits, as Grafana makes uids.
func (d dice) id(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[d.IntN(len(letters))]
	}
	if b[0] >= '0' && b[0] <= '9' {
		b[0] = 'd'
	}
	return string(b)
}
