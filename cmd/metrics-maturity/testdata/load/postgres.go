package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // database/sql's driver "pgx"
)

// postgres is a server of this program alone, as its installation is set but for a little more memory: commits reach the disk.
type postgres struct {
	dir, addr string
	cmd       *exec.Cmd
}

// startPostgres makes a data directory and starts a server on loopback, as a user without rights if this is root.
func startPostgres(dir string) (*postgres, error) {
	bins, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(bins) == 0 {
		return nil, errors.Join(err, errors.New("no PostgreSQL in /usr/lib/postgresql\nhint: install it, or measure with -store sqlite"))
	}
	bin := bins[len(bins)-1]
	as, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	p := &postgres{dir: filepath.Join(dir, "data")}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.addr = l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(p.addr)
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D", p.dir)
	initdb.Dir, initdb.SysProcAttr = dir, as
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	p.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", p.dir, "-h", "127.0.0.1", "-p", port, "-k", "",
		"-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB", "-c", "logging_collector=on", "-c", "max_connections=200")
	p.cmd.Dir, p.cmd.SysProcAttr = dir, as
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	return p, p.ready()
}

// unprivileged gives a folder to a user without rights, and says how to run as that user.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil || os.Getuid() != 0 {
		return nil, err
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err, err2, os.Chown(dir, uid, gid)); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func (p *postgres) ready() error {
	db, err := sql.Open("pgx", p.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if err = db.PingContext(context.Background()); err == nil || time.Since(began) > time.Minute {
			return err
		}
	}
}

func (p *postgres) url(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", p.addr, database)
}

// database makes an empty one.
func (p *postgres) database(name string) (string, error) {
	db, err := sql.Open("pgx", p.url("postgres"))
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(context.Background(), "CREATE DATABASE "+name)
	return p.url(name), err
}

func (p *postgres) stop() {
	if p != nil {
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // its data goes with it
		_ = p.cmd.Wait()
		_ = os.RemoveAll(filepath.Dir(p.dir))
	}
}

// stat is what Linux tells of a process, from its state on; nil if it has ended.
func stat(pid string) []string {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(text), ") ") // after the program's name, which may hold anything
	if fields := strings.Fields(rest); len(fields) > 14 {
		return fields
	}
	return nil
}

// children are the processes that the server has started and that have not ended.
func (p *postgres) children() (pids []int) {
	all, _ := os.ReadDir("/proc")
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if fields := stat(e.Name()); fields != nil && fields[1] == strconv.Itoa(p.cmd.Process.Pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// cpu is what the server and all that it started have taken so far.
func (p *postgres) cpu() (total time.Duration) {
	if fields := stat(strconv.Itoa(p.cmd.Process.Pid)); fields != nil {
		total += ticks(fields[11]) + ticks(fields[12]) + ticks(fields[13]) + ticks(fields[14]) // with those of its children that have ended
	}
	for _, pid := range p.children() {
		if fields := stat(strconv.Itoa(pid)); fields != nil {
			total += ticks(fields[11]) + ticks(fields[12])
		}
	}
	return total
}

// ticks are hundredths of a second, on every Linux.
func ticks(text string) time.Duration {
	n, _ := strconv.ParseInt(text, 10, 64)
	return time.Duration(n) * 10 * time.Millisecond
}
