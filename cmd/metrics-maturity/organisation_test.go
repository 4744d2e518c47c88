package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/metrics-maturity/metrics-maturity/prom/export"
	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

// testApp is a command with its streams in memory.
func testApp(stdout, stderr *bytes.Buffer) *app {
	return &app{stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, now: time.Now, log: slog.New(slog.NewTextHandler(stderr, nil))}
}

// TestOrganisation reads the sample organisation through the production path once, and looks at it from all sides.
func TestOrganisation(t *testing.T) {
	var stdout, stderr bytes.Buffer
	a := testApp(&stdout, &stderr)
	err := a.withOrganisation(t.Context(), sim.Options{}, (*desk).assemble, func(o organisation) error {
		t.Run("stages", func(t *testing.T) { testStages(t, o) })
		t.Run("report", func(t *testing.T) { testReportContract(t, o) })
		t.Run("metrics", func(t *testing.T) { testMetrics(t, o) })
		t.Run("days", func(t *testing.T) { testDaysContract(t, o) })
		t.Run("same days, same answer", func(t *testing.T) { testSameAnswer(t, o) })
		t.Run("kept", func(t *testing.T) { testKept(t, o) })
		t.Run("browser", func(t *testing.T) { testBrowser(t, o) })
		return nil
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
}

// testStages: the sample shows every stage, and the teams are where they truly are.
func testStages(t *testing.T, o organisation) {
	seen := map[int]bool{}
	wrong := 0
	for i, team := range o.picture.report.Teams {
		weeks := o.truth.Teams[i].Weeks
		if team.Stage == nil {
			t.Errorf("%s has no stage", team.Team)
			continue
		}
		seen[*team.Stage] = true
		if *team.Stage != weeks[len(weeks)-1].Stage {
			wrong++
		}
	}
	if len(o.picture.report.Teams) != 12 || len(seen) != 7 {
		t.Errorf("%d teams at %d different stages, want 12 at 7", len(o.picture.report.Teams), len(seen))
	}
	if wrong > 1 {
		t.Errorf("%d teams are not at their true stage", wrong)
	}
}

// testReportContract: the fields of the contract are there, whatever else is.
func testReportContract(t *testing.T, o organisation) {
	var r map[string]any
	roundTrip(t, o.picture.report.withHistory(true), &r)
	wantKeys(t, "report", r, "schema", "as_of", "criteria_version", "sources", "events", "teams")
	if got := r["as_of"]; got != o.picture.report.AsOf.Format("2006-01-02T15:04:05Z") {
		t.Errorf("as_of is %v", got)
	}
	wantKeys(t, "events", r["events"], "counted", "automated", "unattributed")
	for _, s := range r["sources"].([]any) {
		wantKeys(t, "source", s, "name", "up", "events", "malformed", "covered_days", "missing_days")
	}
	for _, v := range r["teams"].([]any) {
		team := v.(map[string]any)
		wantKeys(t, "team", team, "team", "status", "stage", "stage_name", "raw_stage", "confidence", "since", "previous_stage", "foundations", "criteria", "next", "history")
		wantKeys(t, "foundations", team["foundations"], "collection", "query_tooling", "dashboards")
		if n := len(team["criteria"].([]any)); n != 6 {
			t.Errorf("%s has %d criteria", team["team"], n)
		}
		for _, c := range team["criteria"].([]any) {
			wantKeys(t, "criterion", c, "stage", "name", "value", "enter", "leave", "window_weeks", "met", "evidence")
			for _, e := range c.(map[string]any)["evidence"].([]any) {
				wantKeys(t, "evidence", e, "week", "kind", "subject", "count")
			}
		}
		if next := team["next"]; next != nil {
			wantKeys(t, "next", next, "stage", "missing")
		}
		history := team["history"].([]any)
		if len(history) != 52 {
			t.Errorf("%s has %d weeks of history, want 52", team["team"], len(history))
		}
		var weeks []string
		for _, h := range history {
			wantKeys(t, "week", h, "week", "stage", "status")
			weeks = append(weeks, h.(map[string]any)["week"].(string))
		}
		if !slices.IsSorted(weeks) {
			t.Errorf("%s: history is not oldest first", team["team"])
		}
	}
	var short map[string]any
	roundTrip(t, o.picture.report.withHistory(false), &short)
	if _, ok := short["teams"].([]any)[0].(map[string]any)["history"]; ok {
		t.Error("there is history without --history")
	}
}

func roundTrip(t *testing.T, v any, to *map[string]any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatal(err)
	}
}

func wantKeys(t *testing.T, what string, v any, keys ...string) {
	t.Helper()
	m, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%s is %T", what, v)
	}
	for _, k := range keys {
		if _, ok := m[k]; !ok {
			t.Errorf("%s lacks %s", what, k)
		}
	}
}

