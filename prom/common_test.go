package prom

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzCommon holds the reader of common queries to Prometheus's parser: what it reads at all, it reads alike.
func FuzzCommon(f *testing.F) {
	for _, text := range append(commonTexts, "sum(a) by (b) + on (c) d", "a offset 5m", "sum by (a", "a[5m:]", `{a!="b"}`, "1 > 2", "a and 1", "rate(a)", "sum(a[5m])",
		"SUM(a)", "inf", `{__name__="a"}`, "a{b='c',}", "topk(a, b)", "-a", "a[ 5m]", "count", "by", "a:b", "sum by (a:b) (c)", "$a", `label_replace(a, "b", "c", "d", "e")`) {
		f.Add(text)
	}
	if names, err := filepath.Glob("testdata/*.txt"); err == nil {
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			for line := range strings.Lines(string(data)) {
				f.Add(strings.TrimSpace(line))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := NewFingerprinter([]string{"job", "a", "namespace"})
		if skipSpace(text, 0) == len(text) {
			return
		}
		got, ok := p.common(text)
		if !ok {
			return
		}
		if diff := cmp.Diff(p.parse(text), got); diff != "" {
			t.Fatalf("%q (-parser +common)\n%s", text, diff)
		}
	})
}

// commonTexts must not need the parser.
var commonTexts = []string{
	"up", "a:b:c", `up{job="x"}`, `{job=~"x|y", a!="z"}`, "1 + 2 * 3", "rate(a[5m])", "sum(rate(a[5m])) by (job, a)", "sum without () (a)", "sum by () (a)",
	`histogram_quantile(0.9, sum by (le, job) (rate(a_bucket{job!~"x.*"}[1h]))) > 5`, "topk(10, a) # remark", "a / b - c ^ d ^ e", "(a or b) and c unless d",
	"a > bool 1", "1 > bool 2", "round(a)", "round(a, 0.5)", "time() - a", "vector(1)", "scalar(a) + 1", "(1 + 2) * a",
}

func TestCommonTexts(t *testing.T) {
	p := NewFingerprinter(nil)
	for _, text := range commonTexts {
		if _, ok := p.common(text); !ok {
			t.Errorf("%s is left to the parser", text)
		}
	}
}
