package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStoppedServe: a server that is stopped while it collects ends soon, keeps how far it was, and goes on there: stopped again and
// again, what is stored is what one run stores.
func TestStoppedServe(t *testing.T) {
	dir, path := serveFiles(t, "serve: {listen: \"127.0.0.1:0\"}\n")
	log := manyViews()
	if err := os.WriteFile(filepath.Join(dir, "grafana.log"), log, 0o600); err != nil {
		t.Fatal(err)
	}
	for stop := 10 * time.Millisecond; stop < 100*time.Millisecond; stop += 10 * time.Millisecond {
		ctx, cancel := context.WithCancel(t.Context())
		log, ended := &watch{}, make(chan error, 1)
		go func() { ended <- Run(ctx, []string{"serve", "--config", path}, strings.NewReader(""), io.Discard, log) }()
		log.wait(t, `Listening on`)
		time.Sleep(stop)
		cancel()
		began := time.Now()
		if err := <-ended; err != nil {
			t.Fatalf("stopped after %v: %v\n%s", stop, err, log)
		}
		if took := time.Since(began); took > shutdownTimeout {
			t.Errorf("stopped after %v, it took %v to end", stop, took)
		}
	}
	runCommand(t, "run", "--config", path)

	whole, other := serveFiles(t, "")
	if err := os.WriteFile(filepath.Join(whole, "grafana.log"), log, 0o600); err != nil {
		t.Fatal(err)
	}
	runCommand(t, "run", "--config", other)
	if got, want := storedDays(t, path), storedDays(t, other); got != want || strings.Count(want, "\n") < 40 {
		t.Errorf("stopped often:\n%s\nonce:\n%s", got, want)
	}
}

// manyViews is a log of two months, of some megabytes.
func manyViews() []byte {
	var b bytes.Buffer
	at := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	for i := range 40_000 {
		fmt.Fprintf(&b, `logger=context userId=2 orgId=1 uname=alice t=%s level=info msg="Request Completed" method=GET `+
			`path=/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/abc/dto status=200 remote_addr=127.0.0.1 time_ms=17 duration=17ms size=5130 `+
			`referer="http://127.0.0.1:3000/d/abc/checkout?orgId=1" handler=/apis/* status_source=server`+"\n", at.Add(time.Duration(i)*2*time.Minute).Format(time.RFC3339))
	}
	return b.Bytes()
}

func storedDays(t *testing.T, config string) string {
	t.Helper()
	var stdout bytes.Buffer
	if err := Run(t.Context(), []string{"days", "--config", config}, strings.NewReader(""), &stdout, io.Discard); err != nil {
		t.Fatal(err)
	}
	return stdout.String()
}
