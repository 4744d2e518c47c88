package store_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// TestFailoverToAnOlderCopy: a server takes over that has not seen the last commits. Who read on from them is refused; who asks anew
// goes on where the copy ends, so that what was lost with the old server is read again, and nothing twice.
func TestFailoverToAnOlderCopy(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server twice")
	}
	server := testserver.NewPostgres(t)
	server.Start(t, "fsync=on")
	s := open(t, server.Database(t))
	view := func(i int, fence store.Fence) (store.Fence, error) {
		return s.Save(t.Context(), store.Commit{
			Source: "grafana", Fence: fence, Cursors: map[string][]byte{"f": fmt.Append(nil, i)}, Malformed: 1,
			Days:   store.Fold("grafana", []activity.Day{day("2026-03-02", activity.KindView, "d", 0, 1)}),
			Totals: []store.EventTotal{{Source: "grafana", Kind: activity.KindView, Outcome: activity.Counted, Count: 1}},
		})
	}
	var fence store.Fence
	commit := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			next, err := view(i, fence)
			if err != nil {
				t.Fatal(err)
			}
			fence = next
		}
	}
	commit(0, 5)
	server.Stop()
	backup := server.Dir + ".older"
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", server.Dir, backup).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	server.Start(t, "fsync=on")
	commit(5, 9)
	server.Kill()
	if err := os.RemoveAll(server.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(backup, server.Dir); err != nil {
		t.Fatal(err)
	}
	server.Start(t, "fsync=on")
	if _, err := view(9, fence); err == nil || !strings.Contains(err.Error(), "another collector wrote to this source meanwhile") {
		t.Errorf("a commit that builds on lost ones gave %v", err)
	}
	p, err := s.Progress(t.Context(), "grafana")
	if err != nil || string(p.Cursors["f"]) != "4" {
		t.Fatalf("%q %v", p.Cursors["f"], err)
	}
	fence = p.Fence
	commit(5, 12)
	wantViews(t, s, 12, "grafana")
}
