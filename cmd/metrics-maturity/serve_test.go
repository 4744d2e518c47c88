package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/prom/export"
)

// watch is a log that tells when a line comes by.
type watch struct {
	mu    sync.Mutex
	text  strings.Builder
	waits map[chan string]*regexp.Regexp
}

func (w *watch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	for ch, re := range w.waits {
		if m := re.FindStringSubmatch(w.text.String()); m != nil {
			ch <- m[len(m)-1]
			delete(w.waits, ch)
		}
	}
	return len(p), nil
}

// wait returns what the pattern's last group matched, as soon as it does.
func (w *watch) wait(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	ch := make(chan string, 1)
	w.mu.Lock()
	if m := re.FindStringSubmatch(w.text.String()); m != nil {
		w.mu.Unlock()
		return m[len(m)-1]
	}
	if w.waits == nil {
		w.waits = map[chan string]*regexp.Regexp{}
	}
	w.waits[ch] = re
	w.mu.Unlock()
	select {
	case found := <-ch:
		return found
	case <-t.Context().Done():
		t.Fatalf("nothing matched %s in:\n%s", pattern, w.String())
		return ""
	}
}

func (w *watch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// serveFiles writes a configuration, with more at its end, and two lines for it to read.
func serveFiles(t *testing.T, more string) (dir, path string) {
	t.Helper()
	t.Setenv(envHashKey, "a key that only tests know")
	path = writeConfig(t, leastConfig+"teams: [{name: payments, members: [alice]}]\n"+more)
	dir = filepath.Dir(path)
	line := `logger=context userId=2 orgId=1 uname=alice t=2026-11-16T09:0%d:00Z level=info msg="Request Completed" method=GET ` +
		`path=/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/abc/dto status=200 remote_addr=127.0.0.1 time_ms=17 duration=17ms size=5130 ` +
		`referer="http://127.0.0.1:3000/d/abc/checkout?orgId=1" handler=/apis/* status_source=server` + "\n"
	text := fmt.Sprintf(line, 0) + fmt.Sprintf(line, 5)
	if err := os.WriteFile(filepath.Join(dir, "grafana.log"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, path
}

// get asks the server and returns status, headers and body.
func get(t *testing.T, req *http.Request) (int, http.Header, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

func request(t *testing.T, address, path string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestServe(t *testing.T) {
	_, path := serveFiles(t, "")
	ctx, stop := context.WithCancel(t.Context())
	log := &watch{}
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, []string{"serve", "--config", path, "--listen", "127.0.0.1:0", "--interval", "1h"}, strings.NewReader(""), io.Discard, log)
	}()
	address := log.wait(t, `msg="Listening on" address=(\S+)`)
	log.wait(t, `msg=assessed`)
	for path, want := range map[string]string{
		"/-/healthy": "healthy",
		"/-/ready":   "ready",
		"/metrics":   `metrics_maturity_source_up{source="grafana"} 1`,
		"/":          "<title>Metrics maturity",
	} {
		status, header, body := get(t, request(t, address, path))
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
		if path == "/" && !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("the page may load anything: %v", header)
		}
	}
	if status, _, _ := get(t, request(t, address, "/elsewhere")); status != http.StatusNotFound {
		t.Errorf("/elsewhere: %d", status)
	}
	stop() // what SIGTERM does
	if err := <-ended; err != nil {
		t.Errorf("a clean stop ends with %v", err)
	}
	log.wait(t, `msg="stopped; the next run goes on from here"`)
}

// TestServeMistakes: what can't be served is said at once, not at the first request.
func TestServeMistakes(t *testing.T) {
	dir, path := serveFiles(t, "serve: {web_config: web.yaml, listen: \"127.0.0.1:0\"}\n")
	run := func(args ...string) error {
		return Run(t.Context(), append([]string{"serve", "--config", path}, args...), strings.NewReader(""), io.Discard, io.Discard)
	}
	if err := run(); err == nil || exitCode(err) != exitUsage || !strings.HasPrefix(err.Error(), "serve.web_config: ") {
		t.Errorf("missing web configuration: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "web.yaml"), []byte("basic_auth_user: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(); err == nil || exitCode(err) != exitUsage || !strings.HasPrefix(err.Error(), "serve.web_config: ") {
		t.Errorf("wrong web configuration: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "web.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run("--listen", "nowhere:port"); err == nil || exitCode(err) != exitUsage || !strings.HasPrefix(err.Error(), "serve.listen: ") {
		t.Errorf("wrong address: %v", err)
	}
	if err := run("--interval", "often"); err == nil || exitCode(err) != exitUsage || !strings.HasPrefix(err.Error(), "--interval: ") {
		t.Errorf("wrong interval: %v", err)
	}
}

// TestNotReady: before the first assessment nothing is shown that could be taken for an answer.
func TestNotReady(t *testing.T) {
	s := newServer(&app{}, nil)
	if err := s.refresh(func(*export.Snapshot) {}); err != nil {
		t.Fatal(err)
	}
	h := s.handler()
	for path, want := range map[string]int{
		"/-/healthy": http.StatusOK, "/-/ready": http.StatusServiceUnavailable, "/": http.StatusServiceUnavailable, "/metrics": http.StatusOK,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
		if path == "/metrics" && strings.Contains(w.Body.String(), "metrics_maturity_team") {
			t.Errorf("/metrics speaks of teams before the first assessment:\n%s", w.Body)
		}
	}
}
