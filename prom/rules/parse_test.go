package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

func TestDuplicateKeysOfBranchesStay(t *testing.T) {
	f := parseFile([]byte(`groups:
- name: g
  rules:
  - alert: A
{{- if .Values.strict }}
    expr: up > 1
{{- else }}
    expr: up > 2
{{- end }}
    labels:
      team: {{ .Values.team | quote }}
{{- if .Values.page }}
      severity: page
{{- else }}
      severity: ticket
{{- end }}
`))
	if len(f.rules) != 1 || f.unreadable != nil {
		t.Fatalf("%+v", f)
	}
	r := f.rules[0]
	if diff := cmp.Diff([]string{"up > 1", "up > 2"}, r.exprs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"team": `{{ .Values.team | quote }}`, "severity": "ticket"}, r.labels); diff != "" {
		t.Error(diff)
	}
}

func TestGroupLabelsAreRuleLabels(t *testing.T) {
	f := parseFile([]byte("groups:\n- name: g\n  labels: {team: a, env: x}\n  rules:\n  - {alert: A, expr: up, labels: {team: b}}\n"))
	if diff := cmp.Diff(map[string]string{"team": "b", "env": "x"}, f.rules[0].labels); diff != "" {
		t.Error(diff)
	}
}

func TestGrafanaProvisioningHoldsNoRulesOfOurs(t *testing.T) {
	f := parseFile([]byte("apiVersion: 1\ngroups:\n- orgId: 1\n  name: g\n  rules:\n  - {uid: x, title: T, data: []}\n"))
	if len(f.rules)+len(f.problems) != 0 || f.unreadable != nil {
		t.Errorf("%+v", f)
	}
}

// Texts that unfold to more than anybody wrote end soon, with a reason.
func TestBombs(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 20; i++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	var merges strings.Builder
	merges.WriteString("m0: &m0 {x: y}\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&merges, "m%d: &m%d {<<: [*m%d, *m%d, *m%d]}\n", i, i, i-1, i-1, i-1)
	}
	for name, text := range map[string]string{
		"aliases":      laughs.String() + "groups: [{rules: [{alert: A, expr: up, x: *a19}]}]\n",
		"merge keys":   merges.String() + "groups: [{rules: [{<<: *m39, alert: A}]}]\n",
		"nesting":      "groups: " + strings.Repeat("[", 100_000),
		"deep rules":   "groups:\n- rules:\n  - alert: A\n    x: " + strings.Repeat("[", 500) + strings.Repeat("]", 500) + "\n",
		"deep nothing": "groups:\n" + strings.Repeat("- ", 5000) + "x\n",
		"a cycle":      "groups: &a [{rules: *a}, *a]\nx: &b {<<: [*b], y: *b}\n",
		"merge cycle":  "groups:\n- rules: &r\n  - &x {<<: *x, alert: A}\n  - &y {<<: [*r, *r]}\n",
		"long text":    "t: &t \"" + strings.Repeat("x", 1<<20) + "\"\na: &a [" + strings.Repeat("*t, ", 100) + "]\ngroups: [{rules: [{alert: A, expr: up, x: [" + strings.Repeat("*a, ", 100) + "]}]}]\n",
		"open actions": "groups:\n" + strings.Repeat("{{ \"", 50_000),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			f := parseFile([]byte(text))
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
			if f.unreadable == nil && !strings.Contains(name, "cycle") && name != "deep nothing" {
				t.Error("it was read")
			}
		})
	}
}

func TestGoalMistakesAreToldWithTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		"goals:\n- {team: a, name: b}\n- {team: a, nom: b}\n":     `3: goal field "nom" is not known`,
		"goals:\n- team: a\n  name: b\n  due: tomorrow\n":         `4: goal field due: date "tomorrow" is not written as 2006-01-02`,
		"goals:\n- team: a\n  name: b\n  target: [1]\n":           `4: goal field "target" is no text or number`,
		"goals:\n- team: a\n":                                     `2: a goal has no name`,
		"goals:\n- a\n":                                           `2: an entry of goals is no mapping`,
		"goals: 7\n":                                              `1: goals is no list`,
		"goals:\n- {team: a, name: b}\n- {team: a, name: b}\n":    `3: goal "b" of team "a" is there twice; the last one counts`,
		"goals:\n- {team: a, name: b, start: 2026-02-30T00:00}\n": `2: goal field start: date "2026-02-30" is not written as 2006-01-02`,
	} {
		f := parseFile([]byte(text))
		if len(f.problems) != 1 {
			t.Errorf("%q: %v", text, f.problems)
			continue
		}
		if got := fmt.Sprintf("%d: %s", f.problems[0].line, f.problems[0].why); !strings.HasPrefix(got, want) {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestMatchAuthor(t *testing.T) {
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"*[bot]", "renovate[bot]", true}, {"*[bot]", "bob", false}, {"*[bot]", "o", false}, {"ci-*@x.example", "ci-1@x.example", true},
		{"a*a", "a", false}, {"*", "", true}, {"", "", false}, {"a*b*c", "a1b2c", true}, {"a*b*c", "acb", false}, {"x", "x", true},
	} {
		if got := matchAuthor(c.glob, c.name); got != c.want {
			t.Errorf("matchAuthor(%q, %q) = %v", c.glob, c.name, got)
		}
	}
	if !isAutomation(activity.Identity{Name: "Sync", Email: "sync@x.example"}, []string{"SYNC <sync@x.example>"}) {
		t.Error("an author as git writes it is not matched")
	}
}

// seedTexts are the files of all archives.
func seedTexts(f *testing.F) []string {
	f.Helper()
	archives, err := filepath.Glob("testdata/histories/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	var out []string
	for _, name := range archives {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(data).Files {
			out = append(out, string(file.Data))
		}
	}
	return out
}

// Of any two texts: no panic, a text does not differ from itself, and what is added one way is removed the other way.
func FuzzRuleDiff(f *testing.F) {
	seeds := seedTexts(f)
	for i, s := range seeds {
		f.Add(s, seeds[(i+1)%len(seeds)])
	}
	fingerprints := prom.NewFingerprinter(nil)
	f.Fuzz(func(t *testing.T, a, b string) {
		fa, fb := parseFile([]byte(a)), parseFile([]byte(b))
		va, vb := []version{{"p", fa}}, []version{{"p", fb}}
		if got := diffRules(va, va); len(got) != 0 {
			t.Fatalf("%q differs from itself: %v", a, got)
		}
		if got := diffRules(va, []version{{"q", parseFile([]byte(a))}}); len(got) != 0 {
			t.Fatalf("%q differs from itself elsewhere: %v", a, got)
		}
		if got := diffGoals(va, va); len(got) != 0 {
			t.Fatalf("goals of %q differ from themselves: %v", a, got)
		}
		opposite := map[string]string{activity.RuleAdded: activity.RuleRemoved, activity.RuleRemoved: activity.RuleAdded}
		there, back := diffRules(va, vb), diffRules(vb, va)
		if len(there) != len(back) {
			t.Fatalf("%q, %q: %v there, %v back", a, b, there, back)
		}
		for i := range there {
			x, y := there[i], back[i]
			if want, ok := opposite[x.detail]; x.ruleID != y.ruleID || ok && y.detail != want || !ok && opposite[y.detail] != "" {
				t.Fatalf("%q, %q: %v there, %v back", a, b, x, y)
			}
		}
		k := &facts{fingerprints: fingerprints, repository: "r"}
		if got := k.ruleFacts(time.Time{}, va, va); len(got) != 0 {
			t.Fatalf("facts of %q differ from themselves: %v", a, got)
		}
		k.ruleFacts(time.Time{}, va, vb)
		k.goalFacts(time.Time{}, va, vb)
	})
}

// Whatever a template holds, encoding keeps lines apart and can be taken back.
func FuzzEncodeTemplates(f *testing.F) {
	for _, s := range seedTexts(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := encodeTemplates(text)
		if !strings.Contains(text, "{{") && out != text {
			t.Fatalf("%q became %q", text, out)
		}
		if strings.Count(out, "\n") > strings.Count(text, "\n") {
			t.Fatalf("%q got lines: %q", text, out)
		}
		parseFile([]byte(text))
	})
}
