// Package testserver starts real servers for tests: on loopback, in a folder of the test, ended with it. Nothing but tests
// imports it.
//
// A server that is not on the machine skips the test with a message that says how to get it; where MATURITY_TEST_ALL is set, as
// .ci/run does, that is a failure.
package testserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// EnvAll names the variable under which a test that would skip for want of something fails.
const EnvAll = "MATURITY_TEST_ALL"

// Skip ends a test that lacks something, which hint says how to get.
func Skip(t testing.TB, lacks, hint string) {
	t.Helper()
	if os.Getenv(EnvAll) != "" {
		t.Fatalf("%s\nhint: %s", lacks, hint)
	}
	t.Skipf("%s\nhint: %s", lacks, hint)
}

// Folder holds the servers that .ci/servers builds, which no package of an operating system has: in the user's cache folder.
func Folder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "metrics-maturity-test"), nil
}

// Built returns the path of a program that .ci/servers builds from a Go module: prometheus and promtool (3.x), loki, and others
// named there.
func Built(t testing.TB, name string) string {
	t.Helper()
	dir, err := Folder()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		Skip(t, name+" is not built", "run .ci/servers "+name+" once; it builds it into "+dir)
	}
	return path
}

// Installed returns the path of a program of the operating system, looked for on PATH and in dirs, of the Debian package that has it.
func Installed(t testing.TB, name, debian string, dirs ...string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	Skip(t, name+" is not installed", "apt-get install "+debian)
	return ""
}

// Ports that Addr gives out: below those that systems give to whoever asks for any, and a stretch of its own for each process, so
// that tests of several packages, run side by side, are not answered by each other's servers.
const (
	firstPort  = 10_000
	stretch    = 100 // ports of a process
	stretches  = 220
	triedPorts = 10 * stretch
)

var givenPorts atomic.Uint32

// Addr returns a loopback address that nothing listens on.
func Addr(t testing.TB) string {
	t.Helper()
	for range triedPorts {
		port := firstPort + os.Getpid()%stretches*stretch + int(givenPorts.Add(1))%stretch
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		var lc net.ListenConfig
		l, err := lc.Listen(t.Context(), "tcp", address)
		if err != nil {
			continue // somebody has it
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("no port is free")
	return ""
}

// Server is a running process.
type Server struct {
	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{}
	log  buffer
}

// Start runs a program until the test ends. ready is asked now and then until it is nil, for at most wait.
func Start(t testing.TB, cmd *exec.Cmd, wait time.Duration, ready func(context.Context) error) *Server {
	t.Helper()
	s := launch(t, cmd, wait, ready)
	t.Cleanup(s.Kill)
	return s
}

// launch runs a program until it is ended.
func launch(t testing.TB, cmd *exec.Cmd, wait time.Duration, ready func(context.Context) error) *Server {
	t.Helper()
	s := &Server{t: t, cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		_ = cmd.Wait() // how it ended is told by those who wait for something else of it
	}()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return s
		}
		select {
		case <-s.done:
			t.Fatalf("%s ended before it was ready: %v\n%s", filepath.Base(cmd.Path), err, s.Log())
		case <-ctx.Done():
			s.Kill()
			t.Fatalf("%s is not ready after %v: %v\n%s", filepath.Base(cmd.Path), wait, err, s.Log())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop asks the server to end, and waits until it has.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server at once, as kill -9 does.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) {
	select {
	case <-s.done:
		return
	default:
	}
	if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("%s: %v", filepath.Base(s.cmd.Path), err)
	}
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill() // it did not listen
		<-s.done
	}
}

// Log is what the server wrote so far.
func (s *Server) Log() string { return s.log.String() }

// Answers is ready when a GET of url is answered with 200.
func Answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, resp.Status)
		}
		return nil
	}
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
