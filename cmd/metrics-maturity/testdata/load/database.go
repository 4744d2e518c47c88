package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // database/sql's driver "sqlite"
)

// target is a store to be measured.
type target struct {
	url    string
	file   string    // of SQLite
	server *postgres // nil for SQLite
}

func (t *target) open() (*sql.DB, error) {
	if t.server == nil {
		return sql.Open("sqlite", t.file)
	}
	return sql.Open("pgx", t.url)
}

// content is what a store holds.
type content struct {
	size                  int64 // bytes on disk
	days, queries, texts  int64 // bytes of blocks
	rows, actors, cursors int64
	commits               int64
}

func (c content) blocks() int64 { return c.days + c.queries + c.texts }

func (t *target) content() (c content, err error) {
	db, err := t.open()
	if err != nil {
		return c, err
	}
	defer func() { _ = db.Close() }() // what was asked was answered
	size := "SELECT pg_database_size(current_database())"
	if t.server == nil {
		if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			return c, err
		}
		size = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
	}
	for query, to := range map[string]*int64{
		size: &c.size,
		"SELECT coalesce(sum(length(block)), 0) FROM day":   &c.days,
		"SELECT coalesce(sum(length(block)), 0) FROM query": &c.queries,
		"SELECT coalesce(sum(length(block)), 0) FROM text":  &c.texts,
		"SELECT coalesce(sum(rows), 0) FROM day":            &c.rows,
		"SELECT count(*) FROM actor":                        &c.actors,
		"SELECT count(*) FROM cursor":                       &c.cursors,
		"SELECT coalesce(sum(version), 0) FROM fence":       &c.commits,
	} {
		if err := db.QueryRow(query).Scan(to); err != nil {
			return c, fmt.Errorf("%s: %w", query, err)
		}
	}
	return c, nil
}

// repeat copies what was read of a day to the weekdays that lie from..to days before it, as if they had been the same. Blocks name
// their times from the day's beginning on, so that they need no change.
func (t *target) repeat(day time.Time, from, to int) error {
	db, err := t.open()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for back := from; back <= to; back++ {
		if w := day.AddDate(0, 0, -back).Weekday(); w == time.Saturday || w == time.Sunday {
			continue
		}
		for _, statement := range [...]string{
			"INSERT INTO day (source, date, rows, people, block) SELECT source, date - $1, rows, people, block FROM day WHERE date = $2",
			"INSERT INTO coverage (source, class, date) SELECT source, class, date - $1 FROM coverage WHERE date = $2 ON CONFLICT DO NOTHING",
		} {
			if _, err := db.Exec(statement, back, day.Unix()/86400); err != nil {
				return err
			}
		}
	}
	if t.server == nil {
		_, err = db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return err
}

// drop takes the store away.
func (t *target) drop() error {
	if t.server == nil {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.RemoveAll(t.file + suffix); err != nil {
				return err
			}
		}
		return nil
	}
	db, err := sql.Open("pgx", t.server.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.Exec("DROP DATABASE " + t.url[strings.LastIndexByte(t.url, '/')+1:strings.IndexByte(t.url, '?')])
	return err
}

// activity is what a PostgreSQL did while it was watched.
type activity struct {
	cpu                time.Duration
	wal                int64 // bytes
	commits, deadlocks int64
	samples            int
	waiting            map[string]int // samples of connections that waited, by for what
}

// watch looks at the server until stop is called, which returns what it did. Of SQLite nothing is seen.
func (t *target) watch() (stop func() (activity, error), err error) {
	if t.server == nil {
		return func() (activity, error) { return activity{}, nil }, nil
	}
	db, err := sql.Open("pgx", t.server.url("postgres"))
	if err != nil {
		return nil, err
	}
	before, err := counters(db)
	if err != nil {
		return nil, err
	}
	cpu := t.server.cpu()
	a := activity{waiting: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	var sampling sync.WaitGroup
	sampling.Go(func() {
		for ctx.Err() == nil {
			sample(ctx, db, &a)
			time.Sleep(100 * time.Millisecond)
		}
	})
	return func() (activity, error) {
		cancel()
		sampling.Wait()
		defer func() { _ = db.Close() }()
		after, err := counters(db)
		a.cpu = t.server.cpu() - cpu
		a.wal, a.commits, a.deadlocks = after[0]-before[0], after[1]-before[1], after[2]-before[2]
		return a, err
	}, nil
}

// measure runs what takes from the store or adds to it, and watches the database meanwhile.
func (t *target) measure(do func() (cost, error)) (took cost, did activity, err error) {
	stop, err := t.watch()
	if err != nil {
		return took, did, err
	}
	took, err = do()
	did, err2 := stop()
	return took, did, errors.Join(err, err2)
}

func counters(db *sql.DB) (now [3]int64, err error) {
	err = db.QueryRow(`SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint, (SELECT sum(xact_commit) FROM pg_stat_database)::bigint,
		(SELECT sum(deadlocks) FROM pg_stat_database)::bigint`).Scan(&now[0], &now[1], &now[2])
	return now, err
}

// sample counts what connections wait for at this moment; those who wait for their client do nothing.
func sample(ctx context.Context, db *sql.DB, a *activity) {
	rows, err := db.QueryContext(ctx, `SELECT coalesce(wait_event_type || ' ' || wait_event, 'on CPU'), count(*) FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND coalesce(wait_event_type, '') <> 'Client' GROUP BY 1`)
	if err != nil {
		return // it is being stopped
	}
	defer rows.Close()
	a.samples++
	for rows.Next() {
		var what string
		var n int
		if rows.Scan(&what, &n) == nil {
			a.waiting[what] += n
		}
	}
	_ = rows.Err() // as above
}
