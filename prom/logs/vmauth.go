package logs

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// VMAuth reads the access_log lines of vmauth, in its default format or JSON. vmauth writes them for each user of its -auth.config
// that has an access_log section.
//
// Person: username, which vmauth knows by the credentials: a person's, a team's (an owner rule may name it under members or
// under tenants), or a data source's; without credentials remote_addr, or the first address that a proxy forwards behind it.
// Place: in a cluster, the tenant in the path. Query: in request_uri, to which vmauth adds the form of a POST. A panel is known
// by the Referer, where a browser asks for it itself.
//
// It can't know who used a Grafana's data source: what has Grafana's user agent is Grafana's. Users without access_log are not
// seen at all.
type VMAuth struct {
	source string
}

// NewVMAuth returns the parser for the source of that name, which becomes the scope of its events.
func NewVMAuth(source string) *VMAuth { return &VMAuth{source: source} }

const accessMessage = "access_log "

// Parse appends the act that line tells of to b. A line of another kind gives the zero Line.
func (v *VMAuth) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	if !bytes.Contains(line, []byte(accessMessage)) {
		return activity.Line{}, nil
	}
	at, message, err := vmLine(line)
	if err != nil {
		return activity.Line{}, fmt.Errorf("access_log: %w", err)
	}
	rest, ok := strings.CutPrefix(message, accessMessage)
	if !ok {
		return activity.Line{}, nil
	}
	f, err := readLogfmt([]byte(rest), keepsAccess)
	if err != nil {
		return activity.Line{}, fmt.Errorf("access_log: %w", err)
	}
	r := request{at: at, agent: f["user_agent"], account: f["username"], client: vmClient(f.first("remote_addr", "client_ip")), dashboard: fromDashboard(f["referer"])}
	if r.account == anybody {
		r.account = ""
	}
	if f["request_uri"] == "" {
		return activity.Line{}, fmt.Errorf("access_log: %w", errPath)
	}
	r.uri(f["request_uri"])
	if r.status, err = f.status("status_code"); err != nil {
		return activity.Line{}, fmt.Errorf("access_log: %w", err)
	}
	r.tell(v.source, b)
	return activity.Line{Time: at, Class: activity.ClassAny}, nil
}

// anybody is what vmauth calls a client without credentials.
const anybody = "unauthorized"

func keepsAccess(key string) bool {
	switch key {
	case "request_uri", "status_code", "remote_addr", "client_ip", "user_agent", "referer", "username":
		return true
	}
	return false
}
