package sim_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

// generate invents an organisation in a folder of the test.
func generate(t *testing.T, o sim.Options) (string, sim.Truth) {
	t.Helper()
	dir := t.TempDir()
	truth, err := sim.Generate(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return dir, truth
}

// digest maps every file outside the git repository to a hash of its bytes, and the repository to its last commit.
func digest(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{"rules.git": git(t, dir, "rev-parse", "main")}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == sim.RulesRepo:
			return filepath.SkipDir
		case e.IsDir():
			return nil
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"--git-dir", filepath.Join(dir, sim.RulesRepo)}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// lines returns all lines of a log, compressed or not, and the bytes of them.
func lines(t *testing.T, dir, pattern string) ([]string, int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, sim.LogFolder, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no log %s: %v", pattern, err)
	}
	var out []string
	size := 0
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = bytes.NewReader(b)
		if strings.HasSuffix(p, ".gz") {
			if r, err = gzip.NewReader(r); err != nil {
				t.Fatal(err)
			}
		}
		sc := bufio.NewScanner(r)
		for sc.Scan() {
			out = append(out, sc.Text())
			size += len(sc.Bytes()) + 1
		}
		if sc.Err() != nil {
			t.Fatal(sc.Err())
		}
	}
	return out, size
}

func TestSameSeedSameBytes(t *testing.T) {
	o := sim.Options{Seed: 7, Teams: 6, Weeks: 16, Scenarios: sim.Scenarios()}
	a, truthA := generate(t, o)
	b, truthB := generate(t, o)
	if diff := cmp.Diff(digest(t, a), digest(t, b)); diff != "" {
		t.Errorf("the same seed gave other bytes:\n%s", diff)
	}
	if diff := cmp.Diff(truthA, truthB); diff != "" {
		t.Errorf("the same seed gave another truth:\n%s", diff)
	}
	o.Seed++
	c, _ := generate(t, o)
	if digest(t, a)["rules.git"] == digest(t, c)["rules.git"] {
		t.Error("another seed gave the same history of rules")
	}
}

// TestDemoIsSmallAndShowsEveryStage bounds what the demo has to read, and holds that it has something to show.
func TestDemoIsSmallAndShowsEveryStage(t *testing.T) {
	dir, truth := generate(t, sim.Options{Seed: 1})
	_, grafana := lines(t, dir, "grafana.log*")
	_, queries := lines(t, dir, "query.log*")
	if total := grafana + queries; total > 60e6 || total < 10e6 {
		t.Errorf("logs of %d bytes, not 10 to 60 MB", total)
	}
	if len(truth.Teams) != 12 {
		t.Fatalf("%d teams", len(truth.Teams))
	}
	last := map[int]int{}
	rises, falls, steep := 0, 0, 0
	for _, team := range truth.Teams {
		if len(team.Weeks) != 52 {
			t.Fatalf("team %s: %d weeks", team.Name, len(team.Weeks))
		}
		last[team.Weeks[51].Stage]++
		for i, w := range team.Weeks[1:] {
			if w.Monday != team.Weeks[i].Monday+7 {
				t.Errorf("team %s: week %s follows %s", team.Name, w.Monday, team.Weeks[i].Monday)
			}
			switch step := w.Stage - team.Weeks[i].Stage; {
			case step > 0:
				rises++
			case step < 0:
				falls++
				if step < -1 {
					steep++
				}
			}
		}
	}
	for stage := range 7 {
		if last[stage] == 0 {
			t.Errorf("no team ends at stage %d: %v", stage, last)
		}
	}
	if rises < 4 || falls < 2 || steep < 1 {
		t.Errorf("%d rises, %d falls, %d of several stages: too little happens", rises, falls, steep)
	}
}

func TestDrawnStoriesReachEveryStage(t *testing.T) {
	_, truth := generate(t, sim.Options{Seed: 3, Teams: 40, Weeks: 30, Drawn: true})
	seen := map[int]int{}
	for _, team := range truth.Teams {
		for _, w := range team.Weeks {
			seen[w.Stage]++
		}
	}
	for stage := range 7 {
		if seen[stage] == 0 {
			t.Errorf("no week at stage %d: %v", stage, seen)
		}
	}
}

