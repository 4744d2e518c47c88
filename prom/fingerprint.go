package prom

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Fingerprinter reduces query texts to what may be kept of them. It is safe for concurrent use, and remembers the
// texts that it saw lately.
type Fingerprinter struct {
	keep     map[string]bool
	cache    *cache
	keywords map[string]bool // of PromQL
	readers  sync.Pool       // of *common
}

// NewFingerprinter returns a Fingerprinter that keeps the matchers on the labels of those names, beside the names of
// metrics. The fingerprint itself does not depend on them.
func NewFingerprinter(labelNames []string) *Fingerprinter {
	f := &Fingerprinter{keep: make(map[string]bool, len(labelNames)), cache: newCache(), keywords: map[string]bool{}}
	for _, word := range parser.Keywords() {
		f.keywords[word] = true
	}
	for _, name := range labelNames {
		f.keep[name] = true
	}
	return f
}

// fingerprintVersion changes whenever some text gets another fingerprint than before.
const fingerprintVersion = 1

// Profile names all that Query depends on beside the text: what was known of a text under another profile may be wrong.
func (f *Fingerprinter) Profile() string {
	h := sha256.New()
	fmt.Fprintf(h, "%d", fingerprintVersion)
	for _, name := range slices.Sorted(maps.Keys(f.keep)) {
		fmt.Fprintf(h, "%q", name)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Query returns what is kept of a query. The fingerprint is the start of a SHA-256 over the query's canonical form
// without numbers, strings, durations, times and matcher values. Formatting, comments, redundant parentheses and the
// order of matchers and of label names don't matter to it. A query with Grafana's variables has the fingerprint of the
// query that Grafana makes of it, unless a variable stands for a name, or for more than a value.
//
// Text that isn't PromQL, or too large to be parsed, is masked token by token; its metrics are nil, those of a
// parsed text never are. A text without a token gives the zero Query.
//
// The slices of the result are shared: they must not be changed.
func (f *Fingerprinter) Query(text string) activity.Query {
	return f.cache.query(text, f.compute)
}

// Once is Query for those who remember its answers themselves.
func (f *Fingerprinter) Once(text string) activity.Query { return f.compute(text) }

func (f *Fingerprinter) compute(text string) activity.Query {
	if skipSpace(text, 0) == len(text) {
		return activity.Query{}
	}
	if q, ok := f.common(text); ok {
		return q
	}
	return f.parse(text)
}

// common returns what is kept of a query that is made of common things.
func (f *Fingerprinter) common(text string) (activity.Query, bool) {
	c, ok := f.readers.Get().(*common)
	if !ok {
		c = &common{keywords: f.keywords}
	}
	defer f.readers.Put(c)
	q := activity.Query{Metrics: []string{}}
	c.seen = func(name, op, value string) { f.matcher(&q, name, op, value) }
	if len(text) > maxParsed || !c.read(text) {
		return q, false
	}
	finish(&q, c.out)
	return q, true
}

// parse returns what is kept of any query.
func (f *Fingerprinter) parse(text string) activity.Query {
	for _, guess := range []role{roleGuess, roleName, roleNumber} {
		q, err := prepare(text, true, guess)
		if err != nil {
			break
		}
		if expr, err := parseExpr(q.text); err == nil {
			return f.parsed(expr, q.values)
		}
		if !q.guessed {
			break
		}
	}
	return activity.Query{Fingerprint: maskedTokens(text)}
}

// parsed returns what is kept of a query that was parsed.
func (f *Fingerprinter) parsed(expr parser.Expr, values []string) activity.Query {
	q := activity.Query{Metrics: []string{}}
	c := canon{values: values, mask: maskLiterals, out: []byte("promql\n"), seen: func(vs *parser.VectorSelector) {
		for _, m := range vs.LabelMatchers {
			f.matcher(&q, m.Name, m.Type.String(), matcherValue(vs, m, values))
		}
	}}
	c.expr(expr)
	finish(&q, c.out)
	return q
}

// matcher adds what is kept of a matcher.
func (f *Fingerprinter) matcher(q *activity.Query, name, op, value string) {
	isName := name == model.MetricNameLabel && op == "="
	if !isName && !f.keep[name] {
		return
	}
	// Which value a variable has is not known, so nothing is.
	if hasVariable(value) || strings.Contains(value, marker) {
		return
	}
	if isName && value != "" {
		q.Metrics = append(q.Metrics, strings.Clone(value))
	}
	if f.keep[name] {
		q.Matchers = append(q.Matchers, activity.Matcher{Name: strings.Clone(name), Op: op, Value: strings.Clone(value)})
	}
}

// finish puts what was kept in order, and hashes the canonical form.
func finish(q *activity.Query, canonical []byte) {
	slices.Sort(q.Metrics)
	q.Metrics = slices.Compact(q.Metrics)
	slices.SortFunc(q.Matchers, func(a, b activity.Matcher) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Op, b.Op), cmp.Compare(a.Value, b.Value))
	})
	q.Matchers = slices.Compact(q.Matchers)
	sum := sha256.Sum256(canonical)
	q.Fingerprint = hex.EncodeToString(sum[:8])
	q.Variant = variant(q.Matchers)
}

// variant is a hash of matchers: the fingerprint masks their values, which may say whose metrics are asked for.
func variant(matchers []activity.Matcher) string {
	if len(matchers) == 0 {
		return ""
	}
	h := sha256.New()
	for _, m := range matchers {
		fmt.Fprintf(h, "%q%s%q", m.Name, m.Op, m.Value)
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// maskedTokens is the fingerprint of a text that isn't parsed.
func maskedTokens(text string) string {
	h := sha256.New()
	h.Write([]byte("tokens\n"))
	var (
		l    = lexer{text: text}
		prev token
		buf  []byte
	)
	for {
		square := l.square
		t := l.next()
		if t.kind == tokenEnd {
			return hex.EncodeToString(h.Sum(nil)[:8])
		}
		buf = append(appendMasked(buf[:0], &l, square, prev, t), ' ')
		h.Write(buf)
		prev = t
	}
}

func appendMasked(buf []byte, l *lexer, square int, prev, t token) []byte {
	switch t.kind {
	case tokenNumber, tokenDuration, tokenLiteral:
		return append(buf, 'N')
	case tokenString:
		return append(buf, 'S')
	case tokenVariable:
		r := variableRole(l, square, prev, t)
		if r == roleGuess {
			r = likelyRole(prev, l.peek())
		}
		if r != roleName {
			return append(buf, 'N')
		}
		var name strings.Builder
		writeMarked(&name, t.text)
		return append(buf, name.String()...)
	}
	return append(buf, t.text...)
}
