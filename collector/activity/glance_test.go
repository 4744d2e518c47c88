package activity_test

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// FuzzSetTime: whatever was read before, a glance reads the times that ParseTime reads, alike.
func FuzzSetTime(f *testing.F) {
	f.Add([]byte("2026-11-22T17:35:41Z"), []byte("2026-11-22T17:59:59.999999999Z"))
	f.Add([]byte("2026-11-22T17:35:41Z"), []byte("2026-11-22T17:60:00Z"))
	f.Add([]byte("2026-11-22T17:35:41Z"), []byte("2026-11-22T17:35-41Z"))
	f.Add([]byte("1969-12-31T23:00:00Z"), []byte("9999-11-22T17:35:41.1234567890Z"))
	f.Fuzz(func(t *testing.T, before, text []byte) {
		var g activity.Glance
		g.SetTime(before)
		for range 2 {
			ok := g.SetTime(text)
			want, wantOK := activity.ParseTime(text)
			if wantOK = wantOK && want.Year() >= 1970 && want.Year() <= 2200; ok != wantOK || ok && g.At != want.UnixNano() {
				t.Fatalf("%q after %q: %v %v, want %v %v", text, before, g.At, ok, want, wantOK)
			}
		}
	})
}

// TestNumbers: equal texts of a sort have one number, different ones another, and the first are the smallest.
func TestNumbers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var n activity.Numbers
	want := map[string]uint32{}
	for range 100_000 {
		sort := uint8(rnd.IntN(3))
		text := strings.Repeat(strconv.Itoa(rnd.IntN(2000)), 1+rnd.IntN(6))
		switch rnd.IntN(3) {
		case 0:
			text = "the same beginning of many a long text " + text
		case 1:
			text = string(bytes.Repeat([]byte{0}, rnd.IntN(20)))
		}
		number, fresh := n.Of(sort, []byte(text))
		key := strconv.Itoa(int(sort)) + text
		known, ok := want[key]
		if fresh == ok || ok && number != known || !ok && int(number) != len(want) {
			t.Fatalf("%q: %d, new: %v; want %d, known: %v", text, number, fresh, known, ok)
		}
		want[key] = number
	}
	text := []byte("a text that has a number already")
	n.Of(0, text)
	if allocs := testing.AllocsPerRun(100, func() { n.Of(0, text) }); allocs != 0 {
		t.Errorf("%v allocations for a known text", allocs)
	}
}

func BenchmarkNumbers(b *testing.B) {
	for _, size := range []int{8, 40, 200} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			texts := make([][]byte, 4096)
			for i := range texts {
				texts[i] = bytes.Repeat([]byte(strconv.Itoa(10000+i)), size)[:size]
			}
			var n activity.Numbers
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				n.Of(1, texts[i&4095])
			}
		})
	}
}

func BenchmarkSetTime(b *testing.B) {
	var g activity.Glance
	text := time.Date(2026, 11, 22, 17, 31, 34, 117367862, time.UTC).AppendFormat(nil, time.RFC3339Nano)
	for b.Loop() {
		g.SetTime(text)
	}
}
