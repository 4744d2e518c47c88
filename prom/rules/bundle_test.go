package rules

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// The recount below shares nothing with the package but the YAML and PromQL libraries: it reads every version of every
// file whole, decodes it into maps, and compares sets.

type recount struct {
	t      *testing.T
	dir    string
	parsed map[string]map[string][]string // revision:path -> kind and name -> contents; nil if unreadable
}

func (r *recount) git(stdin string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.dir}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

// load reads all named versions with one git.
func (r *recount) load(names []string) {
	r.t.Helper()
	out := bufio.NewReader(strings.NewReader(r.git(strings.Join(names, "\n")+"\n", "cat-file", "--batch")))
	for _, name := range names {
		head, err := out.ReadString('\n')
		if err != nil {
			r.t.Fatal(err)
		}
		if strings.HasSuffix(head, " missing\n") {
			r.parsed[name] = map[string][]string{}
			continue
		}
		var id, kind string
		var size int
		if _, err := fmt.Sscan(head, &id, &kind, &size); err != nil {
			r.t.Fatal(err)
		}
		data := make([]byte, size+1)
		if _, err := io.ReadFull(out, data); err != nil {
			r.t.Fatal(err)
		}
		r.parsed[name] = recountRules(data)
	}
}

func recountRules(data []byte) map[string][]string {
	out := map[string][]string{}
	d := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc struct {
			Spec struct {
				Groups []struct{ Rules []map[string]any }
			}
		}
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			return nil
		}
		for _, g := range doc.Spec.Groups {
			for _, rule := range g.Rules {
				name := fmt.Sprint("alert ", rule["alert"])
				if rule["record"] != nil {
					name = fmt.Sprint("record ", rule["record"])
				}
				out[name] = append(out[name], recountContent(rule))
			}
		}
	}
}

// recountContent is the canonical expression, a NUL, and the rest as JSON.
func recountContent(rule map[string]any) string {
	expr := strings.TrimSpace(fmt.Sprint(rule["expr"]))
	if e, err := parser.NewParser(parser.Options{}).ParseExpr(expr); err == nil {
		expr = e.String()
	}
	rest := map[string]any{}
	for k, v := range rule {
		switch v := v.(type) {
		case map[string]any:
			texts := map[string]string{}
			for k, v := range v {
				texts[k] = strings.Join(strings.Fields(fmt.Sprint(v)), " ")
			}
			rest[k] = texts
		default:
			text := fmt.Sprint(v)
			if d, err := model.ParseDuration(text); err == nil {
				text = d.String()
			}
			rest[k] = text
		}
	}
	delete(rest, "expr")
	data, err := json.Marshal(rest)
	if err != nil {
		panic(err)
	}
	return expr + "\x00" + string(data)
}

// at is the content of a file, or the last readable one before.
func (r *recount) at(rev, path string) map[string][]string {
	for range 20 {
		name := rev + ":" + path
		if _, ok := r.parsed[name]; !ok {
			r.load([]string{name})
		}
		if p := r.parsed[name]; p != nil {
			return p
		}
		rev += "^"
	}
	return nil
}

// outcomes recounts every commit: "commit kind name" -> what happened.
func (r *recount) outcomes() map[string]string {
	r.t.Helper()
	type touched struct{ commit, path string }
	var files []touched
	var names []string
	for _, commit := range strings.Fields(r.git("", "rev-list", "--no-merges", "main")) {
		for path := range strings.SplitSeq(r.git("", "diff-tree", "-r", "--root", "--no-renames", "--no-commit-id", "--name-only", "-z", commit), "\x00") {
			if strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml") {
				files = append(files, touched{commit, path})
				names = append(names, commit+":"+path, commit+"^:"+path)
			}
		}
	}
	r.load(names)
	type both struct{ old, new []string }
	all := map[string]*both{}
	for _, f := range files {
		if r.parsed[f.commit+":"+f.path] == nil {
			continue
		}
		old, new := r.at(f.commit+"^", f.path), r.at(f.commit, f.path)
		for side, contents := range []map[string][]string{old, new} {
			for name, list := range contents {
				b := all[f.commit+" "+name]
				if b == nil {
					b = &both{}
					all[f.commit+" "+name] = b
				}
				if side == 0 {
					b.old = append(b.old, list...)
				} else {
					b.new = append(b.new, list...)
				}
			}
		}
	}
	out := map[string]string{}
	for key, b := range all {
		old, new := without(b.old, b.new), without(b.new, b.old)
		exprs := func(list []string) string {
			var e []string
			for _, c := range list {
				expr, _, _ := strings.Cut(c, "\x00")
				e = append(e, expr)
			}
			slices.Sort(e)
			return strings.Join(e, "\x00")
		}
		switch {
		case len(old) > len(new):
			out[key] = "removed"
		case len(old) < len(new):
			out[key] = "added"
		case len(old) > 0 && exprs(old) == exprs(new):
			out[key] = "other_changed"
		case len(old) > 0:
			out[key] = "expression"
		}
	}
	return out
}

// without returns the multiset a less b.
func without(a, b []string) []string {
	n := map[string]int{}
	for _, s := range b {
		n[s]++
	}
	var out []string
	for _, s := range a {
		if n[s]--; n[s] < 0 {
			out = append(out, s)
		}
	}
	return out
}

