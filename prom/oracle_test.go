package prom_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// oracle reads a line the plain way, by encoding/json. It says what Parse must say of any line that holds a JSON
// object.
func oracle(source string, line []byte) (activity.Event, activity.Line, error) {
	var none activity.Event
	if !json.Valid(line) {
		return none, activity.Line{}, errors.New("broken")
	}
	var (
		fields = map[string]any{}
		origin string
	)
	d := json.NewDecoder(bytes.NewReader(line))
	if _, err := d.Token(); err != nil {
		return none, activity.Line{}, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return none, activity.Line{}, err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return none, activity.Line{}, err
		}
		var value any
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&value); err != nil {
			return none, activity.Line{}, err
		}
		name := key.(string)
		fields[name] = value
		if name == "httpRequest" || name == "ruleGroup" {
			origin = name
		}
	}
	if message, ok := fields["msg"]; ok && message != "promql query logged" {
		return none, activity.Line{}, nil
	}
	from, ok := fields[origin].(map[string]any)
	if !ok || origin == "" {
		return none, activity.Line{}, errors.New("no origin")
	}
	at, ok := fields["time"]
	if !ok {
		at = fields["ts"]
	}
	text, ok := at.(string)
	if !ok {
		return none, activity.Line{}, errors.New("no time")
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		return none, activity.Line{}, err
	}
	e := activity.Event{Time: t.UTC(), Kind: activity.KindQuery, Scope: source}
	l := activity.Line{Time: e.Time, Class: activity.ClassView}
	if origin == "ruleGroup" {
		e.Robot = activity.RobotRuleEvaluation
		return e, l, nil
	}
	params, _ := fields["params"].(map[string]any)
	if e.Query, ok = params["query"].(string); !ok || e.Query == "" {
		return none, activity.Line{}, errors.New("no query")
	}
	client, ok := from["clientIP"].(string)
	if _, has := from["clientIP"]; has && !ok {
		return none, activity.Line{}, errors.New("clientIP is no string")
	}
	e.Who.Addr = oracleAddr(client)
	return e, l, nil
}

func oracleAddr(client string) netip.Addr {
	if host, port, err := net.SplitHostPort(client); err == nil {
		if _, err := netip.ParseAddrPort(client); err == nil && port != "" {
			client = host
		}
	} else if strings.HasPrefix(client, "[") && strings.HasSuffix(client, "]") {
		client = client[1 : len(client)-1]
	}
	a, err := netip.ParseAddr(client)
	if err != nil {
		return netip.Addr{}
	}
	return a.WithZone("").Unmap()
}
