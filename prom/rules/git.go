// Package rules reads alerting and recording rules, and goal files, from the history of a git repository: every
// commit becomes the events of what its author changed in meaning, dated by the author's date.
//
// One pass streams the commits that are new (git rev-list into git diff-tree) and reads the files that they changed
// (git cat-file), each commit against its parent. A rule is known by its kind and name across all files of a commit,
// so that moves, renames of files and groups, reformatting and merges are no changes. The pass is saved in batches,
// each with the cursor that it reached; a stop at any of them loses and repeats nothing.
//
// A history that was rewritten (force-pushed) is read from where it leaves the one already read. A commit in it that
// makes the same changes to the same rules, by the same author at the same author date, is the same act and is not
// counted again: see ledger for how far back that is remembered.
//
// A version of a file that can't be read counts as malformed and changes nothing: the next readable version is
// compared with the last readable one.
package rules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

// DefaultPaths are the globs of rule files where none are configured.
func DefaultPaths() []string { return []string{"**/*.yaml", "**/*.yml", "**/*.rules"} }

// Git is a repository of rule files. The zero value of every field but Repository is usable for a local repository.
type Git struct {
	Source     string   // name of the source, for coverage and messages
	Repository string   // a clone, a bare repository or a bundle, or a URL (https, ssh, file)
	Ref        string   // branch, tag or full reference name; empty: the default branch
	Paths      []string // globs (doublestar) of rule files from the repository's top; empty: DefaultPaths

	CacheDir        string // where URLs and bundles are cloned to
	CredentialsFile string // for https, one URL with user and password a line, as git-credential-store keeps it; empty: git's own configuration
	SSHKeyFile      string // private key for ssh; empty: ssh's own configuration

	Automation      []string // author globs (name, e-mail, its local part, or "name <e-mail>") of bots; "*[bot]" is always one
	KeepAnnotations []string // names of the annotations that owner rules use; beside them only those that name teams are kept
	Teams           []string // names of configured teams: "@name" in CODEOWNERS may be a person's where it is none of them

	Location *time.Location   // whose days coverage speaks of; nil is UTC
	Now      func() time.Time // nil is time.Now
	Logger   *slog.Logger     // nil is silent

	batch int // events and facts of a batch; 0 is batchFacts
}

// Save stores a batch together with the cursor that it reached and the days that are now covered. It owns the batch.
type Save = func(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error

// Bounds of a batch, checked after each commit: what one commit changed is never split.
const (
	batchFacts   = 1000
	batchCommits = 2000
)

// Fetch reads every commit since cursor (nil: all) and calls save at least once; the last call covers every day up to
// now. If it fails, what was saved stays true, and the next Fetch goes on from the cursor last saved.
func (g *Git) Fetch(ctx context.Context, saved []byte, save Save) error {
	for _, p := range g.Paths {
		if !doublestar.ValidatePattern(p) {
			return fmt.Errorf("paths: %q is not a glob\nhint: write it like \"teams/**/*.yaml\", from the top of the repository", p)
		}
	}
	repo, err := g.open(ctx)
	if err != nil {
		return err
	}
	cur, err := parseCursor(saved, repo.name)
	if err != nil {
		return err
	}
	if repo.shallow != nil {
		g.logger().Warn("the repository is a shallow clone: the rules of its oldest commits are known, who wrote them is not",
			"source", g.Source, "hint", "git fetch --unshallow")
	}
	// A pass that was interrupted is finished towards its own end first: its order of commits must not change.
	for {
		if err := cur.plan(ctx, repo); err != nil {
			return err
		}
		if cur.Pass == nil {
			break
		}
		if err := g.pass(ctx, repo, cur, save); err != nil {
			return err
		}
	}
	owners, malformed, err := g.codeowners(ctx, repo, cur)
	if err != nil {
		return err
	}
	covered := cur.cover(g.Source, activity.DateOf(g.now()))
	data, err := cur.encode()
	if err != nil {
		return err
	}
	return save(activity.Batch{Codeowners: []activity.Codeowners{owners}, Malformed: malformed}, data, covered)
}

// pass reads the commits of cur.Pass and saves them; afterwards its end is one of the tips.
func (g *Git) pass(ctx context.Context, repo *repository, cur *cursor, save Save) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	objects, err := repo.run.objects(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, objects.close()) }()
	commits, err := repo.commits(ctx, cur.Pass)
	if err != nil {
		return err
	}
	defer func() {
		cancel()
		commits.close()
	}()

	r := &reader{
		git: g, repo: repo, cursor: cur, files: newFiles(objects),
		facts: &facts{fingerprints: prom.NewFingerprinter(nil), annotations: toKeep(g.KeepAnnotations), repository: repo.name},
	}
	read, limit := 0, cmp.Or(g.batch, batchFacts)
	flush := func() error {
		data, err := cur.encode()
		if err != nil {
			return err
		}
		b := r.batch
		r.batch, read = activity.Batch{}, 0
		return save(b, data, nil)
	}
	for {
		c, err := commits.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := r.commit(ctx, c); err != nil {
			return fmt.Errorf("commit %s: %w", c.id, err)
		}
		cur.Pass.Done = c.id
		read++
		if n := len(r.batch.Events) + len(r.batch.Rules) + len(r.batch.Goals); n >= limit || read >= batchCommits {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	cur.finish()
	return flush()
}

func (g *Git) now() time.Time { return activity.Now(g.Now, g.Location) }

func (g *Git) logger() *slog.Logger {
	if g.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return g.Logger
}

// gitBinary finds git, whose absence is a clear error.
func gitBinary() (string, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return "", fmt.Errorf("git was not found: %w\nhint: install git, the command line tool that reads the history of rules", err)
	}
	return path, nil
}
