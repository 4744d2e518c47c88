package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// attacks are what anybody who can send a request, save a dashboard or commit a rule may call something.
func attacks() []string {
	return []string{
		`<script>alert("x")</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `'; DROP TABLE day; --`, `" OR 1=1 --`,
		`x"} or vector(1) or {a="`, `{{ .Secret }}`, `{{template "base"}}`, "\x1b[2J\x1b]0;owned\x07", "\u009b31mred", "\u202egnp.exe\u202c", "\u2066left\u2069",
		"=HYPERLINK(\"http://evil.example\")", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "a\nlevel=ERROR msg=forged", "a\r\nHTTP/1.1 200 OK",
		"nul\x00byte", "bad\xff\xfeutf8", "\xf0\x9f", "%s%n%d", "${jndi:ldap://evil.example}", "../../../etc/passwd", "--help", "$(touch /tmp/x)", "\u2028line", "\U000e0041tag",
		strings.Repeat("A", 10_000),
	}
}

// forged is a login that tries to end its line and begin another.
const forged = `eve" path=/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/forged/dto status=200 referer="http://g/d/forged/x"` + "\\n" +
	`logger=context userId=2 orgId=1 uname=alice t=2026-11-03T09:00:00Z level=info msg="Request Completed" path=/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/forged/dto`

