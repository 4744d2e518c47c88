package grafana

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// BenchmarkGlance looks at what a Grafana writes most: refreshing panels, dashboards opened, assets.
func BenchmarkGlance(b *testing.B) {
	var lines [][]byte
	for i := range 2000 {
		page := fmt.Sprintf("http://grafana.example.com/d/uid%06d/overview", i*7919%1000)
		refreshing := `"` + page + `?orgId=1&from=now-1h&to=now&refresh=30s"`
		path := fmt.Sprintf("/api/dashboards/uid/uid%06d", i*7919%1000)
		for _, line := range []string{
			glanced("POST", "/api/ds/query", refreshing), glanced("POST", "/api/ds/query", page), glanced("GET", path, page), glanced("GET", path, refreshing),
			glanced("GET", "/public/build/app.js", page), glanced("GET", "/api/annotations", refreshing),
		} {
			lines = append(lines, []byte(line))
		}
	}
	b.SetBytes(int64(len(bytes.Join(lines, []byte("\n")))))
	l := NewRequestLog()
	var g activity.Glance
	for b.Loop() {
		for _, line := range lines {
			if !l.Glance(line, &g) {
				b.Fatalf("%s", line)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(lines)), "ns/line")
}