// testMetrics: the names of the contract are there, and lint finds nothing.
func testMetrics(t *testing.T, o organisation) {
	s, err := o.desk.snapshot(t.Context(), o.picture)
	if err != nil {
		t.Fatal(err)
	}
	c := export.NewCollector(func() export.Snapshot { return s })
	problems, err := testutil.CollectAndLint(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	var text bytes.Buffer
	if err := o.desk.writeOpenMetrics(t.Context(), &text, o.picture); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"team_stage{", "team_stage_info{", "team_stage_confidence{", "team_stage_previous{", "team_stage_since_timestamp_seconds{", "team_assessable{",
		"team_criterion_value{", "criterion_enter{", "criterion_leave{", "team_foundation{", "events_total{", "malformed_lines_total{",
		"source_up{", "source_last_success_timestamp_seconds{", "source_covered_ratio{", "build_info{",
	} {
		if !strings.Contains(text.String(), "\nmetrics_maturity_"+name) {
			t.Errorf("metrics_maturity_%s is missing", name)
		}
	}
	if !strings.HasSuffix(text.String(), "# EOF\n") {
		t.Error("the OpenMetrics text has no end")
	}
	if _, err := promlint.New(strings.NewReader(strings.TrimSuffix(text.String(), "# EOF\n"))).Lint(); err != nil {
		t.Error(err)
	}
}

// testDaysContract: rows are complete, and one of a kind.
func testDaysContract(t *testing.T, o organisation) {
	var text bytes.Buffer
	out := newDayWriter(&text, "ndjson")
	if err := errors.Join(o.desk.eachDay(t.Context(), 0, o.picture.org.AsOf, out.write), out.flush()); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	var total int64
	for line := range strings.Lines(text.String()) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, "row", row, "day", "kind", "team", "scope", "subject", "detail", "outcome", "reason", "count", "people")
		if (row["outcome"] == "counted") == (row["team"] == "") {
			t.Errorf("outcome %v with team %q", row["outcome"], row["team"])
		}
		total += int64(row["count"].(float64))
		id, err := json.Marshal([]any{row["day"], row["kind"], row["team"], row["scope"], row["subject"], row["detail"], row["outcome"], row["reason"], row["by_team"]})
		if err != nil {
			t.Fatal(err)
		}
		if keys[string(id)] {
			t.Errorf("two rows of %s", id)
		}
		keys[string(id)] = true
	}
	e := o.picture.report.Events
	if total != e.Counted+e.Automated+e.Unattributed {
		t.Errorf("rows sum up to %d, the report to %+v", total, e)
	}
}

// testSameAnswer: the same days give the same report, to the byte.
func testSameAnswer(t *testing.T, o organisation) {
	again, err := o.desk.assemble(t.Context(), o.picture.report.AsOf, true)
	if err != nil {
		t.Fatal(err)
	}
	first, err := json.Marshal(o.picture.report)
	if err != nil {
		t.Fatal(err)
	}
	second, err := json.Marshal(again.report)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two reports of the same days differ")
	}
}

// TestDemoStops: a demo that is stopped early leaves nothing behind and is no failure.
func TestDemoStops(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if err := testApp(&stdout, &stderr).run(ctx, []string{"demo"}); err != nil {
		t.Errorf("stopped demo: %v", err)
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("%d things are left behind", len(left))
	}
}
