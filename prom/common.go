package prom

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/strutil"
)

// What a common text has at most. Longer ones are the parser's.
const (
	commonTokens  = 1024
	commonNesting = 64
)

// common reads the queries that most people and dashboards ask: selectors, functions, aggregations, arithmetic. That takes a
// fraction of the time of Prometheus's parser, which would be most of what reading a log of new queries costs. It writes the
// canonical form as it goes. Whatever it does not know, and whatever might be wrong, it leaves to the parser; a fuzz
// test holds it to the same answer on everything that it reads.
type common struct {
	lexer
	keywords map[string]bool
	seen     func(name, op, value string) // called for every matcher

	token
	tokens, nesting int
	out             []byte
	forms           []byte // of one selector's matchers, and where each begins
	starts          []int
}

// kind is what an expression gives; none for one that is not common.
type kind uint8

const (
	none kind = iota
	scalar
	vector
	matrix
)

// read reads a whole text. It is false for one that is not common.
func (c *common) read(text string) bool {
	c.lexer, c.out = lexer{text: text}, append(c.out[:0], "promql\n"...)
	c.tokens, c.nesting = 0, 0
	c.advance()
	k, _ := c.expr(1)
	return k != none && c.token.kind == tokenEnd
}

func (c *common) advance() {
	c.token = c.lexer.next()
	c.tokens++
}

// take advances over an operator, if it is the present token.
func (c *common) take(op string) bool {
	if c.token.kind != tokenOp || c.token.text != op {
		return false
	}
	c.advance()
	return true
}

// precedence of a binary operator, 0 of anything else; all but ^ group to the left.
func precedence(op string) int {
	switch op {
	case "or":
		return 1
	case "and", "unless":
		return 2
	case "==", "!=", "<", "<=", ">", ">=":
		return 3
	case "+", "-":
		return 4
	case "*", "/", "%":
		return 5
	case "^":
		return 6
	}
	return 0
}

// expr reads operands joined by operators of at least that precedence. numbers is true of what consists of numbers alone.
func (c *common) expr(least int) (k kind, numbers bool) {
	start := len(c.out)
	if k, numbers = c.operand(); k == none {
		return none, false
	}
	for c.token.kind == tokenOp || c.token.kind == tokenWord {
		op := c.token.text
		level := precedence(op)
		if level < least || level == 0 {
			break
		}
		c.advance()
		compares := level == 3
		c.out = slices.Insert(c.out, start, '(')
		c.out = append(append(append(c.out, ' '), op...), ' ')
		boolean := compares && c.token.kind == tokenWord && c.token.text == "bool"
		if boolean {
			c.out = append(c.out, "bool "...)
			c.advance()
		}
		next := level + 1
		if op == "^" {
			next = level
		}
		right, alsoNumbers := c.expr(next)
		switch {
		case right == none, k == matrix, right == matrix:
			return none, false
		case k == scalar && right == scalar && (level <= 2 || compares && !boolean):
			return none, false
		case level <= 2 && (k == scalar || right == scalar):
			return none, false
		}
		c.out = append(c.out, ')')
		if right == vector {
			k = vector
		}
		if numbers = numbers && alsoNumbers && !compares; numbers {
			c.out = append(c.out[:start], 'N')
		}
	}
	return k, numbers
}

// operand reads what stands between operators.
func (c *common) operand() (k kind, numbers bool) {
	if c.tokens > commonTokens {
		return none, false
	}
	switch c.token.kind {
	case tokenNumber:
		c.advance()
		c.out = append(c.out, 'N')
		return scalar, true
	case tokenWord:
		return c.named(), false
	case tokenOp:
		if c.token.text == "{" {
			return c.selector(""), false
		}
		if c.nesting++; c.nesting > commonNesting || !c.take("(") {
			return none, false
		}
		k, numbers = c.expr(1)
		c.nesting--
		if !c.take(")") {
			return none, false
		}
		return k, numbers
	}
	return none, false
}

// named reads what begins with a name.
func (c *common) named() kind {
	name := c.token.text
	if !isPlainName(name) {
		return none
	}
	c.advance()
	if wants, ok := aggregations[name]; ok {
		return c.aggregate(name, wants)
	}
	if c.keywords[name] {
		return none
	}
	if c.token.kind == tokenOp && c.token.text == "(" {
		return c.call(name)
	}
	return c.selector(name)
}

// aggregations by the number of their arguments.
var aggregations = map[string]int{
	"sum": 1, "avg": 1, "count": 1, "min": 1, "max": 1, "group": 1, "stddev": 1, "stdvar": 1, "topk": 2, "bottomk": 2, "quantile": 2,
}

func (c *common) aggregate(name string, wants int) kind {
	c.out = append(c.out, name...)
	at := len(c.out)
	grouped, ok := c.grouping()
	if !ok {
		return none
	}
	var space [2]kind
	args, ok := c.arguments(space[:0])
	if !ok || len(args) != wants || args[wants-1] != vector || wants == 2 && args[0] != scalar {
		return none
	}
	if !grouped {
		end := len(c.out)
		if _, ok = c.grouping(); !ok {
			return none
		}
		if labels := c.out[end:]; len(labels) > 0 { // they are written before the arguments
			c.out = slices.Insert(c.out[:end], at, bytes.Clone(labels)...)
		}
	}
	return vector
}

