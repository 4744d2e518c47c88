package logs

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Nginx reads access logs of an nginx in front of Prometheus, or of what has its API: the combined format, with more behind it or
// not (ingress-nginx), and JSON whose keys are the names of nginx's variables (log_format ... escape=json).
//
// Person: http_x_grafana_user; remote_user, the name of basic authentication, or the user that an authenticating proxy forwards
// (http_x_forwarded_user and its like); else the client's address, remote_addr or the first of http_x_forwarded_for. Place:
// http_x_scope_orgid, the tenant. Query: in the URI of a GET; of a POST only where request_body is logged.
//
// It can't know the query of a POST whose body is not logged, as it never is in the combined format: that somebody asked is
// counted, what is not known. Nor does the combined format tell a panel of Grafana from Explore: both are Grafana's.
type Nginx struct {
	source string
}

// NewNginx returns the parser for the source of that name, which becomes the scope of its events.
func NewNginx(source string) *Nginx { return &Nginx{source: source} }

// protocol is in every line that tells of a request.
var protocol = []byte(" HTTP/")

// Parse appends the act that line tells of to b. A line that is no access log's gives the zero Line.
func (n *Nginx) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	line = bytes.TrimSpace(line)
	isJSON := len(line) > 0 && line[0] == '{'
	if !isJSON && !bytes.Contains(line, protocol) {
		return activity.Line{}, nil
	}
	var r request
	var err error
	if isJSON {
		err = r.json(line)
	} else {
		err = r.combined(string(line))
	}
	if err != nil {
		return activity.Line{}, fmt.Errorf("access log: %w", err)
	}
	r.tell(n.source, b)
	return activity.Line{Time: r.at, Class: activity.ClassAny}, nil
}

// json reads a line whose keys are names of variables.
func (r *request) json(line []byte) error {
	f, err := readJSON(line, keepsVariables)
	if err != nil {
		return err
	}
	if r.at, err = nginxTime(f); err != nil {
		return err
	}
	uri := f["request_uri"]
	if uri == "" {
		uri = requestURI(f["request"])
	}
	if uri == "" {
		if uri = f["uri"]; uri != "" && f["args"] != "" {
			uri += "?" + f["args"]
		}
	}
	if uri == "" {
		return errPath
	}
	r.uri(uri)
	if r.query == "" {
		r.form(f["request_body"])
	}
	if r.status, err = f.status("status"); err != nil {
		return err
	}
	r.agent, r.person = f["http_user_agent"], f["http_x_grafana_user"]
	r.account = f.first("remote_user", "http_x_forwarded_user", "http_x_webauth_user", "http_x_auth_request_user")
	r.client = forwarded(f["http_x_forwarded_for"], address(f["remote_addr"]))
	if tenant := f["http_x_scope_orgid"]; tenant != "" {
		r.tenant = tenant
	}
	r.dashboard = f.first("http_x_dashboard_uid", "http_x_panel_id") != "" || fromDashboard(f["http_referer"])
	r.alert = f["http_fromalert"] == "true"
	return nil
}

// combined reads `<address> - <user> [<time>] "<request>" <status> <bytes> "<referer>" "<user agent>"`.
func (r *request) combined(line string) (err error) {
	head, rest, ok := strings.Cut(line, " [")
	parts := strings.SplitN(head, " ", 3)
	at, rest, closed := strings.Cut(rest, "] \"")
	if !ok || !closed || len(parts) < 3 {
		return errCombined
	}
	if r.at, err = time.Parse(localTime, at); err != nil {
		return errTime
	}
	r.at = r.at.UTC()
	r.client, r.account = address(parts[0]), noDash(nginxText(parts[2]))
	asked, rest, ok := strings.Cut(rest, `" `)
	if !ok {
		return errCombined
	}
	uri := requestURI(nginxText(asked))
	if uri == "" {
		return errPath
	}
	r.uri(uri)
	status, rest, _ := strings.Cut(rest, " ")
	if r.status, err = strconv.Atoi(status); err != nil {
		return errStatus
	}
	// <bytes> "<referer>" "<user agent>"
	if quoted := strings.Split(rest, `"`); len(quoted) >= 5 {
		r.dashboard, r.agent = fromDashboard(nginxText(quoted[1])), nginxText(quoted[3])
	}
	return nil
}

// requestURI returns the second word of "GET /api/v1/query?query=up HTTP/1.1".
func requestURI(line string) string {
	words := strings.Fields(line)
	if len(words) < 2 {
		return ""
	}
	return words[1]
}

// localTime is how nginx writes time_local.
const localTime = "02/Jan/2006:15:04:05 -0700"

// nginxTime reads whichever of nginx's three times a line has.
func nginxTime(f fields) (time.Time, error) {
	text := f.first("time", "time_iso8601", "timestamp", "@timestamp", "time_local", "msec")
	if t, err := readTime(text); err == nil {
		return t, nil
	}
	if t, err := time.Parse(localTime, text); err == nil {
		return t.UTC(), nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds > 0 && seconds < math.MaxInt32) {
		return time.Time{}, errTime
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC(), nil
}

// nginxText decodes what nginx writes of bytes that would break its line: \xHH.
func nginxText(text string) string {
	if !strings.Contains(text, `\x`) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) && text[i+1] == 'x' {
			if c, err := strconv.ParseUint(text[i+2:i+4], 16, 8); err == nil {
				out.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

func keepsVariables(key string) bool {
	switch key {
	case "time", "time_iso8601", "timestamp", "@timestamp", "time_local", "msec", "remote_addr", "remote_user", "request", "request_uri", "uri", "args",
		"request_body", "status":
		return true
	}
	return strings.HasPrefix(key, "http_")
}
