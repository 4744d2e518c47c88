package collector

import (
	"math/bits"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// act is one that is known by numbers alone.
type act struct {
	at            int64 // nanoseconds since 1970
	actor         activity.ActorID
	sort, subject uint32 // in the folder's days
}

// list notes an act, to be counted with others. Rows are far more than the processor's caches hold, and people come one after the
// other in a log; those of one person are few.
func (f *folder) list(a act) {
	f.acts = append(f.acts, a)
	if len(f.acts) >= f.budget.listed {
		f.countListed()
	}
}

// countListed adds the acts that were listed to their days, actor by actor.
func (f *folder) countListed() {
	f.acts, f.spare = byActor(f.acts, f.spare)
	for i := range f.acts {
		a := &f.acts[i]
		if i == 0 || a.actor != f.acts[i-1].actor {
			f.days.Seal()
		}
		f.clock.set(a.at)
		f.days.Add(f.clock.date, a.sort, a.subject, a.actor, store.Sum{Count: 1, First: a.at, Last: a.at, Hours: 1 << f.clock.hour})
	}
	f.days.Seal()
	f.acts = f.acts[:0]
}

// byActor sorts acts, and returns the memory that is spare then.
func byActor(acts, spare []act) (sorted, free []act) {
	if len(acts) == 0 {
		return acts, spare
	}
	first, last := acts[0].actor, acts[0].actor
	for i := range acts {
		first, last = min(first, acts[i].actor), max(last, acts[i].actor)
	}
	return inOrder(acts, spare, bits.Len64(uint64(last-first)), func(a *act) uint64 { return uint64(a.actor - first) })
}

// inOrder sorts items by numbers of so many bits, digit by digit. Those of one number stay in their order. It returns the memory that
// is spare then, for the next time.
func inOrder[T any](items, spare []T, size int, number func(*T) uint64) (sorted, free []T) {
	if cap(spare) < len(items) {
		spare = make([]T, len(items), cap(items))
	}
	spare = spare[:len(items)]
	const digit = 11
	for shift := 0; shift < size; shift += digit {
		var ends [1 << digit]uint32
		for i := range items {
			ends[number(&items[i])>>shift&(1<<digit-1)]++
		}
		sum := uint32(0)
		for d, n := range ends {
			ends[d], sum = sum, sum+n
		}
		for i := range items {
			d := number(&items[i]) >> shift & (1<<digit - 1)
			spare[ends[d]] = items[i]
			ends[d]++
		}
		items, spare = spare, items
	}
	return items, spare
}
