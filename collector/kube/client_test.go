package kube_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/kube"
	"github.com/metrics-maturity/metrics-maturity/collector/kube/fakeapi"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func client(t *testing.T, kubeconfig string) *kube.Client {
	t.Helper()
	c := kube.New(kube.Config{Kubeconfig: kubeconfig})
	c.Pauses(func(time.Duration) {})
	return c
}

func names(t *testing.T, c *kube.Client) ([]string, error) {
	t.Helper()
	pods, err := c.Pods(t.Context(), "mimir", "app=grafana,tier!=test")
	var out []string
	for _, p := range pods {
		out = append(out, p.Name)
	}
	return out, err
}

func TestPodsOfAllPages(t *testing.T) {
	s := fakeapi.New(t)
	var want []string
	for i := range 7 {
		name := fmt.Sprint("pod-", i)
		s.AddPod("mimir", name, map[string]string{"app": "grafana"}, noon, "grafana")
		want = append(want, name)
	}
	s.AddPod("mimir", "other", map[string]string{"app": "other"}, noon, "grafana")
	s.AddPod("mimir", "test", map[string]string{"app": "grafana", "tier": "test"}, noon, "grafana")
	s.AddPod("elsewhere", "pod-0", map[string]string{"app": "grafana"}, noon, "grafana")
	c := client(t, s.Kubeconfig(t, ""))
	for _, expire := range []int{0, 2, 100} { // continue tokens that are too old: the list begins anew
		s.Pages(3, expire)
		got, err := names(t, c)
		if expire == 100 {
			if !kube.IsStatus(err, http.StatusGone) {
				t.Errorf("a server that forgets every list: %v", err)
			}
			continue
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%d expired: %v\n%s", expire, err, diff)
		}
	}
}

