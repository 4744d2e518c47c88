package store

import (
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
