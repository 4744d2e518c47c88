package api

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/prom/rules"
)

// FuzzSnapshot: a snapshot that a store gives back is an error with a hint, or can be compared with what a server has now.
func FuzzSnapshot(f *testing.F) {
	for _, text := range []string{
		"null", "{}", `{"version":2}`, `{"version":1,"server":"s","rules":{"rules":[{"file":"a.yml","kind":"recording","name":"b"},{}]},"names":{"up":20000}}`,
		`{"version":1,"server":"s","rules":{"rules":null},"names":null}`, `{"version":1,"server":"s","rules":{"rules":[{"rest":"AAAA","labels":{"a":"b"},"metrics":[""]}]}}`,
	} {
		f.Add([]byte(text), true)
		f.Add([]byte(text), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, packed bool) {
		if packed {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write(text)
			_ = z.Close()
			text = b.Bytes()
		}
		s, err := parseSnapshot(text, "s")
		if err != nil {
			if !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("no hint: %v", err)
			}
			return
		}
		s.Names["up"] = 1
		s.Rules.Recorded()
		s.Rules.Look(time.Unix(0, 0), "s", []rules.Loaded{{File: "a.yml", Kind: "recording", Name: "b", Expr: "sum(up)"}}, nil)
		kept, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseSnapshot(kept, "s"); err != nil {
			t.Errorf("%v: %s", err, kept)
		}
	})
}
