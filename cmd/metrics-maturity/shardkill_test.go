package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// shards is how many collectors read into one store in these tests.
const shards = 4

// newShardBench is a bench whose query log lies in many files.
func newShardBench(t *testing.T, binary, target string, from *bench) *bench {
	t.Helper()
	b := newBench(t, binary, target)
	b.write(t, "grafana.log", string(bytes.Join(from.grafana, nil)))
	n := 0
	for piece := range slices.Chunk(from.queries, 1+len(from.queries)/24) {
		b.write(t, fmt.Sprintf("query-%02d.log", n), string(bytes.Join(piece, nil)))
		n++
	}
	return b
}

func (b *bench) startShard(t *testing.T, i int) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(b.binary, "collect", "--config", filepath.Join(b.dir, "metrics-maturity.yaml"), "--shard", fmt.Sprintf("%d/%d", i+1, shards))
	cmd.Stderr = &bytes.Buffer{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestKilledShardsCountOnce: four collectors read into one PostgreSQL and are killed at random; those killed last are not started again,
// and their work is taken over. The days are those of one collector.
func TestKilledShardsCountOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	binary := buildBinary(t)
	rnd := rand.New(rand.NewPCG(7, 2))
	one := newBench(t, binary, "sqlite:maturity.db")
	one.lines(rnd)
	all := newShardBench(t, binary, "sqlite:maturity.db", one)
	all.collect(t)
	want := all.output(t)

	b := newShardBench(t, binary, testserver.PostgresDatabase(t), one)
	running := make([]*exec.Cmd, shards)
	for i := range running {
		running[i] = b.startShard(t, i)
	}
	killed := 0
	kill := func(i int) {
		t.Helper()
		if err := running[i].Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := running[i].Wait(); errors.As(err, &exit) && !exit.Exited() {
			killed++
		} else if err != nil {
			t.Fatalf("shard %d ended by itself: %v\n%s", i+1, err, running[i].Stderr)
		}
	}
	for range kills(t, 12) {
		time.Sleep(rand.N(200 * time.Millisecond))
		i := rnd.IntN(shards)
		kill(i)
		running[i] = b.startShard(t, i)
	}
	dead, other := 1, 2
	kill(dead)
	term := leaseTerm(t, b.target, dead)
	running[dead] = b.startShard(t, dead)
	for leaseTerm(t, b.target, dead) == term {
		time.Sleep(5 * time.Millisecond)
	}
	kill(dead) // while it holds the lease, and for good
	leaveHeld(t, b.target, dead)
	kill(other)
	running[other] = b.startShard(t, other)
	taken := false
	for i, cmd := range running {
		if i == dead {
			continue
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("shard %d: %v\n%s", i+1, err, cmd.Stderr)
		}
		taken = taken || strings.Contains(fmt.Sprint(cmd.Stderr), "its work is taken over")
	}
	if !taken {
		t.Error("nobody took over the work of the dead collector")
	}
	if diff := cmp.Diff(want, b.output(t)); diff != "" {
		t.Errorf("totals differ after %d kills (-one +shards):\n%s", killed, diff)
	}
	t.Logf("%d kills of %d shards, %d commits", killed, shards, b.commits(t))
}

// leaveHeld makes sure that a shard that was killed left its lease as one who holds it does: on a slow machine it may have been done
// before.
func leaveHeld(t *testing.T, target string, shard int) {
	t.Helper()
	db, err := sql.Open("pgx", target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(t.Context(), "UPDATE lease SET holder = 'gone', term = term + 1 WHERE name = $1 AND holder = ''", fmt.Sprintf("collect %d/%d", shard+1, shards))
	if err != nil {
		t.Fatal(err)
	}
}

// leaseTerm counts those who have held a shard's lease.
func leaseTerm(t *testing.T, target string, shard int) (term int) {
	t.Helper()
	db, err := sql.Open("pgx", target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.QueryRowContext(t.Context(), "SELECT term FROM lease WHERE name = $1", fmt.Sprintf("collect %d/%d", shard+1, shards)).Scan(&term)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return term
}

// TestTwoRunsAtOnce: both may be let through, or one refused with a word about it; nothing is counted twice.
func TestTwoRunsAtOnce(t *testing.T) {
	binary := buildBinary(t)
	rnd := rand.New(rand.NewPCG(7, 3))
	logs := newBench(t, binary, "sqlite:maturity.db")
	logs.lines(rnd)
	logs.grafana, logs.queries = logs.grafana[:20_000], logs.queries[:20_000]
	one := newShardBench(t, binary, "sqlite:maturity.db", logs)
	one.collect(t)
	want := one.output(t)
	for name, target := range map[string]func() string{
		"sqlite": func() string { return "sqlite:maturity.db" }, "postgres": func() string { return testserver.PostgresDatabase(t) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newShardBench(t, binary, target(), logs)
			for range 2 { // the first time, an empty store
				runs := []*exec.Cmd{b.start(t), b.start(t), b.start(t)}
				for _, cmd := range runs {
					if err := cmd.Wait(); err != nil && !strings.Contains(fmt.Sprint(cmd.Stderr), "another collector wrote to this source meanwhile") {
						t.Errorf("%v\n%s", err, cmd.Stderr)
					}
				}
			}
			b.collect(t)
			if diff := cmp.Diff(want, b.output(t)); diff != "" {
				t.Errorf("one run -, several at once +:\n%s", diff)
			}
		})
	}
}

// TestKilledMigration kills the first run on an empty store within the time in which it makes the tables.
func TestKilledMigration(t *testing.T) {
	binary := buildBinary(t)
	for name, target := range map[string]func(*testing.T) string{
		"sqlite": func(*testing.T) string { return "sqlite:maturity.db" }, "postgres": func(t *testing.T) string { return testserver.PostgresDatabase(t) },
	} {
		t.Run(name, func(t *testing.T) {
			for range kills(t, 12) / 3 {
				b := newBench(t, binary, target(t))
				b.write(t, "grafana.log", "")
				b.write(t, "query.log", "")
				for range 3 {
					cmd := b.start(t)
					time.Sleep(rand.N(120 * time.Millisecond))
					_ = cmd.Process.Kill() // it may have ended
					_ = cmd.Wait()
				}
				b.collect(t)
			}
		})
	}
}
