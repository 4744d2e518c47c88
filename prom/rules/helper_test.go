package rules

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// testRepo is a repository made by the real git, with a clock of its own: a commit an hour.
type testRepo struct {
	t     *testing.T
	dir   string
	clock time.Time
}

func newTestRepo(t *testing.T) *testRepo {
	t.Helper()
	return newTestRepoIn(t, filepath.Join(t.TempDir(), "rules"))
}

func newTestRepoIn(t *testing.T, dir string) *testRepo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := &testRepo{t: t, dir: dir, clock: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *testRepo) env() []string {
	date := r.clock.Format(time.RFC3339)
	return append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull,
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@corp.example", "GIT_AUTHOR_DATE="+date,
		"GIT_COMMITTER_NAME=Merge Queue", "GIT_COMMITTER_EMAIL=queue@corp.example", "GIT_COMMITTER_DATE="+date)
}

func (r *testRepo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = r.dir, r.env()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(string(out))
}

func (r *testRepo) write(path, content string) {
	r.t.Helper()
	full := filepath.Join(r.dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// commit commits everything in the work tree an hour after the last commit.
func (r *testRepo) commit(args ...string) {
	r.t.Helper()
	r.clock = r.clock.Add(time.Hour)
	r.git("add", "-A")
	r.git(append([]string{"commit", "-q", "--allow-empty", "-m", "change"}, args...)...)
}

func (r *testRepo) source() *Git {
	return &Git{Source: "rules", Repository: r.dir, Now: func() time.Time { return r.clock.Add(24 * time.Hour) }}
}

// collected is what a store would have after saves.
type collected struct {
	batch   activity.Batch
	cursor  []byte
	covered []activity.CoveredDay
	saves   int
}

func (c *collected) save(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error {
	c.batch.Events = append(c.batch.Events, b.Events...)
	c.batch.Rules = append(c.batch.Rules, b.Rules...)
	c.batch.Goals = append(c.batch.Goals, b.Goals...)
	c.batch.Malformed += b.Malformed
	c.cursor = cursor
	c.covered = append(c.covered, covered...)
	c.saves++
	return nil
}

func (c *collected) fetch(t *testing.T, g *Git) {
	t.Helper()
	if err := g.Fetch(context.Background(), c.cursor, c.save); err != nil {
		t.Fatal(err)
	}
}

// lines writes events as one line each.
func (c *collected) lines() []string {
	var out []string
	for _, e := range c.batch.Events {
		line := fmt.Sprintf("%s %s %s %s", e.Kind, e.Detail, e.Subject, e.Scope)
		if e.Robot != "" {
			line += " " + e.Robot
		}
		out = append(out, line)
	}
	return out
}

// cloneBundle makes a bare clone of the history of real rules, if it is there.
func cloneBundle(tb testing.TB) string {
	tb.Helper()
	bundle, err := filepath.Abs("../../../shared/capture/rules/rules-o11y.bundle")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := os.Stat(bundle); err != nil {
		tb.Skip("the history of real rules is not here")
	}
	dir := filepath.Join(tb.TempDir(), "o11y.git")
	out, err := exec.Command("git", "clone", "-q", "--bare", "--branch", "main", bundle, dir).CombinedOutput()
	if err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	return dir
}
