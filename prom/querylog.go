package prom

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// queryMessage is the message of every line of a 3.x query log. 2.x writes no message.
const queryMessage = "promql query logged"

// Why a line of a query log can't be read. None of them quotes the line, which may name people.
var (
	errNoObject = errors.New("query log: the line is no JSON object")
	errJSON     = errors.New("query log: broken JSON")
	errNoOrigin = errors.New("query log: neither an httpRequest nor a ruleGroup object")
	errNoQuery  = errors.New("query log: an API query without a text in params.query")
	errNoTime   = errors.New("query log: neither a time nor a ts in RFC 3339")
	errType     = errors.New("query log: a field is not of its type")
)

// QueryLog parses Prometheus's query log, of 2.x (time in ts, no message) and of 3.x. It has no state: one may
// serve any number of goroutines.
type QueryLog struct {
	source string
}

// NewQueryLog returns the parser for the source of that name, which becomes the scope of its events.
func NewQueryLog(source string) *QueryLog { return &QueryLog{source: source} }

// Parse appends the act that line tells of to b. An API query gives an event with its text and, if the log names
// one, the client's address; a rule evaluation gives one with the time and the robot reason alone.
//
// The whole line is checked, in whatever order its keys come: it has to be one valid JSON object with a time and an
// origin, else it is malformed and nothing is appended. Where a key is repeated, as 3.0.0 repeats those of earlier
// queries, the last one counts, and so does the last of several origins. Of an API query params.query must be a text;
// of a rule evaluation nothing but the time and the origin is looked at.
//
// Empty lines and lines of Prometheus's own log, which shares the stream if the query log goes to /dev/stdout, give
// the zero Line and no error.
func (q *QueryLog) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	s := scanner(line)
	start := s.space(0)
	if start == len(line) {
		return activity.Line{}, nil
	}
	if s[start] != '{' {
		if serverLog(line[start:]) {
			return activity.Line{}, nil
		}
		return activity.Line{}, errNoObject
	}
	var r record
	if !s.record(start, &r) {
		return activity.Line{}, errJSON
	}
	if r.message.to > 0 && !isString(s.in(r.message), queryMessage) {
		return activity.Line{}, nil
	}
	e, err := q.event(s, &r)
	if err != nil {
		return activity.Line{}, err
	}
	b.Events = append(b.Events, e)
	return activity.Line{Time: e.Time, Class: activity.ClassView}, nil
}

// Tally appends n rule evaluations that were counted where the log is, and not read.
func (q *QueryLog) Tally(at time.Time, n int64, b *activity.Batch) activity.Line {
	b.Events = append(b.Events, activity.Event{Time: at, Kind: activity.KindQuery, Scope: q.source, Robot: activity.RobotRuleEvaluation, Count: n})
	return activity.Line{Time: at, Class: activity.ClassView}
}

func (q *QueryLog) event(s scanner, r *record) (activity.Event, error) {
	if r.origin.to == 0 {
		return activity.Event{}, errNoOrigin
	}
	at, err := s.at(r)
	if err != nil {
		return activity.Event{}, err
	}
	e := activity.Event{Time: at, Kind: activity.KindQuery, Scope: q.source}
	if r.rule {
		if s[r.origin.from] != '{' {
			return activity.Event{}, errType
		}
		e.Robot = activity.RobotRuleEvaluation
		return e, nil
	}
	if e.Query, err = s.query(r); err != nil {
		return activity.Event{}, err
	}
	if e.Query == "" {
		return activity.Event{}, errNoQuery
	}
	e.Who.Addr, err = s.address(r)
	return e, err
}

// query returns the query's text.
func (s scanner) query(r *record) (string, error) {
	if r.query.to == 0 {
		return textIn(s.in(r.params), "query")
	}
	return unquote(s[r.query.from+1 : r.query.to-1]), nil
}

// address returns the client's address.
func (s scanner) address(r *record) (netip.Addr, error) {
	if r.client.to == 0 {
		client, err := textIn(s.in(r.origin), "clientIP")
		return clientAddr(client), err
	}
	return clientAddr(unquote(s[r.client.from+1 : r.client.to-1])), nil
}

