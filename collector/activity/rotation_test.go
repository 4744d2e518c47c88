package activity_test

import (
	"bytes"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// FuzzSealed: what was sealed with a key is opened with it alone, and nothing else is.
func FuzzSealed(f *testing.F) {
	key := activity.NewKey([]byte("the second key"))
	sealed, err := key.Seal(activity.NewKey([]byte("the first key")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("a secret"), sealed, 3)
	f.Add([]byte{}, []byte{}, 0)
	f.Fuzz(func(t *testing.T, secret, box []byte, flip int) {
		if _, err := key.Open(box); err == nil && !bytes.Equal(box, sealed) {
			t.Errorf("%x is opened", box)
		}
		other := activity.NewKey(secret)
		mine, err := key.Seal(other)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := key.Open(mine); err != nil || back.ID() != other.ID() || back.Text("x") != other.Text("x") {
			t.Errorf("%v: not the key that was sealed", err)
		}
		if _, err := activity.NewKey(append(secret, 'x')).Open(mine); err == nil {
			t.Error("another key opens it")
		}
		mine[uint(flip)%uint(len(mine))] ^= 1
		if _, err := key.Open(mine); err == nil {
			t.Error("it is opened though it was changed")
		}
	})
}
