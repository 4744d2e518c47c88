package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// ruleFile is a file of one rule.
func ruleFile(name string, threshold int) string {
	return fmt.Sprintf("groups:\n- name: g\n  rules:\n  - {alert: %s, expr: up > %d}\n", name, threshold)
}

// threeCommits is a history in which Ann adds A, then B, then changes A.
func threeCommits(t *testing.T) *testRepo {
	r := newTestRepo(t)
	r.write("a.yaml", ruleFile("A", 1))
	r.commit()
	r.write("b.yaml", ruleFile("B", 1))
	r.commit()
	r.write("a.yaml", ruleFile("A", 2))
	r.commit()
	return r
}

var threeEvents = []string{
	"rule added A rules:a.yaml",
	"rule added B rules:b.yaml",
	"rule threshold_changed A rules:a.yaml",
}

// rebase rewrites all of the history behind a commit of other files: every commit gets another name.
func (r *testRepo) rebase() {
	r.t.Helper()
	commits := strings.Fields(r.git("rev-list", "--reverse", "main"))
	r.git("checkout", "-q", "--orphan", "rewritten")
	r.git("rm", "-rfq", "--cached", ".")
	r.clear()
	r.write("notes/"+r.clock.Format("15"), "another start")
	r.commit()
	for _, c := range commits {
		r.git("cherry-pick", "--allow-empty", "--keep-redundant-commits", c)
	}
	r.git("branch", "-qM", "main")
}

func TestForcePush(t *testing.T) {
	for _, gone := range []bool{false, true} {
		t.Run(fmt.Sprintf("old commits gone: %v", gone), func(t *testing.T) {
			r := threeCommits(t)
			var got collected
			got.fetch(t, r.source())
			r.rebase()
			r.write("c.yaml", ruleFile("C", 1))
			r.commit()
			if gone {
				r.git("reflog", "expire", "--expire=now", "--all")
				r.git("gc", "-q", "--prune=now")
			}
			want := slices.Concat(threeEvents, []string{"rule added C rules:c.yaml"})
			for range 2 { // the second time nothing is new
				got.fetch(t, r.source())
				if diff := cmp.Diff(want, got.lines()); diff != "" {
					t.Fatalf("want (-), got (+):\n%s", diff)
				}
			}
			// Rewritten once more, and gone on with: still counted once.
			r.rebase()
			r.write("d.yaml", ruleFile("D", 1))
			r.commit()
			got.fetch(t, r.source())
			if diff := cmp.Diff(append(want, "rule added D rules:d.yaml"), got.lines()); diff != "" {
				t.Fatalf("want (-), got (+):\n%s", diff)
			}
		})
	}
}

// TestAmendedCommit: what was counted stays counted, however the commit is written anew; only what came in is new.
func TestAmendedCommit(t *testing.T) {
	r := threeCommits(t)
	var got collected
	got.fetch(t, r.source())
	want := slices.Clone(threeEvents)
	for threshold := 3; threshold < 6; threshold++ {
		r.write("a.yaml", ruleFile("A", threshold))
		if threshold == 5 {
			r.write("c.yaml", ruleFile("C", 1))
			want = append(want, "rule added C rules:c.yaml")
		}
		r.git("add", "-A")
		r.git("commit", "-q", "--amend", "-m", "change, amended")
		got.fetch(t, r.source())
		if diff := cmp.Diff(want, got.lines()); diff != "" {
			t.Fatalf("amended to %d: want (-), got (+):\n%s", threshold, diff)
		}
	}
}

func TestForcePushThatDropsACommitAndBringsItBack(t *testing.T) {
	r := threeCommits(t)
	var got collected
	got.fetch(t, r.source())
	tip := r.git("rev-parse", "HEAD")
	r.git("reset", "-q", "--hard", "HEAD~1")
	r.write("b.yaml", ruleFile("B", 5))
	r.commit()
	got.fetch(t, r.source())
	r.git("cherry-pick", tip)
	got.fetch(t, r.source())
	r.git("reset", "-q", "--hard", tip)
	got.fetch(t, r.source())
	want := slices.Concat(threeEvents, []string{"rule threshold_changed B rules:b.yaml"})
	if diff := cmp.Diff(want, got.lines()[:4]); diff != "" {
		t.Fatalf("want (-), got (+):\n%s", diff)
	}
}

