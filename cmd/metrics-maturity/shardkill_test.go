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

// shardFiles is how many files the query log of a shard bench lies in.
const shardFiles = 24

// newShardBench is a bench whose query log lies in many files. Of what there is to write only a part lies there yet; grow writes more.
func newShardBench(t *testing.T, binary, target string, from *bench, written float64) *bench {
	t.Helper()
	b := newBench(t, binary, target)
	b.write(t, "grafana.log", string(bytes.Join(from.grafana, nil)))
	for piece := range slices.Chunk(from.queries, 1+len(from.queries)/shardFiles) {
		n := int(written * float64(len(piece)))
		b.write(t, fmt.Sprintf("query-%02d.log", len(b.pieces)), string(bytes.Join(piece[:n], nil)))
		b.pieces = append(b.pieces, piece[n:])
	}
	return b
}

// growPiece writes more lines to one of the files.
func (b *bench) growPiece(t *testing.T, i, lines int) {
	t.Helper()
	lines = min(lines, len(b.pieces[i]))
	f, err := os.OpenFile(filepath.Join(b.dir, fmt.Sprintf("query-%02d.log", i)), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(bytes.Join(b.pieces[i][:lines], nil))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	b.pieces[i] = b.pieces[i][lines:]
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
	all := newShardBench(t, binary, "sqlite:maturity.db", one, 1)
	all.collect(t)
	want := all.output(t)

	times := kills(t, 12)
	b := newShardBench(t, binary, testserver.PostgresDatabase(t), one, 0.5)
	running := make([]*exec.Cmd, shards)
	for i := range running {
		running[i] = b.startShard(t, i)
	}
	killed := 0
	kill := func(i int) (fell bool) {
		t.Helper()
		if err := running[i].Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		err := running[i].Wait()
		if errors.As(err, &exit) && !exit.Exited() {
			killed++
			return true
		}
		if err != nil {
			t.Fatalf("shard %d ended by itself: %v\n%s", i+1, err, running[i].Stderr)
		}
		return false
	}
	pause, i, moved := 200*time.Millisecond, 0, 0
	before := b.commits(t)
	for round := 0; killed < times; round++ {
		if round > 20*times {
			t.Fatalf("only %d kills", killed)
		}
		b.growPiece(t, rnd.IntN(shardFiles), killLines/4/times)
		time.Sleep(rand.N(pause))
		if rnd.IntN(2) == 0 { // else the one that was started last, which reads
			i = rnd.IntN(shards)
		}
		if kill(i) {
			pause += pause / 16
		} else {
			pause -= pause / 8
		}
		running[i] = b.startShard(t, i)
		if after := b.commits(t); after > before {
			before, moved = after, moved+1
		}
	}
	for i := range b.pieces {
		b.growPiece(t, i, killLines)
	}
	for i := range running { // none has seen all
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
	t.Logf("%d kills of %d shards, %d commits, which came between two kills %d times", killed, shards, b.commits(t), moved)
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
	one := newShardBench(t, binary, "sqlite:maturity.db", logs, 1)
	one.collect(t)
	want := one.output(t)
	for name, target := range map[string]func() string{
		"sqlite": func() string { return "sqlite:maturity.db" }, "postgres": func() string { return testserver.PostgresDatabase(t) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newShardBench(t, binary, target(), logs, 1)
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
