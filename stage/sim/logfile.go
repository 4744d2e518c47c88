package sim

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// rotated writes a log as logrotate leaves it: a file a week, named after the week and compressed, and the newest
// plain under the bare name. Lines of a week are held, and written in the order of their times.
type rotated struct {
	dir, name string
	out       func(activity.Date) bool // days whose lines are lost
	last      activity.Date            // Monday of the week that stays plain

	monday  activity.Date
	buf     []byte
	entries []entry
}

type entry struct {
	at       time.Time
	from, to int
}

// add writes a line that is made by appending to a buffer.
func (r *rotated) add(at time.Time, appendLine func([]byte) []byte) error {
	day := activity.DateOf(at)
	if r.out(day) {
		return nil
	}
	// A burst that crosses midnight on a Sunday belongs to the file in which it began.
	if monday := day.Monday(); monday > r.monday && (r.monday == 0 || at.Hour() > 0 || at.Minute() > 5) {
		if err := r.rotate(); err != nil {
			return err
		}
		r.monday = monday
	}
	from := len(r.buf)
	r.buf = append(appendLine(r.buf), '\n')
	r.entries = append(r.entries, entry{at, from, len(r.buf)})
	return nil
}

// rotate writes the week that is held.
func (r *rotated) rotate() error {
	if len(r.entries) == 0 {
		return nil
	}
	slices.SortStableFunc(r.entries, func(a, b entry) int { return a.at.Compare(b.at) })
	text := make([]byte, 0, len(r.buf))
	for _, e := range r.entries {
		text = append(text, r.buf[e.from:e.to]...)
	}
	year, week := r.monday.Start(time.UTC).ISOWeek()
	path := filepath.Join(r.dir, r.name)
	plain := r.monday >= r.last
	if !plain {
		path += fmt.Sprintf(".%04d-W%02d.gz", year, week)
	}
	if err := writeMaybeGzip(path, text, !plain); err != nil {
		return fmt.Errorf("write the simulated log: %w", err)
	}
	r.buf, r.entries = r.buf[:0], r.entries[:0]
	return nil
}

func writeMaybeGzip(path string, text []byte, compress bool) (err error) {
	if !compress {
		return os.WriteFile(path, text, 0o600)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	return z.Close()
}
