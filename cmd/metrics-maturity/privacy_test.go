package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

// TestNobodyIsNamed collects an organisation and the captures, asks for everything that the program can say, and looks for every
// login, e-mail, address, author and query text of the input in all of it, in the log, and in the files of the store.
func TestNobodyIsNamed(t *testing.T) {
	dir := t.TempDir()
	if _, err := sim.Generate(dir, sim.Options{Weeks: 16}); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, sim.ConfigFile)
	addCaptures(t, config)
	secrets := secretsOf(t, dir)
	if len(secrets) < 300 {
		t.Fatalf("only %d names, addresses and texts to look for: %v", len(secrets), slices.Sorted(maps.Keys(secrets)))
	}

	said := map[string][]byte{}
	say := func(args ...string) {
		var stdout, stderr bytes.Buffer
		if err := Run(t.Context(), append(args, "--config", config, "--log-level", "debug"), strings.NewReader(""), &stdout, &stderr); err != nil {
			t.Logf("metrics-maturity %s: %v", strings.Join(args, " "), err) // what it says is looked at all the same
			stderr.WriteString(err.Error())
		}
		said["metrics-maturity "+strings.Join(args, " ")] = append(stdout.Bytes(), stderr.Bytes()...)
	}
	say("collect")
	say("run")
	say("check")
	for _, format := range []string{"table", "json", "openmetrics", "html"} {
		say("report", "--history", "--format", format, "--as-of", "2026-11-23")
	}
	for _, format := range []string{"table", "json", "csv"} {
		say("report", "--dashboards", "--format", format, "--as-of", "2026-11-23")
	}
	for _, format := range []string{"ndjson", "csv"} {
		say("days", "--format", format)
	}
	var report struct{ Teams []struct{ Team string } }
	if err := json.Unmarshal([]byte(runOK(t, "report", "--config", config, "--format", "json", "--as-of", "2026-11-23")), &report); err != nil {
		t.Fatal(err)
	}
	for _, team := range report.Teams {
		say("explain", team.Team, "--as-of", "2026-11-23")
		say("explain", team.Team, "--format", "json", "--as-of", "2026-11-23")
	}
	maps.Copy(said, serveAll(t, config))
	for _, pattern := range []string{"*.db", "*.db-wal"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if said[filepath.Base(name)], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	var total int
	for _, text := range said {
		total += len(text)
	}
	if total < 1<<20 || len(said) < 39 {
		t.Fatalf("only %d bytes in %d places were looked at", total, len(said))
	}
	for where, text := range said {
		if found := secrets.in(text); len(found) > 0 {
			t.Errorf("%s names %q", where, found[:min(5, len(found))])
		}
	}
}

// secrets are words that must not be told, in lower case.
type secrets map[string]bool

var (
	uname    = regexp.MustCompile(`(?:\buname="?|"uname":")([^"\s]+)`)
	address  = regexp.MustCompile(`(?:remote_addr=|"remote_addr":"|"clientIP":")([0-9a-f.:]+)`)
	textOf   = regexp.MustCompile(`"query":"((?:[^"\\]|\\.)*)"`)
	panes    = regexp.MustCompile(`(?:panes|left)=([^"&\s]+)`)
	exprOf   = regexp.MustCompile(`"expr":"((?:[^"\\]|\\.)*)"`)
	token    = regexp.MustCompile(`[\w@.+-]+`)
	metricRE = regexp.MustCompile(`^[a-zA-Z_:][\w:]*$`)
)

// secretsOf reads them off the input by plain patterns, not with the program's own parsers.
func secretsOf(t *testing.T, dir string) secrets {
	t.Helper()
	s := secrets{}
	add := func(v string) {
		if v = strings.ToLower(strings.TrimSpace(v)); len(v) > 3 && !metricRE.MatchString(v) || looksLikeLogin(v) {
			s[v] = true
		}
	}
	for _, line := range logLines(t, dir) {
		for _, re := range []*regexp.Regexp{uname, address} {
			for _, m := range re.FindAllStringSubmatch(line, -1) {
				if m[1] != "127.0.0.1" { // where the captures ran, and where the test listens
					s[strings.ToLower(m[1])] = true
				}
			}
		}
		for _, m := range textOf.FindAllStringSubmatch(line, -1) {
			add(unquote(m[1]))
		}
		for _, m := range panes.FindAllStringSubmatch(line, -1) {
			text, err := url.QueryUnescape(m[1])
			if err != nil {
				continue
			}
			for _, e := range exprOf.FindAllStringSubmatch(text, -1) {
				add(unquote(e[1]))
				if plain, err := url.QueryUnescape(unquote(e[1])); err == nil {
					add(plain)
				}
			}
		}
	}
	out, err := exec.Command("git", "-C", filepath.Join(dir, sim.RulesRepo), "log", "--all", "--format=%an%n%ae").Output()
	if err != nil {
		t.Fatal(err)
	}
	for who := range strings.Lines(string(out)) {
		s[strings.ToLower(strings.TrimSpace(who))] = true
	}
	return s
}