func TestRealHistoryAgreesWithRecount(t *testing.T) {
	dir := cloneBundle(t)
	var got collected
	g := &Git{Source: "rules", Repository: dir}
	start := time.Now()
	got.fetch(t, g)
	t.Logf("first read: %d events, %d facts about rules in %v", len(got.batch.Events), len(got.batch.Rules), time.Since(start))
	start = time.Now()
	n := len(got.batch.Events)
	got.fetch(t, g)
	t.Logf("incremental read of nothing new: %v; position of %d bytes", time.Since(start), len(got.cursor))
	if len(got.batch.Events) != n {
		t.Errorf("reading nothing new gave %d events", len(got.batch.Events)-n)
	}

	r := &recount{t: t, dir: dir, parsed: map[string]map[string][]string{}}
	authors := map[string]string{} // commit -> author's time and e-mail
	for line := range strings.Lines(r.git("", "log", "--no-merges", "--format=%H %at %ae", "main")) {
		id, who, _ := strings.Cut(strings.TrimSpace(line), " ")
		authors[id] = who
	}
	want := map[string]string{}
	for key, outcome := range r.outcomes() {
		_, name, _ := strings.Cut(key[41:], " ") // an event does not tell alerts from recording rules
		want[authors[key[:40]]+" "+name+" "+outcome] += "x"
	}
	have := map[string]string{}
	for _, e := range got.batch.Events {
		outcome := e.Detail
		if outcome == activity.RuleExprChanged || outcome == activity.RuleThresholdChanged {
			outcome = "expression"
		}
		have[fmt.Sprintf("%d %s %s %s", e.Time.Unix(), e.Who.Email, e.Subject, outcome)] += "x"
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("recount (-) and events (+) differ in:\n%s", diff)
	}
	if got.batch.Malformed != 2 {
		t.Errorf("%d malformed versions, want 2", got.batch.Malformed)
	}
}

// eventKeys makes events comparable whatever the batches.
func eventKeys(c *collected) map[activity.Event]int {
	out := map[activity.Event]int{}
	for _, e := range c.batch.Events {
		out[e]++
	}
	return out
}

func TestRealHistoryInPiecesEqualsOnePass(t *testing.T) {
	dir := cloneBundle(t)
	r := &recount{t: t, dir: dir}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	source := func(ref string) *Git {
		return &Git{Source: "rules", Repository: dir, Ref: ref, Now: func() time.Time { return now }}
	}
	var once collected
	once.fetch(t, source("main"))
	line := strings.Fields(r.git("", "rev-list", "--first-parent", "--reverse", "main"))
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		var cuts []int
		for range 5 {
			cuts = append(cuts, rnd.IntN(len(line)))
		}
		slices.Sort(cuts)
		var pieces collected
		for _, at := range cuts {
			pieces.fetch(t, source(line[at]))
		}
		pieces.fetch(t, source("main"))
		if diff := cmp.Diff(eventKeys(&once), eventKeys(&pieces)); diff != "" {
			t.Errorf("cut at %v: one pass (-) and pieces (+) differ:\n%s", cuts, diff)
		}
		if diff := cmp.Diff(lastFacts(&once), lastFacts(&pieces)); diff != "" {
			t.Errorf("cut at %v: facts differ:\n%s", cuts, diff)
		}
		if diff := cmp.Diff(once.covered, pieces.covered); diff != "" {
			t.Errorf("cut at %v: covered days differ:\n%s", cuts, diff)
		}
	}
}

// lastFacts is what is known of every rule in the end.
func lastFacts(c *collected) map[string]activity.Rule {
	out := map[string]activity.Rule{}
	for _, r := range slices.SortedStableFunc(slices.Values(c.batch.Rules), func(a, b activity.Rule) int { return a.From.Compare(b.From) }) {
		key := fmt.Sprint(r.Scope, " ", r.Kind, " ", r.Name)
		r.From = time.Time{}
		out[key] = r
		if r.Removed {
			delete(out, key)
		}
	}
	return out
}

// What is known in the end is what the files say in the end, whatever order the authors' clocks give.
func TestFactsEndAsTheFilesDo(t *testing.T) {
	dir := cloneBundle(t)
	var got collected
	got.fetch(t, &Git{Source: "rules", Repository: dir})
	r := &recount{t: t, dir: dir, parsed: map[string]map[string][]string{}}
	want := map[string]bool{}
	for path := range strings.Lines(r.git("", "ls-tree", "-r", "--name-only", "main")) {
		path = strings.TrimSpace(path)
		for name := range r.at("main", path) {
			want["o11y:"+path+" "+name] = true
		}
	}
	have := map[string]bool{}
	for key := range lastFacts(&got) {
		have[key] = true
	}
	if !maps.Equal(want, have) {
		t.Errorf("files (-) and facts (+) differ:\n%s", cmp.Diff(want, have))
	}
}

// A store that fails now and then, or a process killed between two saves, changes nothing.
func TestRestartAtAnyBatch(t *testing.T) {
	dir := cloneBundle(t)
	g := &Git{Source: "rules", Repository: dir, batch: 20}
	var once collected
	once.fetch(t, g)
	broken := errors.New("the store is down")
	var parts collected
	for try := 0; ; try++ {
		saved := 0
		err := g.Fetch(context.Background(), parts.cursor, func(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error {
			if saved++; saved > 7 {
				return broken
			}
			return parts.save(b, cursor, covered)
		})
		if err == nil {
			break
		}
		if !errors.Is(err, broken) || try > 100 {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(eventKeys(&once), eventKeys(&parts)); diff != "" {
		t.Errorf("one run (-) and restarts (+) differ:\n%s", diff)
	}
	if diff := cmp.Diff(once.covered, parts.covered); diff != "" {
		t.Errorf("covered days differ:\n%s", diff)
	}
	if once.batch.Malformed != parts.batch.Malformed {
		t.Errorf("malformed: %d and %d", once.batch.Malformed, parts.batch.Malformed)
	}
}
