package prom

import "slices"

// Change is how two versions of a rule's expression differ.
type Change uint8

// The changes, weakest first.
const (
	SameExpr      Change = iota // nothing that means something: formatting, comments, the order of labels
	ThresholdOnly               // only numbers that something is compared with
	Different                   // anything else
)

// String names the change.
func (c Change) String() string {
	switch c {
	case SameExpr:
		return "same"
	case ThresholdOnly:
		return "threshold"
	}
	return "different"
}

// Diff compares two versions of a rule's expression. A threshold is a side of a comparison, anywhere in the
// expression, that consists of numbers alone, like `86400 * 9`; a quantile or a duration is none. Expressions that are
// not PromQL (LogQL, templates) are compared token by token, to the same effect except for the order of labels.
func Diff(before, after string) Change {
	if before == after {
		return SameExpr
	}
	a, b := forms(before), forms(after)
	if a == nil || b == nil {
		return diffTokens(before, after)
	}
	for i, change := range []Change{SameExpr, ThresholdOnly} {
		if a[i] == b[i] {
			return change
		}
	}
	return Different
}

// forms returns the canonical form of a PromQL text, and that without thresholds; nil if it doesn't parse.
func forms(text string) []string {
	q, err := prepare(text, false, roleGuess)
	if err != nil {
		return nil
	}
	expr, err := parseExpr(q.text)
	if err != nil {
		return nil
	}
	out := make([]string, 0, 2)
	for _, mask := range []masking{maskNothing, maskThresholds} {
		c := canon{values: q.values, mask: mask}
		c.expr(expr)
		out = append(out, string(c.out))
	}
	return out
}

func diffTokens(before, after string) Change {
	a, b := tokens(before), tokens(after)
	if slices.Equal(texts(a), texts(b)) {
		return SameExpr
	}
	// Texts beyond what may be parsed are compared as they are.
	if len(a) > maxTokens || len(b) > maxTokens {
		return Different
	}
	if slices.Equal(withoutThresholds(a), withoutThresholds(b)) {
		return ThresholdOnly
	}
	return Different
}

func tokens(text string) []token {
	var (
		l   = lexer{text: text}
		out []token
	)
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		out = append(out, t)
	}
	return out
}

func texts(tokens []token) []string {
	out := make([]string, len(tokens))
	for i, t := range tokens {
		out[i] = t.text
	}
	return out
}

// withoutThresholds returns the texts of tokens, with T for each side of a comparison that is only numbers.
func withoutThresholds(tokens []token) []string {
	out := make([]string, 0, len(tokens))
	for i := 0; i < len(tokens); {
		end := i
		if i == 0 || startsOperand(tokens[i-1]) {
			end = numbersFrom(tokens, i, 0)
		}
		if end <= i || !(compares(tokens, i-1) || end < len(tokens) && isComparison(tokens[end])) {
			out = append(out, tokens[i].text)
			i++
			continue
		}
		out = append(out, "T")
		i = end
	}
	return out
}

// numbersFrom returns the end of the operand at i if it is made of numbers alone, and -1 if not.
func numbersFrom(tokens []token, i, depth int) int {
	for {
		for i < len(tokens) && isOneOf(tokens[i], "+-") {
			i++
		}
		switch {
		case i >= len(tokens) || depth > maxNesting:
			return -1
		case tokens[i].kind == tokenNumber || tokens[i].kind == tokenDuration || tokens[i].kind == tokenLiteral:
			i++
		case isOneOf(tokens[i], "("):
			if i = numbersFrom(tokens, i+1, depth+1); i < 0 || i >= len(tokens) || !isOneOf(tokens[i], ")") {
				return -1
			}
			i++
		default:
			return -1
		}
		if i >= len(tokens) || !isOneOf(tokens[i], "+-*/%^") {
			return i
		}
		i++
	}
}

// startsOperand reports whether an operand of a comparison may follow t.
func startsOperand(t token) bool {
	switch t.kind {
	case tokenWord:
		return t.text == "bool" || t.text == "and" || t.text == "or" || t.text == "unless"
	case tokenOp:
		return isComparison(t) || isOneOf(t, "(,|")
	}
	return false
}

// compares reports whether the token at i is a comparison, or the bool after one.
func compares(tokens []token, i int) bool {
	if i > 0 && tokens[i].text == "bool" {
		i--
	}
	return i >= 0 && isComparison(tokens[i])
}

func isComparison(t token) bool {
	if t.kind != tokenOp {
		return false
	}
	switch t.text {
	case "==", "!=", "<", ">", "<=", ">=":
		return true
	}
	return false
}

// isOneOf reports whether t is one of the operators of one character.
func isOneOf(t token, operators string) bool {
	if t.kind != tokenOp || len(t.text) != 1 {
		return false
	}
	for _, c := range []byte(operators) {
		if c == t.text[0] {
			return true
		}
	}
	return false
}
