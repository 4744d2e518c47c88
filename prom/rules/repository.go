package rules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// repository is an opened repository: readable, with the commit to read up to.
type repository struct {
	run     runner
	name    string          // base name without .git: the first part of every scope
	tip     string          // commit that the ref points to
	shallow map[string]bool // commits whose parents a shallow clone left out; nil if it is none
}

// open finds the repository, or clones and fetches it, and resolves the ref.
func (g *Git) open(ctx context.Context) (*repository, error) {
	bin, err := gitBinary()
	if err != nil {
		return nil, err
	}
	if g.Repository == "" {
		return nil, errors.New("repository is empty\nhint: give a folder, or a URL that begins with https:// or ssh://")
	}
	for what, s := range map[string]string{"repository": g.Repository, "ref": g.Ref} {
		if strings.HasPrefix(s, "-") || strings.ContainsAny(s, "\x00\n\r") {
			return nil, fmt.Errorf("%s %q is not a name that git takes\nhint: it must not begin with a dash or hold control characters", what, s)
		}
	}
	at, isURL, err := parseRemote(g.Repository)
	if err != nil {
		return nil, err
	}
	repo := &repository{run: runner{bin: bin}, name: baseName(g.Repository)}
	if isURL {
		return repo, g.fetch(ctx, repo, at)
	}
	dir, err := filepath.Abs(g.Repository)
	if err != nil {
		return nil, fmt.Errorf("repository %s: %w", g.Repository, err)
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("repository %s does not exist\nhint: paths are relative to the configuration file", dir)
	case err != nil:
		return nil, fmt.Errorf("repository: %w\nhint: the user that runs this must be able to read it", err)
	case !info.IsDir():
		return repo, g.fetch(ctx, repo, dir)
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved // git compares real paths
	}
	repo.name = baseName(dir)
	repo.run.dir, repo.run.safe = dir, []string{dir, strings.TrimSuffix(dir, "/.git")}
	if _, err := repo.run.output(ctx, "rev-parse", "--git-dir"); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, fmt.Errorf("repository %s can't be read: %w\nhint: give the top folder of a clone, or a bare repository, that the user who runs this can read", dir, err)
	}
	if repo.tip, err = repo.local(ctx, g.Ref); err != nil {
		return nil, fmt.Errorf("repository %s: %w", dir, err)
	}
	return repo, repo.findShallow(ctx)
}

// local resolves ref in a repository that somebody else keeps up to date.
func (r *repository) local(ctx context.Context, ref string) (string, error) {
	names := []string{"refs/heads/" + ref, "refs/remotes/origin/" + ref, "refs/tags/" + ref, ref}
	if ref == "" {
		names = []string{"HEAD"}
	}
	for _, name := range names {
		id, err := r.resolve(ctx, name)
		if id != "" || err != nil {
			return id, err
		}
	}
	out, err := r.run.output(ctx, "for-each-ref", "--count=100", "--format=%(objectname) %(refname)", "refs/heads", "refs/remotes/origin")
	if err != nil {
		return "", err
	}
	heads := parseRefs(out)
	if ref == "" {
		if id, _ := defaultBranch(heads); id != "" {
			return id, nil
		}
	}
	return "", missingRef(ref, heads)
}

// resolve returns the commit that name stands for, or nothing.
func (r *repository) resolve(ctx context.Context, name string) (string, error) {
	out, err := r.run.output(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	var exit *exec.ExitError
	var said *gitError
	if err != nil && !errors.As(err, &exit) && !errors.As(err, &said) {
		return "", err // git did not run; otherwise it says by its exit code that there is none
	}
	id := strings.TrimSpace(out)
	if !isHash(id) {
		return "", nil
	}
	return id, nil
}

// has tells which of ids are commits of the repository.
func (r *repository) has(ctx context.Context, ids []string) ([]string, error) {
	var out []string
	for _, id := range ids {
		found, err := r.resolve(ctx, id)
		if err != nil {
			return nil, err
		}
		if found != "" {
			out = append(out, found)
		}
	}
	return out, nil
}

// contains reports whether old is tip or one of its ancestors.
func (r *repository) contains(ctx context.Context, tip, old string) (bool, error) {
	_, err := r.run.output(ctx, "merge-base", "--is-ancestor", old, tip)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	var said *gitError
	if errors.As(err, &said) && said.code != 1 {
		return false, err
	}
	return err == nil, nil
}

func (r *repository) findShallow(ctx context.Context) error {
	out, err := r.run.output(ctx, "rev-parse", "--git-path", "shallow")
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(out, "\n")
	if !filepath.IsAbs(name) {
		name = filepath.Join(r.run.dir, name)
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("repository: %w", err)
	}
	for id := range strings.FieldsSeq(string(data)) {
		if r.shallow == nil {
			r.shallow = map[string]bool{}
		}
		r.shallow[id] = true
	}
	return nil
}

type reference struct{ id, name string }

// parseRefs reads lines of an object's name, space or tab, and a reference name.
func parseRefs(out string) []reference {
	var refs []reference
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 2 && isHash(f[0]) {
			refs = append(refs, reference{f[0], f[1]})
		}
	}
	return refs
}

// defaultBranch is the branch that is meant where no HEAD says so.
func defaultBranch(refs []reference) (id, name string) {
	if len(refs) == 1 {
		return refs[0].id, refs[0].name
	}
	for _, want := range []string{"main", "master"} {
		for _, r := range refs {
			if r.name == "refs/heads/"+want || r.name == "refs/remotes/origin/"+want {
				return r.id, r.name
			}
		}
	}
	return "", ""
}

func missingRef(ref string, refs []reference) error {
	if len(refs) == 0 {
		return errors.New("there is no commit yet\nhint: commit and push the rule files first")
	}
	var names []string
	for _, r := range refs {
		names = append(names, strings.TrimPrefix(r.name, "refs/heads/"))
	}
	have := strings.Join(names[:min(len(names), 10)], ", ")
	if ref == "" {
		return fmt.Errorf("the default branch is not known\nhint: set ref: to one of %s", have)
	}
	return fmt.Errorf("ref %q does not exist\nhint: there are %s", ref, have)
}

func isHash(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// baseName names a repository by the last part of its path or URL.
func baseName(repository string) string {
	s := filepath.ToSlash(repository)
	if i := strings.LastIndex(s, ":"); i >= 0 && !strings.Contains(s[i:], "/") {
		s = s[i+1:] // host:repository
	}
	s = strings.TrimSuffix(strings.TrimRight(s, "/"), "/.git")
	s = strings.TrimSuffix(strings.TrimSuffix(path.Base(s), ".git"), ".bundle")
	if s == "" || s == "." || s == "/" {
		return "repository"
	}
	return s
}
