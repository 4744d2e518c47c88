package rules

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// commit is a commit and the files in which it differs from its parent, in the order of their paths.
type commit struct {
	id       string
	who      activity.Identity
	authored time.Time
	changes  []change
}

// change is one file before and after a commit. A side that was no regular file has no blob.
type change struct {
	path     string
	old, new string
}

// history streams commits, parents first: git rev-list names them, git diff-tree tells what they changed.
type history struct {
	ctx    context.Context
	cancel context.CancelFunc
	out    *bufio.Reader
	tree   *exec.Cmd
	errs   *tail
	wait   sync.WaitGroup
	listed error // why rev-list failed; read after wait
}

// commits starts reading the commits of p that are not done yet.
func (r *repository) commits(ctx context.Context, p *pass) (*history, error) {
	ctx, cancel := context.WithCancel(ctx)
	h := &history{ctx: ctx, cancel: cancel, errs: &tail{}}
	args := []string{"rev-list", "--no-merges", "--reverse", "--topo-order", "--end-of-options", p.To}
	for _, id := range p.Not {
		args = append(args, "^"+id)
	}
	list := r.run.command(ctx, readObjects, args...)
	listErrs := &tail{}
	list.Stderr = listErrs
	h.tree = r.run.command(ctx, readObjects, "diff-tree", "--stdin", "-r", "-z", "--root", "--raw", "--no-renames", "--no-abbrev",
		"--no-ext-diff", "--no-textconv", "--always", "--encoding=UTF-8", "--format=tformat:%H%x00%an%x00%ae%x00%at%x00%ct")
	h.tree.Stderr = h.errs
	ids, err := list.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	in, err := h.tree.StdinPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	out, err := h.tree.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	h.out = bufio.NewReaderSize(out, 64<<10)
	if err := list.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("git: %w", err)
	}
	if err := h.tree.Start(); err != nil {
		cancel()
		_ = list.Wait() // it was cancelled
		return nil, fmt.Errorf("git: %w", err)
	}
	h.wait.Go(func() {
		err := feed(ids, in, p.Done)
		if errors.Is(err, errNotListed) {
			cancel()
		} else if err != nil {
			err = nil // diff-tree ended early: its own error tells why
			_, _ = io.Copy(io.Discard, ids)
		}
		if ended := list.Wait(); ended != nil && err == nil {
			err = explain(ctx, ended, listErrs)
		}
		h.listed = err
	})
	return h, nil
}

var errNotListed = errors.New("the commit that was read last is not among the commits to read\nhint: the cursor is of another history; remove this source's cursor to read all of it again")

// feed copies commit ids, one a line, from ids to in: those after done, or all if it is empty.
func feed(ids io.Reader, in io.WriteCloser, done string) error {
	w := bufio.NewWriter(in)
	lines := bufio.NewScanner(ids)
	for lines.Scan() {
		if done != "" {
			if lines.Text() == done {
				done = ""
			}
			continue
		}
		if _, err := w.WriteString(lines.Text() + "\n"); err != nil {
			return err
		}
	}
	err := errors.Join(lines.Err(), w.Flush(), in.Close())
	if done != "" && err == nil {
		return errNotListed
	}
	return err
}

// next returns the next commit, or io.EOF.
func (h *history) next() (commit, error) {
	id, err := h.token()
	if errors.Is(err, io.EOF) {
		return commit{}, h.end()
	}
	if err != nil {
		return commit{}, err
	}
	c := commit{id: strings.TrimLeft(id, "\n")}
	var head [4]string // author's name and e-mail, author's and committer's time
	for i := range head {
		if head[i], err = h.token(); err != nil {
			return commit{}, h.cut(err)
		}
	}
	if !isHash(c.id) {
		return commit{}, fmt.Errorf("git diff-tree: a commit was expected, not %.60q", c.id)
	}
	c.who = activity.Identity{Name: strings.ToValidUTF8(head[0], "\uFFFD"), Email: strings.ToValidUTF8(head[1], "\uFFFD")}
	c.authored = commitTime(head[2], head[3])
	for {
		b, err := h.out.Peek(2)
		if len(b) == 2 && b[0] == '\n' { // between the head and the first file
			b = b[1:]
		}
		if len(b) == 0 || b[0] != ':' {
			if err != nil && !errors.Is(err, io.EOF) {
				return commit{}, h.cut(err)
			}
			return c, nil
		}
		raw, err := h.token()
		if err != nil {
			return commit{}, h.cut(err)
		}
		name, err := h.token()
		if err != nil {
			return commit{}, h.cut(err)
		}
		f := strings.Fields(strings.TrimLeft(raw, "\n:"))
		if len(f) != 5 {
			return commit{}, fmt.Errorf("git diff-tree: a changed file was expected, not %.60q", raw)
		}
		ch := change{path: name, old: regular(f[0], f[2]), new: regular(f[1], f[3])}
		if ch.old != ch.new { // else only its mode changed, or it never was a file
			c.changes = append(c.changes, ch)
		}
	}
}

// token reads up to the next NUL.
func (h *history) token() (string, error) {
	s, err := h.out.ReadString(0)
	if err != nil {
		if errors.Is(err, io.EOF) && s == "" {
			return "", io.EOF
		}
		return "", h.cut(err)
	}
	return s[:len(s)-1], nil
}

// cut explains an output that ended in the middle.
func (h *history) cut(err error) error {
	if ended := h.end(); ended != nil && !errors.Is(ended, io.EOF) {
		return ended
	}
	return fmt.Errorf("git diff-tree: its output is cut: %w", err)
}

// end waits for both commands. It returns io.EOF if they read everything.
func (h *history) end() error {
	err := h.tree.Wait()
	h.wait.Wait()
	switch {
	case errors.Is(h.listed, errNotListed):
		return h.listed
	case err != nil:
		return explain(h.ctx, err, h.errs)
	case h.listed != nil:
		return h.listed
	}
	return io.EOF
}

// close stops both commands, however far they are.
func (h *history) close() {
	h.cancel()
	_ = h.tree.Wait() // stopped, or waited for before
	h.wait.Wait()
}

// regular returns blob if mode is that of a regular file: a link or a submodule holds no rules.
func regular(mode, blob string) string {
	if !strings.HasPrefix(mode, "100") {
		return ""
	}
	return blob
}

// commitTime returns the author's time, or the committer's if the author's clock told none.
func commitTime(author, committer string) time.Time {
	for _, s := range []string{author, committer} {
		if sec, err := strconv.ParseInt(s, 10, 64); err == nil && sec > 0 && sec < latestTime {
			return time.Unix(sec, 0).UTC()
		}
	}
	return time.Unix(0, 0).UTC()
}

// latestTime is the year 10000, in which a date has no four-digit year any more.
const latestTime = 253402300800
