package prom

import "github.com/metrics-maturity/metrics-maturity/collector/activity"

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
	r, err := scanner(line).record(0)
	if err != nil || r.message != nil && string(r.message) != `"`+queryMessage+`"` {
		return false
	}
	at := r.time
	if at == nil {
		at = r.ts
	}
	if len(at) < 2 || at[0] != '"' || !g.SetTime(at[1:len(at)-1]) || r.origin == nil || r.origin[0] != '{' {
		return false
	}
	g.Reset()
	g.Class = activity.ClassView
	if r.rule {
		g.Act = actRule
		return true
	}
	if len(r.query) <= len(`""`) || r.client == nil {
		return false
	}
	g.Act, g.Who, g.What = actAsked, r.client, r.query
	return true
}