func TestPodIsDecoded(t *testing.T) {
	s := fakeapi.New(t)
	p := s.AddPod("mimir", "a", nil, noon, "grafana", "side")
	p.Restart("grafana", noon.Add(time.Minute))
	p.Crash("side", noon.Add(time.Hour))
	p.Terminate()
	got, there, err := client(t, s.Kubeconfig(t, "")).Pod(t.Context(), "mimir", "a")
	if err != nil || !there {
		t.Fatal(there, err)
	}
	id := func(c string, n int) string { return fmt.Sprintf("containerd://%s-%s-%d", p.UID, c, n) }
	want := kube.Pod{UID: p.UID, Name: "a", Created: noon, Going: true, Deadline: fakeapi.Deadline(), Containers: []kube.Container{
		{Name: "grafana", Restarts: 1, Current: &kube.Instance{ID: id("grafana", 1), Started: noon.Add(time.Minute)},
			Last: &kube.Instance{ID: id("grafana", 0), Started: noon, Ended: noon.Add(time.Minute)}},
		{Name: "side", Last: &kube.Instance{ID: id("side", 0), Started: noon, Ended: noon.Add(time.Hour)}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, there, err := client(t, s.Kubeconfig(t, "")).Pod(t.Context(), "mimir", "b"); there || err != nil {
		t.Errorf("a pod that is not there: %v, %v", there, err)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		reason string
		want   string
		tries  int
	}{
		"forbidden":    {403, "Forbidden", "403 Forbidden\nhint: allow it in a Role (ClusterRole for all namespaces) bound to the service account: {apiGroups: [\"\"], resources: [pods], verbs: [list]}", 1},
		"unauthorized": {401, "Unauthorized", "401 Unauthorized, the API server does not know these credentials\nhint: has the token expired? in a pod the service account's token is read again by itself; with a kubeconfig, log in again", 2},
		"not found":    {404, "NotFound", "404 Not Found\nhint: does it still exist? and does the address lead to a Kubernetes API server?", 1},
		"down":         {503, "ServiceUnavailable", "503 Service Unavailable\nhint: the next run goes on from here", 6},
		"overloaded":   {429, "TooManyRequests", "429 Too Many Requests, the API server asks for less\nhint: the next run goes on from here", 6},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakeapi.New(t)
			tries := 0
			s.Hook(func(w http.ResponseWriter, _ *http.Request) bool {
				tries++
				fakeapi.Refuse(w, c.status, c.reason, 0)
				return true
			})
			_, err := names(t, client(t, s.Kubeconfig(t, "")))
			var e *kube.Error
			if !errors.As(err, &e) || e.Status != c.status || e.Reason != c.reason {
				t.Errorf("the error is %#v", err)
			}
			if got, want := fmt.Sprint(err), "kubernetes: list pods in namespace mimir: "+c.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if tries != c.tries {
				t.Errorf("asked %d times, want %d", tries, c.tries)
			}
			if strings.Contains(fmt.Sprint(err), "alice") {
				t.Error("the error names a person")
			}
		})
	}
}

func TestAsksAgain(t *testing.T) {
	s := fakeapi.New(t)
	s.AddPod("mimir", "a", map[string]string{"app": "grafana"}, noon, "grafana")
	tries := 0
	s.Hook(func(w http.ResponseWriter, _ *http.Request) bool {
		switch tries++; tries {
		case 1:
			fakeapi.Refuse(w, http.StatusTooManyRequests, "TooManyRequests", 7)
		case 2:
			panic(http.ErrAbortHandler) // the server goes away
		case 3:
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"items": [`) // and in the middle of its answer
		case 4:
			fakeapi.Refuse(w, http.StatusInternalServerError, "InternalError", 3600)
		default:
			return false
		}
		return true
	})
	c := client(t, s.Kubeconfig(t, ""))
	var pauses []time.Duration
	c.Pauses(func(d time.Duration) { pauses = append(pauses, d) })
	if got, err := names(t, c); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if len(pauses) != 4 || pauses[0] != 7*time.Second || pauses[1] < 500*time.Millisecond || pauses[1] > time.Second || pauses[3] != 30*time.Second {
		t.Errorf("it paused %v, want 7s as the server asked, about a second, and 30s at most", pauses)
	}
}

func TestTokenThatChanges(t *testing.T) {
	s := fakeapi.New(t)
	s.AddPod("mimir", "a", map[string]string{"app": "grafana"}, noon, "grafana")
	s.Token("first")
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	c := client(t, s.Kubeconfig(t, file))
	if _, err := names(t, c); err != nil {
		t.Fatal(err)
	}
	s.Token("second")
	if _, err := names(t, c); !kube.IsStatus(err, http.StatusUnauthorized) {
		t.Errorf("an expired token: %v", err)
	}
	write("second")
	if got, err := names(t, c); err != nil || len(got) != 1 {
		t.Errorf("after the token was renewed: %v, %v", got, err)
	}
}

func TestServersThatAreNone(t *testing.T) {
	rubbish := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>alice, please log in") }))
	defer rubbish.Close()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked", r.Host) }))
	defer other.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer elsewhere.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	for name, c := range map[string]struct{ url, want string }{
		"rubbish":  {rubbish.URL, "the answer is not what an API server sends\nhint: does the address lead to a Kubernetes API server?"},
		"redirect": {elsewhere.URL, "it answers with a redirect to another server\nhint: name the API server itself in the kubeconfig"},
		"gone":     {gone.URL, "connection refused\nhint: can the API server be reached from here? the next run goes on from here"},
		"wrong CA": {secure.URL, "the API server's certificate is not trusted\nhint: check certificate-authority in the kubeconfig, and the server's name and this machine's clock"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "kubeconfig")
			text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %q}}]\ncontexts: [{name: c, context: {cluster: c}}]\ncurrent-context: c\n", c.url)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := names(t, client(t, file))
			if got := fmt.Sprint(err); !strings.HasPrefix(got, "kubernetes: list pods in namespace mimir: ") || !strings.HasSuffix(got, c.want) || strings.Contains(got, "alice") {
				t.Errorf("got %s\nwant ... %s", got, c.want)
			}
		})
	}
}

func TestWhereNoClusterIs(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("KUBECONFIG", filepath.Join(dir, "none"))
	for name, c := range map[string]struct{ file, want string }{
		"nothing":        {"", "kubernetes: not in a cluster, and no kubeconfig found\nhint: run it in a pod with a service account, or name a file under kubernetes: {kubeconfig: ...}"},
		"a missing file": {filepath.Join(dir, "missing"), "hint: check it with: kubectl config view --kubeconfig FILE"},
	} {
		if _, err := kube.New(kube.Config{Kubeconfig: c.file}).Pods(t.Context(), "mimir", ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	if _, err := kube.New(kube.Config{}).Pods(t.Context(), "mimir", ""); err == nil || !strings.Contains(err.Error(), "hint: set automountServiceAccountToken: true") {
		t.Errorf("a pod without a service account: %v", err)
	}
}

func TestSlowServer(t *testing.T) {
	s := fakeapi.New(t)
	s.Hook(func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client(t, s.Kubeconfig(t, "")).Pods(ctx, "mimir", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

func TestLeaseIsWrittenOnce(t *testing.T) {
	s := fakeapi.New(t)
	c := client(t, s.Kubeconfig(t, ""))
	none, err := c.Lease(t.Context(), "mimir", "maturity")
	if err != nil || none.Version != "" {
		t.Fatal(none, err)
	}
	want := kube.Lease{Holder: "a", Duration: 30 * time.Second, Acquired: noon, Renewed: noon.Add(time.Microsecond), Transitions: 2}
	first, ok, err := c.SaveLease(t.Context(), "mimir", "maturity", want)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, ok, err := c.SaveLease(t.Context(), "mimir", "maturity", want); ok || err != nil {
		t.Errorf("created twice: %v, %v", ok, err)
	}
	got, err := c.Lease(t.Context(), "mimir", "maturity")
	want.Version = first.Version
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, ok, err := c.SaveLease(t.Context(), "mimir", "maturity", first); !ok || err != nil {
		t.Errorf("updated: %v, %v", ok, err)
	}
	if _, ok, err := c.SaveLease(t.Context(), "mimir", "maturity", first); ok || err != nil {
		t.Errorf("updated from an old version: %v, %v", ok, err)
	}
}

func TestPrometheusRules(t *testing.T) {
	s := fakeapi.New(t)
	groups := []any{map[string]any{"name": "g", "rules": []any{}}}
	s.SetRule("payments", "slo", map[string]string{"team": "payments"}, groups, "argocd-controller", noon)
	s.SetRule("checkout", "slo", nil, groups, "kubectl-edit", noon)
	c := client(t, s.Kubeconfig(t, ""))
	for _, q := range []struct {
		namespace, selector string
		want                int
	}{{kube.AllNamespaces, "", 2}, {"payments", "", 1}, {"payments", "team=payments", 1}, {kube.AllNamespaces, "team=checkout", 0}} {
		got, err := c.PrometheusRules(t.Context(), q.namespace, q.selector)
		if err != nil || len(got) != q.want {
			t.Errorf("%v: %d, %v", q, len(got), err)
		}
		if q.namespace == "payments" {
			if r := got[0]; r.Manager != "argocd-controller" || !r.Written.Equal(noon) || r.Name != "slo" || string(r.Spec) != `{"groups":[{"name":"g","rules":[]}]}` {
				t.Errorf("got %+v", r)
			}
		}
	}
	s.Deny("list", "prometheusrules", true)
	_, err := c.PrometheusRules(t.Context(), kube.AllNamespaces, "")
	if want := `{apiGroups: ["monitoring.coreos.com"], resources: [prometheusrules], verbs: [list]}`; !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("got %v", err)
	}
}

func TestWatchOfTwoReplicas(t *testing.T) {
	s := fakeapi.New(t)
	labels := map[string]string{"app": "grafana"}
	a, b := s.AddPod("mimir", "a", labels, noon, "grafana"), s.AddPod("mimir", "b", labels, noon, "grafana")
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan string, 100)
	ended := make(chan error, 1)
	c := client(t, s.Kubeconfig(t, ""))
	go func() {
		ended <- c.WatchPods(ctx, "mimir", "app=grafana", func(p kube.Pod) {
			seen <- fmt.Sprintf("%s going=%v gone=%v restarts=%d", p.Name, p.Going, p.Gone, p.Containers[0].Restarts)
		})
	}()
	wait := func(want string) {
		t.Helper()
		for {
			select {
			case got := <-seen:
				if got == want {
					return
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("the watch does not tell: %s", want)
			}
		}
	}
	wait("a going=false gone=false restarts=0")
	wait("b going=false gone=false restarts=0")
	a.Terminate()
	wait("a going=true gone=false restarts=0")
	s.AddPod("mimir", "c", labels, noon, "grafana")
	wait("c going=false gone=false restarts=0")
	a.Delete()
	wait("a going=true gone=true restarts=0")
	s.Pages(0, 1) // the version is too old: pods are listed anew
	b.Restart("grafana", noon)
	wait("b going=false gone=false restarts=1")
	b.Terminate()
	wait("b going=true gone=false restarts=1")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	s.Deny("watch", "pods", true)
	if err := c.WatchPods(t.Context(), "mimir", "", func(kube.Pod) {}); err == nil || !strings.Contains(err.Error(), "verbs: [watch]") {
		t.Errorf("refused: %v", err)
	}
}
