package grafana

import (
	"bytes"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Glance tells what a line is that Grafana wrote in logfmt as it mostly does. What happened is decided by organisation, method, path,
// status and page, and by whom by the login: so they are given as they stand there. The whole line is checked as Parse checks it. All
// else is Parse's: lines without a login, of service accounts, in another order or with escapes.
func (l *RequestLog) Glance(line []byte, g *activity.Glance) bool {
	if len(line) <= len("logger=") || string(line[:len("logger=")]) != "logger=" {
		return false
	}
	g.Reset()
	if c := line[len("logger=")]; c != 'c' && c != '"' {
		g.Foreign = true
		return true
	}
	w := walk{line: line}
	w.pass("logger=context userId=")
	w.value()
	w.pass(" orgId=")
	org := w.value()
	w.pass(" uname=")
	login := w.value()
	w.pass(" t=")
	at := w.value()
	w.pass(` level=info msg="Request Completed" method=`)
	act := w.at
	method := w.value()
	w.pass(" path=")
	path := w.value()
	w.pass(" status=")
	status := w.value()
	actEnd := w.at
	w.pass(" remote_addr=")
	w.value()
	w.pass(" time_ms=")
	w.value()
	w.pass(" duration=")
	w.value()
	w.pass(" size=")
	w.value()
	w.pass(" referer=")
	referer := w.value()
	w.pass(" handler=")
	w.value()
	if w.at < len(line) {
		w.pass(" status_source=")
		w.value()
	}
	if w.lost || w.at != len(line) || len(org) != 1 || org[0]-'0' > 9 || !isStatus(status) || !g.SetTime(at) {
		return false
	}
	r := glimpse{org: org[0] - '0', login: login, method: method, path: path, status: status, referer: referer}
	return r.tell(g, line[act:actEnd], referer)
}

// walk goes over a line from key to key. Once it is lost it stays so.
type walk struct {
	line []byte
	at   int
	lost bool
}

// pass goes over what is expected.
func (w *walk) pass(text string) {
	end := w.at + len(text)
	if end > len(w.line) || string(w.line[w.at:end]) != text {
		w.lost, end = true, len(w.line)
	}
	w.at = end
}

// value goes over a value and returns it without its quotes: those that scanLogfmt reads, but for letters beyond ASCII outside of quotes.
func (w *walk) value() []byte {
	if w.at < len(w.line) && w.line[w.at] == '"' {
		return w.quoted()
	}
	start := w.at
	w.at = plainEnd(w.line, start)
	if w.at < len(w.line) && w.line[w.at] != ' ' {
		w.lost = true
	}
	return w.line[start:w.at]
}

func (w *walk) quoted() []byte {
	start := w.at + 1
	n := bytes.IndexByte(w.line[start:], '"')
	if n < 0 {
		w.lost, w.at = true, len(w.line)
		return nil
	}
	value := w.line[start : start+n]
	if bytes.IndexByte(value, '\\') >= 0 || bytes.IndexByte(value, '\n') >= 0 {
		w.lost = true
	}
	w.at = start + n + 1
	return value
}
