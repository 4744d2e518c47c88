// Package grafana reads what people did in Grafana from what Grafana writes down: its request log. It turns a
// line into events, and joins the lines that are one act.
//
// Only the line speaks. The path of a request tells what was asked for, and its Referer tells from which page: that
// is what tells a person who opens a dashboard from a panel, a picker or a script that merely needs its JSON.
package grafana

import (
	"bytes"
	"errors"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// ErrTerminalFormat is the error for a line in the colour format that Grafana writes to a terminal. It has neither a
// year nor a fixed quoting, so nothing dated can be read from it.
var ErrTerminalFormat = errors.New("grafana log is in the terminal's colour format, which has no year\n" +
	"hint: set format = text or format = json under [log.console] (or read the file that [log.file] writes)")

// RequestLog reads Grafana's request log: lines of logger=context with msg="Request Completed", in logfmt or JSON.
// It holds no state, and is safe for concurrent use.
type RequestLog struct{}

// NewRequestLog returns a reader of the request log.
func NewRequestLog() *RequestLog { return &RequestLog{} }

// completed marks a request line. With its quotes it is not found in "Plugin Request Completed".
var completed = []byte(`"Request Completed"`)

// Parse appends to b what one line tells, and says when the line was written and what its presence proves. A line of
// another logger gives the zero Line. An error says that a request line could not be read; it never holds the line's
// text, which names people.
func (l *RequestLog) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	return parse(line, b, decode)
}

func parse(line []byte, b *activity.Batch, decode func([]byte) (fields, bool, error)) (activity.Line, error) {
	line = bytes.TrimSpace(line)
	if isTerminal(line) {
		return activity.Line{}, ErrTerminalFormat
	}
	if isOther(line) {
		return activity.Line{}, nil
	}
	f, ok, err := decode(line)
	if err != nil || !ok {
		return activity.Line{}, err
	}
	r, err := f.request()
	if err != nil {
		return activity.Line{}, err
	}
	r.tell(b)
	class := activity.ClassAny
	if r.status == 200 || r.status == 304 {
		class = activity.ClassView
	}
	return activity.Line{Time: r.time, Class: class}, nil
}

// isOther reports whether a line certainly is no request line. Most lines leave here.
func isOther(line []byte) bool {
	if name, ok := bytes.CutPrefix(line, []byte("logger=")); ok && !bytes.HasPrefix(name, []byte("context")) &&
		!bytes.HasPrefix(name, []byte(`"`)) {
		return true
	}
	return !bytes.Contains(line, completed)
}

// isTerminal recognises `ESC[32mINFO ESC[0m[11-22|17:59:01] ...`.
func isTerminal(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("\x1b[")) {
		return false
	}
	_, rest, ok := bytes.Cut(line, []byte("\x1b[0m["))
	return ok && len(rest) > 5 && rest[2] == '-' && rest[5] == '|'
}

// Window is how long an event may wait for the lines that belong to it: longer than two events of one act are ever
// apart. In real browsers a dashboard asked for by a link follows in 1 to 2 s, an Explore query in 2 s, its history
// entry within 0.1 s, and the landing after a first save in 0.3 s. The longest wait is that of a query which runs into
// the data source's timeout, as its line is written when it ends (see slowQuery).
func (l *RequestLog) Window() time.Duration { return window }

// Alone reports whether what has that step is an act of its own unless a part of another step is near.
func (l *RequestLog) Alone(step string) bool { return step == stepView }
