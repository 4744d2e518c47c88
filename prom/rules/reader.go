package rules

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// reader turns commits into events and facts.
type reader struct {
	git    *Git
	repo   *repository
	files  *files
	facts  *facts
	cursor *cursor
	batch  activity.Batch
	good   map[string]string // blob of an unreadable version of a path -> blob of the last readable one
	logged time.Time         // when a malformed file was last told
}

// commit adds what c changed to the batch.
func (r *reader) commit(ctx context.Context, c commit) error {
	r.cursor.saw(activity.DateOf(c.authored.In(r.git.now().Location())))
	before, after, err := r.versions(ctx, c)
	if err != nil || len(before) == 0 {
		return err
	}
	r.batch.Rules = append(r.batch.Rules, r.facts.ruleFacts(c.authored, before, after)...)
	r.batch.Goals = append(r.batch.Goals, r.facts.goalFacts(c.authored, before, after)...)
	if r.repo.shallow[c.id] {
		return nil // its author may not have written any of it
	}
	for _, done := range r.events(c, before, after) {
		e := entry{done.digest, c.authored.Unix()}
		if r.cursor.Pass.Rewritten && r.cursor.Counted.again(e) {
			continue
		}
		r.cursor.Counted.add(e)
		r.batch.Events = append(r.batch.Events, done.event)
	}
	return nil
}

// versions reads both sides of every file that may hold rules or goals. Both have the same paths in the same order.
func (r *reader) versions(ctx context.Context, c commit) (before, after []version, err error) {
	for _, ch := range c.changes {
		rules := r.matches(ch.path)
		if !rules && !mayHoldGoals(ch.path) {
			continue
		}
		o, err := r.files.get(ch.old)
		if err != nil {
			return nil, nil, fmt.Errorf("%q: %w", ch.path, err)
		}
		n, err := r.files.get(ch.new)
		if err != nil {
			return nil, nil, fmt.Errorf("%q: %w", ch.path, err)
		}
		if o, err = r.readable(ctx, c, ch, o); err != nil {
			return nil, nil, fmt.Errorf("%q: %w", ch.path, err)
		}
		r.report(c, ch, n, rules)
		if n.unreadable != nil {
			continue // it is as it was until it can be read again
		}
		if !rules {
			o, n = o.goalsOnly(), n.goalsOnly()
		}
		before, after = append(before, version{ch.path, o}), append(after, version{ch.path, n})
	}
	return before, after, nil
}

// matches reports whether path is that of a rule file.
func (r *reader) matches(path string) bool {
	globs := r.git.Paths
	if len(globs) == 0 {
		globs = DefaultPaths()
	}
	return slices.ContainsFunc(globs, func(g string) bool {
		ok, _ := doublestar.Match(strings.TrimPrefix(g, "./"), path) // Fetch refuses bad patterns
		return ok
	})
}

func mayHoldGoals(path string) bool {
	return strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml")
}

func (f *file) goalsOnly() *file {
	return &file{goals: f.goals, held: f.held}
}

// report counts what can't be read in the new version of a file, and tells one example a minute.
func (r *reader) report(c commit, ch change, f *file, rules bool) {
	problems := f.problems
	if f.unreadable != nil {
		problems = []problem{*f.unreadable}
	}
	if len(problems) == 0 || !rules && len(f.goals)+len(f.held) == 0 {
		return // a list of goals that are not ours
	}
	r.batch.Malformed += int64(len(problems))
	if now := time.Now(); r.logged.IsZero() || now.Sub(r.logged) >= time.Minute {
		r.logged = now
		r.git.logger().Warn("a file of rules or goals can't be read", "source", r.git.Source, "commit", c.id, "file", ch.path,
			"line", problems[0].line, "reason", problems[0].why)
	}
}

