package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/go-logfmt/logfmt"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// fields are the values of a line by their keys, without those that are empty or a dash, which stands for nothing.
type fields map[string]string

func (f fields) set(key, value string) {
	if value = noDash(value); value != "" {
		f[key] = value
	}
}

// noDash leaves out the dash that stands for nothing.
func noDash(text string) string {
	if text == "-" {
		return ""
	}
	return text
}

// Why a line can't be read.
var (
	errLogfmt   = errors.New("broken logfmt")
	errJSON     = errors.New("broken JSON")
	errTime     = errors.New("no time, or one that is not written as it should be")
	errPath     = errors.New("no path of a request")
	errRemote   = errors.New("no address of a client")
	errTabs     = errors.New("fewer than four parts, parted by tabs")
	errStatus   = errors.New("the status is no number")
	errCombined = errors.New("neither in the combined format nor JSON")
	errDuration = errors.New("no duration, or one that is not written as it should be")
)

// readFields reads a line in logfmt or JSON; keep says which keys matter. Of a repeated key the last one counts.
func readFields(line []byte, keep func(key string) bool) (fields, error) {
	if len(line) > 0 && line[0] == '{' {
		return readJSON(line, keep)
	}
	return readLogfmt(line, keep)
}

func readLogfmt(line []byte, keep func(key string) bool) (fields, error) {
	if bytes.IndexByte(line, '\n') >= 0 {
		return nil, errLogfmt
	}
	f := fields{}
	d := logfmt.NewDecoderSize(bytes.NewReader(line), len(line)+2)
	for d.ScanRecord() {
		for d.ScanKeyval() {
			if key := string(d.Key()); keep(key) {
				f.set(key, string(d.Value()))
			}
		}
	}
	if d.Err() != nil {
		return nil, errLogfmt // the decoder's own error quotes the line
	}
	return f, nil
}

func readJSON(line []byte, keep func(key string) bool) (fields, error) {
	var values map[string]json.RawMessage
	if json.Unmarshal(line, &values) != nil {
		return nil, errJSON
	}
	f := fields{}
	for key, raw := range values {
		if !keep(key) || string(raw) == "null" {
			continue
		}
		text := string(raw)
		if raw[0] == '"' {
			if json.Unmarshal(raw, &text) != nil {
				return nil, errJSON
			}
		}
		f.set(key, text)
	}
	return f, nil
}

// first returns the value of the first of keys that the line has.
func (f fields) first(keys ...string) string {
	for _, key := range keys {
		if v := f[key]; v != "" {
			return v
		}
	}
	return ""
}

// status returns the value of key as the status of an answer, and 0 if there is none.
func (f fields) status(key string) (int, error) {
	text, ok := f[key]
	if !ok {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, errStatus
	}
	return n, nil
}

// readTime reads a time as RFC 3339 has it.
func readTime(text string) (time.Time, error) {
	if t, ok := activity.ParseTime([]byte(text)); ok {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.IsZero() {
		return time.Time{}, errTime
	}
	return t.UTC(), nil
}

// address reads the address of a client, with a port or without. A name is nobody's.
func address(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// forwarded returns the first address of a list as X-Forwarded-For has it: the client that the outermost proxy saw. Without one
// it is that of the peer.
func forwarded(list string, peer netip.Addr) netip.Addr {
	first, _, _ := strings.Cut(list, ",")
	if addr := address(first); addr.IsValid() {
		return addr
	}
	return peer
}
