package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

func TestMain(m *testing.M) {
	testscript.Main(runner{m}, map[string]func(){"metrics-maturity": main})
}

// runner ends the servers that tests share when they have run.
type runner struct{ m *testing.M }

func (r runner) Run() int { return testserver.Main(r.m) }

// TestScripts runs every testdata/*.txtar: input, command and exact output of one behaviour together. Beside what
// testscript knows, scripts have "gitrepo DIR", which makes a repository of the files in DIR, in one commit.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "", // writes what came out into the scripts: read the difference
		Condition: func(cond string) (bool, error) {
			return cond == "root" && os.Geteuid() == 0, nil
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("METRICS_MATURITY_PRIVACY_HASH_KEY", "a key that only tests know")
			e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"gitrepo": gitrepo},
	})
}

// gitrepo makes a repository of a folder, in one commit by an author of fixed name and date.
func gitrepo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gitrepo DIR")
	}
	dir := ts.MkAbs(args[0])
	for _, line := range []string{"init -q -b main", "add -A", "commit -q -m rules"} {
		cmd := exec.Command("git", strings.Fields(line)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+filepath.Dir(dir),
			"GIT_AUTHOR_NAME=Alice A", "GIT_AUTHOR_EMAIL=alice@corp.example", "GIT_AUTHOR_DATE=2026-11-02T10:00:00Z",
			"GIT_COMMITTER_NAME=Alice A", "GIT_COMMITTER_EMAIL=alice@corp.example", "GIT_COMMITTER_DATE=2026-11-02T10:00:00Z")
		if out, err := cmd.CombinedOutput(); err != nil {
			ts.Fatalf("git %s: %v\n%s", line, err, out)
		}
	}
}
