package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// commitAll saves n commits of one view each, one after the other, and returns how many views are stored in the end.
func commitAll(t *testing.T, s *store.Store, source string, n int) {
	t.Helper()
	var fence store.Fence
	for i := range n {
		d := day("2026-03-02", activity.KindView, fmt.Sprint("d", i%7), 0, 1)
		d.Source = source
		next, err := s.Save(context.WithoutCancel(t.Context()), store.Commit{
			Source: source, Fence: fence, Days: store.Fold(source, []activity.Day{d}), Cursors: map[string][]byte{"f": fmt.Append(nil, i)}, Malformed: 1,
			Totals:  []store.EventTotal{{Source: source, Kind: activity.KindView, Outcome: activity.Counted, Count: 1}},
			Queries: []activity.Query{{Fingerprint: fmt.Sprintf("%016x", i)}},
			Covered: []activity.CoveredDay{{Source: source, Class: activity.ClassAny, Date: d.Date}},
			Texts:   []store.Text{{Digest: key.Text(fmt.Sprint(source, i)), Fingerprint: fmt.Sprintf("%016x", i)}}, Profile: "p",
		})
		if err != nil {
			t.Errorf("%s, commit %d: %v", source, i, err)
			return
		}
		fence = next
	}
}

// wantViews checks that n views, and as many malformed lines and counted events, are stored of each source.
func wantViews(t *testing.T, s *store.Store, n int64, sources ...string) {
	t.Helper()
	days, err := s.Days(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, d := range days {
		got[d.Source] += d.Count
	}
	f, err := s.Facts(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	status := map[string]activity.SourceStatus{}
	for _, st := range f.Status {
		status[st.Source] = st
	}
	for _, source := range sources {
		if got[source] != n || status[source].Malformed != n || status[source].Events != n {
			t.Errorf("%s: %d views, %d malformed, %d events, want %d of each", source, got[source], status[source].Malformed, status[source].Events, n)
		}
	}
}

// TestLostAnswerOfACommit cuts connections before and after the server has committed: no commit is lost, and none is repeated.
func TestLostAnswerOfACommit(t *testing.T) {
	target, err := url.Parse(testserver.PostgresDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	open(t, target.String()) // migrated undisturbed
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(3, 9))
	proxy := testserver.NewProxy(t, target.Host, func() testserver.Fault {
		mu.Lock()
		defer mu.Unlock()
		return []testserver.Fault{testserver.Pass, testserver.Pass, testserver.LoseCommit, testserver.LoseAnswer, testserver.CutOnAnswer}[rnd.IntN(5)]
	})
	straight := *target
	target.Host = proxy.Addr
	s := open(t, target.String())
	const n = 50
	commitAll(t, s, "grafana", n)
	for _, fault := range []testserver.Fault{testserver.LoseCommit, testserver.LoseAnswer, testserver.CutOnAnswer} {
		if proxy.Cut(fault) < 3 {
			t.Errorf("fault %d came only %d times", fault, proxy.Cut(fault))
		}
	}
	wantViews(t, open(t, straight.String()), n, "grafana")
}

// TestLostAnswerOfALease: who took a lease and was cut off before it learned that has the lease.
func TestLostAnswerOfALease(t *testing.T) {
	target, err := url.Parse(testserver.PostgresDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	var fault, commits atomic.Int32
	target.Host = testserver.NewProxy(t, target.Host, func() testserver.Fault {
		if commits.Add(1) != 2 { // the first one is of looking who has it
			return testserver.Pass
		}
		return testserver.Fault(fault.Swap(int32(testserver.Pass)))
	}).Addr
	s := open(t, target.String())
	for i, lost := range []testserver.Fault{testserver.LoseAnswer, testserver.LoseCommit, testserver.CutOnAnswer} {
		fault.Store(int32(lost))
		commits.Store(0)
		work := fmt.Sprint("work ", i)
		l, err := s.Acquire(t.Context(), work, time.Millisecond)
		if err != nil || l == nil || fault.Load() != int32(testserver.Pass) {
			t.Fatalf("fault %d: no lease: %v", lost, err)
		}
		if _, err := s.Save(t.Context(), store.Commit{Source: work, Lease: l}); err != nil {
			t.Errorf("fault %d: the lease does not hold: %v", lost, err)
		}
	}
}

// TestServerIsRestarted crashes the server again and again while collectors commit.
func TestServerIsRestarted(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	server := testserver.NewPostgres(t)
	settings := []string{"fsync=on", "synchronous_commit=on", "full_page_writes=on"}
	server.Start(t, settings...)
	s := open(t, server.Database(t))
	var working sync.WaitGroup
	var sources []string
	done := make(chan struct{})
	for i := range 3 {
		source := fmt.Sprint("source", i)
		sources = append(sources, source)
		working.Go(func() { commitAll(t, s, source, 80) })
	}
	go func() {
		defer close(done)
		working.Wait()
	}()
	for round := range 2 {
		time.Sleep(150 * time.Millisecond)
		if round%2 == 0 {
			server.Kill()
		} else {
			server.Stop()
		}
		server.Start(t, settings...)
	}
	<-done
	wantViews(t, s, 80, sources...)
}

// TestManyCollectorsNeverDeadlock writes to the same tables from many sides: everybody gets through, and the server saw no deadlock.
func TestManyCollectorsNeverDeadlock(t *testing.T) {
	onEach(t, func(t *testing.T, empty func(*testing.T) string) {
		target := empty(t)
		var working sync.WaitGroup
		var sources []string
		for i := range 6 {
			source := fmt.Sprint("source", i)
			sources = append(sources, source)
			s := open(t, target) // each as a process of its own
			working.Go(func() { commitAll(t, s, source, 25) })
		}
		working.Wait()
		wantViews(t, open(t, target), 25, sources...)
		if strings.HasPrefix(target, "sqlite:") {
			return
		}
		db, err := sql.Open("pgx", target)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		var deadlocks int
		if err := db.QueryRowContext(t.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&deadlocks); err != nil || deadlocks > 0 {
			t.Errorf("%d deadlocks, %v", deadlocks, err)
		}
	})
}

// TestReplicasStartAtOnce: all of them find an empty database, and all of them work.
func TestReplicasStartAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, empty func(*testing.T) string) {
		target := empty(t)
		var starting sync.WaitGroup
		for i := range 8 {
			starting.Go(func() {
				s, err := store.Open(context.WithoutCancel(t.Context()), target, options())
				if err != nil {
					t.Errorf("replica %d: %v", i, err)
					return
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		starting.Wait()
		commitAll(t, open(t, target), "grafana", 3)
	})
}

// TestReaderNeedsNoRights: commands that only read work with a role that may only read.
func TestReaderNeedsNoRights(t *testing.T) {
	target := testserver.PostgresDatabase(t)
	readOnly := options()
	readOnly.ReadOnly = true
	if _, err := store.Open(t.Context(), target, readOnly); !errors.Is(err, store.ErrMissing) {
		t.Errorf("an empty database gave %v", err)
	}
	commitAll(t, open(t, target), "grafana", 3)
	db, err := sql.Open("pgx", target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	role := fmt.Sprintf("reader_%d", time.Now().UnixNano())
	for _, statement := range []string{"CREATE ROLE " + role + " LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	as := strings.Replace(target, "postgres@", role+"@", 1)
	s := openWith(t, as, readOnly)
	wantViews(t, s, 3, "grafana")
	if _, err := s.Save(t.Context(), store.Commit{Source: "x"}); err == nil || !strings.Contains(err.Error(), "hint: collect needs the right") {
		t.Errorf("writing gave %v", err)
	}
}

func TestPostgresErrorsSayWhatToDo(t *testing.T) {
	target, err := url.Parse(testserver.PostgresDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*url.URL)) string {
		u := *target
		change(&u)
		return u.String()
	}
	short := options()
	short.Patience = time.Millisecond
	for name, tc := range map[string]struct{ target, says string }{
		"no database": {with(func(u *url.URL) { u.Path = "/nowhere" }), "hint: make the database"},
		"no server":   {with(func(u *url.URL) { u.Host, u.User = testserver.Addr(t), url.UserPassword("postgres", "hunter2") }), "hint: check that store.url names the right host"},
		"no role":     {with(func(u *url.URL) { u.User = url.UserPassword("nobody-there", "hunter2") }), "hint: check the user"},
		"rubbish":     {with(func(u *url.URL) { u.RawQuery = "sslmode=perhaps&password=hunter2" }), "hint: write it as postgres://"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Open(t.Context(), tc.target, short)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
}

// TestPasswordFile: the password is read from its file for each connection.
func TestPasswordFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	o := options()
	o.PasswordFile, o.Patience = file, time.Millisecond
	target := testserver.PostgresDatabase(t)
	if _, err := store.Open(t.Context(), target, o); err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("a password file that is not there gave %v", err)
	}
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	openWith(t, target, o)
}

// TestTextThatPostgresRefuses: names in logs are anybody's bytes.
func TestTextThatPostgresRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, empty func(*testing.T) string) {
		s := open(t, empty(t))
		hostile := "d\x00\xff'; DROP TABLE day; --\x1b[31m"
		d := day("2026-03-02", activity.KindView, hostile, 0, 1)
		save(t, s, store.Commit{
			Source: "grafana", Days: store.Fold("grafana", []activity.Day{d}),
			Dashboards: []activity.Dashboard{{Seen: d.First, Scope: hostile, UID: hostile, Title: hostile}},
			Rules:      []activity.Rule{{Scope: hostile, Name: hostile, From: d.First}},
		})
		if err := s.SaveStatus(t.Context(), activity.SourceStatus{Source: "grafana", Error: hostile, Note: hostile}, ""); err != nil {
			t.Fatal(err)
		}
		days, err := s.Days(t.Context(), 0, 0)
		if err != nil || len(days) != 1 || days[0].Subject != hostile {
			t.Errorf("%+v %v", days, err)
		}
		if f, err := s.Facts(t.Context(), nil); err != nil || len(f.Dashboards) != 1 || len(f.Rules) != 1 {
			t.Errorf("%+v %v", f, err)
		}
	})
}

// TestDamagedFile: whatever is wrong with the file, the error says so and what to do; what is there is not made worse.
func TestDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s, err := store.Open(t.Context(), "sqlite:"+path, options())
	if err != nil {
		t.Fatal(err)
	}
	var many []activity.Day
	for i := range 20_000 {
		many = append(many, day("2026-03-02", activity.KindView, fmt.Sprint("dashboard-", i), 0, int64(1+i)))
	}
	save(t, s, store.Commit{Source: "grafana", Days: store.Fold("grafana", many)})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"cut off":        func(b []byte) []byte { return b[:len(b)/2] },
		"no header":      func(b []byte) []byte { return append(make([]byte, 100), b[100:]...) },
		"zeroed pages":   func(b []byte) []byte { return append(b[:8192:8192], make([]byte, len(b)-8192)...) },
		"another's file": func([]byte) []byte { return []byte(strings.Repeat("no database ", 1000)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.db")
			damaged := damage(append([]byte(nil), good...))
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(t.Context(), "sqlite:"+path, options())
			if err == nil {
				_, err = s.Days(t.Context(), 0, 0)
				err = errors.Join(err, s.Close())
			}
			if err == nil || !strings.Contains(err.Error(), "hint: the file is damaged or no store") {
				t.Errorf("got %v", err)
			}
		})
	}
}
