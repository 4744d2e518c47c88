package logs

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// QueryStats reads the "query stats" lines of Mimir and Cortex, in logfmt or JSON: one for each request that a query-frontend
// answered, and one for each query of a ruler. Mimir's frontend writes them by default; Cortex needs
// -frontend.query-stats-enabled=true. Those of Thanos are alike and can be read, but name nobody (see ThanosSlowQueries).
//
// Person: X-Grafana-User, where headers are logged (Mimir's -query-frontend.log-query-request-headers names them: X-Grafana-User,
// X-Dashboard-Uid and X-Panel-Id belong together, for without the others a panel would look like its reader's own question),
// or the user that an authenticating proxy forwards; X-Forwarded-For names an address. Place: the tenant, in user (Mimir) or
// org_id (Cortex). Query: param_query.
//
// It can't know whether a query of Grafana's was a panel's where headers are not logged, nor a person without any header. A
// ruler that evaluates remotely makes two lines, one of them the frontend's: both are rule evaluations. "slow query detected"
// tells of the same request again, and is passed over.
type QueryStats struct {
	source string
}

// NewQueryStats returns the parser for the source of that name, which becomes the scope of its events.
func NewQueryStats(source string) *QueryStats { return &QueryStats{source: source} }

// statsMessage marks the lines that are read, in either format.
var statsMessage = []byte(`"query stats"`)

// Parse appends the act that line tells of to b. A line of another kind gives the zero Line.
func (q *QueryStats) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	line = bytes.TrimSpace(line)
	if !bytes.Contains(line, statsMessage) {
		return activity.Line{}, nil
	}
	f, err := readFields(line, keepsStats)
	if err != nil {
		return activity.Line{}, fmt.Errorf("query stats: %w", err)
	}
	if f["msg"] != "query stats" {
		return activity.Line{}, nil
	}
	r := request{tenant: f.first("user", "org_id")}
	if r.at, err = readTime(f.first("ts", "time", "t")); err != nil {
		return activity.Line{}, fmt.Errorf("query stats: %w", err)
	}
	switch f["component"] {
	case "ruler":
		b.Events = append(b.Events, activity.Event{Time: r.at, Kind: activity.KindQuery, Scope: q.source, Robot: activity.RobotRuleEvaluation})
		return activity.Line{Time: r.at, Class: activity.ClassAny}, nil
	case "query-frontend":
	default:
		return activity.Line{}, nil
	}
	if err := r.frontend(f); err != nil {
		return activity.Line{}, fmt.Errorf("query stats: %w", err)
	}
	r.tell(q.source, b)
	return activity.Line{Time: r.at, Class: activity.ClassAny}, nil
}

// frontend reads what a query-frontend says of a request.
func (r *request) frontend(f fields) (err error) {
	if r.path = f["path"]; r.path == "" {
		return errPath
	}
	if r.status, err = f.status("status_code"); err != nil {
		return err
	}
	r.query, r.agent = f["param_query"], f["user_agent"]
	r.person = f["header_x_grafana_user"]
	r.account = f.first("remote_user", "header_x_forwarded_user", "header_x_webauth_user", "header_x_auth_request_user")
	r.client = forwarded(f["header_x_forwarded_for"], address(f.first("header_x_real_ip", "remote_addr")))
	r.dashboard = f.first("header_x_dashboard_uid", "header_x_panel_id", "X-Dashboard-Uid", "X-Panel-Id") != ""
	r.alert = f["header_fromalert"] == "true"
	return nil
}

// keepsStats names the fields that matter. They come in any order: Mimir writes those of a request as Go ranges over a map.
func keepsStats(key string) bool {
	switch key {
	case "ts", "time", "t", "msg", "component", "user", "org_id", "path", "status_code", "param_query", "user_agent", "remote_user", "remote_addr",
		"X-Dashboard-Uid", "X-Panel-Id":
		return true
	}
	return strings.HasPrefix(key, "header_")
}
