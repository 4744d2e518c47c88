package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestHistories commits the trees of each archive in testdata/histories, one after the other: the files under 1/ are
// the whole of the first commit. "want" lists what the commits did, and after it how many versions can't be read.
func TestHistories(t *testing.T) {
	archives, err := filepath.Glob("testdata/histories/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no histories", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			repo := newTestRepo(t)
			want := ""
			trees := map[int][]txtar.File{}
			last := 0
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				n, path, _ := strings.Cut(f.Name, "/")
				i, err := strconv.Atoi(n)
				if err != nil {
					t.Fatalf("%s: file %s is of no commit", name, f.Name)
				}
				last = max(last, i)
				trees[i] = append(trees[i], txtar.File{Name: path, Data: f.Data})
			}
			number := map[time.Time]int{}
			for i := 1; i <= last; i++ {
				repo.clear()
				for _, f := range trees[i] {
					repo.write(f.Name, string(f.Data))
				}
				repo.commit()
				number[repo.clock] = i
			}
			var got collected
			got.fetch(t, repo.source())
			var lines []string
			for i, line := range got.lines() {
				lines = append(lines, fmt.Sprintf("%d %s", number[got.batch.Events[i].Time], line))
			}
			slices.Sort(lines)
			if got.batch.Malformed > 0 {
				lines = append(lines, fmt.Sprintf("malformed %d", got.batch.Malformed))
			}
			have := ""
			for _, line := range lines {
				have += line + "\n"
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("want (-), have (+):\n%s", diff)
			}
		})
	}
}

// clear removes every file of the work tree.
func (r *testRepo) clear() {
	r.t.Helper()
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != ".git" {
			if err := os.RemoveAll(filepath.Join(r.dir, e.Name())); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}
