package export_test

import (
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
	"github.com/metrics-maturity/metrics-maturity/prom/export"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// pushgateway starts Debian's.
func pushgateway(t *testing.T) string {
	t.Helper()
	program, addr := testserver.Installed(t, "prometheus-pushgateway", "prometheus-pushgateway"), testserver.Addr(t)
	testserver.Start(t, exec.Command(program, "--web.listen-address="+addr, "--persistence.file="), 20*time.Second, testserver.Answers("http://"+addr+"/-/ready"))
	return "http://" + addr
}

func push(t *testing.T, url string, group export.Group, m *memory, stages map[string]int) error {
	t.Helper()
	client, err := httpclient.New(httpclient.Config{URL: url, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	var s export.Snapshot
	for team, n := range stages {
		s.Assessments = append(s.Assessments, stage.Assessment{Team: team, Status: stage.StatusOK, Stage: pointer(n), StageName: stage.Names()[n]})
	}
	families, err := export.Gather(s)
	if err != nil {
		t.Fatal(err)
	}
	return export.Pushgateway{URL: url, Group: group, Client: client}.Push(t.Context(), families, m)
}

// shows compares what a gateway shows of one metric with series, in any order. It answers a deletion before that is done.
func shows(t *testing.T, url string, want ...string) {
	t.Helper()
	slices.Sort(want)
	var got []string
	for range 200 {
		if got = stageLines(t, url); slices.Equal(got, want) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("want -, got +\n%s", cmp.Diff(want, got))
}

// stageLines are the series of one metric that a gateway shows, sorted.
func stageLines(t *testing.T, url string) []string {
	t.Helper()
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "metrics_maturity_team_stage{") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	slices.Sort(found)
	return found
}

// TestPushgateway: one group holds everything, so nothing of a team outlives it; a group under a former key is deleted.
func TestPushgateway(t *testing.T) {
	url, m := pushgateway(t), &memory{}
	group := export.Group{Job: "metrics_maturity"}
	other := export.Group{Job: "metrics_maturity", Labels: map[string]string{"cluster": "other/one"}}
	if err := push(t, url, other, &memory{}, map[string]int{"stranger": 1}); err != nil {
		t.Fatal(err)
	}
	strange := `metrics_maturity_team_stage{cluster="other/one",instance="",job="metrics_maturity",team="stranger"} 1`
	for _, step := range []struct {
		group  export.Group
		stages map[string]int
		want   []string
	}{
		{group, map[string]int{"payments": 4, "old name": 2}, []string{
			`metrics_maturity_team_stage{instance="",job="metrics_maturity",team="old name"} 2`,
			`metrics_maturity_team_stage{instance="",job="metrics_maturity",team="payments"} 4`,
		}},
		{group, map[string]int{"payments": 3, "new name": 2}, []string{
			`metrics_maturity_team_stage{instance="",job="metrics_maturity",team="new name"} 2`,
			`metrics_maturity_team_stage{instance="",job="metrics_maturity",team="payments"} 3`,
		}},
		{export.Group{Job: "maturity", Labels: map[string]string{"cluster": "a"}}, map[string]int{"payments": 3}, []string{
			`metrics_maturity_team_stage{cluster="a",instance="",job="maturity",team="payments"} 3`,
		}},
		{group, map[string]int{}, nil},
	} {
		if err := push(t, url, step.group, m, step.stages); err != nil {
			t.Fatal(err)
		}
		shows(t, url, append(step.want, strange)...)
	}
	if got := string(m.state); got != `[{"job":"metrics_maturity"}]` {
		t.Errorf("remembered: %s", got)
	}
}

// TestPushgatewayFailure: a group whose deletion failed is deleted by the next push; answers are not quoted.
func TestPushgatewayFailure(t *testing.T) {
	url, m := pushgateway(t), &memory{state: []byte(`[{"job":"former"}]`)}
	group := export.Group{Job: "maturity"}
	err := push(t, "http://"+testserver.Addr(t), group, m, map[string]int{"payments": 4})
	if err == nil || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("nobody listens there: %v", err)
	}
	if got := string(m.state); got != `[{"job":"former"},{"job":"maturity"}]` {
		t.Errorf("remembered: %s", got)
	}
	if err := push(t, url, export.Group{Job: "former"}, &memory{}, map[string]int{"payments": 1}); err != nil {
		t.Fatal(err)
	}
	if err := push(t, url, group, m, map[string]int{"payments": 4}); err != nil {
		t.Fatal(err)
	}
	shows(t, url, `metrics_maturity_team_stage{instance="",job="maturity",team="payments"} 4`)
	if err := push(t, url+"/elsewhere", group, &memory{}, nil); !httpclient.IsStatus(err, http.StatusNotFound, http.StatusMethodNotAllowed) {
		t.Errorf("another address: %v", err)
	}
}
