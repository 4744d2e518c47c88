package grafana

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// key numbers the keys of a request line that matter.
type key int

const (
	keyLogger key = iota
	keyMsg
	keyTime
	keyOrg
	keyLogin
	keyMethod
	keyPath
	keyStatus
	keyReferer
	keyAddr
	keys
	keyNone key = -1
)

func keyOf(name []byte) key {
	switch string(name) {
	case "logger":
		return keyLogger
	case "msg":
		return keyMsg
	case "t":
		return keyTime
	case "orgId":
		return keyOrg
	case "uname":
		return keyLogin
	case "method":
		return keyMethod
	case "path":
		return keyPath
	case "status":
		return keyStatus
	case "referer":
		return keyReferer
	case "remote_addr":
		return keyAddr
	}
	return keyNone
}

// fields are the values of the keys that matter; nil where the line lacks the key.
type fields [keys][]byte

func (f *fields) isRequest() bool {
	return string(f[keyLogger]) == "context" && string(f[keyMsg]) == "Request Completed"
}

// request is a request line, read.
type request struct {
	time    time.Time
	org     int64
	login   []byte
	method  []byte
	path    []byte
	status  int
	referer []byte
	addr    []byte // the peer, or what a proxy says of it; empty if the line lacks it
}

// decode reads the fields of a line. It reports false for a line that is no request line, and an error for one that
// claims to be and can't be read. The scanners read what Grafana writes; anything odd goes to the plain decoders.
func decode(line []byte) (fields, bool, error) {
	if bytes.HasPrefix(line, []byte("{")) {
		if f, ok := scanJSON(line); ok {
			return f, f.isRequest(), nil
		}
	} else if f, ok := scanLogfmt(line); ok {
		return f, f.isRequest(), nil
	}
	return decodePlain(line)
}

// decodePlain reads a line by the plain decoders. It is the slow path, and says what the scanners have to agree with.
func decodePlain(line []byte) (fields, bool, error) {
	if bytes.HasPrefix(line, []byte("{")) {
		f, err := decodeJSON(line)
		if err != nil {
			return f, false, errors.New("grafana request line is broken JSON")
		}
		return f, f.isRequest(), nil
	}
	f, err := decodeLogfmt(line)
	if err == nil {
		return f, f.isRequest(), nil
	}
	if f[keyLogger] != nil && string(f[keyLogger]) != "context" || !bytes.Contains(line, claimLogfmt) {
		return f, false, nil // broken, and another logger's
	}
	return f, false, errors.New("grafana request line is broken logfmt")
}

// required are the names of the keys that Grafana always writes.
var required = [keys]string{keyTime: "t", keyOrg: "orgId", keyMethod: "method", keyPath: "path", keyStatus: "status", keyReferer: "referer"}

// request reads the values. Every key that Grafana always writes has to be there: a line cut in two would
// otherwise be taken for an act without a page.
func (f *fields) request() (request, error) {
	for k := range f {
		if name := required[k]; name != "" && f[k] == nil {
			return request{}, fmt.Errorf("grafana request line has no key %q", name)
		}
	}
	r := request{login: f[keyLogin], method: f[keyMethod], path: f[keyPath], referer: f[keyReferer], addr: f[keyAddr]}
	var err error
	if r.time, err = parseTime(f[keyTime]); err != nil {
		return request{}, err
	}
	if r.org, err = parseInt(f[keyOrg]); err != nil {
		return request{}, errors.New("grafana request line: orgId is no number")
	}
	status, err := parseInt(f[keyStatus])
	if err != nil {
		return request{}, errors.New("grafana request line: status is no number")
	}
	r.status = int(status)
	// Grafana serves a path with and without a slash at its end.
	if len(r.path) > 1 {
		r.path = bytes.TrimSuffix(r.path, []byte("/"))
	}
	return r, nil
}

// parseInt reads a number, which mostly has few digits.
func parseInt(text []byte) (int64, error) {
	if len(text) == 0 || len(text) > 9 {
		return strconv.ParseInt(string(text), 10, 64)
	}
	n := int64(0)
	for _, c := range text {
		if c-'0' > 9 {
			return strconv.ParseInt(string(text), 10, 64)
		}
		n = 10*n + int64(c-'0')
	}
	return n, nil
}

func parseTime(text []byte) (t time.Time, err error) {
	if t, ok := activity.ParseTime(text); ok {
		return t, nil
	}
	if err = t.UnmarshalText(text); err != nil {
		// Grafana 8 and earlier wrote the zone without a colon.
		if t, err = time.Parse("2006-01-02T15:04:05-0700", string(text)); err != nil {
			return time.Time{}, errors.New("grafana request line: t is no time")
		}
	}
	if t.IsZero() {
		return t, errors.New("grafana request line: t is no time that has been")
	}
	return t.UTC(), nil
}
