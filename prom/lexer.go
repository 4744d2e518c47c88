package prom

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// tokenKind is what a token is, told without parsing.
type tokenKind uint8

const (
	tokenEnd      tokenKind = iota
	tokenWord               // name or keyword
	tokenNumber             // a number that PromQL knows
	tokenDuration           // a duration that PromQL knows
	tokenLiteral            // another literal that starts with a digit: 5i, 20MiB, 1.5h
	tokenString             // with its quotes
	tokenVariable           // a word with one or more of Grafana's variables in it
	tokenOp                 // an operator, a bracket, anything else
)

// token is a piece of a query's text, as written.
type token struct {
	kind   tokenKind
	text   string
	spaced bool // white space or a comment stands before it
}

// lexer cuts a query into tokens: PromQL as Prometheus's own lexer does, and whatever else (LogQL, MetricsQL,
// Grafana's variables, broken text) in a way that depends on neither spacing nor comments. It takes linear time.
type lexer struct {
	text  string
	pos   int
	depth int // of all brackets
	brace int // depth of {}
	// Depth of [], in which only durations stand.
	square int
}

// operators of two characters; all others have one.
var pairs = [...]string{"==", "!=", "=~", "!~", "<=", ">=", "</", ">/", "|=", "|~", "|>", "!>"}

func (l *lexer) next() token {
	start := l.pos
	l.pos = skipSpace(l.text, l.pos)
	t := token{spaced: l.pos > start}
	start = l.pos
	if start == len(l.text) {
		return t
	}
	switch c := l.text[start]; {
	case isDigit(c) || c == '.' && start+1 < len(l.text) && isDigit(l.text[start+1]):
		t.kind = l.word(true)
	case isWord(c) || c == ':' && l.square == 0 || c >= utf8.RuneSelf || variableAt(l.text[start:]) > 0:
		t.kind = l.word(false)
	case c == '"' || c == '\'' || c == '`':
		t.kind = tokenString
		l.quoted(c)
	default:
		t.kind = tokenOp
		l.op(c)
	}
	t.text = l.text[start:l.pos]
	if t.kind == tokenNumber {
		t.kind = literalKind(t.text)
	}
	return t
}

// peek returns the first byte of the next token, and 0 at the end.
func (l *lexer) peek() byte {
	if i := skipSpace(l.text, l.pos); i < len(l.text) {
		return l.text[i]
	}
	return 0
}

// word passes a name, or a literal that starts with a digit, with any variables in it.
func (l *lexer) word(number bool) tokenKind {
	kind := tokenWord
	if number {
		kind = tokenNumber
	}
	start := l.pos
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		switch {
		case isWord(c) || c >= utf8.RuneSelf:
			l.pos++
		case c == ':' && l.square == 0 && !number, c == '.' && number:
			l.pos++
		case (c == '+' || c == '-') && number && l.exponent(start):
			l.pos++
		default:
			n := variableAt(l.text[l.pos:])
			if n == 0 {
				return kind
			}
			kind = tokenVariable
			l.pos += n
		}
	}
	return kind
}

// exponent reports whether a sign at the current position belongs to the number that began at start: 1e-5.
func (l *lexer) exponent(start int) bool {
	if l.text[l.pos-1]|0x20 != 'e' || l.pos+1 >= len(l.text) || !isDigit(l.text[l.pos+1]) {
		return false
	}
	for _, c := range []byte(l.text[start : l.pos-1]) {
		if !isDigit(c) && c != '.' {
			return false
		}
	}
	return true
}

// quoted passes a string. One without an end runs to the end of the text.
func (l *lexer) quoted(quote byte) {
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; {
		case c == quote:
			l.pos++
			return
		case c == '\\' && quote != '`' && l.pos+1 < len(l.text):
			l.pos++
		}
	}
}

func (l *lexer) op(c byte) {
	switch c {
	case '(':
		l.depth++
	case '{':
		l.depth++
		l.brace++
	case '[':
		l.depth++
		l.square++
	case ')':
		l.depth = max(l.depth-1, 0)
	case '}':
		l.depth, l.brace = max(l.depth-1, 0), max(l.brace-1, 0)
	case ']':
		l.depth, l.square = max(l.depth-1, 0), max(l.square-1, 0)
	}
	l.pos++
	if l.pos == len(l.text) {
		return
	}
	for _, p := range pairs {
		if p[0] == c && p[1] == l.text[l.pos] {
			l.pos++
			return
		}
	}
}

// skipSpace returns the position of the first byte from i on that is neither white space nor in a comment.
func skipSpace(text string, i int) int {
	for ; i < len(text); i++ {
		switch text[i] {
		case ' ', '\t', '\n', '\r':
		case '#':
			end := strings.IndexAny(text[i:], "\n\r") // as PromQL's own lexer has it
			if end < 0 {
				return len(text)
			}
			i += end
		default:
			return i
		}
	}
	return i
}

// literalKind tells what kind of literal a token that starts with a digit is.
func literalKind(text string) tokenKind {
	switch n := digits(text); {
	case n == 0 || n > 4: // what might be too large is looked at closely
	case n == len(text):
		return tokenNumber
	case n == len(text)-1 && strings.IndexByte("smhdw", text[n]) >= 0:
		return tokenDuration
	}
	if _, err := strconv.ParseInt(text, 0, 64); err == nil {
		return tokenNumber
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return tokenNumber
	}
	if _, err := model.ParseDuration(text); err == nil {
		return tokenDuration
	}
	return tokenLiteral
}

// digits returns how many digits text starts with.
func digits(text string) int {
	i := 0
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return i
}

// maxVariable is how long the field and the format of a ${variable.field:format} may be.
const maxVariable = 256

// variableAt returns the length of the Grafana variable that text starts with, and 0 if it starts with none:
// $name, ${name}, ${name:format}, ${name.field:format}, [[name]], [[name:format]].
func variableAt(text string) int {
	switch {
	case text == "" || text[0] != '$' && text[0] != '[':
		return 0
	case strings.HasPrefix(text, "${"):
		i := 2 + words(text[2:])
		rest := text[i:min(len(text), i+maxVariable)]
		if i == 2 || rest == "" || (rest[0] != '}' && rest[0] != ':' && rest[0] != '.') {
			return 0
		}
		if end := strings.IndexByte(rest, '}'); end >= 0 {
			return i + end + 1
		}
	case strings.HasPrefix(text, "$"):
		if name := words(text[1:]); name > 0 {
			return 1 + name
		}
	case strings.HasPrefix(text, "[["):
		name := words(text[2:])
		if name == 0 {
			return 0
		}
		i := 2 + name
		if i < len(text) && text[i] == ':' {
			i += 1 + words(text[i+1:])
		}
		if strings.HasPrefix(text[i:], "]]") {
			return i + 2
		}
	}
	return 0
}

// hasVariable reports whether a variable stands anywhere in text.
func hasVariable(text string) bool {
	for i := 0; i < len(text); i++ {
		if (text[i] == '$' || text[i] == '[') && variableAt(text[i:]) > 0 {
			return true
		}
	}
	return false
}

// words returns how many word characters text starts with.
func words(text string) int {
	i := 0
	for i < len(text) && isWord(text[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func isWord(c byte) bool { return c == '_' || isDigit(c) || c|0x20-'a' < 26 }
