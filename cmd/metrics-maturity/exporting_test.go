package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// TestFailedExport: an export that fails does not stop the others; the run ends with 1, says which and what to do, and the next
// one makes up for it.
func TestFailedExport(t *testing.T) {
	var mu sync.Mutex
	status := map[string]int{"/metrics/job/metrics_maturity": http.StatusForbidden, "/api/v1/write": http.StatusBadRequest}
	requests := map[string]int{}
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		requests[r.URL.Path]++
		if user, password, _ := r.BasicAuth(); r.URL.Path != "/api/v1/write" && (user != "maturity" || password != "secret") {
			t.Errorf("%s as %q", r.URL.Path, user)
		}
		if code := status[r.URL.Path]; code != 0 {
			http.Error(w, "alice is not known here", code)
		}
	}))
	defer target.Close()
	dir, path := serveFiles(t, "export:\n  textfile: out.prom\n"+
		"  pushgateway: {url: \""+target.URL+"\", basic_auth: {username: maturity, password_file: password}}\n"+
		"  remote_write: {url: \""+target.URL+"/api/v1/write\"}\n")
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func() (string, int) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		err := Run(t.Context(), []string{"run", "--config", path}, strings.NewReader(""), &stdout, &stderr)
		if err != nil {
			printError(&stderr, err)
		}
		if strings.Contains(stderr.String(), "alice") || strings.Contains(stderr.String(), "secret") {
			t.Errorf("an answer or a password is quoted:\n%s", &stderr)
		}
		return stderr.String(), exitCode(err)
	}
	out, code := run()
	for _, want := range []string{
		"metrics-maturity: export.pushgateway: PUT " + target.URL + "/metrics/job/metrics_maturity: 403 Forbidden\nhint: ",
		"metrics-maturity: export.remote_write: POST " + target.URL + "/api/v1/write: 400 Bad Request\nhint: ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "out.prom"))
	if err != nil || code != exitFailed || !strings.Contains(string(text), `metrics_maturity_team_assessable{team="payments"} 0`) {
		t.Errorf("exit %d, %v, textfile:\n%s", code, err, text)
	}
	mu.Lock()
	clear(status)
	mu.Unlock()
	if out, code := run(); code != 0 || requests["/metrics/job/metrics_maturity"] != 2 || requests["/api/v1/write"] != 2 {
		t.Errorf("exit %d after %v:\n%s", code, requests, out)
	}
}

// TestRunsWithinASecond: the second of two runs says something else at another time, or a receiver refuses it.
func TestRunsWithinASecond(t *testing.T) {
	var sent []int64
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		packed, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		data, err := snappy.Decode(nil, packed)
		if err != nil {
			t.Error(err)
		}
		var request prompb.WriteRequest
		if err := request.Unmarshal(data); err != nil || len(request.Timeseries) == 0 {
			t.Errorf("%d series, %v", len(request.Timeseries), err)
			return
		}
		sent = append(sent, request.Timeseries[0].Samples[0].Timestamp)
	}))
	defer target.Close()
	_, path := serveFiles(t, "export: {remote_write: {url: \""+target.URL+"/api/v1/write\"}}\n")
	for range 2 {
		if err := Run(t.Context(), []string{"run", "--config", path}, strings.NewReader(""), io.Discard, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	if len(sent) != 2 || sent[0] >= sent[1] {
		t.Errorf("sent at %v", sent)
	}
}
