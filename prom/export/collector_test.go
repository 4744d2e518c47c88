package export_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom/export"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

func pointer[T any](v T) *T { return &v }

func date(t *testing.T, s string) *activity.Date {
	t.Helper()
	d, err := activity.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

// sample has a team in each status.
func sample(t *testing.T) export.Snapshot {
	t.Helper()
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	return export.Snapshot{
		Location:   stockholm,
		KnownSince: map[string]time.Time{"payments": time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC), "gone": time.Date(2025, 3, 2, 7, 0, 0, 0, time.UTC)},
		Assessments: []stage.Assessment{
			{
				Team: "payments", Status: stage.StatusOK, Stage: pointer(4), StageName: "regular_looking", RawStage: pointer(4),
				Confidence: pointer(0.97), Since: date(t, "2026-08-03"), PreviousStage: pointer(3),
				Foundations: map[string]activity.Tri{"collection": activity.Yes, "query_tooling": activity.No, "dashboards": activity.Unknown},
				Criteria: []stage.CriterionResult{
					{Stage: 1, Name: stage.QueryDays, Known: true, Value: 5},
					{Stage: 4, Name: stage.WeeksWithAView, Known: true, Value: 7},
					{Stage: 5, Name: stage.MonthsAdopted, Known: false},
				},
			},
			{
				Team: `odd "team"`, Status: stage.StatusStale, Stage: pointer(0), StageName: "none",
				Foundations: map[string]activity.Tri{"collection": activity.Unknown},
				Criteria:    []stage.CriterionResult{{Stage: 1, Name: stage.QueryDays, Known: true, Value: 0}},
			},
			{
				Team: "fresh", Status: stage.StatusInsufficient, PreviousStage: pointer(2),
				Criteria: []stage.CriterionResult{{Stage: 1, Name: stage.QueryDays}},
			},
		},
		Criteria: []export.Criterion{{Name: stage.WeeksWithAView, Enter: 6, Leave: 4}, {Name: stage.QueryDays, Enter: 2, Leave: 1}},
		Sources: []export.Source{
			{
				SourceStatus: activity.SourceStatus{Source: "grafana", Up: true, Malformed: 3, LastSuccess: time.Date(2026, 11, 22, 10, 0, 0, 5e8, time.UTC)},
				CoveredRatio: pointer(0.75),
			},
			{SourceStatus: activity.SourceStatus{Source: "rules", Error: "no such repository"}},
		},
		Events: []export.EventTotal{
			{Source: "grafana", Kind: activity.KindView, Outcome: activity.Counted, Count: 120},
			{Source: "grafana", Kind: activity.KindView, Outcome: activity.Automated, Count: 7},
		},
		Assessed: time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC),
		Reload:   &export.Reload{LastSuccess: time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)},
		Build:    export.Build{Version: "v1.2.3", Revision: "abc", GoVersion: "go1.26"},
	}
}

// TestExposition compares everything that is exported with the contract, written out.
func TestExposition(t *testing.T) {
	c := export.NewCollector(func() export.Snapshot { return sample(t) })
	want, err := os.Open(filepath.Join("testdata", "sample.prom"))
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if err := testutil.CollectAndCompare(c, want); err != nil {
		t.Error(err)
	}
}

func TestNamesAreClean(t *testing.T) {
	problems, err := testutil.CollectAndLint(export.NewCollector(func() export.Snapshot { return sample(t) }))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestDescribes registers with a registry that checks that what is collected was described.
func TestDescribes(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(export.NewCollector(func() export.Snapshot { return sample(t) })); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Gather(); err != nil {
		t.Error(err)
	}
}

// TestNothingYet: before the first assessment there is the build and nothing that looks like an answer.
func TestNothingYet(t *testing.T) {
	c := export.NewCollector(func() export.Snapshot { return export.Snapshot{Build: export.Build{Version: "v1.2.3"}} })
	want := `# HELP metrics_maturity_build_info Always 1; the labels say what is running.
# TYPE metrics_maturity_build_info gauge
metrics_maturity_build_info{goversion="",revision="",version="v1.2.3"} 1
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// TestUnreadableLabel: a name that is no text fails the scrape instead of vanishing from it.
func TestUnreadableLabel(t *testing.T) {
	r := prometheus.NewRegistry()
	err := r.Register(export.NewCollector(func() export.Snapshot {
		return export.Snapshot{Assessments: []stage.Assessment{{Team: "\xff", Status: stage.StatusOK}}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Gather(); err == nil {
		t.Error("a team whose name is no UTF-8 was exported without an error")
	}
}
