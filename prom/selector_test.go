package prom_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/metrics-maturity/metrics-maturity/prom"
)

func TestSelector(t *testing.T) {
	tests := map[string][]string{
		`up`:                        {`__name__="up"`},
		`{__name__=~"payments_.*"}`: {`__name__=~"payments_.*"`},
		`payments_total{namespace="a", team!~"b|c"}`: {`__name__="payments_total"`, `namespace="a"`, `team!~"b|c"`},
		`{"my.metric"}`: {`__name__="my.metric"`},
	}
	for text, want := range tests {
		matchers, err := prom.Selector(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, m := range matchers {
			got = append(got, m.String())
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	m, err := prom.Selector(`{__name__=~"payments_.*"}`)
	if err != nil || len(m) != 1 || m[0].Type != labels.MatchRegexp || !m[0].Matches("payments_total") {
		t.Errorf("the matcher %v does not match: %v", m, err)
	}
}

func TestSelectorErrors(t *testing.T) {
	const hint = "\nhint: write a PromQL vector selector, like payments_requests_total, {namespace=\"payments\"} or {__name__=~\"payments_.*\"}"
	tests := map[string]string{
		``:                       `metric selector is empty` + hint,
		` # x`:                   `metric selector is empty` + hint,
		`payments_*`:             `metric selector "payments_*": 1:11: parse error: unexpected end of input` + hint,
		`{namespace=payments}`:   `metric selector "{namespace=payments}": 1:12: parse error: unexpected identifier "payments" in label matching, expected string` + hint,
		`{namespace=~"("}`:       "metric selector \"{namespace=~\\\"(\\\"}\": 1:2: parse error: error parsing regexp: missing closing ): `(`" + hint,
		`{}`:                     `metric selector "{}": 1:1: parse error: vector selector must contain at least one non-empty matcher` + hint,
		`{namespace=~".*"}`:      `metric selector "{namespace=~\".*\"}": 1:1: parse error: vector selector must contain at least one non-empty matcher` + hint,
		`rate(x[5m])`:            `metric selector "rate(x[5m])" is a function call, not a vector selector` + hint,
		`x[5m]`:                  `metric selector "x[5m]" is a range selector, not a vector selector` + hint,
		`sum(x)`:                 `metric selector "sum(x)" is an aggregation, not a vector selector` + hint,
		`x > 1`:                  `metric selector "x > 1" is a calculation, not a vector selector` + hint,
		`1`:                      `metric selector "1" is a number, not a vector selector` + hint,
		`"x"`:                    `metric selector "\"x\"" is a string, not a vector selector` + hint,
		`(x)`:                    `metric selector "(x)" is an expression, not a vector selector` + hint,
		`x[5m:]`:                 `metric selector "x[5m:]" is a subquery, not a vector selector` + hint,
		`x offset 5m`:            "metric selector \"x offset 5m\" has a modifier (offset, @, anchored or smoothed), which says nothing about ownership\nhint: leave out the modifier",
		strings.Repeat("(", 500): `metric selector of 500 bytes is too long or too deeply nested` + hint,
	}
	for text, want := range tests {
		if _, err := prom.Selector(text); err == nil || err.Error() != want {
			t.Errorf("%.40q:\n got %v\nwant %s", text, err, want)
		}
	}
}
