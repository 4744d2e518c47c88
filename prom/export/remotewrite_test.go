package export_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/prom/export"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// memory keeps what an export remembers.
type memory struct {
	state []byte
	saves int
}

func (m *memory) Load(context.Context) ([]byte, error) { return m.state, nil }

func (m *memory) Save(_ context.Context, state []byte) error {
	m.state = state
	m.saves++
	return nil
}

// receiver is a remote-write receiver that keeps samples as text: series, value and seconds.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	samples []string
	status  int // answered instead of taking anything, unless 0
	why     string
	posts   int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.posts++
		if r.status != 0 {
			http.Error(w, "series of alice@corp.example refused: "+r.why, r.status)
			return
		}
		packed, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		plain, err := snappy.Decode(nil, packed)
		if err != nil {
			t.Error(err)
		}
		var wr prompb.WriteRequest
		if err := wr.Unmarshal(plain); err != nil {
			t.Error(err)
		}
		if got := req.URL.Path + " " + req.Header.Get("Content-Type") + " " + req.Header.Get("X-Prometheus-Remote-Write-Version"); got != "/prometheus/api/v1/write application/x-protobuf 0.1.0" {
			t.Errorf("request is %s", got)
		}
		for _, ts := range wr.Timeseries {
			r.samples = append(r.samples, asText(t, ts)...)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func asText(t *testing.T, ts prompb.TimeSeries) []string {
	var labels []string
	for _, l := range ts.Labels {
		labels = append(labels, l.Name+"="+l.Value)
	}
	if !slices.IsSorted(labels) {
		t.Errorf("labels are not sorted: %v", labels)
	}
	var out []string
	for _, s := range ts.Samples {
		v := strconv.FormatFloat(s.Value, 'g', -1, 64)
		if value.IsStaleNaN(s.Value) {
			v = "stale"
		}
		out = append(out, strings.Join(labels, " ")+" "+v+" @"+strconv.FormatInt(s.Timestamp/1000, 10))
	}
	return out
}

// took returns what was received since the last call, sorted.
func (r *receiver) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Sorted(slices.Values(r.samples))
	r.samples = nil
	return out
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) reason(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.why = why
}