func looksLikeLogin(v string) bool { return strings.Contains(v, "@") }

func unquote(s string) string {
	var v string
	if err := json.Unmarshal([]byte(`"`+s+`"`), &v); err != nil {
		return s
	}
	return v
}

// in returns which secrets stand in text: words as whole words, longer texts anywhere, also as they are in JSON and HTML.
func (s secrets) in(text []byte) []string {
	lower := strings.ToLower(string(text))
	words := map[string]bool{}
	for _, w := range token.FindAllString(lower, -1) {
		words[w] = true
		words[strings.Trim(w, ".-")] = true
	}
	var found []string
	for secret := range s {
		if token.FindString(secret) == secret {
			if words[secret] {
				found = append(found, secret)
			}
			continue
		}
		escaped, _ := json.Marshal(secret)
		for _, form := range []string{secret, strings.Trim(string(escaped), `"`), url.QueryEscape(secret)} {
			if strings.Contains(lower, form) {
				found = append(found, secret)
				break
			}
		}
	}
	slices.Sort(found)
	return found
}

// addCaptures adds the captures as sources of their own.
func addCaptures(t *testing.T, config string) {
	t.Helper()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	capture := func(parts ...string) string {
		path, err := filepath.Abs(filepath.Join(append([]string{"..", ".."}, parts...)...))
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(filepath.Dir(config), sim.LogFolder, "capture-"+filepath.Base(path))
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return to
	}
	more := "sources:\n  - {name: captured, type: grafana-log, files: [" + capture("grafana", "testdata", "browser.text.log") + ", " + capture("grafana", "testdata", "terminal.log") + "]}\n" +
		"  - {name: asked, type: prometheus-query-log, files: [" + capture("prom", "testdata", "query-3.log") + "]}\n"
	if !bytes.Contains(text, []byte("\nsources:\n")) {
		t.Fatal("the configuration has no list of sources")
	}
	if err := os.WriteFile(config, bytes.Replace(text, []byte("sources:\n"), []byte(more), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}

// logLines returns the lines of all logs, whatever their compression.
func logLines(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, sim.LogFolder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range files {
		cmd := exec.Command("cat", name)
		if strings.HasSuffix(name, ".gz") {
			cmd = exec.Command("gzip", "-dc", name)
		}
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Split(string(out), "\n")...)
	}
	return all
}

// serveAll starts the server and returns what its addresses answer.
func serveAll(t *testing.T, config string) map[string][]byte {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var log bytes.Buffer
	base, wait := startServer(t, ctx, config, &log)
	answers := map[string][]byte{}
	for _, path := range []string{
		"/metrics", "/", "/-/healthy", "/-/ready", "/dashboards", "/sources", "/teams/payments", "/teams/legacy",
		"/api/v1/report?history=true", "/api/v1/teams/payments", "/api/v1/dashboards", "/api/v1/sources",
	} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %v", path, resp.Status, err)
		}
		answers["GET "+path] = body
	}
	cancel()
	wait()
	answers["log of serve"] = log.Bytes()
	return answers
}

// startServer runs serve on a free port of loopback until ctx ends; wait returns when it has stopped.
func startServer(t *testing.T, ctx context.Context, config string, log *bytes.Buffer) (base string, wait func()) {
	t.Helper()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := Run(ctx, []string{"serve", "--config", config, "--listen", "127.0.0.1:0"}, strings.NewReader(""), io.Discard, w)
		done <- errors.Join(err, w.Close())
	}()
	address := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		s := bufio.NewScanner(r)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			log.Write(append(s.Bytes(), '\n'))
			if _, a, ok := strings.Cut(s.Text(), "msg=\"Listening on\" address="); ok {
				address <- strings.Fields(a)[0]
			}
		}
	}()
	select {
	case a := <-address:
		base = "http://" + a
	case err := <-done:
		t.Fatalf("serve ended: %v\n%s", err, log)
	case <-time.After(time.Minute):
		t.Fatal("serve does not listen")
	}
	for range 600 { // until the first assessment
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/-/ready", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if resp.StatusCode == http.StatusOK {
			return base, func() {
				if err := <-done; err != nil {
					t.Errorf("serve: %v", err)
				}
				<-read
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("serve does not become ready")
	return "", nil
}
