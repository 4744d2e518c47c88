package resources_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/kube"
	"github.com/metrics-maturity/metrics-maturity/collector/kube/fakeapi"
	"github.com/metrics-maturity/metrics-maturity/prom/resources"
)

var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// reader reads a cluster as the collector does.
type reader struct {
	*resources.Cluster
	*fakeapi.Server
	now    time.Time
	cursor []byte
	batch  activity.Batch
	days   []activity.CoveredDay
}

func newReader(t *testing.T) *reader {
	t.Helper()
	s := fakeapi.New(t)
	r := &reader{Server: s, now: noon}
	r.Cluster = &resources.Cluster{
		Source: "crds", API: kube.New(kube.Config{Kubeconfig: s.Kubeconfig(t, "")}), Namespace: kube.AllNamespaces, Labels: []string{"owner"},
		KeepAnnotations: []string{"contact"}, Now: func() time.Time { return r.now },
	}
	return r
}

// read returns the events as "detail subject scope robot time".
func (r *reader) read(t *testing.T, now time.Time) []string {
	t.Helper()
	r.now, r.batch, r.days = now, activity.Batch{}, nil
	err := r.Fetch(t.Context(), r.cursor, func(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error {
		r.batch, r.cursor, r.days = b, cursor, covered
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range r.batch.Events {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", e.Detail, e.Subject, e.Scope, e.Time.Format("02 15:04"), e.Robot)))
	}
	slices.Sort(out)
	return out
}

func alert(name, expr string, more ...string) map[string]any {
	r := map[string]any{"alert": name, "expr": expr, "for": "5m", "labels": map[string]string{"severity": "page"}}
	for i := 0; i+1 < len(more); i += 2 {
		r["labels"].(map[string]string)[more[i]] = more[i+1]
	}
	return r
}

func groups(rules ...map[string]any) []any {
	return []any{map[string]any{"name": "g", "rules": rules}}
}

func TestChangesBetweenSnapshots(t *testing.T) {
	r := newReader(t)
	day := func(n int, d time.Duration) time.Time { return noon.AddDate(0, 0, n).Add(d) }
	record := map[string]any{"record": "payments:errors:rate5m", "expr": "sum(rate(payments_errors_total[5m]))"}
	r.SetRule("payments", "slo", nil, groups(alert("Slow", "payments_latency > 0.5"), record), "argocd-controller", day(-9, 0))
	r.SetRule("checkout", "slo", nil, groups(map[string]any{"alert": "Always", "expr": 1}), "kubectl-edit", day(-9, 0))
	step := func(now time.Time, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, r.read(t, now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", now.Format("02 15:04"), diff)
		}
	}
	step(day(0, 0)) // a baseline
	if len(r.batch.Rules) != 3 {
		t.Errorf("%d facts, want those of 3 rules", len(r.batch.Rules))
	}
	step(day(0, time.Hour))

	r.SetRule("payments", "slo", nil, groups(alert("Slow", "payments_latency > 0.7"), record), "argocd-controller", day(0, 2*time.Hour))
	r.SetRule("checkout", "slo", nil, groups(alert("Always", "vector(1)"), alert("Down", "up == 0")), "kubectl-edit", day(0, 3*time.Hour))
	step(day(1, 0), "added Down crds:checkout/slo 18 15:00", "expr_changed Always crds:checkout/slo 18 15:00",
		"threshold_changed Slow crds:payments/slo 18 14:00 provisioning")

	// A rule moves to another resource, which is nothing; one is removed with its resource, at a time that nobody knows.
	r.SetRule("payments", "slo", nil, groups(alert("Slow", "payments_latency > 0.7")), "argocd-controller", day(1, time.Hour))
	r.SetRule("payments", "recorded", nil, groups(record), "argocd-controller", day(1, time.Hour))
	r.DeleteRule("checkout", "slo")
	step(day(2, 0), "removed Always crds:checkout/slo 20 12:00", "removed Down crds:checkout/slo 20 12:00")

	// Written again without a change, and a change of what does not matter.
	r.SetRule("payments", "slo", map[string]string{"helm.sh/chart": "v2"}, groups(alert("Slow", "payments_latency  >  0.7 # as agreed")), "helm", day(2, time.Hour))
	step(day(3, 0))

	r.SetRule("payments", "slo", nil, groups(alert("Slow", "payments_latency > 9")), "helm", day(5, 0))
	step(day(8, 0)) // after a gap
	r.SetRule("payments", "slo", nil, groups(alert("Slow", "payments_latency > 10")), "helm", day(8, time.Hour))
	step(day(9, 0), "threshold_changed Slow crds:payments/slo 26 13:00 provisioning")
}

func TestCoverage(t *testing.T) {
	r := newReader(t)
	covered := func(now time.Time) (days []string) {
		r.read(t, now)
		for _, d := range r.days {
			days = append(days, d.Date.String())
		}
		return days
	}
	for _, step := range []struct {
		now  time.Time
		want []string
	}{
		{noon, []string{"2026-11-18"}},
		{noon.Add(time.Hour), []string{"2026-11-18"}},
		{noon.AddDate(0, 0, 2), []string{"2026-11-19", "2026-11-20"}},
		{noon.AddDate(0, 0, 9), []string{"2026-11-27"}}, // a gap
	} {
		if diff := cmp.Diff(step.want, covered(step.now)); diff != "" {
			t.Errorf("%s: %s", step.now, diff)
		}
	}
	r.Selector = "app=other" // other resources: nothing was seen of them
	r.SetRule("payments", "slo", map[string]string{"app": "other"}, groups(alert("Slow", "a > 1")), "helm", noon)
	if got := r.read(t, noon.AddDate(0, 0, 10)); len(got) > 0 {
		t.Errorf("the first snapshot of other resources says %v", got)
	}
}

func TestOwnersOfRules(t *testing.T) {
	r := newReader(t)
	labels := map[string]string{"team": "payments", "owner": "pay", "helm.sh/chart": "x", "service": "card"}
	r.SetRule("payments", "slo", labels, groups(alert("Slow", "payments_latency > 1", "team", "checkout"), alert("Down", "up == 0")), "helm", noon)
	r.read(t, noon)
	got := map[string]map[string]string{}
	for _, f := range r.batch.Rules {
		got[f.Name] = f.Labels
	}
	want := map[string]map[string]string{
		"Slow": {"team": "checkout", "owner": "pay", "service": "card", "severity": "page"},
		"Down": {"team": "payments", "owner": "pay", "service": "card", "severity": "page"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestManagers(t *testing.T) {
	for manager, robot := range map[string]string{
		"kubectl-edit": "", "kubectl-client-side-apply": "", "kubectl": "", "k9s": "", "Mozilla": "", "": "",
		"argocd-controller": "provisioning", "kustomize-controller": "provisioning", "helm": "provisioning", "helm-controller": "provisioning",
		"sloth": "provisioning", "kubectlish": "provisioning",
	} {
		r := newReader(t)
		r.read(t, noon)
		r.SetRule("payments", "slo", nil, groups(alert("Slow", "a > 1")), manager, noon.Add(time.Minute))
		r.read(t, noon.Add(time.Hour))
		if len(r.batch.Events) != 1 || r.batch.Events[0].Robot != robot {
			t.Errorf("%q: %+v", manager, r.batch.Events)
		}
	}
}

func TestThingsThatCantBeRead(t *testing.T) {
	r := newReader(t)
	r.SetRule("payments", "odd", nil, []any{map[string]any{"rules": []any{map[string]any{"alert": "NoExpr"}, map[string]any{"expr": "a"}, alert("Fine", "a > 1")}}}, "helm", noon)
	r.SetRule("payments", "odder", nil, "not a list", "helm", noon)
	r.read(t, noon)
	if r.batch.Malformed != 3 || len(r.batch.Rules) != 1 {
		t.Errorf("%d malformed and %d rules, want 3 and 1", r.batch.Malformed, len(r.batch.Rules))
	}
	if err := r.Fetch(t.Context(), []byte("{"), nil); err == nil || !strings.Contains(err.Error(), "hint: was the store written by a newer version?") {
		t.Errorf("a broken cursor: %v", err)
	}
	if strings.Contains(string(r.cursor), "a > 1") {
		t.Error("the text of an expression is kept")
	}
}

func TestRefused(t *testing.T) {
	r := newReader(t)
	r.Deny("list", "prometheusrules", true)
	err := r.Fetch(t.Context(), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "resources: [prometheusrules], verbs: [list]") {
		t.Errorf("got %v", err)
	}
}
