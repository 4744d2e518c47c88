package collector

import "testing"

// TestBudget: less memory means smaller batches and fewer things remembered, and never nothing at all.
func TestBudget(t *testing.T) {
	unbounded := (&Config{}).budget()
	last := budget{}
	for _, memory := range []int64{1, MinMemory, 128 << 20, 512 << 20, 64 << 30} {
		b := (&Config{Memory: memory, Sources: make([]Source, 3)}).budget()
		if b.batch < 1<<19 || b.remembered < 1<<10 || b.texts < 1<<12 {
			t.Errorf("%d bytes: %+v is too little to work with", memory, b)
		}
		if b.batch < last.batch || b.remembered < last.remembered || b.texts < last.texts {
			t.Errorf("%d bytes: %+v is less than %+v", memory, b, last)
		}
		last = b
	}
	if last != unbounded {
		t.Errorf("%+v, without a bound %+v", last, unbounded)
	}
}
