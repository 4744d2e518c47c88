package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// bombMemory is what the command is told to keep to, and bombPeak what it may really take of the machine's memory.
	bombMemory = "128MiB"
	bombPeak   = 136 << 20
	// bombTime is far above what a bomb takes; a machine may be busy.
	bombTime = 2 * time.Minute
)

// A bomb is a file of a log that costs its sender little, and would cost its reader much.
type bomb struct {
	name  string // of the file
	write func(w io.Writer) error
}

func bombs() []bomb {
	zeros := func(w io.Writer) error { // a line without an end
		chunk := make([]byte, 1<<20)
		for range 512 {
			if _, err := w.Write(chunk); err != nil {
				return err
			}
		}
		return nil
	}
	query := `{"ts":"2026-11-03T09:00:00Z","params":{"query":"%s","start":"2026-11-03T09:00:00Z","end":"2026-11-03T09:00:00Z","step":0},"httpRequest":{"clientIP":"10.0.%d.%d","method":"GET","path":"/api/v1/query"}}` + "\n"
	return []bomb{
		{"zeros.log.gz", func(w io.Writer) error {
			z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
			if err != nil {
				return err
			}
			if err := zeros(z); err != nil {
				return err
			}
			return z.Close()
		}},
		{"zeros.log.zst", func(w io.Writer) error {
			z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
			if err != nil {
				return err
			}
			if err := zeros(z); err != nil {
				return err
			}
			return z.Close()
		}},
		// Everything is new: the question, and who asks it.
		{"questions.log", func(w io.Writer) error {
			for i := range bombLines() {
				text := fmt.Sprintf("sum by (job) (rate(metric_%d_total{code=~'5..'}[5m])) / %d", i, i)
				if _, err := fmt.Fprintf(w, query, text, i>>8&255, i&255); err != nil {
					return err
				}
			}
			return nil
		}},
		{"hole.log", func(w io.Writer) error { return w.(*os.File).Truncate(2 << 30) }}, // no block of the disk is used
		{"deep.log", func(w io.Writer) error {
			for _, open := range []string{"[", `{"a":`, "("} {
				if _, err := fmt.Fprintf(w, `{"params":%s`+"\n"+query, strings.Repeat(open, 100_000), strings.Repeat("(", 100_000), 0, 1); err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

// bombLines is how many lines a bomb of many has.
func bombLines() int {
	if n, err := strconv.Atoi(os.Getenv("MATURITY_BOMB_LINES")); err == nil {
		return n
	}
	return 60_000
}

// TestMemoryIsBounded runs the real command on bombs, and looks at the most memory that it had.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads gigabytes")
	}
	binary := buildBinary(t)
	for _, b := range bombs() {
		t.Run(b.name, func(t *testing.T) {
			dir := t.TempDir()
			f, err := os.Create(filepath.Join(dir, b.name))
			if err != nil {
				t.Fatal(err)
			}
			if err := b.write(f); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			config := filepath.Join(dir, "c.yaml")
			text := fmt.Sprintf("sources: [{name: promql, type: prometheus-query-log, files: [%q]}]\nteams: [{name: payments, members: [alice]}]\nprivacy: {hash_key_file: key}\n", b.name)
			for name, text := range map[string]string{config: text, filepath.Join(dir, "key"): "a key that only this test knows"} {
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			peak := peakOf(t, exec.CommandContext(t.Context(), binary, "collect", "--config", config, "--max-memory", bombMemory))
			took := time.Since(began)
			t.Logf("%d MiB, %v", peak>>20, took.Round(10*time.Millisecond))
			if peak > bombPeak || took > bombTime {
				t.Errorf("%d MiB of memory in %v", peak>>20, took)
			}
		})
	}
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakOf runs a command and returns the most memory that it had, in bytes. What the system counts for children knows their parent's too.
func peakOf(t *testing.T, cmd *exec.Cmd) (peak int64) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if m := highWater.FindSubmatch(status); err == nil && m != nil {
			kib, err := strconv.ParseInt(string(m[1]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			peak = kib << 10
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("%v\n%s", err, said.Bytes())
			}
			if peak == 0 {
				t.Skip("this system tells no peak of memory")
			}
			return peak
		case <-tick.C:
		}
	}
}
