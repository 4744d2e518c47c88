package rules

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestKindsOfRepositories(t *testing.T) {
	r := threeCommits(t)
	parent := t.TempDir()
	bare := filepath.Join(parent, "bare", "rules.git")
	r.git("clone", "-q", "--bare", r.dir, bare)
	bundle := filepath.Join(parent, "rules.bundle")
	r.git("bundle", "create", "-q", bundle, "main")
	link := filepath.Join(parent, "link")
	if err := os.Symlink(r.dir, link); err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(parent, "trees", "rules")
	r.git("worktree", "add", "-q", "-b", "copy", tree)
	for name, at := range map[string]string{
		"clone": r.dir, "its .git": filepath.Join(r.dir, ".git"), "bare": bare, "bundle": bundle, "file URL": "file://" + r.dir,
		"symbolic link": link, "work tree": tree,
	} {
		t.Run(name, func(t *testing.T) {
			g := r.source()
			g.Repository, g.CacheDir = at, filepath.Join(t.TempDir(), "not", "there yet")
			var got collected
			for range 2 {
				got.fetch(t, g)
				if diff := cmp.Diff(threeEvents, got.lines()); diff != "" {
					t.Fatalf("want (-), got (+):\n%s", diff)
				}
			}
		})
	}
}

func TestURLIsFetchedEachTime(t *testing.T) {
	r := threeCommits(t)
	g := r.source()
	g.Repository, g.CacheDir = "file://"+r.dir, t.TempDir()
	var got collected
	got.fetch(t, g)
	r.write("c.yaml", ruleFile("C", 1))
	r.commit()
	got.fetch(t, g)
	r.rebase()
	r.write("d.yaml", ruleFile("D", 1))
	r.commit()
	got.fetch(t, g)
	g.CacheDir = t.TempDir() // lost: cloned anew
	r.rebase()
	got.fetch(t, g)
	want := slices.Concat(threeEvents, []string{"rule added C rules:c.yaml", "rule added D rules:d.yaml"})
	if diff := cmp.Diff(want, got.lines()); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func TestRefs(t *testing.T) {
	r := threeCommits(t)
	r.git("tag", "-a", "-m", "x", "v1", "HEAD~1")
	r.git("branch", "old", "HEAD~2")
	for ref, n := range map[string]int{"": 3, "main": 3, "v1": 2, "old": 1, "refs/heads/old": 1} {
		for _, at := range []string{r.dir, "file://" + r.dir} {
			g := r.source()
			g.Repository, g.Ref, g.CacheDir = at, ref, t.TempDir()
			var got collected
			got.fetch(t, g)
			if len(got.batch.Events) != n {
				t.Errorf("ref %q of %s: %d events, want %d", ref, at, len(got.batch.Events), n)
			}
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	r := threeCommits(t)
	empty := newTestRepo(t)
	inside := filepath.Join(r.dir, "inside")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("no bundle"), 0o600); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	for name, c := range map[string]struct {
		git  Git
		want string
	}{
		"empty":          {Git{}, "repository is empty"},
		"no such folder": {Git{Repository: filepath.Join(r.dir, "none")}, "does not exist"},
		"no repository":  {Git{Repository: t.TempDir()}, "top folder of a clone"},
		"inside one":     {Git{Repository: inside}, "top folder of a clone"},
		"no commit":      {Git{Repository: empty.dir}, "no commit yet"},
		"no commit, URL": {Git{Repository: "file://" + empty.dir, CacheDir: cache}, "no commit yet"},
		"no ref":         {Git{Repository: r.dir, Ref: "prod"}, `ref "prod" does not exist` + "\nhint: there are main"},
		"no ref, URL":    {Git{Repository: "file://" + r.dir, Ref: "prod", CacheDir: cache}, `ref "prod" does not exist` + "\nhint: there are main"},
		"no bundle":      {Git{Repository: file, CacheDir: cache}, "can't be reached"},
		"no cache":       {Git{Repository: "https://git.example/rules.git"}, "cache folder"},
		"dash":           {Git{Repository: "--upload-pack=touch x"}, "must not begin with a dash"},
		"dash ref":       {Git{Repository: r.dir, Ref: "--all"}, "must not begin with a dash"},
		"helper":         {Git{Repository: "ext::sh -c id"}, "helper is not allowed"},
		"http":           {Git{Repository: "http://u:secret@git.example/rules.git"}, "transport http is not allowed"},
		"ssh option":     {Git{Repository: "ssh://-oProxyCommand=id/x"}, "no host"},
		"unreachable":    {Git{Repository: "https://token:secret@127.0.0.1:1/rules.git", CacheDir: cache}, "can't be reached"},
		"bad glob":       {Git{Repository: r.dir, Paths: []string{"[a"}}, "not a glob"},
		"no credentials": {Git{Repository: "https://127.0.0.1:1/x", CacheDir: cache, CredentialsFile: file + "x"}, "credentials file"},
	} {
		t.Run(name, func(t *testing.T) {
			var got collected
			err := c.git.Fetch(context.Background(), nil, got.save)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("error %v, want %q and a hint", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("error tells a password: %v", err)
			}
			if got.saves != 0 {
				t.Error("something was saved")
			}
		})
	}
	t.Run("no git", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		err := r.source().Fetch(context.Background(), nil, nil)
		if err == nil || !strings.Contains(err.Error(), "hint: install git") {
			t.Error(err)
		}
	})
}

// Whatever a repository holds, reading it runs nothing of it, and odd names are names.
func TestHostileRepository(t *testing.T) {
	r := newTestRepo(t)
	marker := filepath.Join(t.TempDir(), "ran")
	run := "touch " + marker
	odd := "od\nd \"na'me\" \xff{}.yaml"
	r.write(odd, ruleFile("Odd", 1))
	r.write("sub/--help.yaml", ruleFile("Dash", 1))
	r.write("plain.yaml", ruleFile("Plain", 1))
	r.write(".gitattributes", "*.yaml diff=evil filter=evil\n")
	if err := os.Symlink("/etc/passwd", filepath.Join(r.dir, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	r.commit()
	r.git("update-index", "--add", "--cacheinfo", "160000,"+r.git("rev-parse", "HEAD")+",module.yaml")
	r.git("commit", "-q", "-m", "submodule")
	r.git("rm", "-q", "--cached", "plain.yaml")
	r.git("update-index", "--add", "--cacheinfo", "120000,"+r.git("rev-parse", "HEAD:plain.yaml")+",plain.yaml")
	r.git("commit", "-q", "-m", "a file becomes a link")
	for _, kv := range [][2]string{
		{"core.fsmonitor", run}, {"core.pager", run}, {"core.sshCommand", run}, {"diff.external", run}, {"diff.evil.textconv", run},
		{"filter.evil.smudge", run}, {"filter.evil.clean", run}, {"core.hooksPath", filepath.Join(r.dir, "hooks")},
		{"gpg.program", run}, {"log.showSignature", "true"}, {"credential.helper", "!" + run}, {"alias.rev-list", "!" + run},
		{"remote.origin.url", "ext::" + run}, {"remote.origin.promisor", "true"}, {"extensions.partialClone", "origin"},
		{"diff.renames", "copies"}, {"log.showRoot", "false"}, {"mailmap.file", filepath.Join(r.dir, "mailmap")},
	} {
		r.git("config", kv[0], kv[1])
	}
	r.write("mailmap", "Eve <eve@corp.example> <ann@corp.example>\n")
	r.write("hooks/post-index-change", "#!/bin/sh\n"+run+"\n")
	if err := os.Chmod(filepath.Join(r.dir, "hooks/post-index-change"), 0o755); err != nil {
		t.Fatal(err)
	}
	var got collected
	got.fetch(t, r.source())
	want := []string{"rule added Dash rules:sub/--help.yaml", "rule added Odd rules:" + odd, "rule added Plain rules:plain.yaml", "rule removed Plain rules:plain.yaml"}
	if diff := cmp.Diff(want, got.lines()); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	if got.batch.Events[0].Who.Email != "ann@corp.example" {
		t.Errorf("author %v", got.batch.Events[0].Who)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("the repository ran a command")
	}
}

func TestCancel(t *testing.T) {
	r := threeCommits(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var got collected
	if err := r.source().Fetch(ctx, nil, got.save); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	// A server that never answers.
	r.write("slow", "#!/bin/sh\nsleep 60\n")
	if err := os.Chmod(filepath.Join(r.dir, "slow"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_SSH", filepath.Join(r.dir, "slow"))
	ctx, cancel = context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	g := &Git{Repository: "ssh://host.invalid/x", CacheDir: t.TempDir()}
	start := time.Now()
	if err := g.Fetch(ctx, nil, got.save); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("stopped after %v", d)
	}
}

func TestBaseName(t *testing.T) {
	for in, want := range map[string]string{
		"/srv/rules": "rules", "/srv/rules/": "rules", "/srv/rules.git": "rules", "/srv/rules/.git": "rules", "x/rules.bundle": "rules",
		"https://h/org/rules.git": "rules", "git@h:rules.git": "rules", "git@h:org/rules": "rules", "ssh://h/rules/": "rules", "/": "repository",
	} {
		if got := baseName(in); got != want {
			t.Errorf("baseName(%q) = %q, want %q", in, got, want)
		}
	}
}
