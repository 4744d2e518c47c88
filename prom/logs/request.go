package logs

import (
	"net/netip"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// request is what a line tells of one request; empty where it does not.
type request struct {
	at        time.Time
	path      string
	status    int    // 0 if the line has none
	query     string // PromQL, MetricsQL
	agent     string // User-Agent
	person    string // forwarded by Grafana: X-Grafana-User
	account   string // with which the client signed in: a person's, a team's, or that of a data source
	client    netip.Addr
	tenant    string
	dashboard bool // a panel asked
	alert     bool // an alert rule of Grafana's asked
}

// tell appends the act that the request is to b, if it ran a query.
func (r *request) tell(source string, b *activity.Batch) {
	if !runsQuery(r.path) || refused(r.status) {
		return
	}
	e := activity.Event{Time: r.at, Kind: activity.KindQuery, Scope: source}
	if r.alert || isRuler(r.agent) {
		e.Robot = activity.RobotRuleEvaluation // which rule is told by no line: one row a day
		b.Events = append(b.Events, e)
		return
	}
	e.Tenant = b.Text([]byte(r.tenant))
	e.Query = r.query
	switch {
	case r.dashboard:
		e.Robot = activity.RobotGrafana
	case isServiceAccount(r.person):
		e.Robot = activity.RobotServiceAccount
	case r.person != "":
		e.Who.Login, e.Scope = b.Text([]byte(r.person)), activity.ThroughGrafana(source)
	case strings.HasPrefix(r.agent, "Grafana/"):
		e.Robot = activity.RobotGrafana
	case r.account != "":
		e.Who.Login = b.Text([]byte(r.account))
	default:
		e.Who.Addr = r.client
	}
	b.Events = append(b.Events, e)
}

// runsQuery reports whether a path, under whatever prefix, is one that runs a query. Series, labels and metadata are asked by
// editors as they complete what is typed.
func runsQuery(path string) bool {
	path = strings.TrimSuffix(path, "/")
	return strings.HasSuffix(path, "/api/v1/query") || strings.HasSuffix(path, "/api/v1/query_range")
}

// refused reports whether a status says that nothing was run: a text that does not parse, no permission, too many requests. A
// query that failed while it ran (422, 5xx) was asked all the same, and Prometheus logs it too.
func refused(status int) bool {
	return status >= 300 && status < 500 && status != 422 && status != clientClosedRequest
}

// clientClosedRequest is nginx's status for a client that did not wait for the answer.
const clientClosedRequest = 499

// isRuler recognises the rulers that ask a query-frontend by HTTP.
func isRuler(agent string) bool {
	for _, name := range [...]string{"mimir/", "cortex/", "Cortex/", "Thanos/", "vmalert"} {
		if strings.HasPrefix(agent, name) {
			return true
		}
	}
	return false
}

// isServiceAccount recognises the login of a service account of Grafana: sa-<org>-<name>.
func isServiceAccount(login string) bool {
	rest, ok := strings.CutPrefix(login, "sa-")
	org, _, named := strings.Cut(rest, "-")
	return ok && named && org != "" && strings.Trim(org, "0123456789") == ""
}

// quick is the longest time that a line of a slow-query log may tell of to prove that quick queries are logged too. Of a day
// without such a line nobody knows what went unseen.
const quick = 50 * time.Millisecond

// slowLog is what a line of a slow-query log proves.
func slowLog(at time.Time, took time.Duration) activity.Line {
	if took <= quick {
		return activity.Line{Time: at, Class: activity.ClassAny}
	}
	return activity.Line{Time: at, Class: activity.ClassSome}
}