func (r *receiver) writer(t *testing.T, labels map[string]string) *export.RemoteWriter {
	t.Helper()
	address := r.URL + "/prometheus/api/v1/write"
	client, err := httpclient.New(httpclient.Config{URL: address, RetryPOST: true, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	w, err := export.NewRemoteWriter(address, client, labels)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// atStage is an organisation with these teams, each at a stage.
func atStage(t *testing.T, stages map[string]int, w *export.RemoteWriter, at time.Time, m *memory) error {
	t.Helper()
	var s export.Snapshot
	for team, n := range stages {
		s.Assessments = append(s.Assessments, stage.Assessment{Team: team, Status: stage.StatusOK, Stage: pointer(n), StageName: stage.Names()[n]})
	}
	families, err := export.Gather(s)
	if err != nil {
		t.Fatal(err)
	}
	return w.Write(t.Context(), families, at, m)
}

// TestRemoteWrite: samples have the time of the evaluation, and what is no more ends with it.
func TestRemoteWrite(t *testing.T) {
	r, m := newReceiver(t), &memory{}
	w := r.writer(t, map[string]string{"cluster": "a", "team": "never over a metric's own"})
	if err := atStage(t, map[string]int{"payments": 4, "old name": 2}, w, time.Unix(1000, 0), m); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"__name__=metrics_maturity_team_assessable cluster=a team=old name 1 @1000",
		"__name__=metrics_maturity_team_assessable cluster=a team=payments 1 @1000",
		"__name__=metrics_maturity_team_stage cluster=a team=old name 2 @1000",
		"__name__=metrics_maturity_team_stage cluster=a team=payments 4 @1000",
		"__name__=metrics_maturity_team_stage_info cluster=a name=preplanning stage=2 team=old name 1 @1000",
		"__name__=metrics_maturity_team_stage_info cluster=a name=regular_looking stage=4 team=payments 1 @1000",
	}
	if diff := cmp.Diff(want, r.took()); diff != "" {
		t.Error("want -, got +\n" + diff)
	}
	if err := atStage(t, map[string]int{"payments": 3, "new name": 2}, w, time.Unix(2000, 0), m); err != nil {
		t.Fatal(err)
	}
	want = []string{
		"__name__=metrics_maturity_team_assessable cluster=a team=new name 1 @2000",
		"__name__=metrics_maturity_team_assessable cluster=a team=old name stale @2000",
		"__name__=metrics_maturity_team_assessable cluster=a team=payments 1 @2000",
		"__name__=metrics_maturity_team_stage cluster=a team=new name 2 @2000",
		"__name__=metrics_maturity_team_stage cluster=a team=old name stale @2000",
		"__name__=metrics_maturity_team_stage cluster=a team=payments 3 @2000",
		"__name__=metrics_maturity_team_stage_info cluster=a name=follow_up stage=3 team=payments 1 @2000",
		"__name__=metrics_maturity_team_stage_info cluster=a name=preplanning stage=2 team=new name 1 @2000",
		"__name__=metrics_maturity_team_stage_info cluster=a name=preplanning stage=2 team=old name stale @2000",
		"__name__=metrics_maturity_team_stage_info cluster=a name=regular_looking stage=4 team=payments stale @2000",
	}
	if diff := cmp.Diff(want, r.took()); diff != "" {
		t.Error("want -, got +\n" + diff)
	}
	saves := m.saves
	if err := atStage(t, map[string]int{"payments": 3, "new name": 2}, w, time.Unix(3000, 0), m); err != nil {
		t.Fatal(err)
	}
	for _, s := range r.took() {
		if strings.Contains(s, "stale") {
			t.Errorf("ended twice: %s", s)
		}
	}
	if m.saves != saves {
		t.Error("the same series were written down again")
	}
}

// TestRemoteWriteFailure: what a failed attempt may have left is ended later, and the error says what to do without quoting
// the answer.
func TestRemoteWriteFailure(t *testing.T) {
	r, m := newReceiver(t), &memory{}
	w := r.writer(t, nil)
	for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusServiceUnavailable} {
		r.answer(status)
		posts := r.posts
		err := atStage(t, map[string]int{"brief": 1}, w, time.Unix(1000, 0), m)
		if !httpclient.IsStatus(err, status) || strings.Contains(err.Error(), "alice") || r.posts != posts+1 {
			t.Errorf("%d: %v after %d requests", status, err, r.posts-posts)
		}
	}
	r.answer(http.StatusBadRequest)
	for words, hint := range map[string]string{"out of bounds": "out_of_order_time_window", "duplicate sample for timestamp": "labels of its own", "": "its own log"} {
		r.reason(words)
		if err := atStage(t, map[string]int{"brief": 1}, w, time.Unix(1000, 0), m); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: %v", words, err)
		}
	}
	r.answer(0)
	if err := atStage(t, map[string]int{"payments": 1}, w, time.Unix(2000, 0), m); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.took(), "\n"); !strings.Contains(got, "metrics_maturity_team_stage team=brief stale @2000") {
		t.Errorf("the series of the failed attempt do not end:\n%s", got)
	}
}

// TestRemoteWriteParts: thousands of teams go in several requests.
func TestRemoteWriteParts(t *testing.T) {
	r, m := newReceiver(t), &memory{}
	stages := map[string]int{}
	for i := range 5000 {
		stages["team "+strconv.Itoa(i)] = i % 7
	}
	if err := atStage(t, stages, r.writer(t, nil), time.Unix(1000, 0), m); err != nil {
		t.Fatal(err)
	}
	if got := len(r.took()); got != 15000 || r.posts != 2 {
		t.Errorf("%d samples in %d requests", got, r.posts)
	}
	if len(m.state) > 300_000 {
		t.Errorf("what is remembered of 15,000 series takes %d bytes", len(m.state))
	}
}

// weeks is a history from a Monday on; a negative stage is insufficient data.
func weeks(monday activity.Date, stages ...int) []stage.WeekStage {
	var out []stage.WeekStage
	for i, n := range stages {
		w := stage.WeekStage{Week: monday + activity.Date(7*i), Status: stage.StatusInsufficient}
		if n >= 0 {
			w.Stage, w.Status = pointer(n), stage.StatusOK
		}
		out = append(out, w)
	}
	return out
}