func TestForcePushInTheMiddleOfAPass(t *testing.T) {
	r := threeCommits(t)
	g := r.source()
	g.batch = 1
	broken := errors.New("the store is down")
	var got collected
	err := g.Fetch(context.Background(), nil, func(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error {
		if got.saves == 2 {
			return broken
		}
		return got.save(b, cursor, covered)
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	r.rebase()
	r.git("reflog", "expire", "--expire=now", "--all")
	r.git("gc", "-q", "--prune=now")
	got.fetch(t, g)
	if diff := cmp.Diff(threeEvents, got.lines()); diff != "" {
		t.Fatalf("want (-), got (+):\n%s", diff)
	}
}

func TestMergesCountWhatTheirBranchesDid(t *testing.T) {
	r := threeCommits(t)
	r.git("checkout", "-q", "-b", "work", "HEAD~1")
	r.write("c.yaml", ruleFile("C", 1))
	r.commit("--author", "Bob <bob@corp.example>")
	r.git("checkout", "-q", "main")
	r.git("merge", "-q", "--no-ff", "-m", "merge", "work")
	var got collected
	got.fetch(t, r.source())
	if n := len(got.batch.Events); n != 4 {
		t.Fatalf("%d events, want 4: %v", n, got.lines())
	}
	for _, e := range got.batch.Events {
		want := activity.Identity{Name: "Ann", Email: "ann@corp.example"}
		if e.Subject == "C" {
			want = activity.Identity{Name: "Bob", Email: "bob@corp.example"}
		}
		if e.Who != want {
			t.Errorf("%s is by %v, want %v", e.Subject, e.Who, want)
		}
	}
}

func TestBots(t *testing.T) {
	r := newTestRepo(t)
	for i, author := range []string{"renovate[bot] <29139614+renovate[bot]@users.noreply.example>", "Rules Sync <sync@corp.example>", "Bob Bot <bob@corp.example>"} {
		r.write("a.yaml", ruleFile("A", i))
		r.commit("--author", author)
	}
	g := r.source()
	g.Automation = []string{"rules sync*"}
	var got collected
	got.fetch(t, g)
	want := []string{"rule added A rules:a.yaml bot_commit", "rule threshold_changed A rules:a.yaml bot_commit", "rule threshold_changed A rules:a.yaml"}
	if diff := cmp.Diff(want, got.lines()); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func TestShallowCloneHasNoAuthorsOfItsOldestCommits(t *testing.T) {
	r := threeCommits(t)
	dir := filepath.Join(t.TempDir(), "shallow")
	r.git("clone", "-q", "--depth", "2", "file://"+r.dir, dir)
	g := r.source()
	g.Repository = dir
	var got collected
	got.fetch(t, g)
	if diff := cmp.Diff([]string{"rule threshold_changed A shallow:a.yaml"}, got.lines()); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	if n := len(got.batch.Rules); n != 2 {
		t.Errorf("%d facts, want 2", n)
	}
}

func TestCursor(t *testing.T) {
	c, err := parseCursor(nil, "rules")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * ledgerSize {
		c.Counted.add(entry{uint64(i), int64(i)})
	}
	data, err := c.encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 24<<10 { // saved with every batch
		t.Errorf("a cursor has %d bytes", len(data))
	}
	again, err := parseCursor(data, "rules")
	if err != nil {
		t.Fatal(err)
	}
	again.Counted.rewind()
	for i := range 3 * ledgerSize {
		if !again.Counted.again(entry{uint64(i), int64(i)}) {
			t.Fatalf("entry %d is not known", i)
		}
	}
	if again.Counted.again(entry{7, 3*ledgerSize + 1}) {
		t.Error("a new commit is taken as known")
	}
	other, err := parseCursor(data, "other")
	if err != nil || len(other.Counted.recent) != 0 {
		t.Errorf("the cursor of another repository is used: %v", err)
	}
	for _, bad := range []string{"{", `{"version":7}`, `{"version":1,"repository":"rules","tips":["--upload-pack=x"]}`, `{"version":1,"counted":{"recent":"AAA="}}`} {
		if _, err := parseCursor([]byte(bad), "rules"); err == nil || !strings.Contains(err.Error(), "hint:") {
			t.Errorf("cursor %s: %v", bad, err)
		}
	}
	if !json.Valid(data) {
		t.Error("not JSON")
	}
}

func TestCoveredDays(t *testing.T) {
	r := threeCommits(t) // on 2026-03-02
	g := r.source()      // read on 2026-03-03
	var got collected
	got.fetch(t, g)
	dates := func() (out []string) {
		for _, d := range got.covered {
			if d.Source != "rules" || d.Class != activity.ClassView {
				t.Errorf("covered day of %v", d)
			}
			out = append(out, d.Date.String())
		}
		return out
	}
	if diff := cmp.Diff([]string{"2026-03-02", "2026-03-03"}, dates()); diff != "" {
		t.Error(diff)
	}
	got.fetch(t, g)
	r.clock = r.clock.AddDate(0, 0, 2)
	got.fetch(t, g)
	if diff := cmp.Diff([]string{"2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"}, dates()); diff != "" {
		t.Error(diff)
	}
}

func TestFacts(t *testing.T) {
	r := newTestRepo(t)
	rule := func(team, secret string) string {
		return "groups:\n- name: g\n  rules:\n  - record: job:x:rate\n    expr: sum(rate(x[5m])) / y\n    labels: {Team: " + team + "}\n    annotations: {owner: o, note: " + secret + "}\n"
	}
	r.write("a.yaml", rule("pay", "one"))
	r.commit()
	first := r.clock
	r.write("a.yaml", rule("pay", "two"))
	r.commit()
	r.write("a.yaml", rule("shop", "two"))
	r.commit()
	third := r.clock
	if err := os.MkdirAll(filepath.Join(r.dir, "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.git("mv", "a.yaml", "b/a.yaml")
	r.commit()
	fourth := r.clock
	g := r.source()
	g.KeepAnnotations = []string{"owner"}
	var got collected
	got.fetch(t, g)
	fact := func(scope, team string) activity.Rule {
		return activity.Rule{Scope: scope, Kind: activity.RuleRecording, Name: "job:x:rate", Metrics: []string{"x", "y"},
			Labels: map[string]string{"Team": team}, Annotations: map[string]string{"owner": "o"}}
	}
	want := []activity.Rule{fact("rules:a.yaml", "pay"), fact("rules:a.yaml", "shop"),
		{Scope: "rules:a.yaml", Kind: activity.RuleRecording, Name: "job:x:rate", Removed: true}, fact("rules:b/a.yaml", "shop")}
	want[0].From, want[1].From, want[2].From, want[3].From = first, third, fourth, fourth
	if diff := cmp.Diff(want, got.batch.Rules); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

// TestFactsNameNobody: a label that may be somebody's address is not kept, free text neither.
func TestFactsNameNobody(t *testing.T) {
	r := newTestRepo(t)
	r.write("a.yaml", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up == 0\n    labels: {team: payments, owner: ann@corp.example}\n    annotations: {team: payments, service: ann@corp.example, summary: ask Ann}\n")
	r.commit()
	var got collected
	got.fetch(t, r.source())
	if len(got.batch.Rules) != 1 {
		t.Fatalf("%d facts", len(got.batch.Rules))
	}
	team := map[string]string{"team": "payments"}
	if diff := cmp.Diff([]map[string]string{team, team}, []map[string]string{got.batch.Rules[0].Labels, got.batch.Rules[0].Annotations}); diff != "" {
		t.Error(diff)
	}
}
