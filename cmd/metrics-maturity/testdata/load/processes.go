package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// cost is what one or several processes took.
type cost struct {
	cpu, wall time.Duration
	peak      int64 // bytes of the one that took most
}

// use adds what a process that has ended took.
func (c *cost) use(cmd *exec.Cmd) {
	c.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = max(c.peak, usage.Maxrss<<10)
	}
}

// bench is a folder with logs, a configuration, a key, and the command to measure.
type bench struct {
	dir, binary string
	config      string
	limits      *limits // nil for none
	verbose     bool
}

// command is one of metrics-maturity's, not begun yet.
func (b *bench) command(args ...string) *exec.Cmd {
	cmd := exec.Command(b.binary, append(args, "--config", b.config)...)
	cmd.Stderr = &bytes.Buffer{}
	return cmd
}

// run runs a command to its end.
func (b *bench) run(out io.Writer, args ...string) (c cost, err error) {
	cmd := b.command(args...)
	cmd.Stdout = out
	began := time.Now()
	err = cmd.Run()
	c.wall = time.Since(began)
	if cmd.ProcessState != nil {
		c.use(cmd)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, cmd.Stderr)
	}
	return c, err
}

// collect lets n collectors read at once what is new. Kills are the times after which one of the first two is killed, in turn, and
// started again.
func (b *bench) collect(n int, kills []time.Duration) (total cost, killed int, err error) {
	began := time.Now()
	var mu sync.Mutex
	var working sync.WaitGroup
	for i := range n {
		working.Go(func() {
			var mine []time.Duration
			for k, at := range kills {
				if n > 1 && i == k%2 {
					mine = append(mine, at)
				}
			}
			c, dead, failure := b.shard(i, n, began, mine)
			mu.Lock()
			defer mu.Unlock()
			total.cpu, total.peak = total.cpu+c.cpu, max(total.peak, c.peak)
			killed, err = killed+dead, errors.Join(err, failure)
		})
	}
	working.Wait()
	total.wall = time.Since(began)
	return total, killed, err
}

// shard runs one of n collectors, which is killed at some times and started again.
func (b *bench) shard(i, n int, began time.Time, kills []time.Duration) (c cost, killed int, err error) {
	for {
		args := []string{"collect"}
		if n > 1 {
			args = append(args, "--shard", fmt.Sprintf("%d/%d", i+1, n))
		}
		cmd := b.command(args...)
		if err := cmd.Start(); err != nil {
			return c, killed, err
		}
		if err := b.limits.collector(cmd.Process.Pid, i); err != nil {
			return c, killed, err
		}
		var kill *time.Timer
		if len(kills) > 0 {
			kill = time.AfterFunc(time.Until(began.Add(kills[0])), func() { _ = cmd.Process.Kill() }) // it may have ended
			kills = kills[1:]
		}
		err := cmd.Wait()
		if kill != nil {
			kill.Stop()
		}
		c.use(cmd)
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL && kill != nil {
			killed++
			continue
		}
		if err != nil {
			return c, killed, fmt.Errorf("collector %d of %d: %w\n%s", i+1, n, err, cmd.Stderr)
		}
		if b.verbose {
			fmt.Fprintf(os.Stderr, "%s", cmd.Stderr)
		}
		return c, killed, nil
	}
}

// killTimes are moments at random in the first three quarters of the time that a run is expected to take.
func killTimes(r *rand.Rand, n int, expected time.Duration) (at []time.Duration) {
	for i := range n {
		slot := expected * 3 / 4 / time.Duration(n)
		at = append(at, time.Duration(i)*slot+time.Duration(r.Int64N(int64(max(slot, 1)))))
	}
	return at
}

// answer is all that can be seen of what was counted: a digest of `days`, how many acts there are, and the counters.
type answer struct {
	digest string
	acts   int64
	rows   int64
}

func (b *bench) answer() (a answer, took cost, err error) {
	days := exec.Command(b.binary, "days", "--config", b.config)
	var problem bytes.Buffer
	days.Stderr = &problem
	out, err := days.StdoutPipe()
	if err != nil {
		return a, took, err
	}
	began := time.Now()
	if err := days.Start(); err != nil {
		return a, took, err
	}
	sum := sha256.New()
	for lines := json.NewDecoder(io.TeeReader(out, sum)); ; a.rows++ {
		var day struct{ Count int64 }
		if err := lines.Decode(&day); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return a, took, errors.Join(err, days.Wait())
		}
		a.acts += day.Count
	}
	if err := days.Wait(); err != nil {
		return a, took, fmt.Errorf("days: %w\n%s", err, problem.String())
	}
	took.wall = time.Since(began)
	took.use(days)
	var page bytes.Buffer
	if _, err := b.run(&page, "report", "--format", "openmetrics"); err != nil {
		return a, took, err
	}
	for line := range strings.Lines(page.String()) {
		if strings.HasPrefix(line, "metrics_maturity_events_total") || strings.HasPrefix(line, "metrics_maturity_malformed_lines_total") {
			fmt.Fprint(sum, line)
		}
	}
	a.digest = hex.EncodeToString(sum.Sum(nil))[:16]
	return a, took, nil
}

// configure writes the configuration for a store and the logs of some days.
func (b *bench) configure(t *target, retention string, days ...string) error {
	b.config = filepath.Join(b.dir, "metrics-maturity.yaml")
	if err := os.WriteFile(filepath.Join(b.dir, "key"), []byte("only to measure with, never for people\n"), 0o600); err != nil {
		return err
	}
	return writeConfig(b.config, t.url, retention, days)
}

// load is the load average of the machine, of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
