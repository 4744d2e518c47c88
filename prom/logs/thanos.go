package logs

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// ThanosSlowQueries reads the "slow query detected" lines of Thanos' query-frontend, in logfmt or JSON. It writes one for each
// request that took longer than --query-frontend.log-queries-longer-than, which is 0 (never) by default; below 0 it writes all.
//
// Person: remote_user, the name of basic authentication or of the header that --query-frontend.slow-query-logs-user-header names
// (X-Grafana-User tells who used Explore); remote_addr, the peer's address. Place: org_id, the tenant; a panel tells its
// dashboard. Query: param_query.
//
// It can't know the user agent, so a Grafana that does not say which panel asks looks like any client: name its addresses as
// grafana_clients, or its users by the header. Under a threshold above 0 what was quick is not there: only a line that tells of a
// quick query proves that a day is covered. "query stats" tells of the same request again, with no name, and is passed over.
type ThanosSlowQueries struct {
	source string
}

// NewThanosSlowQueries returns the parser for the source of that name, which becomes the scope of its events.
func NewThanosSlowQueries(source string) *ThanosSlowQueries {
	return &ThanosSlowQueries{source: source}
}

// slowMessage marks the lines that are read, in either format.
var slowMessage = []byte(`"slow query detected"`)

// Parse appends the act that line tells of to b. A line of another kind gives the zero Line.
func (t *ThanosSlowQueries) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	line = bytes.TrimSpace(line)
	if !bytes.Contains(line, slowMessage) {
		return activity.Line{}, nil
	}
	f, err := readFields(line, keepsSlow)
	if err != nil {
		return activity.Line{}, fmt.Errorf("slow query: %w", err)
	}
	if f["msg"] != "slow query detected" || f["remote_addr"] == "" {
		return activity.Line{}, nil // quoted by another message, or Mimir's
	}
	r := request{
		path: f["path"], query: f["param_query"], tenant: f["org_id"], account: f["remote_user"], client: address(f["remote_addr"]),
		dashboard: f.first("grafana_dashboard_uid", "grafana_panel_id") != "",
	}
	if r.at, err = readTime(f.first("ts", "time", "t")); err != nil {
		return activity.Line{}, fmt.Errorf("slow query: %w", err)
	}
	if r.path == "" {
		return activity.Line{}, fmt.Errorf("slow query: %w", errPath)
	}
	took, err := f.took()
	if err != nil {
		return activity.Line{}, fmt.Errorf("slow query: %w", err)
	}
	r.tell(t.source, b)
	return slowLog(r.at, took), nil
}

// took returns how long a request took: a number of milliseconds, or in earlier versions a duration.
func (f fields) took() (time.Duration, error) {
	if text := f["time_taken_ms"]; text != "" {
		ms, err := strconv.ParseFloat(text, 64)
		if err != nil || !(ms >= 0 && ms < 1e12) {
			return 0, errDuration
		}
		return time.Duration(ms * float64(time.Millisecond)), nil
	}
	d, err := time.ParseDuration(f["time_taken"])
	if err != nil {
		return 0, errDuration
	}
	return d, nil
}

func keepsSlow(key string) bool {
	switch key {
	case "ts", "time", "t", "msg", "org_id", "path", "param_query", "remote_user", "remote_addr", "time_taken", "time_taken_ms",
		"grafana_dashboard_uid", "grafana_panel_id":
		return true
	}
	return false
}