func TestRulesRepository(t *testing.T) {
	dir, _ := generate(t, sim.Options{Seed: 2, Teams: 12, Weeks: 20, Scenarios: []sim.Scenario{sim.Reformatted, sim.PlatformTeam}})
	log := git(t, dir, "log", "--format=%an <%ae> %aI %s")
	for _, want := range []string{"renovate[bot] <bot@corp.example>", "payments: adjust Payments", "payments: record payments:", " for them", "reformat every rule file"} {
		if !strings.Contains(log, want) {
			t.Errorf("no commit with %q", want)
		}
	}
	if out := git(t, dir, "fsck", "--strict"); strings.Contains(out, "error") {
		t.Errorf("git fsck: %s", out)
	}
	if files := git(t, dir, "ls-tree", "-r", "--name-only", "main"); !strings.Contains(files, "checkout/slo.yaml") {
		t.Errorf("files: %s", files)
	}
	if head := git(t, dir, "symbolic-ref", "HEAD"); head != "refs/heads/main" {
		t.Errorf("HEAD is %s", head)
	}
}

func TestOutageLeavesAHole(t *testing.T) {
	dir, truth := generate(t, sim.Options{Seed: 4, Teams: 2, Scenarios: []sim.Scenario{sim.LogOutage}})
	lost := map[string]bool{}
	for _, w := range truth.Teams[0].Weeks {
		if w.Outage { // most of the week, so its middle
			lost[(w.Monday + 2).String()] = true
		}
	}
	if len(lost) == 0 {
		t.Fatal("nothing was lost")
	}
	all, _ := lines(t, dir, "grafana.log*")
	for _, l := range all {
		if _, at, _ := strings.Cut(l, " t="); lost[at[:10]] && at[11:13] < "22" /* then the next day has begun in Stockholm */ {
			t.Fatalf("a line in the outage: %s", l)
		}
	}
}

func TestTeamsComeAndGo(t *testing.T) {
	_, truth := generate(t, sim.Options{Seed: 5, Teams: 8, Weeks: 40, Scenarios: []sim.Scenario{sim.NewTeam, sim.Dissolved}})
	came, went := 0, 0
	for _, team := range truth.Teams {
		if !team.Weeks[0].Exists {
			came++
		}
		if !team.Weeks[39].Exists {
			went++
		}
	}
	if came != 2 || went != 2 {
		t.Errorf("%d came and %d went, of 8", came, went)
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]sim.Options{
		"teams":    {Teams: -1},
		"weeks":    {Weeks: 100000},
		"end":      {End: 20000 + 1},
		"scenario": {Scenarios: []sim.Scenario{"flood"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sim.Generate(t.TempDir(), o)
			if err == nil || !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("got %v, not an error with a hint", err)
			}
		})
	}
	dir, _ := generate(t, sim.Options{Teams: 1, Weeks: 1})
	if _, err := sim.Generate(dir, sim.Options{Teams: 1, Weeks: 1}); err == nil || !strings.Contains(err.Error(), "already holds") {
		t.Errorf("a folder in use: %v", err)
	}
}

func TestKeyIsPrivate(t *testing.T) {
	dir, _ := generate(t, sim.Options{Teams: 1, Weeks: 1})
	info, err := os.Stat(filepath.Join(dir, sim.KeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v %v", info, err)
	}
}

// FuzzGenerate holds that any organisation can be told: every option that is accepted gives a whole truth.
func FuzzGenerate(f *testing.F) {
	f.Add(uint64(1), 3, 9, uint32(0), false)
	f.Add(uint64(2), 1, 1, uint32(1<<15-1), true)
	f.Add(uint64(73), 0, 1, uint32(32655), true) // twelve teams that live for a week
	f.Add(uint64(3), 5, 12, uint32(0b1000011), true)
	f.Fuzz(func(t *testing.T, seed uint64, teams, weeks int, scenarios uint32, drawn bool) {
		if teams > 6 || weeks > 30 {
			t.Skip("larger ones take long and show nothing new")
		}
		o := sim.Options{Seed: seed, Teams: teams, Weeks: weeks, Drawn: drawn}
		for i, s := range sim.Scenarios() {
			if scenarios&(1<<i) != 0 {
				o.Scenarios = append(o.Scenarios, s)
			}
		}
		truth, err := sim.Generate(t.TempDir(), o)
		if err != nil {
			if !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("%v", err)
			}
			return
		}
		for _, team := range truth.Teams {
			for _, w := range team.Weeks {
				if w.Stage < 0 || w.Stage > 6 || w.Stage > 0 && !w.Exists {
					t.Errorf("team %s, week %s: stage %d, exists %v", team.Name, w.Monday, w.Stage, w.Exists)
				}
			}
		}
	})
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		if _, err := sim.Generate(b.TempDir(), sim.Options{Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
