package owner

import (
	"slices"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// TestOneQuestionOfTwoNamespaces: two queries that differ in a matcher's value alone are one question of two owners.
func TestOneQuestionOfTwoNamespaces(t *testing.T) {
	queries := []activity.Query{
		{Fingerprint: "f", Variant: "1", Metrics: []string{"cpu"}, Matchers: []activity.Matcher{{Name: "namespace", Op: "=", Value: "payments"}}},
		{Fingerprint: "f", Variant: "2", Metrics: []string{"cpu"}, Matchers: []activity.Matcher{{Name: "namespace", Op: "=", Value: "checkout"}}},
	}
	row := func(variant string) activity.Day {
		at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		return activity.Day{Date: activity.DateOf(at), Source: "promql", Kind: activity.KindQuery, Scope: "promql", Subject: "f", Detail: variant, Count: 1, First: at, Last: at, Hours: 1 << 9}
	}
	for range 10 { // facts come out of a map: their order must not matter
		b, err := New(Config{
			Teams:    []Team{{Name: "payments", Metrics: []string{`{namespace="payments"}`}}, {Name: "checkout", Metrics: []string{`{namespace="checkout"}`}}},
			Location: time.UTC, Types: map[string]string{"promql": typeQueryLog},
		}, activity.NewKey([]byte("k")), activity.Facts{})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range queries {
			b.LearnQuery(q)
		}
		slices.Reverse(queries)
		for i, a := range b.Attribute([]activity.Day{row("1"), row("2"), row("")}) {
			if want := []string{"payments", "checkout", ""}[i]; a.Team != want || len(a.Metrics) != 1 {
				t.Errorf("variant %q: team %q, want %q; metrics %v", a.Detail, a.Team, want, a.Metrics)
			}
		}
	}
}
