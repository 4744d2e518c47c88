package export_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom/export"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// formats are what scrapers ask for.
var formats = map[string]string{
	"openmetrics": "application/openmetrics-text;version=1.0.0,*/*;q=0.1",
	"text":        "text/plain;version=0.0.4",
	"protobuf":    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
	"browser":     "text/html,*/*;q=0.8",
}

// scrape asks a handler, and returns the answer's type and plain body.
func scrape(t testing.TB, h http.Handler, accept, encoding string) (kind string, body []byte) {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", accept, w.Code, w.Body)
	}
	src := io.Reader(w.Body)
	if w.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(src)
		if err != nil {
			t.Fatal(err)
		}
		src = z
	}
	body, err := io.ReadAll(src)
	if err != nil {
		t.Fatal(err)
	}
	return w.Header().Get("Content-Type"), body
}

// TestPage: whatever is asked for, a page answers as client_golang's own handler does, each time.
func TestPage(t *testing.T) {
	families, err := export.Gather(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	asked, page := export.NewPage(nil), export.NewPage(families)
	scrape(t, asked, formats["text"], "")
	if err := errors.Join(page.Prepare(nil), page.Prepare(asked)); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(export.NewCollector(func() export.Snapshot { return sample(t) })); err != nil {
		t.Fatal(err)
	}
	theirs := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	for name, accept := range formats {
		wantKind, want := scrape(t, theirs, accept, "identity")
		for _, encoding := range []string{"gzip", "", "identity", "br;q=1, gzip ;q=0", "deflate, gzip;q=0.5"} {
			kind, got := scrape(t, page, accept, encoding)
			if diff := cmp.Diff(string(want), string(got)); diff != "" || kind != wantKind {
				t.Errorf("%s, %q: type %s, want %s; want -, got +\n%s", name, encoding, kind, wantKind, diff)
			}
		}
	}
	if _, om := scrape(t, page, formats["openmetrics"], ""); !bytes.HasSuffix(om, []byte("# EOF\n")) {
		t.Error("OpenMetrics without an end")
	}
}

// manyTeams is an organisation in which every team has every series.
func manyTeams(n int) export.Snapshot {
	s := export.Snapshot{KnownSince: map[string]time.Time{}, Build: export.Build{Version: "v1.0.0"}}
	since := activity.DateOf(time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC))
	for i := range n {
		a := stage.Assessment{
			Team: fmt.Sprintf("team-%04d", i), Status: stage.StatusOK, Stage: pointer(i % 7), StageName: stage.Names()[i%7],
			Confidence: pointer(0.97), Since: &since, PreviousStage: pointer(3),
			Foundations: map[string]activity.Tri{"collection": activity.Yes, "query_tooling": activity.No, "dashboards": activity.Yes},
		}
		for name := range stage.DefaultCriteria().ByName {
			a.Criteria = append(a.Criteria, stage.CriterionResult{Name: name, Known: true, Value: i % 9})
		}
		s.Assessments = append(s.Assessments, a)
		s.KnownSince[a.Team] = time.Unix(1.7e9, 0)
	}
	return s
}

// TestSeriesOfATeam holds what README says of cardinality.
func TestSeriesOfATeam(t *testing.T) {
	families, err := export.Gather(manyTeams(100))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "metrics_maturity_team_") {
			n += len(f.GetMetric())
		}
	}
	if n != 100*16 {
		t.Errorf("%d series of 100 teams: README says 16 of each", n)
	}
}

// BenchmarkScrape answers scrapes of 5,000 teams as Prometheus asks for them: the first after an assessment, which encodes, and
// those after it.
func BenchmarkScrape(b *testing.B) {
	families, err := export.Gather(manyTeams(5000))
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"openmetrics", "text", "protobuf"} {
		b.Run("first/"+name, func(b *testing.B) {
			for b.Loop() {
				scrape(b, export.NewPage(families), formats[name], "gzip")
			}
		})
		b.Run("next/"+name, func(b *testing.B) {
			page := export.NewPage(families)
			scrape(b, page, formats[name], "gzip")
			req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			req.Header.Set("Accept", formats[name])
			req.Header.Set("Accept-Encoding", "gzip")
			for b.Loop() {
				w := httptest.NewRecorder()
				page.ServeHTTP(w, req)
				b.ReportMetric(float64(w.Body.Len()), "bytes")
			}
		})
	}
}

// BenchmarkGather makes the metrics of 5,000 teams, once an assessment.
func BenchmarkGather(b *testing.B) {
	s := manyTeams(5000)
	for b.Loop() {
		if _, err := export.Gather(s); err != nil {
			b.Fatal(err)
		}
	}
}
