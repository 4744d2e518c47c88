package owner

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

var update = flag.Bool("update", false, "write what was got into the golden files")

// golden is one file of testdata: owner rules and facts, rows with what is said of each, and foundations.
type golden struct {
	path    string
	archive *txtar.Archive
	org     *organisation
	lines   []string // rows and comments
	days    []activity.Day
}

func readGolden(t testing.TB, path string) *golden {
	t.Helper()
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{path: path, archive: a, org: parseOrganisation(t, section(a, "rules.yaml"))}
	for line := range strings.Lines(section(a, "acts")) {
		line = strings.TrimRight(line, "\n")
		row, _, _ := strings.Cut(line, " => ")
		g.lines = append(g.lines, row)
		if row != "" && !strings.HasPrefix(row, "#") {
			g.days = append(g.days, g.org.day(t, row))
		}
	}
	return g
}

func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func goldens(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	return paths
}

func TestAttribute(t *testing.T) {
	for _, path := range goldens(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			g := readGolden(t, path)
			b, err := New(g.org.rules, testKey, g.org.facts())
			if err != nil {
				t.Fatal(err)
			}
			acts := b.Attribute(g.days)
			got := map[string]string{"acts": g.show(acts)}
			if section(g.archive, "foundations") != "" {
				got["foundations"] = showFoundations(g.org.rules, b.Foundations(acts))
			}
			for i, f := range g.archive.Files {
				want, ok := got[f.Name]
				if !ok {
					continue
				}
				if *update {
					g.archive.Files[i].Data = []byte(want)
				} else if diff := cmp.Diff(string(f.Data), want); diff != "" {
					t.Errorf("%s (-want +got):\n%s", f.Name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(g.archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func (g *golden) show(acts []activity.Act) string {
	var out strings.Builder
	for _, line := range g.lines {
		if line != "" && !strings.HasPrefix(line, "#") {
			line += " => " + show(acts[0])
			acts = acts[1:]
		}
		out.WriteString(line + "\n")
	}
	return out.String()
}

func showFoundations(c Config, found map[string]Foundation) string {
	words := map[activity.Tri]string{activity.Unknown: "unknown", activity.No: "no", activity.Yes: "yes"}
	var out strings.Builder
	for _, t := range c.Teams {
		f := found[t.Name]
		fmt.Fprintf(&out, "%s: collection %s, query tooling %s, dashboards %s\n", t.Name, words[f.Collection], words[f.QueryTooling], words[f.Dashboards])
	}
	return out.String()
}

// TestOrder holds that neither the order of rows nor the way in which the facts became known changes what is said of a row.
func TestOrder(t *testing.T) {
	for _, path := range goldens(t) {
		g := readGolden(t, path)
		facts := g.org.facts()
		b, err := New(g.org.rules, testKey, facts)
		if err != nil {
			t.Fatal(err)
		}
		want := b.Attribute(g.days)
		if diff := cmp.Diff(want, g.org.learned(t).Attribute(g.days)); diff != "" {
			t.Errorf("%s: facts that were learned (-new +learned):\n%s", path, diff)
		}
		for seed := range uint64(20) {
			perm := rand.New(rand.NewPCG(seed, 1)).Perm(len(g.days))
			shuffled := make([]activity.Day, len(perm))
			for to, from := range perm {
				shuffled[to] = g.days[from]
			}
			got := b.Attribute(shuffled)
			for to, from := range perm {
				if diff := cmp.Diff(want[from], got[to]); diff != "" {
					t.Fatalf("%s: seed %d: row %d (-in order +shuffled):\n%s", path, seed, from, diff)
				}
			}
		}
	}
}

// TestAlone holds that a row that no log of a database gave, and no second source of rules, is judged by itself: the rows around it
// do not matter.
func TestAlone(t *testing.T) {
	for _, path := range goldens(t) {
		g := readGolden(t, path)
		b, err := New(g.org.rules, testKey, g.org.facts())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range b.Attribute(g.days) {
			d := &g.days[i]
			second := (d.Kind == activity.KindRule || d.Kind == activity.KindMetric) && b.tellerOf(d) != tellerGit
			if b.isClient(d, b.actors[d.Actor]) || b.mayBeTwice(d) || second {
				continue
			}
			if diff := cmp.Diff(want, b.Attribute(g.days[i : i+1])[0]); diff != "" {
				t.Errorf("%s: row %d (-among others +alone):\n%s", path, i, diff)
			}
		}
	}
}
