package prom

import (
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// The acts that a glance tells apart.
const (
	actRule  = 1 + iota // a rule was evaluated
	actAsked            // an API client asked
)

// Glance tells what a line is that Prometheus wrote as it mostly does: the client and the query's text as they stand there, with their
// quotes and escapes. The whole line is checked as Parse checks it. All else is Parse's.
func (q *QueryLog) Glance(line []byte, g *activity.Glance) bool {
	if len(line) == 0 || line[0] != '{' {
		return false
	}
	s := scanner(line)
	var r record
	if !s.record(0, &r) || r.message.to > 0 && string(s.in(r.message)) != `"`+queryMessage+`"` {
		return false
	}
	at := s.in(r.when())
	if len(at) < 2 || at[0] != '"' || !g.SetTime(at[1:len(at)-1]) || r.origin.to == 0 || s[r.origin.from] != '{' {
		return false
	}
	g.Reset()
	g.Class = activity.ClassView
	if r.rule {
		g.Act = actRule
		return true
	}
	if r.query.to-r.query.from <= len(`""`) || r.client.to == 0 {
		return false
	}
	g.Act, g.Who, g.What = actAsked, s.in(r.client), s.in(r.query)
	return true
}

// Tell makes the event of a line out of its glance: Glance has checked all of the line.
func (q *QueryLog) Tell(g *activity.Glance, e *activity.Event) bool {
	*e = activity.Event{Time: time.Unix(0, g.At).UTC(), Kind: activity.KindQuery, Scope: q.source}
	if g.Act == actRule {
		e.Robot = activity.RobotRuleEvaluation
		return true
	}
	e.Query = unquote(g.What[1 : len(g.What)-1])
	e.Who.Addr = clientAddr(unquote(g.Who[1 : len(g.Who)-1]))
	return e.Query != ""
}
