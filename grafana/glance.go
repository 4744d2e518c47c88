package grafana

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Glance tells what a line is that Grafana wrote as it mostly does. What happened is decided by organisation, method, path, status and
// page, and by whom by the login. The whole line is checked as Parse checks it. All else is Parse's: lines without a login, of service
// accounts, in another order or with escapes.
func (l *RequestLog) Glance(line []byte, g *activity.Glance) bool {
	if lies(line, 0, "{") {
		return glanceJSON(line, g)
	}
	if !lies(line, 0, "logger=") {
		return false
	}
	g.Reset()
	i := after(line, 0, "logger=context")
	if i < 0 {
		g.Foreign = isOther(line)
		return g.Foreign
	}
	// Positions where values begin, and end: -1 from where the line is another than expected.
	if lies(line, i, " traceID=") {
		i = valueEnd(line, i+len(" traceID="))
	}
	org := after(line, valueEnd(line, after(line, i, " userId=")), " orgId=")
	orgEnd := valueEnd(line, org)
	login := after(line, orgEnd, " uname=")
	loginEnd := valueEnd(line, login)
	at := after(line, loginEnd, " t=")
	atEnd := valueEnd(line, at)
	method := after(line, atEnd, ` level=info msg="Request Completed" method=`)
	methodEnd := valueEnd(line, method)
	path := after(line, methodEnd, " path=")
	pathEnd := valueEnd(line, path)
	status := after(line, pathEnd, " status=")
	statusEnd := valueEnd(line, status)
	i = valueEnd(line, after(line, statusEnd, " remote_addr="))
	i = valueEnd(line, after(line, i, " time_ms="))
	i = valueEnd(line, after(line, i, " duration="))
	i = valueEnd(line, after(line, i, " size="))
	referer := after(line, i, " referer=")
	refererEnd := valueEnd(line, referer)
	i = valueEnd(line, after(line, refererEnd, " handler="))
	if i >= 0 && i < len(line) {
		i = valueEnd(line, after(line, i, " status_source="))
	}
	if i != len(line) {
		return false
	}
	r := glimpse{
		login: unquoted(line[login:loginEnd]), method: unquoted(line[method:methodEnd]), path: unquoted(line[path:pathEnd]),
		status: unquoted(line[status:statusEnd]), referer: unquoted(line[referer:refererEnd]),
	}
	if orgEnd-org != 1 || line[org]-'0' > 9 || !isStatus(r.status) || !g.SetTime(unquoted(line[at:atEnd])) {
		return false
	}
	r.org = line[org] - '0'
	return r.tell(g, line[method:statusEnd], r.referer)
}

// glanceJSON is Glance of a line in JSON, of which it leaves more to Parse.
func glanceJSON(line []byte, g *activity.Glance) bool {
	g.Reset()
	f, ok := scanJSON(line)
	if !ok || !f.isRequest() {
		g.Foreign = ok || isOther(line)
		return g.Foreign
	}
	org := f[keyOrg]
	if len(org) != 1 || org[0]-'0' > 9 || f[keyMethod] == nil || f[keyPath] == nil || f[keyReferer] == nil || !isStatus(f[keyStatus]) || !g.SetTime(f[keyTime]) {
		return false
	}
	r := glimpse{org: org[0] - '0', login: f[keyLogin], method: f[keyMethod], path: f[keyPath], status: f[keyStatus], referer: f[keyReferer]}
	return r.tell(g, nil, nil)
}

// lies reports whether text lies in line from i on.
func lies(line []byte, i int, text string) bool {
	return len(line)-i >= len(text) && string(line[i:i+len(text)]) == text
}

// after returns the position behind text, which is expected from i on; -1 if it isn't there.
func after(line []byte, i int, text string) int {
	if i < 0 || !lies(line, i, text) {
		return -1
	}
	return i + len(text)
}

// valueEnd returns the position behind the value that begins at i, quotes included. It is -1 if that is not of the usual: without a
// letter beyond ASCII or an exclamation mark outside of quotes, which costs less to look for, and without a backslash in them.
func valueEnd(line []byte, i int) int {
	if i < 0 {
		return -1
	}
	const low, high = 0x0101010101010101, 0x8080808080808080
	end := i
	for ; len(line)-end >= 8; end += 8 {
		w := binary.LittleEndian.Uint64(line[end : end+8])
		equals := w ^ low*'='
		// The lowest mark is exact; those above it may be borrowed from it.
		if m := (w - low*('"'+1) | w | (equals-low)&^equals) & high; m != 0 {
			end += bits.TrailingZeros64(m) >> 3
			if line[end] == ' ' {
				return end
			}
			return quotedEnd(line, i)
		}
	}
	if end = plainEnd(line, end); end == len(line) || line[end] == ' ' {
		return end
	}
	return quotedEnd(line, i)
}

// quotedEnd is valueEnd of a value in quotes.
func quotedEnd(line []byte, i int) int {
	if line[i] != '"' {
		return -1
	}
	n := bytes.IndexByte(line[i+1:], '"')
	if n < 0 || bytes.IndexByte(line[i+1:i+1+n], '\\') >= 0 || bytes.IndexByte(line[i+1:i+1+n], '\n') >= 0 {
		return -1
	}
	return i + n + 2
}

// unquoted returns a value without its quotes.
func unquoted(value []byte) []byte {
	if len(value) > 0 && value[0] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}
