package prom

import (
	"errors"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/strutil"
)

// What is parsed, at most. Real queries stay far below. The parser's time grows with the square of the nesting, and of the
// length of a chain of operators: within these limits the worst texts take tens of milliseconds.
const (
	maxParsed  = 32 << 10 // bytes
	maxTokens  = 4096
	maxNesting = 128 // brackets open at once
)

// marker replaces a variable that stands for a name, or for a part of one.
const marker = "__variable__"

// role is what a variable outside of strings stands for. The text does not tell; its neighbours do.
type role uint8

const (
	roleGuess    role = iota // by its neighbours
	roleName                 // a metric, a label, a part of a name
	roleNumber               // a number
	roleDuration             // a duration, or seconds
)

// query is a text made ready for the parser: variables are replaced, and the values of matchers are numbers into
// values, so that the parser compiles no regular expressions.
type query struct {
	text    string
	values  []string
	guessed bool // a variable's role was guessed
}

var errTooLarge = errors.New("query is too long or too deeply nested to be parsed")

// prepare makes text ready for the parser. With mask, all numbers and durations become the same one. guess is the
// role of variables whose role is not clear; roleGuess takes the likelier one of each.
func prepare(text string, mask bool, guess role) (query, error) {
	var q query
	if len(text) > maxParsed {
		return q, errTooLarge
	}
	var (
		out  strings.Builder
		l    = lexer{text: text}
		prev token
	)
	for n := 0; ; n++ {
		square := l.square
		t := l.next()
		if t.kind == tokenEnd {
			break
		}
		if n == maxTokens || l.depth > maxNesting {
			return q, errTooLarge
		}
		// A number may stand right behind a word as ".5", but not as the one that is written for it.
		if t.spaced || prev.kind == tokenWord && (t.kind == tokenNumber || t.kind == tokenDuration) {
			out.WriteByte(' ')
		}
		switch {
		case t.kind == tokenNumber && mask:
			out.WriteByte('1')
		case t.kind == tokenDuration && mask:
			out.WriteString("1m")
		case t.kind == tokenString && l.brace > 0:
			q.value(&out, &l, prev, t.text)
		case t.kind == tokenVariable:
			r := variableRole(&l, square, prev, t)
			if r == roleGuess {
				q.guessed = true
				if r = guess; r == roleGuess {
					r = likelyRole(prev, l.peek())
				}
			}
			variable(&out, r, t.text)
		default:
			out.WriteString(t.text)
		}
		prev = t
	}
	q.text = out.String()
	return q, nil
}

// value writes a string that stands in braces: a matcher's value or a metric's name becomes its number in values,
// a label's name stays.
func (q *query) value(out *strings.Builder, l *lexer, prev token, quoted string) {
	if next := l.peek(); !matches(prev) && (next == '=' || next == '!') {
		out.WriteString(quoted)
		return
	}
	value, err := strutil.Unquote(quoted)
	if err != nil { // the parser will say so
		out.WriteString(quoted)
		return
	}
	out.WriteByte('"')
	out.WriteString(strconv.Itoa(len(q.values)))
	out.WriteByte('"')
	q.values = append(q.values, value)
}

// matches reports whether t is a matcher's operator.
func matches(t token) bool {
	return t.kind == tokenOp && (t.text == "=" || t.text == "!=" || t.text == "=~" || t.text == "!~")
}

// variable writes what the parser is given in the place of a variable.
func variable(out *strings.Builder, r role, text string) {
	switch r {
	case roleNumber:
		out.WriteByte('1')
	case roleDuration:
		out.WriteString("1m")
	default:
		writeMarked(out, text)
	}
}

// writeMarked writes a word with a marker in the place of each variable.
func writeMarked(out *strings.Builder, word string) {
	for i := 0; i < len(word); {
		if n := variableAt(word[i:]); n > 0 {
			out.WriteString(marker)
			i += n
			continue
		}
		out.WriteByte(word[i])
		i++
	}
}

// variableRole tells what the variable token t stands for, by what is around it. square is the depth of [] in
// which it stands. roleGuess means that both a name and a number make sense.
func variableRole(l *lexer, square int, prev, t token) role {
	next := l.peek()
	switch {
	case prev.kind == tokenOp && prev.text == "@":
		return roleNumber
	case square > 0, prev.kind == tokenWord && strings.EqualFold(prev.text, "offset"):
		return roleDuration
	case isDigit(t.text[0]):
		return roleNumber
	case variableAt(t.text) < len(t.text), next == '{', next == '[', next == '(', l.brace > 0:
		return roleName
	}
	return roleGuess
}

// likelyRole is the first guess at the role of a variable, between prev and a token that starts with next.
func likelyRole(prev token, next byte) role {
	switch {
	case prev.kind == tokenOp && strings.Contains("+ - * / % ^ > < >= <= == !=", prev.text),
		prev.kind == tokenWord && strings.EqualFold(prev.text, "bool"),
		strings.IndexByte("+-*/%^<>=!", next) >= 0 && next != 0,
		prev.kind == tokenOp && prev.text == "(" && next == ',',
		prev.kind == tokenOp && prev.text == "," && next == ')':
		return roleNumber
	}
	return roleName
}

// parseExpr parses what prepare made. The parser contains its own panics; should one get out, it is an error.
func parseExpr(text string) (expr parser.Expr, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the parser panicked")
		}
	}()
	return parser.NewParser(parser.Options{
		EnableExperimentalFunctions:  true,
		ExperimentalDurationExpr:     true,
		EnableExtendedRangeSelectors: true,
		EnableBinopFillModifiers:     true,
	}).ParseExpr(text)
}
