package main

import (
	"database/sql"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// migrationFolder holds the migrations as goose reads them; each says how it is undone.
const migrationFolder = "../../collector/store/migrations"

// TestKilledMigration kills runs within the time in which they make the tables: of an empty store, and of a filled one that was last
// written by the first version. In the end nothing is missing, and what is read then is counted once.
func TestKilledMigration(t *testing.T) {
	binary := buildBinary(t)
	rnd := rand.New(rand.NewPCG(7, 4))
	all := newBench(t, binary, "sqlite:maturity.db")
	all.lines(rnd)
	all.grafana, all.queries = all.grafana[:12_000], all.queries[:12_000]
	grafana, queries := slices.Clone(all.grafana), slices.Clone(all.queries)
	all.growAll(t)
	all.collect(t)
	want := all.output(t)
	for name, target := range map[string]func(*testing.T) string{
		"sqlite": func(*testing.T) string { return "sqlite:maturity.db" }, "postgres": func(t *testing.T) string { return testserver.PostgresDatabase(t) },
	} {
		for from, version := range map[string]int{"empty": 0, "filled": 1} {
			t.Run(name+"/"+from, func(t *testing.T) {
				b := newBench(t, binary, target(t))
				b.grafana, b.queries = slices.Clone(grafana), slices.Clone(queries)
				b.append(t, len(grafana)/2, len(queries)/2)
				b.collect(t)
				fell := killMigrations(t, b, version, kills(t, 12)/2)
				b.growAll(t)
				b.collect(t)
				if diff := cmp.Diff(want, b.output(t)); diff != "" {
					t.Errorf("totals differ (-undisturbed +killed):\n%s", diff)
				}
				t.Logf("kills by the version of the schema that they left: %v", fell)
			})
		}
	}
}

// killMigrations takes a store back to an older version, and kills runs that bring it up to date; it tells how often each version was
// left behind.
func killMigrations(t *testing.T, b *bench, version, times int) map[int]int {
	t.Helper()
	migrations, err := filepath.Glob(migrationFolder + "/*.sql")
	if err != nil || len(migrations) == 0 {
		t.Fatal(err)
	}
	fell := map[int]int{}
	pause, kills := 60*time.Millisecond, 0
	before := b.schema(t)
	for round := 0; kills < times; round++ {
		if round > 20*times+20 {
			t.Fatalf("only %d kills", kills)
		}
		if before == len(migrations) {
			b.takeBack(t, migrations, version)
			before = version
		}
		cmd := b.start(t)
		time.Sleep(rand.N(pause))
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		after := b.schema(t)
		if cmd.ProcessState.Exited() && !cmd.ProcessState.Success() {
			t.Fatalf("collect ended by itself:\n%s", cmd.Stderr)
		}
		if !cmd.ProcessState.Exited() {
			kills++
			fell[after]++
		}
		if after == before { // later, else earlier: so that the kills come while there is something to do
			pause += pause / 8
		} else {
			pause -= pause / 8
		}
		before = after
	}
	return fell
}

// database opens a bench's store beside those who work with it.
func (b *bench) database(t *testing.T) *sql.DB {
	t.Helper()
	driver, target := "pgx", b.target
	if path, ok := strings.CutPrefix(target, "sqlite:"); ok {
		driver, target = "sqlite", filepath.Join(b.dir, path)
	}
	db, err := sql.Open(driver, target)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// schema is the version of the store's tables; 0 if there are none.
func (b *bench) schema(t *testing.T) (version int) {
	t.Helper()
	db := b.database(t)
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), "SELECT max(version_id) FROM goose_db_version").Scan(&version); err != nil {
		return 0
	}
	return version
}

// takeBack makes the store what an older version would have left.
func (b *bench) takeBack(t *testing.T, migrations []string, version int) {
	t.Helper()
	if path, ok := strings.CutPrefix(b.target, "sqlite:"); ok && version == 0 {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(filepath.Join(b.dir, path+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
		return
	}
	var statements []string
	for _, file := range slices.Backward(migrations[version:]) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, down, _ := strings.Cut(string(text), "-- +goose Down\n")
		statements = append(statements, strings.SplitAfter(down, ";")...)
	}
	if version == 0 {
		statements = []string{"DROP SCHEMA public CASCADE", "CREATE SCHEMA public"}
	} else {
		statements = append(statements, "DELETE FROM goose_db_version WHERE version_id > 1")
	}
	db := b.database(t)
	defer func() { _ = db.Close() }()
	words := strings.NewReplacer()
	if !strings.HasPrefix(b.target, "sqlite:") {
		words = strings.NewReplacer("BLOB", "BYTEA", "INTEGER", "BIGINT", " WITHOUT ROWID", "")
	}
	for _, statement := range statements {
		statement = words.Replace(statement)
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