// grouping reads `by (a, b)` or `without (a, b)`, if there is one. It is not ok if there is and it isn't common.
func (c *common) grouping() (found, ok bool) {
	word := c.token.text
	if c.token.kind != tokenWord || word != "by" && word != "without" {
		return false, true
	}
	c.advance()
	var space [8]string
	names := space[:0]
	if !c.take("(") {
		return false, false
	}
	for !c.take(")") {
		if len(names) > 0 && !c.take(",") || c.token.kind != tokenWord || !c.isLabel(c.token.text) {
			return false, false
		}
		names = append(names, c.token.text)
		c.advance()
	}
	if len(names) == 0 && word == "by" {
		return true, true
	}
	slices.Sort(names)
	c.out = append(append(append(c.out, ' '), word...), '(')
	for i, name := range slices.Compact(names) {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.out = appendQuote(c.out, name)
	}
	c.out = append(c.out, ')')
	return true, true
}

// arguments reads `(a, b)`.
func (c *common) arguments(kinds []kind) ([]kind, bool) {
	if c.nesting++; c.nesting > commonNesting || !c.take("(") {
		return nil, false
	}
	c.out = append(c.out, '(')
	for !c.take(")") {
		if len(kinds) > 0 {
			if !c.take(",") {
				return nil, false
			}
			c.out = append(c.out, ", "...)
		}
		k, _ := c.expr(1)
		if k == none {
			return nil, false
		}
		kinds = append(kinds, k)
	}
	c.nesting--
	c.out = append(c.out, ')')
	return kinds, true
}

func (c *common) call(name string) kind {
	f := parser.Functions[name]
	if f == nil || f.Experimental || name == "info" {
		return none
	}
	c.out = append(c.out, name...)
	var space [4]kind
	args, ok := c.arguments(space[:0])
	least, most := len(f.ArgTypes), len(f.ArgTypes)
	if f.Variadic != 0 {
		least, most = least-1, least-1+max(f.Variadic, 0)
	}
	if !ok || len(args) < least || len(args) > most {
		return none
	}
	for i, arg := range args {
		if want := kindOf(f.ArgTypes[min(i, len(f.ArgTypes)-1)]); want == none || want != arg {
			return none
		}
	}
	return kindOf(f.ReturnType)
}

func kindOf(t parser.ValueType) kind {
	switch t {
	case parser.ValueTypeScalar:
		return scalar
	case parser.ValueTypeVector:
		return vector
	case parser.ValueTypeMatrix:
		return matrix
	}
	return none
}

// selector reads `{a="b"}` and `[5m]` after the name of a metric, which may be missing.
func (c *common) selector(name string) kind {
	c.forms, c.starts = c.forms[:0], c.starts[:0]
	selects := name != ""
	if selects {
		c.form(model.MetricNameLabel, "=", name)
	}
	if c.take("{") {
		for first := true; !c.take("}"); first = false {
			if !first && !c.take(",") || c.token.kind != tokenWord || !c.isLabel(c.token.text) {
				return none
			}
			label := c.token.text
			c.advance()
			op := c.token.text
			c.advance()
			if op != "=" && op != "!=" && op != "=~" && op != "!~" || c.token.kind != tokenString {
				return none
			}
			value, err := strutil.Unquote(c.token.text)
			if err != nil {
				return none
			}
			c.advance()
			c.form(label, op, value)
			selects = selects || op[0] == '='
		}
	}
	if !selects { // of matchers that all match what has no such label nothing comes but an error
		return none
	}
	c.writeForms()
	if c.token.kind != tokenOp || c.token.text != "[" {
		return vector
	}
	c.advance()
	if c.token.kind != tokenDuration || c.token.spaced {
		return none
	}
	c.advance()
	if c.token.spaced || !c.take("]") {
		return none
	}
	c.out = append(c.out, "[D]"...)
	return matrix
}

// form notes the canonical form of a matcher.
func (c *common) form(name, op, value string) {
	c.seen(name, op, value)
	c.starts = append(c.starts, len(c.forms))
	c.forms = append(appendQuote(c.forms, name), op...)
	if name == model.MetricNameLabel {
		c.forms = appendQuote(c.forms, value)
	}
}

// appendQuote is strconv.AppendQuote, faster for what needs no escape.
func appendQuote(to []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.AppendQuote(to, text)
		}
	}
	return append(append(append(to, '"'), text...), '"')
}

// writeForms writes the matchers in order.
func (c *common) writeForms() {
	var space [8][]byte
	forms := space[:0]
	for i, start := range c.starts {
		end := len(c.forms)
		if i+1 < len(c.starts) {
			end = c.starts[i+1]
		}
		forms = append(forms, c.forms[start:end])
	}
	slices.SortFunc(forms, bytes.Compare)
	c.out = append(c.out, '{')
	for _, f := range forms {
		c.out = append(append(c.out, f...), ',')
	}
	c.out = append(c.out, '}')
}

// isLabel reports whether a word is surely a label's name.
func (c *common) isLabel(word string) bool {
	return isPlainName(word) && !c.keywords[word] && word != model.MetricNameLabel && strings.IndexByte(word, ':') < 0
}

// isPlainName reports whether a word is a name without capitals, with which a keyword may be written too.
func isPlainName(word string) bool {
	for i := range len(word) {
		if !isWord(word[i]) && word[i] != ':' || word[i] >= 'A' && word[i] <= 'Z' {
			return false
		}
	}
	return word != "inf" && word != "nan" && !isDigit(word[0])
}
