package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// TestLoad runs the load script on a very small share of the organisation's lines, so that it stays in order: logs, one and two
// collectors on one PostgreSQL, kills, a longer history, what each kind of line costs.
func TestLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	versions, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		t.Fatal(err)
	}
	testserver.Installed(t, "initdb", "postgresql", versions...)
	binary, load := buildBinary(t), filepath.Join(t.TempDir(), "load")
	if out, err := exec.Command("go", "build", "-o", load, "./testdata/load").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cmd := exec.Command(load, "-binary", binary, "-dir", t.TempDir(), "-share", "0.0005", "-servers", "2", "-shards", "1,2", "-kills", "2", "-history", "9,20", "-kinds")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("\n%s", out)
	for what, times := range map[string]int{"| first ": 1, "| equal ": 2, "| report over ": 2, "forgotten |": 1, "| a new text |": 1} {
		if got := strings.Count(string(out), what); got != times {
			t.Errorf("%q is said %d times, want %d", what, got, times)
		}
	}
}
