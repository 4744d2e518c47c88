package prom

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// masking is what a canonical form leaves out.
type masking uint8

const (
	maskNothing    masking = iota
	maskThresholds         // each side of a comparison that is only numbers
	maskLiterals           // numbers, strings, durations, times, matcher values
)

// canon writes the canonical form of a parsed query: equal for two queries that differ only in formatting, comments,
// redundant parentheses, the order of matchers and of label names, or in what is masked.
type canon struct {
	values []string // of the matchers, as prepare took them out
	mask   masking
	out    []byte
	seen   func(vs *parser.VectorSelector) // called for every vector selector; may be nil
}

// expr writes e, and reports whether it consists of numbers alone.
func (c *canon) expr(e parser.Expr) (numbers bool) {
	start := len(c.out)
	switch e := e.(type) {
	case *parser.NumberLiteral:
		c.out = strconv.AppendFloat(c.out, e.Val+0, 'g', -1, 64) // -0, which is printed as 0s if written as -0y, becomes 0
		numbers = true
	case *parser.StringLiteral:
		c.str(e.Val)
	case *parser.ParenExpr: // the form shows the tree, so it needs no parentheses
		return c.expr(e.Expr)
	case *parser.UnaryExpr:
		c.text(e.Op.String())
		c.text("(")
		numbers = c.expr(e.Expr)
		c.text(")")
	case *parser.BinaryExpr:
		numbers = c.binary(e)
	case *parser.AggregateExpr:
		c.aggregate(e)
	case *parser.Call:
		c.text(e.Func.Name)
		c.list(e.Args)
	case *parser.VectorSelector:
		c.selector(e)
	case *parser.MatrixSelector:
		c.expr(e.VectorSelector)
		c.text("[")
		c.duration(e.Range, e.RangeExpr)
		c.text("]")
	case *parser.SubqueryExpr:
		c.subquery(e)
	default: // no node that the parser makes
		c.text(fmt.Sprintf("%T %s", e, e))
	}
	if numbers && c.mask == maskLiterals {
		c.out = append(c.out[:start], 'N')
	}
	return numbers
}

func (c *canon) text(s string) { c.out = append(c.out, s...) }

func (c *canon) str(s string) {
	if c.mask == maskLiterals {
		c.text("S")
		return
	}
	c.out = strconv.AppendQuote(c.out, s)
}

func (c *canon) list(args parser.Expressions) {
	c.text("(")
	for i, arg := range args {
		if i > 0 {
			c.text(", ")
		}
		c.expr(arg)
	}
	c.text(")")
}

func (c *canon) binary(e *parser.BinaryExpr) (numbers bool) {
	compares := e.Op.IsComparisonOperator()
	c.text("(")
	left := c.side(e.LHS, compares)
	c.text(" " + e.Op.String())
	if e.ReturnBool {
		c.text(" bool")
	}
	if m := e.VectorMatching; m != nil {
		c.matching(m)
	}
	c.text(" ")
	right := c.side(e.RHS, compares)
	c.text(")")
	return left && right && !compares
}

// side writes one side of a binary expression.
func (c *canon) side(e parser.Expr, compared bool) (numbers bool) {
	start := len(c.out)
	numbers = c.expr(e)
	if numbers && compared && c.mask == maskThresholds {
		c.out = append(c.out[:start], 'T')
	}
	return numbers
}

func (c *canon) matching(m *parser.VectorMatching) {
	if m.On {
		c.labels(" on", m.MatchingLabels)
	} else if len(m.MatchingLabels) > 0 {
		c.labels(" ignoring", m.MatchingLabels)
	}
	switch m.Card {
	case parser.CardManyToOne:
		c.labels(" group_left", m.Include)
	case parser.CardOneToMany:
		c.labels(" group_right", m.Include)
	}
	c.fill(" fill_left ", m.FillValues.LHS)
	c.fill(" fill_right ", m.FillValues.RHS)
}

