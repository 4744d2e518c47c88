package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// command is something to measure.
type command struct {
	name     string
	args     []string
	env      []string
	before   func() error                  // not measured
	answer   func(out string) (int, error) // of its output; nil if there is none to compare
	optional bool                          // left out if it is not installed
}

// cost is what a run took.
type cost struct {
	cpu, wall time.Duration
	memory    int64 // bytes at the peak
}

func (c *command) installed() bool {
	_, err := exec.LookPath(c.args[0])
	return err == nil
}

// run runs the command once.
func (c *command) run() (cost, string, error) {
	if c.before != nil {
		if err := c.before(); err != nil {
			return cost{}, "", err
		}
	}
	cmd := exec.Command(c.args[0], c.args[1:]...)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	cmd.Env = append(append(os.Environ(), "LC_ALL=C"), c.env...)
	start := time.Now()
	err := cmd.Run()
	took := cost{wall: time.Since(start)}
	if err != nil {
		return took, "", fmt.Errorf("%s: %w\n%s", c.name, err, problem.String())
	}
	took.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		took.memory = usage.Maxrss << 10
	}
	return took, out.String(), nil
}

// compare runs each command in turn, as often as there are pairs, and prints a table. The first is the measure of the others.
// Ratios are medians over the turns, so that whatever else the machine does meets all of them alike.
func compare(title string, pairs int, commands ...command) error {
	commands = slices.DeleteFunc(commands, func(c command) bool { return c.optional && !c.installed() })
	costs := make([][]cost, len(commands))
	answers := make([]string, len(commands))
	for turn := range pairs {
		for i := range commands {
			c, out, err := commands[i].run()
			if err != nil {
				return err
			}
			costs[i] = append(costs[i], c)
			answers[i] = "-"
			if commands[i].answer != nil && turn == pairs-1 {
				n, err := commands[i].answer(out)
				if err != nil {
					return fmt.Errorf("%s: %w", commands[i].name, err)
				}
				answers[i] = fmt.Sprint(n)
			}
		}
	}
	fmt.Printf("\n%s\n\n| | CPU s | wall s | peak MiB | CPU ratio | wall ratio | answer |\n|---|---|---|---|---|---|---|\n", title)
	want := ""
	for i, c := range commands {
		fmt.Printf("| %s | %.2f | %.2f | %d | %.2f | %.2f | %s |\n", c.name,
			median(costs[i], func(j int) float64 { return costs[i][j].cpu.Seconds() }), median(costs[i], func(j int) float64 { return costs[i][j].wall.Seconds() }),
			slices.MaxFunc(costs[i], func(a, b cost) int { return int(a.memory - b.memory) }).memory>>20,
			median(costs[i], func(j int) float64 { return costs[i][j].cpu.Seconds() / costs[0][j].cpu.Seconds() }),
			median(costs[i], func(j int) float64 { return costs[i][j].wall.Seconds() / costs[0][j].wall.Seconds() }), answers[i])
		if answers[i] == "-" {
			continue
		}
		if want == "" {
			want = answers[i]
		}
		if answers[i] != want {
			return fmt.Errorf("%s: %s answers %s, others %s", strings.ToLower(title), c.name, answers[i], want)
		}
	}
	return nil
}

func median(of []cost, value func(int) float64) float64 {
	values := make([]float64, len(of))
	for i := range of {
		values[i] = value(i)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
