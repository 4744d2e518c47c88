package owner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// maxSelector bounds a configured selector: far above any that is written by hand, far below what costs time.
const maxSelector = 4096

// selector is a team's claim on metrics.
type selector struct {
	team   int
	names  []*labels.Matcher // on the metric's name
	labels []*labels.Matcher // on other labels
}

func parseSelector(team int, text string) (selector, error) {
	if len(text) > maxSelector {
		return selector{}, fmt.Errorf("longer than %d bytes", maxSelector)
	}
	matchers, err := parser.NewParser(parser.Options{}).ParseMetricSelector(text)
	if err != nil {
		return selector{}, err
	}
	s := selector{team: team}
	binding := false
	for _, m := range matchers {
		binding = binding || !m.Matches("")
		if m.Name == model.MetricNameLabel {
			s.names = append(s.names, m)
		} else {
			s.labels = append(s.labels, m)
		}
	}
	if !binding {
		return selector{}, errors.New("it matches every metric")
	}
	return s, nil
}

// selectors finds the teams that own metrics. Names repeat in thousands of queries, so which selectors take a name is
// worked out once for each.
type selectors struct {
	all     []selector
	unnamed []int            // selectors without a matcher on the name
	byName  map[string][]int // cache
}

func newSelectors(teams []Team) (*selectors, error) {
	s := &selectors{byName: map[string][]int{}}
	for i, t := range teams {
		for _, text := range t.Metrics {
			sel, err := parseSelector(i, text)
			if err != nil {
				return nil, selectorError(t.Name, text, err)
			}
			if len(sel.names) == 0 {
				s.unnamed = append(s.unnamed, len(s.all))
			}
			s.all = append(s.all, sel)
		}
	}
	return s, nil
}

// owners returns the teams of which a selector takes one of the named metrics as the matchers restrict them: sorted,
// each once.
func (s *selectors) owners(names []string, matchers []activity.Matcher) []int {
	var teams []int
	try := func(candidates []int) {
		for _, i := range candidates {
			sel := &s.all[i]
			if !slices.Contains(teams, sel.team) && sel.matchLabels(matchers) {
				teams = append(teams, sel.team)
			}
		}
	}
	for _, name := range names {
		try(s.named(name))
	}
	try(s.unnamed)
	slices.Sort(teams)
	return teams
}

func (s *selectors) named(name string) []int {
	if found, ok := s.byName[name]; ok {
		return found
	}
	var found []int
	for i := range s.all {
		sel := &s.all[i]
		if len(sel.names) > 0 && !slices.ContainsFunc(sel.names, func(m *labels.Matcher) bool { return !m.Matches(name) }) {
			found = append(found, i)
		}
	}
	s.byName[name] = found
	return found
}

func (s *selector) matchLabels(query []activity.Matcher) bool {
	for _, m := range s.labels {
		if !covers(m, query) {
			return false
		}
	}
	return true
}

// covers reports whether what a query asks of a label lies within what a selector's matcher takes. It would rather say
// no than guess: a query says something of a label by = or by a =~ that is a plain list of values, of which the
// selector must take every one. A query that does not speak of the label is only within a matcher that excludes values.
func covers(m *labels.Matcher, query []activity.Matcher) bool {
	mentioned := false
	for _, q := range query {
		if q.Name != m.Name {
			continue
		}
		switch q.Op {
		case "=":
			mentioned = true
			if m.Matches(q.Value) {
				return true
			}
		case "=~":
			mentioned = true
			if m.Type == labels.MatchRegexp && m.Value == q.Value {
				return true
			}
			values, ok := alternatives(q.Value)
			if ok && !slices.ContainsFunc(values, func(v string) bool { return !m.Matches(v) }) {
				return true
			}
		}
	}
	return !mentioned && (m.Type == labels.MatchNotEqual || m.Type == labels.MatchNotRegexp)
}

// alternatives returns the values of a regular expression that is nothing but a list of them: "a|b", also in one pair of
// parentheses, as Grafana writes the values of a variable, and with escaped punctuation.
func alternatives(expr string) ([]string, bool) {
	if inner, ok := strings.CutPrefix(expr, "("); ok {
		if expr, ok = strings.CutSuffix(inner, ")"); !ok {
			return nil, false
		}
	}
	var values []string
	var value strings.Builder
	for i := 0; i < len(expr); i++ {
		switch c := expr[i]; {
		case c == '|':
			values = append(values, value.String())
			value.Reset()
		case c == '\\' && i+1 < len(expr) && strings.IndexByte(metacharacters+`-/`, expr[i+1]) >= 0:
			i++
			value.WriteByte(expr[i])
		case strings.IndexByte(metacharacters, c) >= 0:
			return nil, false
		default:
			value.WriteByte(c)
		}
	}
	return append(values, value.String()), true
}

const metacharacters = `\.+*?()|[]{}^$`