// readable returns what to compare a file's new version with: f, its old version, or where f could not be read the
// last version before that could.
func (r *reader) readable(ctx context.Context, c commit, ch change, f *file) (*file, error) {
	if f.unreadable == nil && len(f.held) == 0 {
		return f, nil
	}
	if f.unreadable != nil {
		good, err := r.lastGood(ctx, c, ch)
		if err != nil {
			return nil, err
		}
		if f, err = r.files.get(good); err != nil {
			return nil, err
		}
	}
	if len(f.held) == 0 {
		return f, nil
	}
	return r.released(ctx, c, ch, f)
}

// lastGood returns the blob of the last readable version of a file whose version before c is not.
func (r *reader) lastGood(ctx context.Context, c commit, ch change) (string, error) {
	key := ch.path + "\x00" + ch.old
	if good, ok := r.good[key]; ok {
		return good, nil
	}
	good, err := r.search(ctx, c, ch, func(f *file) bool { return f.unreadable == nil })
	if err == nil {
		if r.good == nil {
			r.good = map[string]string{}
		}
		r.good[key] = good
		r.good[ch.path+"\x00"+ch.new] = good // asked only if that can't be read either
	}
	return good, err
}

// released returns f with the goals that it holds as they last could be read.
func (r *reader) released(ctx context.Context, c commit, ch change, f *file) (*file, error) {
	out := *f
	out.goals = slices.Clone(f.goals)
	for id := range f.held {
		blob, err := r.search(ctx, c, ch, func(f *file) bool { return f.unreadable == nil && !f.held[id] })
		if err != nil {
			return nil, err
		}
		last, err := r.files.get(blob)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(last.goals, func(g goal) bool { return g.goalID == id }); i >= 0 {
			out.goals = append(out.goals, last.goals[i])
		}
	}
	return &out, nil
}

// maxSearch bounds how many versions back a readable one is looked for.
const maxSearch = 50

// search returns the blob of the newest version of a file before c that is wanted; nothing if there was no file then.
func (r *reader) search(ctx context.Context, c commit, ch change, wanted func(*file) bool) (string, error) {
	out, err := r.repo.run.output(ctx, "rev-list", fmt.Sprintf("--max-count=%d", maxSearch), "--end-of-options", c.id+"^", "--", ch.path)
	if err != nil {
		return "", err
	}
	for id := range strings.FieldsSeq(out) {
		out, err := r.repo.run.output(ctx, "ls-tree", "-z", "--full-tree", id, "--", ch.path)
		if err != nil {
			return "", err
		}
		head, _, _ := strings.Cut(out, "\t")
		f := strings.Fields(head) // mode, type, blob
		if len(f) != 3 || regular(f[0], f[2]) == "" {
			return "", nil
		}
		version, err := r.files.get(f[2])
		if err != nil {
			return "", err
		}
		if wanted(version) {
			return f[2], nil
		}
	}
	return "", nil
}

// act is an event and the digest that it keeps in a rewritten history.
type act struct {
	event  activity.Event
	digest uint64
}

// events tells what the author of c did. Of a change the digest holds who made it, when, to what, and its sort, but not what was
// written: an amended commit is still the act that was counted.
func (r *reader) events(c commit, before, after []version) []act {
	robot := ""
	if isAutomation(c.who, r.git.Automation) {
		robot = activity.RobotBotCommit
	}
	var out []act
	add := func(kind activity.Kind, path, subject, detail, sort string) {
		h := sha256.New()
		put(h, c.who.Name, "\x00", c.who.Email, "\x00", c.authored.String(), "\x00")
		_, _ = fmt.Fprintf(h, "%q %q %q %q\n", kind, sort, subject, detail)
		out = append(out, act{activity.Event{Time: c.authored, Kind: kind, Scope: r.facts.scope(path), Subject: subject,
			Detail: detail, Robot: robot, Who: c.who}, binary.BigEndian.Uint64(h.Sum(nil))})
	}
	for _, ch := range diffRules(before, after) {
		add(activity.KindRule, ch.path, ch.name, ch.detail, string(ch.kind))
	}
	for _, ch := range diffGoals(before, after) {
		add(activity.KindGoal, ch.path, ch.name, ch.detail, ch.team)
	}
	return out
}
