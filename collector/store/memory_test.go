package store_test

import (
	"testing"
)

// TestRemembered: each export has a state of its own, which outlives the process.
func TestRemembered(t *testing.T) { onEach(t, testRemembered) }

func testRemembered(t *testing.T, empty func(*testing.T) string) {
	path := empty(t)
	s := open(t, path)
	if state, err := s.Remembered(t.Context(), "remote_write"); err != nil || state != nil {
		t.Errorf("an empty store remembers %q, %v", state, err)
	}
	for _, w := range []struct{ name, state string }{{"remote_write", "old"}, {"pushgateway", "other"}, {"remote_write", "new\x00"}} {
		if err := s.Remember(t.Context(), w.name, []byte(w.state)); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, path)
	for name, want := range map[string]string{"remote_write": "new\x00", "pushgateway": "other", "elsewhere": ""} {
		if state, err := again.Remembered(t.Context(), name); err != nil || string(state) != want {
			t.Errorf("%s: %q, %v, want %q", name, state, err, want)
		}
	}
}