// hostileLogs writes logs in which every name is an attack, as Grafana and Prometheus write them: quoted, in logfmt and JSON.
func hostileLogs(t *testing.T, dir string) {
	t.Helper()
	var text, object, queries bytes.Buffer
	for i, a := range append(attacks(), forged) {
		at := fmt.Sprintf("2026-11-%02dT09:%02d:00Z", i%14+2, i%60)
		path := "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/" + a + "/dto"
		referer := "http://g/d/" + a + "/x?orgId=1"
		fmt.Fprintf(&text, "logger=context userId=2 orgId=1 uname=%s t=%s level=info msg=\"Request Completed\" method=GET path=%s status=200 remote_addr=127.0.0.1 referer=%s handler=/apis/*\n",
			strconv.Quote(a), at, strconv.Quote(path), strconv.Quote(referer))
		line := map[string]any{"logger": "context", "userId": 2, "orgId": 1, "uname": "alice", "t": at, "level": "info", "msg": "Request Completed", "method": "GET",
			"path": path, "status": 200, "remote_addr": a, "referer": referer, "handler": "/apis/*"}
		data, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		object.Write(append(data, '\n'))
		fmt.Fprintf(&text, "%s\n", a) // and as a line of its own
		query := map[string]any{"ts": at, "params": map[string]any{"query": a, "start": at, "end": at, "step": 15},
			"httpRequest": map[string]any{"clientIP": a, "method": "GET", "path": "/api/v1/query"}}
		if data, err = json.Marshal(query); err != nil {
			t.Fatal(err)
		}
		queries.Write(append(data, '\n'))
	}
	for name, data := range map[string][]byte{"text.log": text.Bytes(), "json.log": object.Bytes(), "query.log": queries.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// hostileRules writes a repository whose files and rules are called by attacks.
func hostileRules(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q", "-b", "main")
	for i, a := range attacks() {
		name, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		file := strings.NewReplacer("/", "_", "\x00", "_").Replace(a)
		rule := fmt.Sprintf("groups: [{name: %[1]s, rules: [{alert: %[1]s, expr: up == %[2]d, labels: {team: %[1]s}}]}]\n", name, i)
		if err := os.WriteFile(filepath.Join(dir, file[:min(len(file), 200)]+".yaml"), []byte(rule), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "rules")
}

// git runs it on a repository of the test's own.
func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_NAME=Eve", "GIT_AUTHOR_EMAIL=eve@corp.example",
		"GIT_COMMITTER_NAME=Eve", "GIT_COMMITTER_EMAIL=eve@corp.example", "GIT_AUTHOR_DATE=2026-11-02T10:00:00Z", "GIT_COMMITTER_DATE=2026-11-02T10:00:00Z")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func TestHostileNames(t *testing.T) {
	dir := t.TempDir()
	hostileLogs(t, dir)
	hostileRules(t, filepath.Join(dir, "rules"))
	config := filepath.Join(dir, "c.yaml")
	for name, text := range map[string]string{filepath.Join(dir, "key"): "a key that only this test knows", config: `
sources:
  - {name: grafana, type: grafana-log, files: ["text.log", "json.log"]}
  - {name: promql, type: prometheus-query-log, files: ["query.log"]}
  - {name: rules, type: rules-git, repository: rules}
teams: [{name: payments, members: [alice, eve]}]
teams_from: ["rule_label:team"]
privacy: {hash_key_file: key, min_team_size: 1}
`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (stdout, stderr string) {
		t.Helper()
		var out, errs bytes.Buffer
		if err := Run(t.Context(), append(args, "--config", config), strings.NewReader(""), &out, &errs); err != nil {
			if args[0] != "check" { // what it finds is told
				t.Fatalf("%v: %v\n%s", args, err, errs.String())
			}
			printError(&errs, err)
		}
		return out.String(), errs.String()
	}
	said := map[string]string{}
	say := func(args ...string) string {
		out, log := run(args...)
		name := strings.Join(args, " ")
		said[name], said["log of "+name] = out, log
		return out
	}
	say("collect", "--log-level", "debug")
	_, jsonLog := run("collect", "--log-format", "json", "--log-level", "debug")
	said["log as JSON"] = jsonLog
	ndjson := say("days")
	sheet := say("days", "--format", "csv")
	metrics := say("report", "--format", "openmetrics", "--as-of", "2026-11-16")
	page := say("report", "--format", "html", "--as-of", "2026-11-16")
	report := say("report", "--format", "json", "--history", "--as-of", "2026-11-16")
	say("report", "--history", "--as-of", "2026-11-16")
	say("check")
	var r struct{ Teams []struct{ Team string } }
	if err := json.Unmarshal([]byte(report), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Teams) < 20 {
		t.Fatalf("only %d teams: the attacks did not arrive", len(r.Teams))
	}
	for _, team := range r.Teams[:12] {
		if strings.HasPrefix(team.Team, "-") {
			continue // an argument like this is a flag: the user writes -- before it
		}
		say("explain", team.Team, "--as-of", "2026-11-16")
	}

	for what, text := range said {
		if !utf8.ValidString(text) {
			t.Errorf("%s: not UTF-8", what)
		}
		for _, c := range text {
			if c != '\n' && c != '\t' && steers(c) {
				t.Errorf("%s: U+%04X gets through", what, c)
				break
			}
		}
	}
	for name, log := range said {
		if strings.HasPrefix(name, "log of") && regexp.MustCompile(`(?m)^(level=|a$|HTTP/)`).MatchString(log) {
			t.Errorf("%s: a forged line:\n%s", name, log)
		}
	}
	dashboards := map[string]int{}
	for line := range strings.Lines(ndjson) {
		var row struct{ Kind, Subject, Team string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if dashboards[row.Subject]++; row.Subject == "forged" {
			t.Errorf("a login became an act of its own: %s", line)
		}
	}
	if dashboards[`'; DROP TABLE day; --`] == 0 || dashboards[`{{ .Secret }}`] == 0 {
		t.Errorf("what was done is not there as it was: %d subjects", len(dashboards))
	}
	rows, err := csv.NewReader(strings.NewReader(sheet)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, c := range row {
			if c != "" && strings.ContainsAny(c[:1], "=+-@\t\r") {
				t.Errorf("a spreadsheet takes %q for a formula", c)
			}
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(strings.NewReader(strings.TrimSuffix(metrics, "# EOF\n"))); err != nil {
		t.Errorf("metrics: %v", err)
	}
	for _, tag := range []string{"<script>alert", "<img src=x", "onerror=alert(1)>"} {
		if strings.Contains(page, tag) {
			t.Errorf("the page has %s", tag)
		}
	}
}

// TestPlainWriter: however text is cut, the same comes out.
func TestPlainWriter(t *testing.T) {
	const text = "a\x1b[0m\u202eé\U0001f600\U000e0041\xff\n"
	for _, json := range []bool{false, true} {
		want := "a\ufffd[0m\ufffdé\U0001f600\ufffd\ufffd\n"
		if json {
			want = `a\u001b[0m\u202eé` + "\U0001f600" + `\udb40\udc41` + "\ufffd\n"
		}
		for size := 1; size <= len(text); size++ {
			var out bytes.Buffer
			w := &plainWriter{w: &out, json: json}
			for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
				if _, err := io.WriteString(w, rest[:min(size, len(rest))]); err != nil {
					t.Fatal(err)
				}
			}
			if out.String() != want {
				t.Errorf("in pieces of %d: %q, want %q", size, out.String(), want)
			}
		}
	}
}
