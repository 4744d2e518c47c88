package logs_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// FuzzParse feeds any bytes to every parser: none panics, changes the line, or tells of more than one act; an error or a line of
// another kind tells nothing; and reading the line again tells the same.
func FuzzParse(f *testing.F) {
	for name := range parsers() {
		for _, line := range linesOf(f, name) {
			f.Add(line)
		}
	}
	f.Add([]byte(frontend(`header_x_grafana_user=alice user_agent=Grafana/12`)))
	f.Add([]byte(slow("alice", "[::1]:1", "-", "time_taken=1h")))
	f.Add([]byte(vmSlow(`"x, X-Forwarded-For: ::1"`, "1e3", `"/select/0:0/prometheus/api/v1/query?query=%zz&query=up"`)))
	f.Add([]byte(access("/api/v1/query?query=%22", "499", `a\x22b`, "://", "a b")))
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		for name, p := range parsers() {
			var b, again activity.Batch
			l, err := p.Parse(line, &b)
			if (err != nil || l.Time.IsZero()) && (len(b.Events) > 0 || l != activity.Line{}) {
				t.Errorf("%s: %q: %+v, %+v, %v", name, line, l, b.Events, err)
			}
			if len(b.Events) > 1 {
				t.Errorf("%s: %q: %d events", name, line, len(b.Events))
			}
			for _, e := range b.Events {
				if e.Kind != activity.KindQuery || !e.Time.Equal(l.Time) || e.Time.Location() != time.UTC || e.Step != "" || (e.Robot != "" && !e.Who.IsZero()) {
					t.Errorf("%s: %q: %+v", name, line, e)
				}
			}
			m, err2 := p.Parse(line, &again)
			if l != m || (err == nil) != (err2 == nil) || len(b.Events) != len(again.Events) {
				t.Errorf("%s: %q: %+v, then %+v", name, line, l, m)
			}
		}
		if !bytes.Equal(before, line) {
			t.Errorf("%q: the line was changed", before)
		}
	})
}
