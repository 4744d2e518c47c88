package rules

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// TestCodeownersPatterns holds patterns to the files that GitHub says they match.
func TestCodeownersPatterns(t *testing.T) {
	for _, test := range []struct{ pattern, matches, not string }{
		{"*", "a.yaml a/b/c.yaml", ""},
		{"/", "a.yaml a/b/c.yaml", ""},
		{"/*", "a.yaml", "a/b.yaml"},
		{"*.yaml", "a.yaml a/b/c.yaml", "a.yml"},
		{"/build/logs/", "build/logs/a build/logs/b/c", "x/build/logs/a build/log"},
		{"docs/*", "docs/a.md", "docs/b/a.md x/docs/a.md"},
		{"apps/", "apps/a x/apps/b/c", "xapps/a"},
		{"/docs/", "docs/a docs/b/c", "x/docs/a"},
		{"/apps/github", "apps/github apps/github/a/b", "apps/githubs x/apps/github"},
		{"apps/github/", "apps/github/a", "x/apps/github/a"},
		{"**/logs", "logs a/logs a/b/logs/c", "a/logsx"},
		{"/a/**/z.yaml", "a/z.yaml a/b/c/z.yaml", "z.yaml"},
		{"/a/**", "a/b a/b/c", "b/a"},
		{"/team?/", "team1/a", "team/a team12/a"},
		{"/{x}/", "{x}/a", "x/a"},
	} {
		glob := codeownersGlob(test.pattern, false)
		for path := range strings.FieldsSeq(test.matches) {
			if !doublestar.MatchUnvalidated(glob, path) {
				t.Errorf("%s (as %s) does not match %s", test.pattern, glob, path)
			}
		}
		for path := range strings.FieldsSeq(test.not) {
			if doublestar.MatchUnvalidated(glob, path) {
				t.Errorf("%s (as %s) matches %s", test.pattern, glob, path)
			}
		}
	}
	if glob := codeownersGlob("internal/a.yaml", true); !doublestar.MatchUnvalidated(glob, "x/internal/a.yaml") {
		t.Errorf("GitLab looks for %s in every folder", glob)
	}
}

// TestCodeownersLines holds what is read of a file, of which people and what can't be read are no part.
func TestCodeownersLines(t *testing.T) {
	text := "\ufeff# a comment\r\n" +
		"*  @org/platform # @org/not\r\n" +
		"/with\\ space/ @group/sub/search @@maintainer zoe@corp.example @org/search\n" +
		"\n" +
		"/people/ @zoe @payments @eve/ @/eve\n" +
		"/nobody/\n" +
		"/odd/ @org/.. @org/\x1b[31mred @org/<b>x</b> @org/été_1.b\n" +
		"!/not/ @org/a\n" +
		"[a-z]x/ @org/letters\n" +
		"^[Pay][2] @org/payments\n" +
		"/pay/\n" +
		"[docs]\n" +
		"/docs/\n" +
		"[PAY] @org/billing\n" +
		"/bill/\n" +
		"/" + strings.Repeat("x", maxCodeownersLine) + " @org/long\n"
	got, bad := parseCodeowners(text, false, []string{"payments"})
	want := []activity.CodeownersLine{
		{Glob: "**", Teams: []string{"platform"}},
		{Glob: "with space/**", Teams: []string{"search"}},
		{Glob: "people/**", Teams: []string{"payments"}},
		{Glob: "nobody/**"},
		{Glob: "odd/**", Teams: []string{"été_1.b"}},
		{Glob: "**/[a-z]x/**", Teams: []string{"letters"}},
		{Section: 1, Glob: "pay/**", Teams: []string{"payments"}},
		{Section: 2, Glob: "docs/**"},
		{Section: 1, Glob: "bill/**", Teams: []string{"billing"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]int{8, 16}, bad); diff != "" {
		t.Errorf("unreadable lines: -want +got\n%s", diff)
	}
}

// TestCodeownersOfARepository: the file is found where a server would look for it, read again at every pass, and its faults are
// counted once.
func TestCodeownersOfARepository(t *testing.T) {
	r := newTestRepo(t)
	r.write("a.yaml", "")
	r.commit()
	var saved []byte
	fetch := func() (activity.Codeowners, int64) {
		t.Helper()
		var last activity.Batch
		var malformed int64
		err := r.source().Fetch(context.Background(), saved, func(b activity.Batch, cursor []byte, _ []activity.CoveredDay) error {
			last, saved = b, cursor
			malformed += b.Malformed
			return nil
		})
		if err != nil || len(last.Codeowners) != 1 {
			t.Fatalf("%v, %d files", err, len(last.Codeowners))
		}
		return last.Codeowners[0], malformed
	}
	check := func(malformed int64, teams ...string) {
		t.Helper()
		got, bad := fetch()
		if diff := cmp.Diff(teams, got.Teams()); diff != "" || bad != malformed || got.Scope != "rules" {
			t.Errorf("scope %s, malformed %d, want %d; teams: -want +got\n%s", got.Scope, bad, malformed, diff)
		}
	}
	check(0)
	r.write("docs/CODEOWNERS", "* @org/docs\n")
	r.commit()
	check(0, "docs")
	r.write("CODEOWNERS", "* @org/top\n!x @org/bad\n")
	r.commit()
	check(1, "top")
	check(0, "top")
	if err := os.Symlink("/etc/passwd", filepath.Join(r.dir, ".github")); err != nil {
		t.Fatal(err)
	}
	r.commit()
	check(0, "top")
	r.git("rm", "-q", "CODEOWNERS", "docs/CODEOWNERS")
	r.commit()
	check(0)
}

func FuzzCodeowners(f *testing.F) {
	f.Add("* @org/a\n/x\\ y/ @org/b # c\n^[S][2] @org/c\n/d\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, _ := parseCodeowners(text, false, nil)
		for _, e := range entries {
			if !doublestar.ValidatePattern(e.Glob) {
				t.Errorf("%q is no glob", e.Glob)
			}
			for _, team := range e.Teams {
				if !isTeamName(team) {
					t.Errorf("%q is no team", team)
				}
			}
		}
	})
}
