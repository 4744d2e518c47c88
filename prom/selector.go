package prom

import (
	"errors"
	"fmt"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

const selectorHint = "hint: write a PromQL vector selector, like " +
	`payments_requests_total, {namespace="payments"} or {__name__=~"payments_.*"}`

// Selector reads the metric selector of an owner rule. Like Prometheus, it refuses one that selects everything.
func Selector(text string) ([]*labels.Matcher, error) {
	if skipSpace(text, 0) == len(text) {
		return nil, fmt.Errorf("metric selector is empty\n%s", selectorHint)
	}
	if _, err := prepare(text, false, roleName); err != nil {
		return nil, fmt.Errorf("metric selector of %d bytes is too long or too deeply nested\n%s", len(text), selectorHint)
	}
	expr, err := parseExpr(text)
	if err != nil {
		var parsing parser.ParseErrors
		if errors.As(err, &parsing) && len(parsing) > 0 {
			err = &parsing[0]
		}
		return nil, fmt.Errorf("metric selector %q: %w\n%s", text, err, selectorHint)
	}
	vs, ok := expr.(*parser.VectorSelector)
	switch {
	case !ok:
		return nil, fmt.Errorf("metric selector %q is %s, not a vector selector\n%s", text, describe(expr), selectorHint)
	case vs.OriginalOffset != 0 || vs.OriginalOffsetExpr != nil || vs.Timestamp != nil || vs.StartOrEnd != 0 || vs.Anchored || vs.Smoothed:
		return nil, fmt.Errorf("metric selector %q has a modifier (offset, @, anchored or smoothed), which says nothing about ownership\nhint: leave out the modifier", text)
	}
	return vs.LabelMatchers, nil
}

// describe names the kind of an expression for somebody who wrote it where a selector belongs.
func describe(e parser.Expr) string {
	switch e.(type) {
	case *parser.MatrixSelector:
		return "a range selector"
	case *parser.SubqueryExpr:
		return "a subquery"
	case *parser.Call:
		return "a function call"
	case *parser.AggregateExpr:
		return "an aggregation"
	case *parser.BinaryExpr, *parser.UnaryExpr:
		return "a calculation"
	case *parser.NumberLiteral:
		return "a number"
	case *parser.StringLiteral:
		return "a string"
	}
	return "an expression"
}
