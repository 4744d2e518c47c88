package collector

import (
	"bytes"
	"testing"
	"time"
)

// FuzzHeld: what a store gives back as held is an error or can be worked with, and is kept as the same.
func FuzzHeld(f *testing.F) {
	for _, state := range []string{
		"", "null", "{}", `{"parts":null,"stretches":null}`, `{"stretches":{"a":null}}`, `{"parts":[{"time":"9999-12-31T23:59:59-23:00"}]}`,
		`{"parts":[{"time":"2026-11-22T09:00:00Z","kind":"query","scope":"org:1","actor":3},{"time":"0001-01-01T00:00:00Z","kind":"","actor":-1}],` +
			`"stretches":{"a":{"first":"2026-11-22T08:00:00Z","last":"2026-11-22T10:00:00Z"},"b":{"last":"2026-11-22T10:00:00Z"}}}`,
	} {
		f.Add([]byte(state))
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		h, err := newHeld(nil, state)
		if err != nil {
			return
		}
		for act := range h.acts(int64(time.Minute)) {
			if len(act) == 0 {
				t.Error("an act without a part")
			}
		}
		h.read(time.Minute)
		h.stretch("a", track{first: 1, at: 2})
		kept, err := h.state()
		if err != nil {
			t.Fatal(err)
		}
		again, err := newHeld(nil, kept)
		if err != nil {
			t.Fatalf("%v: %s", err, kept)
		}
		if same, err := again.state(); err != nil || !bytes.Equal(same, kept) {
			t.Errorf("%v\n%s\n%s", err, kept, same)
		}
	})
}
