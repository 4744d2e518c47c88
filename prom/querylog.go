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
	r, err := s.record(start)
	if err != nil {
		return activity.Line{}, err
	}
	if r.message != nil && !isString(r.message, queryMessage) {
		return activity.Line{}, nil
	}
	e, err := q.event(&r)
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

func (q *QueryLog) event(r *record) (activity.Event, error) {
	if r.origin == nil {
		return activity.Event{}, errNoOrigin
	}
	at, err := r.at()
	if err != nil {
		return activity.Event{}, err
	}
	e := activity.Event{Time: at, Kind: activity.KindQuery, Scope: q.source}
	if r.rule {
		if r.origin[0] != '{' {
			return activity.Event{}, errType
		}
		e.Robot = activity.RobotRuleEvaluation
		return e, nil
	}
	if e.Query, err = r.text(); err != nil {
		return activity.Event{}, err
	}
	if e.Query == "" {
		return activity.Event{}, errNoQuery
	}
	e.Who.Addr, err = r.address()
	return e, err
}

// text returns the query's text.
func (r *record) text() (string, error) {
	if r.query == nil {
		return textIn(r.params, "query")
	}
	return unquote(r.query[1 : len(r.query)-1]), nil
}

// address returns the client's address.
func (r *record) address() (netip.Addr, error) {
	if r.client == nil {
		client, err := textIn(r.origin, "clientIP")
		return clientAddr(client), err
	}
	return clientAddr(unquote(r.client[1 : len(r.client)-1])), nil
}

// record holds the values of a line that matter, as written; nil where the line has none.
type record struct {
	time, ts, message, params []byte
	origin                    []byte // of the last httpRequest or ruleGroup
	rule                      bool   // origin is a ruleGroup

	query, client []byte // strings of params and origin, if known already
}

// record reads the object at i, which must be all that the line holds.
func (s scanner) record(i int) (r record, err error) {
	i++
	for first := true; ; first = false {
		at := i
		if !first {
			at = s.lit(i, ",")
		}
		if at > 0 {
			if end := s.swift(at, &r); end > 0 {
				i = end
				continue
			}
		}
		key, start := s.member(i, first)
		if start < 0 {
			return r, errJSON
		}
		if key == nil {
			if s.space(start) != len(s) {
				return r, errJSON
			}
			return r, nil
		}
		if i = s.value(start, 1); i < 0 {
			return r, errJSON
		}
		value := s[start:i:i]
		switch string(plain(key)) {
		case "time":
			r.time = value
		case "ts":
			r.ts = value
		case "msg":
			r.message = value
		case "params":
			r.params, r.query = value, nil
		case "httpRequest":
			r.origin, r.rule, r.client = value, false, nil
		case "ruleGroup":
			r.origin, r.rule, r.client = value, true, nil
		}
	}
}

// at is when the query ended: time, or ts if there is no time.
func (r *record) at() (t time.Time, err error) {
	value := r.time
	if value == nil {
		value = r.ts
	}
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
