package lines

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// logQL is a query of log lines: a selector of streams, and the stages behind it.
type logQL struct {
	selector string // with its braces
	stages   string
}

// CheckLogQL reports why query can't be read from: it has to be a selector of streams, with or without stages behind it.
func CheckLogQL(query string) error {
	_, err := parseLogQL(query)
	return err
}

// parseLogQL splits a query behind its selector. Loki itself says whether the rest is right.
func parseLogQL(query string) (logQL, error) {
	const hint = "\nhint: write a selector of streams, as in {app=\"grafana\"}, with stages behind it if need be"
	query = strings.TrimSpace(query)
	switch {
	case query == "":
		return logQL{}, errors.New("it is empty" + hint)
	case query[0] != '{':
		return logQL{}, errors.New("it does not begin with a selector of streams" + hint)
	}
	for i := 1; i < len(query); i++ {
		switch query[i] {
		case '"', '`':
			end := closingQuote(query, i)
			if end < 0 {
				return logQL{}, errors.New("a quote is not closed" + hint)
			}
			i = end
		case '}':
			return logQL{selector: query[:i+1], stages: strings.TrimSpace(query[i+1:])}, nil
		}
	}
	return logQL{}, errors.New("the selector of streams is not closed with }" + hint)
}

// closingQuote finds the end of the string that begins at i, -1 if there is none.
func closingQuote(s string, i int) int {
	quote := s[i]
	for i++; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '"':
			i++
		case s[i] == quote:
			return i
		}
	}
	return -1
}

// with adds a filter of lines: op is |= or !=. It stands on a line of its own, as what is before it may end with a comment.
func (q logQL) with(op, text string) logQL {
	if text != "" {
		q.stages += "\n" + op + " " + strconv.Quote(text)
	}
	return q
}

// of is the query of one stream alone. others are all names of labels that other streams have: this one may lack them.
func (q logQL) of(labels map[string]string, others map[string]bool) logQL {
	var matchers []string
	for _, name := range slices.Sorted(maps.Keys(others)) {
		matchers = append(matchers, name+"="+strconv.Quote(labels[name]))
	}
	q.selector = "{" + strings.Join(matchers, ", ") + "}"
	return q
}

func (q logQL) String() string {
	if q.stages == "" {
		return q.selector
	}
	return q.selector + " " + q.stages
}

// count is the metric query for the number of lines within a span before the time at which it is asked.
func (q logQL) count(seconds int64) string {
	return "sum(count_over_time(" + q.String() + "\n[" + strconv.FormatInt(seconds, 10) + "s]))"
}
