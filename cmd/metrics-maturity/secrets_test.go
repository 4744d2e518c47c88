package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// planted are the secrets of TestSecretsStayWhereTheyAre, by where they are put.
func planted() map[string]string {
	secrets := map[string]string{}
	for _, place := range []string{"key", "token", "loki-password", "push-password", "write-password", "store-password", "address-password", "git-password", "answer"} {
		secrets[place] = "planted-" + strings.ReplaceAll(place, "-", "") + "-7Qx3Zr9"
	}
	return secrets
}

// TestSecretsStayWhereTheyAre puts a secret into everything that takes one, and looks for them in all that is said, also where every
// server refuses, and quotes in its answer what it was sent.
func TestSecretsStayWhereTheyAre(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for servers that refuse")
	}
	secrets := planted()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `{"message": "%s %s %s"}`, secrets["answer"], r.Header.Get("Authorization"), r.URL)
	}))
	defer server.Close()
	dir := t.TempDir()
	for name, secret := range secrets {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "a.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(server.URL, "http://")
	sources := "  - {name: logs, type: grafana-log, files: [a.log]}\n" +
		"  - {name: api, type: grafana-api, url: %[1]q, token_file: token}\n" +
		"  - {name: prom, type: prometheus-api, url: %[1]q, token_file: token}\n" +
		"  - {name: loki, type: grafana-log, loki: {url: %[1]q, query: '{a=\"b\"}', basic_auth: {username: u, password_file: loki-password}}}\n" +
		"  - {name: git, type: rules-git, repository: \"https://u:" + secrets["git-password"] + "@" + host + "/r.git\"}\n"
	exports := "export: {pushgateway: {url: %[1]q, basic_auth: {username: u, password_file: push-password}}, " +
		"remote_write: {url: \"%[1]s/api/v1/write\", basic_auth: {username: u, password_file: write-password}}}\n"
	configs := map[string]string{
		"all":        fmt.Sprintf("sources:\n"+sources+exports, server.URL),
		"no-git":     fmt.Sprintf("sources:\n"+strings.Join(strings.SplitAfter(sources, "\n")[:4], "")+exports, server.URL),
		"address":    fmt.Sprintf("sources:\n  - {name: api, type: grafana-api, url: \"http://u:%s@%s\"}\n", secrets["address-password"], host),
		"push":       fmt.Sprintf("sources:\n"+"  - {name: logs, type: grafana-log, files: [a.log]}\n"+"export: {pushgateway: \"http://u:%s@%s\"}\n", secrets["address-password"], host),
		"postgres":   "sources:\n  - {name: logs, type: grafana-log, files: [a.log]}\nstore: {url: \"postgres://u@127.0.0.1:1/d?connect_timeout=1\", password_file: store-password}\n",
		"postgres-2": fmt.Sprintf("sources:\n  - {name: logs, type: grafana-log, files: [a.log]}\nstore: {url: \"postgres://u:%s@127.0.0.1:1\"}\n", secrets["address-password"]),
		"postgres-3": fmt.Sprintf("sources:\n  - {name: logs, type: grafana-log, files: [a.log]}\nstore: {url: \"mysql://u:%s@127.0.0.1:1/d\"}\n", secrets["address-password"]),
	}
	said := map[string]string{}
	for name, text := range configs {
		path := filepath.Join(dir, name+".yaml")
		text += "teams: [{name: legacy, members: [alice]}, {name: payments, members: [bob]}]\nprivacy: {hash_key_file: key}\n" // serveAll asks for these teams
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		commands := [][]string{{"run"}, {"check"}, {"report", "--format", "json"}, {"report", "--format", "html"}, {"held", "--login", "alice"}}
		if name == "postgres" {
			commands = commands[2:3] // it is waited for the server for minutes
		}
		for _, args := range commands {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			var out bytes.Buffer
			if err := Run(ctx, append(args, "--config", path, "--log-level", "debug"), strings.NewReader(""), &out, &out); err != nil {
				printError(&out, err)
			}
			cancel()
			said[name+" "+strings.Join(args, " ")] = out.String()
		}
	}
	for place, text := range serveAll(t, filepath.Join(dir, "no-git.yaml")) {
		said[place] = string(text)
	}
	for what, text := range said {
		for place, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s tells the secret of %s:\n%s", what, place, text)
			}
		}
	}
	if !strings.Contains(said["no-git run"], "403") && !strings.Contains(said["no-git run"], "refused") {
		t.Errorf("nothing was refused, so little was tried:\n%s", said["no-git run"])
	}
}
