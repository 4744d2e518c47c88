package rules

import (
	"regexp"
	"strings"
)

// A Helm template is YAML only after it was rendered, and its values are not in the repository. encodeTemplates makes
// of it the YAML that it most likely becomes: lines that hold nothing but actions ({{ if }}, {{ end }}, {{ include }})
// are blanked, and an action within a value becomes text that YAML takes as such. Both branches of an {{ if }} stay,
// which leaves duplicate keys. decodeTemplates gives a value's text back as it was written. The text of quotes and
// blocks, where Prometheus has templates of its own, comes out as if nothing had been done.
func encodeTemplates(text string) string {
	if !strings.Contains(text, "{{") {
		return text
	}
	e := &encoder{in: text, block: -1, patience: 100}
	e.out.Grow(len(text))
	for e.pos < len(e.in) {
		e.line()
	}
	return e.out.String()
}

// encoder goes through a template line by line. It knows of YAML no more than where quotes and blocks begin and end.
type encoder struct {
	in    string
	pos   int
	out   strings.Builder
	block int  // column of the key whose block of text we are in, else -1
	quote byte // the quote we are in across lines, else 0

	patience int // how many more actions without an end are looked for: each costs maxAction
}

// line reads the line at pos, or several if an action spans them.
func (e *encoder) line() {
	rest := e.in[e.pos:]
	line, _, _ := strings.Cut(rest, "\n")
	bare := strings.TrimLeft(line, " \t\r")
	indent := len(line) - len(bare)
	actions := e.quote == 0 && strings.HasPrefix(bare, "{{")
	if e.block >= 0 {
		if bare == "" || indent > e.block {
			e.copyTo(len(line))
			return
		}
		if !actions { // an action left of a block is not its end
			e.block = -1
		}
	}
	if actions && !continuesText(bare) {
		if end := e.actionsOnly(rest[indent:]); end > 0 {
			e.pos += indent + end
			e.newline()
			return
		}
	}
	e.block = -1
	e.scan()
}

// copyTo copies n bytes and the end of their line.
func (e *encoder) copyTo(n int) {
	e.out.WriteString(e.in[e.pos : e.pos+n])
	e.pos += n
	e.newline()
}

// newline ends a line where one ended.
func (e *encoder) newline() {
	if e.pos < len(e.in) && e.in[e.pos] == '\n' {
		e.out.WriteByte('\n')
		e.pos++
	}
}

// scan copies a line of YAML and encodes the actions in it.
func (e *encoder) scan() {
	start, outStart := e.pos, e.out.Len()
	fresh := true // a value may begin here, and with it a quote
	for e.pos < len(e.in) && e.in[e.pos] != '\n' {
		c := e.in[e.pos]
		switch {
		case c == '{' && strings.HasPrefix(e.in[e.pos:], "{{"):
			if n := e.action(e.in[e.pos:]); n > 0 {
				e.out.WriteString(encodeAction(e.in[e.pos:e.pos+n], e.quote))
				e.pos += n
				fresh = false
				continue
			}
		case e.quote == '"' && c == '\\' && e.pos+1 < len(e.in) && e.in[e.pos+1] != '\n':
			e.out.WriteByte(c)
			e.pos++
			c = e.in[e.pos]
		case e.quote != 0:
			if c == e.quote {
				e.quote = 0
			}
		case fresh && (c == '"' || c == '\''):
			e.quote = c
			fresh = false
		case c == '#' && (e.pos == start || e.in[e.pos-1] == ' ' || e.in[e.pos-1] == '\t'):
			rest, _, _ := strings.Cut(e.in[e.pos:], "\n")
			e.block = blockColumn(e.out.String()[outStart:])
			e.copyTo(len(rest))
			return
		}
		if e.quote == 0 && c != ' ' && c != '\t' {
			fresh = strings.IndexByte(":-,[{?", c) >= 0
		}
		e.out.WriteByte(c)
		e.pos++
	}
	if e.quote == 0 {
		e.block = blockColumn(e.out.String()[outStart:])
	}
	e.newline()
}

var blockStart = regexp.MustCompile(`(^|[:\-]\s+|\s)[|>][-+0-9]*\s*$`)

// blockColumn returns the column of the key (or dash) whose block of text begins after line, -1 if none does.
func blockColumn(line string) int {
	if !blockStart.MatchString(line) {
		return -1
	}
	col := len(line) - len(strings.TrimLeft(line, " "))
	for {
		rest := strings.TrimLeft(line[col:], " ")
		next, isItem := strings.CutPrefix(rest, "- ")
		next = strings.TrimLeft(next, " ")
		if !isItem || next == "" || next[0] == '|' || next[0] == '>' {
			return len(line) - len(rest)
		}
		col = len(line) - len(next)
	}
}

