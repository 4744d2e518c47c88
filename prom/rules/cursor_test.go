package rules

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzCursor: a position that a store gives back is an error with a hint, or names commits alone, and is kept as the same.
func FuzzCursor(f *testing.F) {
	const id = "0123456789abcdef0123456789abcdef01234567"
	for _, text := range []string{
		"", "null", "{}", `{"version":2}`, `{"version":1,"repository":"r","tips":["--upload-pack=x"]}`, `{"version":1,"repository":"r","pass":{"to":"` + id + `","not":["-x"]}}`,
		`{"version":1,"repository":"r","tips":["` + id + `"],"pass":{"to":"` + id + `","done":"` + id + `"},"first":20000,"counted":{"recent":"AAAAAAAAAAEAAAAAAAAAAg==","before":7}}`,
		`{"version":1,"repository":"r","counted":{"recent":"AAAA"}}`, `{"version":1,"repository":"r","counted":null}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseCursor(text, "r")
		if err != nil {
			if !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("no hint: %v", err)
			}
			return
		}
		for _, id := range c.ids() {
			if !isHash(id) {
				t.Errorf("git would be given %q for a commit", id)
			}
		}
		kept, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseCursor(kept, "r")
		if err != nil {
			t.Fatalf("%v: %s", err, kept)
		}
		if same, err := again.encode(); err != nil || !bytes.Equal(same, kept) {
			t.Errorf("%v\n%s\n%s", err, kept, same)
		}
	})
}