func (c *canon) fill(name string, value *float64) {
	if value == nil {
		return
	}
	c.text(name)
	if c.mask == maskLiterals {
		c.text("N")
		return
	}
	c.out = strconv.AppendFloat(c.out, *value, 'g', -1, 64)
}

// labels writes a set of label names.
func (c *canon) labels(keyword string, names []string) {
	names = slices.Clone(names)
	slices.Sort(names)
	c.text(keyword + "(")
	for i, name := range slices.Compact(names) {
		if i > 0 {
			c.text(",")
		}
		c.out = strconv.AppendQuote(c.out, name)
	}
	c.text(")")
}

func (c *canon) aggregate(e *parser.AggregateExpr) {
	c.text(e.Op.String())
	if e.Without {
		c.labels(" without", e.Grouping)
	} else if len(e.Grouping) > 0 {
		c.labels(" by", e.Grouping)
	}
	if e.Param != nil {
		c.list(parser.Expressions{e.Param, e.Expr})
		return
	}
	c.list(parser.Expressions{e.Expr})
}

// selector writes a vector selector. A name counts the same whether it stands before the braces or in a matcher.
func (c *canon) selector(e *parser.VectorSelector) {
	if c.seen != nil {
		c.seen(e)
	}
	matchers := make([]string, 0, len(e.LabelMatchers))
	for _, m := range e.LabelMatchers {
		value := matcherValue(e, m, c.values)
		written := strconv.Quote(m.Name) + m.Type.String()
		if c.mask != maskLiterals || isName(m) {
			written += strconv.Quote(value)
		}
		matchers = append(matchers, written)
	}
	slices.Sort(matchers)
	c.text("{")
	for _, m := range matchers {
		c.text(m + ",")
	}
	c.text("}")
	switch {
	case e.Anchored:
		c.text(" anchored")
	case e.Smoothed:
		c.text(" smoothed")
	}
	c.when(e.Timestamp, e.StartOrEnd, e.OriginalOffset, e.OriginalOffsetExpr)
}

// isName reports whether m tells a metric's name.
func isName(m *labels.Matcher) bool {
	return m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual
}

// matcherValue returns the value of a matcher of vs, which is a number into values unless it is the name that stands
// before the braces.
func matcherValue(vs *parser.VectorSelector, m *labels.Matcher, values []string) string {
	if isName(m) && vs.Name != "" && m.Value == vs.Name {
		return m.Value
	}
	if i, err := strconv.Atoi(m.Value); err == nil && i >= 0 && i < len(values) {
		return values[i]
	}
	return m.Value
}

func (c *canon) subquery(e *parser.SubqueryExpr) {
	c.expr(e.Expr)
	c.text("[")
	c.duration(e.Range, e.RangeExpr)
	c.text(":")
	if e.Step != 0 || e.StepExpr != nil {
		c.duration(e.Step, e.StepExpr)
	}
	c.text("]")
	c.when(e.Timestamp, e.StartOrEnd, e.OriginalOffset, e.OriginalOffsetExpr)
}

// duration writes d, or the expression that it is computed from.
func (c *canon) duration(d time.Duration, e *parser.DurationExpr) {
	switch {
	case c.mask == maskLiterals:
		c.text("D")
	case e != nil:
		c.text(e.String())
	default:
		c.text(d.String())
	}
}

// when writes the @ and offset modifiers.
func (c *canon) when(at *int64, edge parser.ItemType, offset time.Duration, e *parser.DurationExpr) {
	switch {
	case at != nil && c.mask == maskLiterals:
		c.text(" @ N")
	case at != nil:
		c.text(" @ ")
		c.out = strconv.AppendInt(c.out, *at, 10)
	case edge != 0:
		c.text(" @ " + edge.String() + "()")
	}
	if offset != 0 || e != nil {
		c.text(" offset ")
		c.duration(offset, e)
	}
}
