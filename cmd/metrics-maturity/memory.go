package main

import (
	"errors"
	"math"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/collector"
)

// programBytes is what the process takes beside what the garbage collector knows of: the program itself, and what the database takes
// beside its cache.
const programBytes = 34 << 20

// memory is a bound on what the process takes, in bytes; 0 for none. It is a flag.
type memory int64

// memoryFlag lets a command that collects be bounded.
func (a *app) memoryFlag(cmd *cobra.Command) {
	cmd.Flags().Var(&a.maxMemory, "max-memory", "bound on the process's memory, as 256MiB: less is read between commits, and less remembered (default: GOMEMLIMIT)")
}

// Set reads a number of bytes with its unit.
func (m *memory) Set(text string) error {
	number, unit := text, int64(1)
	for suffix, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			number, unit = rest, bytes
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/unit {
		return errors.New("it is no size\nhint: write it as 256MiB or 1GiB")
	}
	if n *= unit; n < collector.MinMemory {
		return errors.New("it is too little\nhint: at least " + memory(collector.MinMemory).String() + " is needed")
	}
	*m = memory(n)
	return nil
}

// String writes the size with the largest unit that fits.
func (m memory) String() string {
	for _, unit := range []struct {
		name  string
		bytes memory
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if m > 0 && m%unit.bytes == 0 {
			return strconv.FormatInt(int64(m/unit.bytes), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(m), 10)
}

// Type is what help calls the value.
func (m *memory) Type() string { return "size" }

// bound makes the garbage collector keep to the bound, and returns it: that of the environment, if there is no flag.
func (m memory) bound() memory {
	if m > 0 {
		debug.SetMemoryLimit(int64(m) - programBytes - m.cache())
		return m
	}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return memory(max(limit, collector.MinMemory))
	}
	return 0
}

// cache is how much of the bound is the database's; 0 for its default.
func (m memory) cache() int64 {
	if m == 0 {
		return 0
	}
	return min(int64(m)/32, 8<<20)
}
