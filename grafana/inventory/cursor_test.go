package inventory

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzCursor: what a store gives back as remembered is an error with a hint, or can be worked with, and is kept as the same.
func FuzzCursor(f *testing.F) {
	for _, text := range []string{
		"", "null", "{}", `{"version":2}`, `{"version":1,"orgs":null}`, `{"version":1,"orgs":{"1":null}}`, `{"version":1,"orgs":{"a":{}}}`,
		`{"version":1,"covered":20000,"orgs":{"1":{"boards":{"a":null,"b":{"v":3,"p":"x","l":{"c":1}}},"rules":{"d":null},"note":7,"folders":["e"]}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseCursor(text)
		if err != nil {
			if !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("no hint: %v", err)
			}
			return
		}
		for id := range c.Orgs {
			if o := c.org(id); o.Boards == nil || o.Rules == nil {
				t.Errorf("organisation %d has nowhere to remember", id)
			}
		}
		kept, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseCursor(kept)
		if err != nil {
			t.Fatalf("%v: %s", err, kept)
		}
		if same, err := again.encode(); err != nil || !bytes.Equal(same, kept) {
			t.Errorf("%v\n%s\n%s", err, kept, same)
		}
	})
}
