package testserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Loki is a real Loki, with one tenant and its data in a folder of the test.
type Loki struct {
	*Server
	URL string

	t      testing.TB
	binary string
	config string
}

// LokiLine is a line to be pushed, with its time in nanoseconds since 1970.
type LokiLine struct {
	At   int64
	Line string
}

// lokiConfig takes two ports, the folder, and how many lines a query may ask for.
const lokiConfig = `auth_enabled: false
server: {http_listen_address: 127.0.0.1, http_listen_port: %[1]s, grpc_listen_address: 127.0.0.1, grpc_listen_port: %[2]s, log_level: error,
  grpc_server_max_recv_msg_size: 104857600, grpc_server_max_send_msg_size: 104857600}
common:
  instance_addr: 127.0.0.1
  path_prefix: %[3]s
  replication_factor: 1
  ring: {kvstore: {store: inmemory}}
  storage: {filesystem: {chunks_directory: %[3]s/chunks, rules_directory: %[3]s/rules}}
ingester: {lifecycler: {min_ready_duration: 0s, final_sleep: 0s}}
schema_config: {configs: [{from: 2020-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: index_, period: 24h}}]}
limits_config: {reject_old_samples: false, ingestion_rate_mb: 1000, ingestion_burst_size_mb: 1000, per_stream_rate_limit: 1GB,
  per_stream_rate_limit_burst: 1GB, max_entries_limit_per_query: %[4]d}
analytics: {reporting_enabled: false}
`

// StartLoki starts a Loki that gives at most limit lines at once.
func StartLoki(t testing.TB, limit int) *Loki {
	t.Helper()
	l := &Loki{t: t, binary: Built(t, "loki")}
	dir := t.TempDir()
	web, grpc := port(t), port(t)
	l.URL = "http://127.0.0.1:" + web
	l.config = filepath.Join(dir, "loki.yaml")
	if err := os.WriteFile(l.config, fmt.Appendf(nil, lokiConfig, web, grpc, filepath.Join(dir, "data"), limit), 0o600); err != nil {
		t.Fatal(err)
	}
	l.Restart()
	return l
}

func port(t testing.TB) string {
	t.Helper()
	_, port, err := net.SplitHostPort(Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Restart starts Loki, on the same address and data, once it has ended.
func (l *Loki) Restart() {
	l.t.Helper()
	cmd := exec.Command(l.binary, "-config.file="+l.config) //nolint:noctx // ends with the test
	l.Server = Start(l.t, cmd, 2*time.Minute, Answers(l.URL+"/ready"))
}

// Push sends lines of one stream.
func (l *Loki) Push(labels map[string]string, lines []LokiLine) {
	l.t.Helper()
	const most = 10000 // of one request
	for len(lines) > 0 {
		n := min(most, len(lines))
		values := make([][2]string, n)
		for i, line := range lines[:n] {
			values[i] = [2]string{strconv.FormatInt(line.At, 10), line.Line}
		}
		lines = lines[n:]
		body, err := json.Marshal(map[string]any{"streams": []any{map[string]any{"stream": labels, "values": values}}})
		if err != nil {
			l.t.Fatal(err)
		}
		if err := post(l.t.Context(), l.URL+"/loki/api/v1/push", body); err != nil {
			l.t.Fatal(err)
		}
	}
}

// Settle waits until so many lines of the last week can be read of a selector: old lines are only to be had once they are flushed.
func (l *Loki) Settle(selector string, lines int) {
	l.t.Helper()
	if err := post(l.t.Context(), l.URL+"/flush", nil); err != nil {
		l.t.Fatal(err)
	}
	count := l.URL + "/loki/api/v1/query?query=" + url.QueryEscape("sum(count_over_time("+selector+"[7d]))")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		got, err := l.number(count)
		switch {
		case err != nil:
			l.t.Fatal(err)
		case got == strconv.Itoa(lines):
			return
		case time.Now().After(deadline):
			l.t.Fatalf("Loki has %q lines of %s, want %d", got, selector, lines)
		}
	}
}

// number asks for a vector, and returns the value of its one sample.
func (l *Loki) number(address string) (string, error) {
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Data.Result) == 0 {
		return "", err
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1]), nil
}

func post(ctx context.Context, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, text)
	}
	return err
}
