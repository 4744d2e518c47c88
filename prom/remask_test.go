package prom_test

import (
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// remask returns the text of expr with other numbers, strings and values of matchers.
func remask(expr parser.Expr, value string, number float64) string {
	number = math.Abs(number)
	if math.IsNaN(number) || number > 1e9 || number < 1e-3 {
		number = 3
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.NumberLiteral:
			n.Val, n.Duration = number, false
		case *parser.StringLiteral:
			n.Val = value
		case *parser.MatrixSelector:
			if n.RangeExpr == nil {
				n.Range = time.Duration(number*1000) * time.Millisecond
			}
		case *parser.VectorSelector:
			for i, m := range n.LabelMatchers {
				if m.Name != model.MetricNameLabel {
					n.LabelMatchers[i] = &labels.Matcher{Type: m.Type, Name: m.Name, Value: value}
				}
			}
		}
		return nil
	})
	return expr.String()
}
