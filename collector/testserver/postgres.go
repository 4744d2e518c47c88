package testserver

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
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // database/sql's driver "pgx"
)

// Postgres is a PostgreSQL server of a test: superuser postgres, no password on loopback.
type Postgres struct {
	Addr string // host:port
	Dir  string // data directory

	server *Server
	bin    string
	as     *syscall.SysProcAttr
}

// shared is the server that the tests of one binary share, started by the first that asks for it.
var shared struct {
	sync.Mutex
	postgres *Postgres
	main     bool
	skip     string
}

// Main runs the tests of a binary and then ends the server that they shared: TestMain calls it as os.Exit(testserver.Main(m)).
func Main(m *testing.M) int {
	shared.main = true
	code := m.Run()
	if shared.postgres != nil {
		shared.postgres.Kill()
		_ = os.RemoveAll(filepath.Dir(shared.postgres.Dir))
	}
	return code
}

// PostgresDatabase makes an empty database on the server that the tests of this binary share, and returns its address. The
// package's TestMain must call Main.
func PostgresDatabase(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.main {
		t.Fatal("TestMain does not call testserver.Main: nobody would end the server")
	}
	if shared.postgres == nil {
		shared.postgres = NewPostgres(t)
		shared.postgres.start(nil, t)
	}
	return shared.postgres.Database(t)
}

// NewPostgres makes a data directory, for tests that start and stop a server of their own. Nothing runs yet.
func NewPostgres(t testing.TB) *Postgres {
	t.Helper()
	versions, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		t.Fatal(err)
	}
	initdb := Installed(t, "initdb", "postgresql", versions...)
	if path, err := filepath.EvalSymlinks(initdb); err == nil {
		initdb = path
	}
	p := &Postgres{Addr: Addr(t), bin: filepath.Dir(initdb)}
	if _, err := os.Stat(filepath.Join(p.bin, "postgres")); err != nil && len(versions) > 0 {
		p.bin = versions[len(versions)-1]
	}
	// Not t.TempDir: another user has to reach it.
	parent, err := os.MkdirTemp("", "metrics-maturity-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	p.Dir = filepath.Join(parent, "data")
	if os.Getuid() == 0 { // which PostgreSQL refuses to run as
		p.as = nobody(t, parent)
	}
	cmd := p.command(context.Background(), "initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D", p.Dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	return p
}

// nobody gives a folder to a user without rights, and says how to run as that user.
func nobody(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			t.Fatal(err)
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err, err2, os.Chown(dir, int(uid), int(gid))); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func (p *Postgres) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = filepath.Dir(p.Dir), p.as
	return cmd
}

// Start runs the server until the test ends, with settings such as "fsync=on". It may be started again after Kill or Stop, at the
// same address.
func (p *Postgres) Start(t testing.TB, settings ...string) {
	t.Helper()
	p.start(t, t, settings...)
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(p.Dir)) })
}

// start runs the server; until is the test with which it ends, nil for none.
func (p *Postgres) start(until, t testing.TB, settings ...string) {
	t.Helper()
	host, port, err := net.SplitHostPort(p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-D", p.Dir, "-h", host, "-p", port, "-k", ""}
	for _, s := range append([]string{"fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200"}, settings...) {
		args = append(args, "-c", s)
	}
	cmd := p.command(context.Background(), "postgres", args...)
	db, err := sql.Open("pgx", p.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	p.server = launch(t, cmd, 30*time.Second, db.PingContext)
	if until != nil {
		until.Cleanup(p.Kill)
	}
}

// Kill ends the server at once, without a word to its clients: as a crash does.
func (p *Postgres) Kill() { p.server.end(syscall.SIGQUIT) }

// Stop shuts the server down, cutting its clients off: as a restart does.
func (p *Postgres) Stop() { p.server.end(syscall.SIGINT) }

// URL is the address of a database.
func (p *Postgres) URL(database string) string { return p.URLAt(p.Addr, database) }

// URLAt is the address of a database by another way to the server, such as a Proxy.
func (p *Postgres) URLAt(addr, database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", addr, database)
}

// Database makes an empty database and returns its address.
func (p *Postgres) Database(t testing.TB) string {
	t.Helper()
	db, err := sql.Open("pgx", p.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	name := fmt.Sprintf("test_%d", time.Now().UnixNano())
	if _, err := db.ExecContext(context.Background(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return p.URL(name)
}
