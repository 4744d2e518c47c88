package owner

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

func TestCovers(t *testing.T) {
	for _, tt := range []struct {
		selector string
		query    string // space-separated matchers on env
		want     bool
	}{
		{`{env="a"}`, `="a"`, true},
		{`{env="a"}`, `="b"`, false},
		{`{env="a"}`, ``, false},
		{`{env="a"}`, `!="b"`, false},
		{`{env="a"}`, `=~"a"`, true},
		{`{env="a"}`, `=~"a|b"`, false},
		{`{env="a"}`, `=~"a.*"`, false},
		{`{env="a"}`, `="b" ="a"`, true}, // two selectors of one query
		{`{env=~"a|b"}`, `=~"b|a"`, true},
		{`{env=~"a|b"}`, `=~"(a|b)"`, true},
		{`{env=~"a|b"}`, `=~"a|b|c"`, false},
		{`{env=~"pay.*"}`, `=~"pay.*"`, true}, // the same words
		{`{env=~"pay.*"}`, `=~"pay-eu|pay-us"`, true},
		{`{env=~"pay.*"}`, `=~"pay-.*"`, false}, // true, but not plain
		{`{env=~"a|"}`, ``, false},
		{`{env=""}`, `=""`, true},
		{`{env!="a"}`, ``, true},
		{`{env!="a"}`, `!="b"`, true},
		{`{env!="a"}`, `="b"`, true},
		{`{env!="a"}`, `="a"`, false},
		{`{env!="a"}`, `=~"a|b"`, false},
		{`{env!~"a|b"}`, `=~"c|d"`, true},
		{`{env!~"a|b"}`, `=~".*"`, false},
	} {
		sel, err := parseSelector(0, strings.Replace(tt.selector, "{", `{__name__="m",`, 1))
		if err != nil {
			t.Fatal(err)
		}
		var query []activity.Matcher
		for m := range strings.FieldsSeq(tt.query) {
			op, value, _ := strings.Cut(m, `"`)
			query = append(query, activity.Matcher{Name: "env", Op: op, Value: strings.TrimSuffix(value, `"`)})
		}
		query = append(query, activity.Matcher{Name: "other", Op: "=", Value: "a"})
		if got := sel.matchLabels(query); got != tt.want {
			t.Errorf("%s on {env%s}: got %v, want %v", tt.selector, tt.query, got, tt.want)
		}
	}
}

func TestAlternatives(t *testing.T) {
	for expr, want := range map[string][]string{
		"":          {""},
		"a":         {"a"},
		"a|b":       {"a", "b"},
		"(a|b)":     {"a", "b"},
		`a\.b|c\-d`: {"a.b", "c-d"},
		"a|":        {"a", ""},
		"å|世":       {"å", "世"},
		"a.b":       nil,
		"(a":        nil,
		"a)":        nil,
		"((a))":     nil,
		"(a)|(b)":   nil,
		`\d`:        nil,
		`a\`:        nil,
		"^a$":       nil,
		"[ab]":      nil,
		"a{2}":      nil,
	} {
		got, ok := alternatives(expr)
		if ok != (want != nil) {
			t.Errorf("%q: ok is %v", expr, ok)
		}
		if diff := cmp.Diff(want, got); ok && diff != "" {
			t.Errorf("%q (-want +got):\n%s", expr, diff)
		}
	}
}

// FuzzAlternatives holds the list of values against the regular expression itself: each value matches, and a value that
// is in no list does not.
func FuzzAlternatives(f *testing.F) {
	for _, seed := range []string{"a|b", "(a|b)", `a\.b`, "a.*", "|", "()", `\`, "a(?i)b", `\-`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		values, ok := alternatives(expr)
		if !ok {
			return
		}
		re, err := regexp.Compile("^(?s:" + expr + ")$")
		if err != nil {
			return // Prometheus would have refused it too
		}
		m, err := labels.NewMatcher(labels.MatchRegexp, "l", expr)
		if err != nil {
			t.Fatal(err)
		}
		other := strings.Join(values, "") + "\x00"
		for _, v := range values {
			if !re.MatchString(v) || !m.Matches(v) {
				t.Errorf("%q: value %q does not match", expr, v)
			}
		}
		if m.Matches(other) && !contains(values, other) {
			t.Errorf("%q matches %q, which is none of %q", expr, other, values)
		}
	})
}

func contains(values []string, v string) bool {
	for _, x := range values {
		if x == v {
			return true
		}
	}
	return false
}

func FuzzSelector(f *testing.F) {
	for _, seed := range []string{`{__name__=~"a_.*"}`, `a{b="c"}`, `{"a.b", c!~"d"}`, `{`, `a[5m]`, `{a=~"("}`, `{}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := Config{Teams: []Team{{Name: "a", Metrics: []string{text}}}}
		b, err := New(c, testKey, activity.Facts{Queries: map[string]activity.Query{"f": {Fingerprint: "f", Metrics: []string{"m"}}}})
		if (err == nil) != (c.Validate() == nil) {
			t.Fatalf("New says %v, Validate %v", err, c.Validate())
		}
		if err == nil {
			b.Attribute([]activity.Day{{Kind: activity.KindQuery, Source: "s", Scope: "s", Subject: "f"}})
		}
	})
}

func FuzzAuthor(f *testing.F) {
	for _, seed := range []string{"Bob B <bob@corp.example>", "bob", "bob@x", "Bob B", "<>", "a <b", "> <", " "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		a := parseAuthor(entry)
		if a.email != "" && (a.name != "" || a.local != "") {
			t.Errorf("%q: an e-mail is given, and something else matches too: %+v", entry, a)
		}
		if n := len(a.digests(testKey)); (n == 0) != (a == author{}) {
			t.Errorf("%q: %d digests of %+v", entry, n, a)
		}
	})
}
