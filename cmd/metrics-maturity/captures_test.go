package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCapturesInTextAndJSON reads what a real Grafana wrote, in both formats, through the whole program. What each person did is held
// to the truth in package grafana; here the two formats must give the same days, and nothing may be lost on the way to them.
func TestCapturesInTextAndJSON(t *testing.T) {
	common := []string{"view", "query", "edit", "rule", "annotation"}
	for _, c := range []struct {
		text, json string
		kinds      []string
	}{
		{"imitated.text.log", "imitated.json.log", common}, // its snapshot was refused
		{"browser.text.log", "browser.json.log", append(common, "share", "open", "silence", "comment")},
	} {
		t.Run(c.text, func(t *testing.T) {
			text, fromJSON := daysOf(t, grafanaSource(t, c.text)), daysOf(t, grafanaSource(t, c.json))
			if diff := cmp.Diff(text, fromJSON); diff != "" {
				t.Errorf("text and JSON logs differ:\n%s", diff)
			}
			kinds := map[string]bool{}
			for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
				var d dayRow
				if err := json.Unmarshal([]byte(line), &d); err != nil {
					t.Fatal(err)
				}
				kinds[string(d.Kind)] = true
			}
			for _, kind := range c.kinds {
				if !kinds[kind] {
					t.Errorf("no %s in %v", kind, slices.Sorted(maps.Keys(kinds)))
				}
			}
		})
	}
}

// TestCapturedQueryLogs holds the days of real query logs to an independent count.
func TestCapturedQueryLogs(t *testing.T) {
	for _, name := range []string{"query-2.42.log", "query-3.log"} {
		t.Run(name, func(t *testing.T) {
			path, err := filepath.Abs(filepath.Join("..", "..", "prom", "testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			var want struct{ evaluations, queries int64 }
			for line := range linesOf(t, path) {
				var l struct{ RuleGroup, HTTPRequest map[string]any }
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatal(err)
				}
				if l.RuleGroup != nil {
					want.evaluations++
				} else {
					want.queries++
				}
			}
			got := want
			got.evaluations, got.queries = 0, 0
			for _, line := range strings.Split(strings.TrimSpace(daysOf(t, "{name: promql, type: prometheus-query-log, files: ["+path+"]}")), "\n") {
				var d dayRow
				if err := json.Unmarshal([]byte(line), &d); err != nil {
					t.Fatal(err)
				}
				switch {
				case d.Reason == "rule_evaluation" && d.Outcome == "automated" && d.Subject == "":
					got.evaluations += d.Count
				case d.Kind == "query" && d.Outcome == "counted" && d.Team == "network" && d.Subject != "":
					got.queries += d.Count
				default:
					t.Errorf("unexpected: %s", line)
				}
			}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func grafanaSource(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "grafana", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return "{name: grafana, type: grafana-log, files: [" + path + "]}"
}

// daysOf collects one source, with a team for each person of the captures, and returns the days.
func daysOf(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	var teams strings.Builder
	for _, who := range []string{"admin", "alice", "bob", "carol", "dave", "erin", "frank"} {
		fmt.Fprintf(&teams, "  - {name: team-%s, members: [%s]}\n", who, who)
	}
	config := filepath.Join(dir, "metrics-maturity.yaml")
	text := "timezone: UTC\nstore: {url: \"sqlite:maturity.db\"}\nsources:\n  - " + source + "\nteams:\n" + teams.String() +
		"  - {name: network, clients: [127.0.0.0/8]}\nprivacy: {hash_key_file: key, min_team_size: 1}\n"
	for name, text := range map[string]string{config: text, filepath.Join(dir, "key"): "a key that only tests know\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runOK(t, "collect", "--config", config)
	return runOK(t, "days", "--config", config)
}

// runOK runs a command that must succeed, and returns what it wrote to stdout.
func runOK(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if err := Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); err != nil {
		t.Fatalf("metrics-maturity %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.String()
}

// linesOf returns the lines of a file.
func linesOf(t *testing.T, path string) func(func(string) bool) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return func(yield func(string) bool) {
		s := bufio.NewScanner(f)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			if !yield(s.Text()) {
				return
			}
		}
		if err := s.Err(); err != nil {
			t.Error(err)
		}
	}
}
