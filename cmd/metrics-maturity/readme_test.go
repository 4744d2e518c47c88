package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// blocks returns the fenced blocks of README.md by language.
func blocks(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, m := range regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
		out[m[1]] = append(out[m[1]], m[2])
	}
	return out
}

// TestReadmeIsTrue: the configuration is one, the queries are PromQL, and every command line has a command and flags that exist.
func TestReadmeIsTrue(t *testing.T) {
	b := blocks(t)
	if len(b["yaml"]) < 2 || len(b["promql"]) == 0 || len(b["sh"]) < 3 {
		t.Fatalf("too little is left of README.md: %d, %d, %d", len(b["yaml"]), len(b["promql"]), len(b["sh"]))
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "metrics-maturity.yaml")
	for name, text := range map[string]string{config: b["yaml"][0], filepath.Join(dir, "key"): "a key that only tests know\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := loadConfig(config, overrides{alone: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.hashKey(); err != nil || len(c.Sources) != 4 || len(c.Owner.Teams) != 1 {
		t.Errorf("%d sources, %d teams, %v", len(c.Sources), len(c.Owner.Teams), err)
	}
	for _, text := range b["yaml"][1:] {
		if !strings.HasPrefix(text, "sources:") {
			continue
		}
		if _, err := loadConfig(writeConfig(t, text), overrides{alone: true}); err != nil {
			t.Errorf("%s%v", text, err)
		}
	}
	p := parser.NewParser(parser.Options{})
	for line := range strings.Lines(strings.Join(b["promql"], "")) {
		query, _, _ := strings.Cut(line, "#")
		if _, err := p.ParseExpr(query); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
	for line := range strings.Lines(strings.Join(b["sh"], "")) {
		line, _, _ = strings.Cut(line, " #")
		_, args, ok := strings.Cut(" "+strings.TrimSpace(line), "metrics-maturity ")
		if program, _, _ := strings.Cut(strings.TrimSpace(line), " "); !ok || program != "metrics-maturity" && !strings.HasPrefix(line, "go run ") {
			continue // of another program: those of the chart are run by the tests of deploy
		}
		var stdout, stderr bytes.Buffer
		if err := Run(t.Context(), append(strings.Fields(args), "--help"), strings.NewReader(""), &stdout, &stderr); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}
