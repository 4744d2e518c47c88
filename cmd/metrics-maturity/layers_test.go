package main

import (
	"go/build"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/metrics-maturity/metrics-maturity"

// layers is the import graph of this project: who may import whom. It speaks of code, not of tests. A new arrow is a
// decision: it belongs here, and into the design, before it is used.
func layers() map[string][]string {
	return map[string][]string{
		"collector/activity":   {},
		"collector/httpclient": {},
		"collector/kube":       {},
		"collector/lease":      {"collector/kube"},
		"collector/lines":      {"collector/httpclient", "collector/kube"},
		"collector/store":      {"collector/activity"},
		"collector/owner":      {"collector/activity"},
		"collector/testserver": {}, // for tests alone
		"collector":            {"collector/activity", "collector/lines", "collector/store"},
		"grafana":              {"collector/activity", "collector/httpclient"},
		"grafana/inventory":    {"collector/activity", "collector/httpclient", "grafana"},
		"prom":                 {"collector/activity", "collector/httpclient"},
		"prom/api":             {"collector/activity", "collector/httpclient", "prom/rules"},
		"prom/logs":            {"collector/activity"},
		"prom/resources":       {"collector/activity", "collector/kube", "prom/rules"},
		"prom/rules":           {"collector/activity", "collector/httpclient", "prom"},
		"prom/export":          {"collector/activity", "collector/httpclient", "stage"},
		"stage":                {"collector/activity"},
		"stage/sim":            {"collector/activity", "stage"},
		"deploy/gen":           {"stage"},
		"deploy/gen/schemas":   {},

		"collector/kube/fakeapi": {}, // for tests alone

		"cmd/metrics-maturity": {
			"collector", "collector/activity", "collector/httpclient", "collector/kube", "collector/lease", "collector/lines", "collector/owner", "collector/store",
			"grafana", "grafana/inventory", "prom", "prom/api", "prom/export", "prom/logs", "prom/resources", "prom/rules", "stage", "stage/sim",
		},
	}
}

func TestImportGraph(t *testing.T) {
	allowed := layers()
	found := imports(t, filepath.Join("..", ".."))
	for _, pkg := range slices.Sorted(maps.Keys(found)) {
		may, known := allowed[pkg]
		if !known {
			t.Errorf("package %s has no place in the graph: decide whom it may import, and who may import it", pkg)
			continue
		}
		for _, imported := range found[pkg] {
			if !slices.Contains(may, imported) {
				t.Errorf("%s imports %s, which the graph does not allow", pkg, imported)
			}
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(allowed)) {
		if _, ok := found[pkg]; !ok {
			t.Errorf("the graph has %s, and the code has not", pkg)
		}
	}
}

// TestStageIsPure holds the promise that the assessment is arithmetic only.
func TestStageIsPure(t *testing.T) {
	pkg, err := build.ImportDir(filepath.Join("..", "..", "stage"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, banned := range []string{"context", "database/sql", "io", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec"} {
		if slices.Contains(pkg.Imports, banned) {
			t.Errorf("stage imports %s", banned)
		}
	}
}

// imports returns, by folder, the packages of this module that the code in it imports.
func imports(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "testdata" || isModule(path)) {
			return filepath.SkipDir
		}
		pkg, err := build.ImportDir(path, 0)
		if err != nil || len(pkg.GoFiles) == 0 {
			return nil //nolint:nilerr // a folder without Go code
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		found[name] = nil
		for _, imported := range pkg.Imports {
			if inside, ok := strings.CutPrefix(imported, module+"/"); ok {
				found[name] = append(found[name], inside)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// isModule reports whether a folder is a module of its own, such as one of tools.
func isModule(dir string) bool {
	matches, err := filepath.Glob(filepath.Join(dir, "go.mod"))
	return err == nil && len(matches) > 0
}
