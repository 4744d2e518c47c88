// Command gen writes the files under deploy that are made from one place: the Grafana dashboard, and what the Helm chart holds
// of the dashboard and of the Prometheus rules. Run it in the repository's root, as `go run ./deploy/gen`; a test says when it
// was forgotten.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := write("deploy"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write writes every generated file below root.
func write(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the generated files by their path below root.
func generate(root string) (map[string][]byte, error) {
	dashboard, err := marshal(newDashboard())
	if err != nil {
		return nil, err
	}
	rules, err := os.ReadFile(filepath.Join(root, "prometheus", "metrics-maturity.rules.yaml"))
	if err != nil {
		return nil, err
	}
	const chart = "helm/metrics-maturity/files/"
	return map[string][]byte{
		"grafana/metrics-maturity.json":       dashboard,
		chart + "metrics-maturity.json":       dashboard,
		chart + "metrics-maturity.rules.yaml": rules,
	}, nil
}

// marshal writes JSON as a person would read it: PromQL has < and &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
