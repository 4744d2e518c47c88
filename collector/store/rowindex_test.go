package store

import (
	"math/rand/v2"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// TestIndexStaysSmall: days that are folded and written again and again take no more memory than once.
func TestIndexStaysSmall(t *testing.T) {
	f := NewFolded("s")
	for range 100 {
		for subject := range uint32(500) {
			f.Add(activity.Date(subject%3), 0, subject, 1, Sum{Count: 1})
			f.order() // rows have other numbers now
		}
		if f.Len() != 500 {
			t.Fatalf("%d rows", f.Len())
		}
		f.MapActors(func(id activity.ActorID) activity.ActorID { return id })
		f.Add(0, 0, 0, 1, Sum{Count: 1})
		f.Reset()
	}
	if n := len(f.index.slots); n > 4096 {
		t.Errorf("%d slots for 500 rows", n)
	}
}

// BenchmarkFold adds to rows which are more than the processor's cache holds.
func BenchmarkFold(b *testing.B) {
	common := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 10, 100_000)
	subjects := make([]uint32, 1<<18)
	for i := range subjects {
		subjects[i] = uint32(common.Uint64())
	}
	f := NewFolded("s")
	i := 0
	for b.Loop() {
		n := subjects[i%len(subjects)]
		f.Add(activity.Date(i>>20&3), 0, n, activity.ActorID(i%16), Sum{Count: 1})
		i++
	}
}
