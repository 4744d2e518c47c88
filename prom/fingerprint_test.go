package prom_test

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

var update = flag.Bool("update", false, "write the fingerprints of new groups into testdata/fingerprint.txt")

// promQL parses as the package does.
var promQL = parser.NewParser(parser.Options{
	EnableExperimentalFunctions:  true,
	ExperimentalDurationExpr:     true,
	EnableExtendedRangeSelectors: true,
	EnableBinopFillModifiers:     true,
})

func golden(t testing.TB, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(data), "\n")
}

func unescape(line string) string { return strings.ReplaceAll(line, `\n`, "\n") }

func TestFingerprintGolden(t *testing.T) {
	const file = "testdata/fingerprint.txt"
	var (
		f     = prom.NewFingerprinter(nil)
		lines = golden(t, file)
		group = map[string]string{} // by fingerprint
		name  string
		want  activity.Query
		at    int
	)
	for i, line := range lines {
		switch {
		case line == "" || strings.HasPrefix(line, "# "):
			continue
		case strings.HasPrefix(line, "@ "):
			parts := strings.SplitN(line[2:], "|", 3)
			name, at = strings.TrimSpace(parts[0]), i
			want = activity.Query{Fingerprint: strings.TrimSpace(parts[1]), Metrics: strings.Fields(parts[2])}
			if slices.Equal(want.Metrics, []string{"-"}) {
				want.Metrics = nil
			}
			continue
		}
		got := f.Query(unescape(line))
		if want.Fingerprint == "" && *update {
			want.Fingerprint = got.Fingerprint
			lines[at] = strings.Replace(lines[at], "| |", "| "+got.Fingerprint+" |", 1)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:%d: %s\n%s", file, i+1, line, diff)
		}
		if other, ok := group[got.Fingerprint]; ok && other != name {
			t.Errorf("%s:%d: %s\nhas the fingerprint of %q", file, i+1, line, other)
		}
		group[got.Fingerprint] = name
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestQueryWithoutText(t *testing.T) {
	for _, text := range []string{"", " \n\t", "# a comment alone", "# one\n  # two\n"} {
		if diff := cmp.Diff(activity.Query{}, prom.NewFingerprinter(nil).Query(text)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestQueryMatchers(t *testing.T) {
	f := prom.NewFingerprinter([]string{"namespace", "team.name"})
	const text = `sum(rate(a_total{namespace="pay\"ments",job="x"}[5m])) / sum(b{namespace=~"pay.*",namespace!='x'})
		* c{namespace="$namespace", "team.name"!~"y"} + d{namespace=~"pay.*"} + {__name__=~"e|f"} + {__name__="${metric}"}`
	got := f.Query(text)
	want := activity.Query{
		Fingerprint: got.Fingerprint,
		Metrics:     []string{"a_total", "b", "c", "d"},
		Variant:     "8e022f9a",
		Matchers: []activity.Matcher{
			{Name: "namespace", Op: "!=", Value: "x"},
			{Name: "namespace", Op: "=", Value: `pay"ments`},
			{Name: "namespace", Op: "=~", Value: "pay.*"},
			{Name: "team.name", Op: "!~", Value: "y"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if other := prom.NewFingerprinter(nil).Query(text); other.Fingerprint != got.Fingerprint || other.Matchers != nil {
		t.Errorf("other label names change the fingerprint, or keep matchers: %+v", other)
	}
}

func TestCapturedRulesParse(t *testing.T) {
	data, err := os.ReadFile("testdata/payments.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct{ Rules []struct{ Expr string } }
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	f, rules := prom.NewFingerprinter(nil), 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			rules++
			if q := f.Query(r.Expr); len(q.Metrics) == 0 {
				t.Errorf("no metrics in %s", r.Expr)
			}
			if c := prom.Diff(r.Expr, strings.Join(strings.Fields(r.Expr), "\n\t")); c != prom.SameExpr {
				t.Errorf("other white space makes it %s: %s", c, r.Expr)
			}
		}
	}
	if rules != 3 {
		t.Errorf("%d rules, want 3", rules)
	}
}

// hostile are texts that a parser left to itself would take long for.
func hostile() map[string]string {
	const n = 100_000
	rep := strings.Repeat
	return map[string]string{
		"parentheses":       rep("(", n) + "1" + rep(")", n),
		"few parentheses":   rep("(", 120) + "1" + rep(")", 120),
		"open parentheses":  rep("(", n),
		"signs":             rep("-", 4000) + "1",
		"sum":               "1" + rep("+1", 2000),
		"powers":            "x" + rep("^x", 2000),
		"vectors":           "x" + rep(" or x", 2000),
		"scalar set":        "1" + rep(" and 1", 2000),
		"comparisons":       "1" + rep(">1", 2000),
		"typed wrongly":     `"x"` + rep(`+"x"`, 2000),
		"calls":             rep("abs(", 120) + "x" + rep(")", 120),
		"subqueries":        "x" + rep("[1m:]", 1300),
		"offsets":           "x" + rep(" offset 1m", 2000),
		"duration":          "x[1m" + rep("+1m", 1900) + "]",
		"regular":           `x{a=~"` + rep(".{1000}", 4000) + `"}`,
		"regular repeats":   rep(`x{a=~"(a{1000}){1}"} or `, 100) + "x",
		"braces":            rep("{", n),
		"brackets":          rep("[", n),
		"variables":         rep("${a", n),
		"brackets of words": rep("[[a", n),
		"dollars":           rep("$", n),
		"guessed":           rep("sum($a)+", 500) + "f($b)",
		"string":            `"` + rep(`\`, n),
		"quotes":            rep(`"`, n),
		"comments":          rep("#\n", n),
		"name":              rep("a", n),
		"number":            rep("1", n),
		"exponents":         rep("1e+", n),
		"dots":              rep(".1", n),
		"bytes":             rep("\x00\xff", n),
	}
}

func TestHostileTexts(t *testing.T) {
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			prom.NewFingerprinter([]string{"a"}).Query(text)
			fingerprinted := time.Since(start)
			prom.Diff(text, text+" ")
			prom.SketchOf(text)
			took := time.Since(start)
			t.Logf("%v, the fingerprint %v", took, fingerprinted)
			if took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestFingerprinterConcurrently(t *testing.T) {
	f := prom.NewFingerprinter(nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 20_000 { // more than the cache holds
				name := "m" + strconv.Itoa(i)
				if q := f.Query("sum(" + name + ")"); !slices.Equal(q.Metrics, []string{name}) {
					t.Errorf("metrics %q of %s", q.Metrics, name)
					return
				}
			}
		})
	}
	wg.Wait()
}

var hexDigits = regexp.MustCompile(`^[0-9a-f]{16}$`)

func FuzzFingerprint(f *testing.F) {
	for _, file := range []string{"testdata/fingerprint.txt", "testdata/diff.txt"} {
		for _, line := range golden(f, file) {
			f.Add(unescape(line), "x", 7.5)
		}
	}
	f.Fuzz(func(t *testing.T, text, value string, number float64) {
		p := prom.NewFingerprinter([]string{"job"})
		got := p.Query(text)
		if got.Fingerprint != "" && !hexDigits.MatchString(got.Fingerprint) {
			t.Fatalf("%q has the fingerprint %q", text, got.Fingerprint)
		}
		if len(text) > 8<<10 {
			return
		}
		if there, back := prom.Diff(text, value), prom.Diff(value, text); there != back {
			t.Fatalf("%q to %q is %s, the other way round %s", text, value, there, back)
		}
		if texts, sketches := prom.Diff(text, value), prom.SketchOf(text).Change(prom.SketchOf(value)); texts != sketches {
			t.Fatalf("%q to %q is %s, by sketches %s", text, value, texts, sketches)
		}
		expr, err := promQL.ParseExpr(text)
		if err != nil {
			return
		}
		if got.Metrics == nil {
			t.Fatalf("%q parses but has no metrics", text)
		}
		printed := expr.String()
		if again, err := promQL.ParseExpr(printed); err != nil || again.String() != printed {
			return // the parser does not read what it prints
		}
		if strings.Count(strings.ToLower(text), "offset") != strings.Count(printed, "offset") {
			return // it does not print an offset of 0
		}
		if again := p.Query(printed); !cmp.Equal(got, again) {
			t.Fatalf("%q: %+v\nprinted %q: %+v", text, got, printed, again)
		}
		if c := prom.Diff(text, printed); c != prom.SameExpr {
			t.Fatalf("%q to %q is %s", text, printed, c)
		}
		other := remask(expr, value, number)
		if again := p.Query(other); again.Fingerprint != got.Fingerprint {
			t.Fatalf("%q: %s\nwith other values %q: %s", text, got.Fingerprint, other, again.Fingerprint)
		}
	})
}

func BenchmarkFingerprint(b *testing.B) {
	const text = `sum by (handler) (rate(prometheus_http_requests_total{job=~"prometheus|grafana",code!="500"}[5m])) > 0.5`
	b.Run("known", func(b *testing.B) {
		f := prom.NewFingerprinter([]string{"job"})
		b.ReportAllocs()
		for b.Loop() {
			f.Query(text)
		}
	})
	b.Run("new", func(b *testing.B) {
		f := prom.NewFingerprinter([]string{"job"})
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n++
			f.Query(text + strconv.Itoa(n))
		}
	})
}
