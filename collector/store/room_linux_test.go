package store_test

import (
	"database/sql"
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// smallDisk makes a tablespace on a disk of its own, of 24 MiB, and a database in it. widen makes the disk larger.
func smallDisk(t *testing.T) (target string, widen func()) {
	t.Helper()
	parent, err := os.MkdirTemp("", "metrics-maturity-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(parent) })
	const small = "size=24m,mode=777"
	if err := syscall.Mount("tmpfs", parent, "tmpfs", 0, small); err != nil {
		t.Skipf("a small disk can't be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(parent, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	// A server of its own, which ends before the disk goes: that would fail in other tests' databases.
	server := testserver.NewPostgres(t)
	server.Start(t)
	target = server.Database(t)
	db, err := sql.Open("pgx", target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	name := fmt.Sprintf("small_%d", time.Now().UnixNano())
	place := filepath.Join(parent, "space")
	// The server's user makes the folder: it must be that user's own.
	for _, statement := range []string{
		"COPY (SELECT 1) TO PROGRAM 'mkdir -m 700 " + place + "'", "CREATE TABLESPACE " + name + " LOCATION '" + place + "'", "CREATE DATABASE " + name + " TABLESPACE " + name,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	before, options, _ := strings.Cut(target, "?")
	return before[:strings.LastIndexByte(before, '/')+1] + name + "?" + options, func() {
		if err := syscall.Mount("tmpfs", parent, "tmpfs", syscall.MS_REMOUNT, "size=512m"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDiskOfAServer: a PostgreSQL whose disk is full loses nothing, says what to do, and takes the same commit when there is room.
func TestFullDiskOfAServer(t *testing.T) {
	target, widen := smallDisk(t)
	s := open(t, target)
	fence := save(t, s, store.Commit{Source: "grafana", Days: store.Fold("grafana", []activity.Day{day("2026-03-02", activity.KindView, "d", 0, 1)}), Cursors: map[string][]byte{"f": []byte("1")}})
	var many []activity.Day
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 8_000 { // each 3 KiB that can't be compressed
		name := make([]byte, 3<<10)
		for i := range name {
			name[i] = byte(rnd.Uint32())
		}
		many = append(many, day("2026-03-03", activity.KindView, base64.StdEncoding.EncodeToString(name), 0, 1))
	}
	c := store.Commit{Source: "grafana", Fence: fence, Days: store.Fold("grafana", many), Cursors: map[string][]byte{"f": []byte("2")}}
	if _, err := s.Save(t.Context(), c); err == nil || !strings.Contains(err.Error(), "hint: make room on the server's disk") {
		t.Fatalf("a full disk gave %v", err)
	}
	if p, err := s.Progress(t.Context(), "grafana"); err != nil || !maps.Equal(p.Fence, fence) || string(p.Cursors["f"]) != "1" {
		t.Fatalf("after a full disk: %+v %v", p, err)
	}
	widen()
	save(t, s, c)
	days, err := s.Days(t.Context(), 0, 0)
	if err != nil || len(days) != 1+len(many) {
		t.Fatalf("%d days, %v", len(days), err)
	}
}