// span is where a value of a line begins and ends; the zero span is none.
type span struct{ from, to int }

// in returns what stands in a span, nil if it is none.
func (s scanner) in(p span) []byte {
	if p.to == 0 {
		return nil
	}
	return s[p.from:p.to:p.to]
}

// record is where the values of a line are that matter.
type record struct {
	time, ts, message, params span
	origin                    span // of the last httpRequest or ruleGroup
	rule                      bool // origin is a ruleGroup

	query, client span // strings of params and origin, if known already
}

// record reads the object at i, which must be all that the line holds. It is false if that is no valid JSON.
func (s scanner) record(i int, r *record) bool {
	i++
	for first := true; ; first = false {
		at := i
		if !first {
			if i >= len(s) {
				return false
			}
			if at = -1; s[i] == ',' {
				at = i + 1
			}
		}
		if at > 0 {
			if end := s.swift(at, r); end > 0 {
				i = end
				continue
			}
		}
		key, start := s.member(i, first)
		if start < 0 {
			return false
		}
		if key == nil {
			return s.space(start) == len(s)
		}
		if i = s.value(start, 1); i < 0 {
			return false
		}
		value := span{start, i}
		switch string(plain(key)) {
		case "time":
			r.time = value
		case "ts":
			r.ts = value
		case "msg":
			r.message = value
		case "params":
			r.params, r.query = value, span{}
		case "httpRequest":
			r.origin, r.rule, r.client = value, false, span{}
		case "ruleGroup":
			r.origin, r.rule, r.client = value, true, span{}
		}
	}
}

// at is when the query ended: time, or ts if there is no time.
func (s scanner) at(r *record) (t time.Time, err error) {
	value := s.in(r.when())
	if len(value) < 2 || value[0] != '"' {
		return t, errNoTime
	}
	if t, ok := activity.ParseTime(value[1 : len(value)-1]); ok {
		return t, nil
	}
	if t.UnmarshalText(plain(value[1:len(value)-1])) != nil {
		return t, errNoTime
	}
	return t.UTC(), nil
}

func (r *record) when() span {
	if r.time.to == 0 {
		return r.ts
	}
	return r.time
}

// textIn returns the text of the key of that name in a valid JSON object, and "" if there is none.
func textIn(object []byte, name string) (string, error) {
	if len(object) == 0 {
		return "", nil
	}
	if object[0] != '{' {
		return "", errType
	}
	var found []byte
	s := scanner(object)
	i := 1
	for first := true; ; first = false {
		key, start := s.member(i, first)
		if key == nil {
			break
		}
		i = s.value(start, 1)
		if string(plain(key)) == name {
			found = s[start:i]
		}
	}
	if found == nil {
		return "", nil
	}
	if found[0] != '"' {
		return "", fmt.Errorf("%w: %s", errType, name)
	}
	return unquote(found[1 : len(found)-1]), nil
}

// plain decodes what stands between the quotes of a valid JSON string. Nobody writes keys or times with escapes.
func plain(raw []byte) []byte {
	for _, c := range raw {
		if c == '\\' {
			return []byte(unquote(raw))
		}
	}
	return raw
}

// isString reports whether a JSON value is the string text.
func isString(value []byte, text string) bool {
	return len(value) >= 2 && value[0] == '"' && string(plain(value[1:len(value)-1])) == text
}

// serverLog reports whether a line looks like one of Prometheus's own, in logfmt.
func serverLog(line []byte) bool {
	for _, start := range []string{"time=", "ts=", "level=", "caller="} {
		if len(line) >= len(start) && string(line[:len(start)]) == start {
			return true
		}
	}
	return false
}

// clientAddr reads the address of a client, which may carry a port or a zone. A name, or nothing, is nobody.
func clientAddr(text string) netip.Addr {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			if len(text) < 2 || text[0] != '[' || text[len(text)-1] != ']' {
				return netip.Addr{}
			}
			if addr, err = netip.ParseAddr(text[1 : len(text)-1]); err != nil {
				return netip.Addr{}
			}
		} else {
			addr = withPort.Addr()
		}
	}
	return addr.Unmap().WithZone("")
}
