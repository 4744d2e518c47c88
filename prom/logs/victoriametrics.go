package logs

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// VictoriaMetricsSlowQueries reads the lines of VictoriaMetrics (and of vmselect) about slow queries, in its default format or
// JSON. It writes one for each request that took longer than -search.logSlowQueryDuration, 5s by default.
//
// Person: remoteAddr, the peer's address, or the first address that a proxy forwards behind it. Place: in a cluster, the tenant in
// the path (/select/<accountID>:<projectID>/). Query: in the URI, to which VictoriaMetrics adds the form of a POST.
//
// It can't know a user, a user agent or the status: what does not parse is logged too, and a Grafana is only known by its
// address (grafana_clients). Under a threshold that leaves out what is quick, only a line that tells of a quick query proves
// that a day is covered. vmauth's log tells more (see VMAuth).
type VictoriaMetricsSlowQueries struct {
	source string
}

// NewVictoriaMetricsSlowQueries returns the parser for the source of that name, which becomes the scope of its events.
func NewVictoriaMetricsSlowQueries(source string) *VictoriaMetricsSlowQueries {
	return &VictoriaMetricsSlowQueries{source: source}
}

const vmSlowMessage = "slow query according to -search.logSlowQueryDuration="

// Parse appends the act that line tells of to b. A line of another kind gives the zero Line.
func (v *VictoriaMetricsSlowQueries) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	if !bytes.Contains(line, []byte(vmSlowMessage)) {
		return activity.Line{}, nil
	}
	at, message, err := vmLine(line)
	if err != nil {
		return activity.Line{}, fmt.Errorf("slow query: %w", err)
	}
	rest, ok := strings.CutPrefix(message, vmSlowMessage)
	if !ok {
		return activity.Line{}, nil // quoted by another message
	}
	r := request{at: at}
	took, err := r.slow(rest)
	if err != nil {
		return activity.Line{}, fmt.Errorf("slow query: %w", err)
	}
	r.tell(v.source, b)
	return slowLog(at, took), nil
}

// slow reads `5s: remoteAddr="...", duration=6.123 seconds; requestURI: "..."`.
func (r *request) slow(text string) (took time.Duration, err error) {
	_, text, ok := strings.Cut(text, ": remoteAddr=")
	addr, text, quoted := unquote(text)
	if !ok || !quoted {
		return 0, errRemote
	}
	r.client = vmClient(addr)
	seconds, text, ok := strings.Cut(strings.TrimPrefix(text, ", duration="), " seconds; requestURI: ")
	s, err := strconv.ParseFloat(seconds, 64)
	if !ok || err != nil || !(s >= 0 && s < 1e9) {
		return 0, errDuration
	}
	uri, _, quoted := unquote(text)
	if !quoted || uri == "" {
		return 0, errPath
	}
	r.uri(uri)
	return time.Duration(s * float64(time.Second)), nil
}

// vmLine reads the time and the message of a line that a program of VictoriaMetrics wrote: "<time> <level> <caller> <message>",
// parted by tabs, or JSON. Its time is in UTC unless -loggerTimezone says otherwise.
func vmLine(line []byte) (at time.Time, message string, err error) {
	line = bytes.TrimSpace(line)
	if len(line) > 0 && line[0] == '{' {
		f, err := readJSON(line, func(key string) bool { return key == "ts" || key == "msg" })
		if err != nil {
			return at, "", err
		}
		at, err = readTime(f["ts"])
		return at, f["msg"], err
	}
	parts := strings.SplitN(string(line), "\t", 4)
	if len(parts) < 4 {
		return at, "", errTabs
	}
	at, err = readTime(parts[0])
	return at, parts[3], err
}

// vmClient reads `10.0.0.1:58992, X-Forwarded-For: 203.0.113.9, 127.0.0.1`.
func vmClient(text string) netip.Addr {
	peer, list, _ := strings.Cut(text, ", X-Forwarded-For: ")
	return forwarded(list, address(peer))
}

// unquote reads the quoted text at the beginning of s, and returns what follows.
func unquote(s string) (text, rest string, ok bool) {
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", s, false
	}
	text, err = strconv.Unquote(quoted)
	return text, s[len(quoted):], err == nil
}
