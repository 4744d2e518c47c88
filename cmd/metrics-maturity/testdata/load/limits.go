package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// limits hold each collector, and the database, to a part of a core by control groups, so that a machine of few cores shows where
// throughput stops growing. It takes the right to make control groups.
type limits struct {
	perCollector, perDatabase float64 // cores; 0 for no limit
	made                      []string
}

const (
	cgroupV1 = "/sys/fs/cgroup/cpu"
	cgroupV2 = "/sys/fs/cgroup"
	period   = 100_000 // microseconds over which a limit holds
)

// collector holds the process of collector i to its limit.
func (l *limits) collector(pid, i int) error {
	if l == nil || l.perCollector == 0 {
		return nil
	}
	return l.hold("collector"+strconv.Itoa(i), l.perCollector, pid)
}

// database holds a server and all that it started to its limit.
func (l *limits) database(p *postgres) error {
	if l == nil || l.perDatabase == 0 || p == nil {
		return nil
	}
	for _, pid := range append(p.children(), p.cmd.Process.Pid) {
		if err := l.hold("database", l.perDatabase, pid); err != nil {
			return err
		}
	}
	return nil
}

func (l *limits) hold(name string, cores float64, pid int) error {
	root, file, text := cgroupV2, "cpu.max", fmt.Sprintf("%d %d", int(cores*period), period)
	if _, err := os.Stat(cgroupV1); err == nil {
		root, file, text = cgroupV1, "cpu.cfs_quota_us", strconv.Itoa(int(cores*period))
	}
	dir := filepath.Join(root, "metrics-maturity-"+name)
	if err := os.Mkdir(dir, 0o755); err == nil {
		l.made = append(l.made, dir)
	} else if !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w\nhint: -collector-cores and -database-cores need the right to make control groups", err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
		return err
	}
	err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o600)
	if errors.Is(err, syscall.ESRCH) {
		return nil // it has ended
	}
	return err
}

// remove takes the groups away, once their processes have ended.
func (l *limits) remove() {
	if l == nil {
		return
	}
	for _, dir := range l.made {
		_ = os.Remove(dir)
	}
}