// actionsOnly returns the length of s up to the end of a line if there is nothing but actions up to there, else 0.
func (e *encoder) actionsOnly(s string) int {
	n := 0
	for {
		end := e.action(s[n:])
		if end == 0 {
			return 0
		}
		n += end
		rest := strings.TrimLeft(s[n:], " \t\r")
		n = len(s) - len(rest)
		if rest == "" || rest[0] == '\n' {
			return n
		}
	}
}

var alertVariable = regexp.MustCompile(`^\{\{-?\s*\$(labels|value|externalLabels|externalURL)\b`)

// continuesText tells a line of somebody's sentence, which begins with a variable of Prometheus, from a line that
// Helm replaces.
func continuesText(line string) bool { return alertVariable.MatchString(line) }

// action returns the length of the action that s begins with, 0 if there is none.
func (e *encoder) action(s string) int {
	if !strings.HasPrefix(s, "{{") || e.patience <= 0 {
		return 0
	}
	n := actionEnd(s)
	if n == 0 {
		e.patience--
	}
	return n
}

const maxAction = 64 << 10

// actionEnd returns the length of the action that s begins with, 0 if it does not end.
func actionEnd(s string) int {
	s = s[:min(len(s), maxAction)]
	if body := strings.TrimLeft(strings.TrimPrefix(s[2:], "-"), " \t\r\n"); strings.HasPrefix(body, "/*") {
		if i := strings.Index(s, "*/"); i >= 0 {
			if j := strings.Index(s[i:], "}}"); j >= 0 {
				return i + j + 2
			}
		}
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch s[i] {
		case '"', '`':
			if s[i-1] == '\\' { // a quote within YAML's own quotes
				continue
			}
			if n := stringEnd(s[i:]); n > 0 {
				i += n - 1
			}
		case '}':
			if strings.HasPrefix(s[i:], "}}") {
				return i + 2
			}
		}
	}
	if i := strings.Index(s, "}}"); i >= 0 { // a quote that was none
		return i + 2
	}
	return 0
}

// stringEnd returns the length of the string literal that s begins with, 0 if it does not end.
func stringEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return i + 1
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] == '\n' && s[0] == '"':
			return 0
		}
	}
	return 0
}

// plainSpecial are the characters that mean something to YAML, and what stands for each while YAML is read.
const plainSpecial = "{}[]:,#\"'\\&*!|>%@`?-"

const firstStandIn = '\uE000'

var (
	toStandIns   = standIns(false)
	fromStandIns = standIns(true)
)

func standIns(back bool) *strings.Replacer {
	var pairs []string
	for i, c := range plainSpecial {
		special, standIn := string(c), string(firstStandIn+rune(i))
		if back {
			special, standIn = standIn, special
		}
		pairs = append(pairs, special, standIn)
	}
	return strings.NewReplacer(pairs...)
}

// encodeAction writes an action so that YAML takes it for text. In quotes it is left alone unless it would end them.
func encodeAction(s string, quote byte) string {
	switch quote {
	case '"':
		if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(s, `\\`, ""), `\"`, ""), `"`) {
			return s
		}
	case '\'':
		if !strings.Contains(strings.ReplaceAll(s, "''", ""), "'") {
			return s
		}
	}
	return toStandIns.Replace(oneLine(s))
}

var literalAction = regexp.MustCompile("\\{\\{-?\\s*(?:`([^`]*)`|\"((?:[^\"\\\\]|\\\\.)*)\")\\s*-?\\}\\}")

// decodeTemplates gives a value as it was written, without Helm's quoting of Prometheus's own templates:
// {{`{{ $value }}`}} is {{ $value }}.
func decodeTemplates(s string) string {
	if strings.ContainsAny(s, standInSet) {
		s = fromStandIns.Replace(s)
	}
	if strings.Contains(s, "{{`") || strings.Contains(s, "{{ `") || strings.Contains(s, `{{ "`) || strings.Contains(s, `{{"`) {
		s = literalAction.ReplaceAllStringFunc(s, func(a string) string {
			m := literalAction.FindStringSubmatch(a)
			return m[1] + strings.ReplaceAll(m[2], `\"`, `"`)
		})
	}
	return s
}

var standInSet = func() string {
	var b strings.Builder
	for i := range plainSpecial {
		b.WriteRune(firstStandIn + rune(i))
	}
	return b.String()
}()
