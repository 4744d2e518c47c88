package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCheckLooksAtBothEnds: the oldest and the newest line are told though only a part between them is read.
func TestCheckLooksAtBothEnds(t *testing.T) {
	t.Setenv(envHashKey, "a key that only tests know")
	path := writeConfig(t, "sources: [{name: grafana, type: grafana-log, files: [\"*.log*\"]}]\nteams: [{name: payments, members: [alice]}]\n")
	dir := filepath.Dir(path)
	now := time.Now().UTC().Truncate(time.Second)
	line := func(at time.Time) string {
		return fmt.Sprintf("logger=context userId=2 orgId=1 uname=alice t=%s level=info msg=\"Request Completed\" method=GET path=/api/search status=200 "+
			"remote_addr=127.0.0.1 time_ms=1 duration=1ms size=1 referer= handler=/api/search\n", at.Format(time.RFC3339))
	}
	for i := range 5 {
		var text bytes.Buffer
		begin := now.Add(-time.Duration(5-i) * 24 * time.Hour)
		for n := range 2 * sampleLines {
			text.WriteString(line(begin.Add(time.Duration(n) * 24 * time.Hour / (2 * sampleLines))))
		}
		name, content := filepath.Join(dir, fmt.Sprintf("%d.log", i)), text.Bytes()
		if i < 2 {
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			if _, err := w.Write(content); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			name, content = name+".gz", packed.Bytes()
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if at := begin.Add(24 * time.Hour); os.Chtimes(name, at, at) != nil {
			t.Fatal(name)
		}
	}
	var out, log bytes.Buffer
	if err := Run(t.Context(), []string{"check", "--config", path}, strings.NewReader(""), &out, &log); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &log)
	}
	oldest, newest := now.Add(-5*24*time.Hour), now.Add(-24*time.Hour/(2*sampleLines))
	if want := oldest.Format("2006-01-02 15:04Z") + "  " + newest.Format("2006-01-02 15:04Z"); !strings.Contains(out.String(), want) {
		t.Errorf("want %s in\n%s", want, &out)
	}
	if made, err := filepath.Glob(filepath.Join(dir, "*.db*")); err != nil || len(made) > 0 {
		t.Errorf("check left %v behind: %v", made, err)
	}
}

// TestCheckKnowsWhoAnswered: a server that is something else was reached; one that is not there was not.
func TestCheckKnowsWhoAnswered(t *testing.T) {
	t.Setenv(envHashKey, "a key that only tests know")
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>it works</html>") }))
	defer other.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	kubeconfig := func(server string) string {
		return "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: " + server + "}}]\nusers: [{name: u, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\ncurrent-context: c\n"
	}
	for _, c := range []struct {
		server  string
		reached bool
	}{{other.URL, true}, {gone.URL, false}} {
		path := writeConfig(t, fmt.Sprintf(`sources:
  - {name: loki, type: grafana-log, loki: {url: %[1]q, query: '{app="grafana"}', timeout: 300ms}}
  - {name: grafana, type: grafana-api, url: %[1]q, timeout: 300ms}
  - {name: prometheus, type: prometheus-api, url: %[1]q, timeout: 300ms}
  - {name: cluster, type: rules-kubernetes, kubernetes: {namespace: x, kubeconfig: cluster.yaml, timeout: 300ms}}
teams: [{name: payments, members: [alice]}]
`, c.server))
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "cluster.yaml"), []byte(kubeconfig(c.server)), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, log bytes.Buffer
		if err := Run(t.Context(), []string{"check", "--config", path, "--format", "json"}, strings.NewReader(""), &out, &log); err == nil {
			t.Errorf("no problem was found:\n%s", &out)
		}
		var got checkReport
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatalf("%v\n%s%s", err, &out, &log)
		}
		if len(got.Sources) != 4 {
			t.Errorf("%d sources", len(got.Sources))
		}
		for _, s := range got.Sources {
			if s.Reachable != c.reached {
				t.Errorf("%s: reached %v, want %v\n%s", s.Name, s.Reachable, c.reached, &out)
			}
		}
	}
}
