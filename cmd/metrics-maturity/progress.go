package main

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/metrics-maturity/metrics-maturity/collector"
)

// sayEvery is how often a run that nobody watches tells how far it is.
const sayEvery = time.Minute

// newProgress returns a callback that draws a bar on a terminal, and what to call when all is read. Elsewhere a run that takes long
// says in the log how far it is.
func newProgress(w io.Writer, log *slog.Logger, now func() time.Time) (update func(collector.Progress), done func()) {
	r := &reading{began: now(), sources: map[string]collector.Progress{}}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		r.said = r.began
		return func(p collector.Progress) { r.log(p, log, now()) }, func() {}
	}
	bar := progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(f), progressbar.OptionSetDescription("reading"), progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
	return func(p collector.Progress) {
		r.mu.Lock()
		defer r.mu.Unlock()
		read, total := r.add(p)
		if total == 0 {
			return
		}
		bar.ChangeMax64(total)
		bar.Describe(r.describe(now()))
		_ = bar.Set64(min(read, total-1)) // a full bar is finished, and another source may still begin
	}, func() { _ = bar.Finish() }
}

// reading is how far the sources of a run are.
type reading struct {
	mu      sync.Mutex
	began   time.Time
	said    time.Time
	sources map[string]collector.Progress
}

// add takes what a source tells, and returns the bytes of all.
func (r *reading) add(p collector.Progress) (read, total int64) {
	r.sources[p.Source] = p
	for _, p := range r.sources {
		read += p.Read
		total += p.Total
	}
	return read, total
}

// describe is a few words for each source that is being read: how much of it, and how many lines a second.
func (r *reading) describe(now time.Time) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(r.sources)) {
		p := r.sources[name]
		if p.Total == 0 || p.Read >= p.Total {
			continue
		}
		words = append(words, fmt.Sprintf("%s %d%%, %d lines/s", name, 100*p.Read/p.Total, perSecond(p.Lines, now.Sub(r.began))))
	}
	return strings.Join(words, "; ")
}

// log says now and then how far the run is, and when it will be at the end if it goes on so.
func (r *reading) log(p collector.Progress, log *slog.Logger, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	read, total := r.add(p)
	if now.Sub(r.said) < sayEvery {
		return
	}
	r.said = now
	took := now.Sub(r.began)
	log.Info("reading", "source", p.Source, "lines", p.Lines, "lines_per_second", perSecond(p.Lines, took), "read_bytes", read, "of_bytes", total,
		"bytes_per_second", perSecond(read, took), "left", timeLeft(read, total, took))
}

// timeLeft is how long the rest takes at the pace so far.
func timeLeft(read, total int64, took time.Duration) time.Duration {
	if read <= 0 || total <= read {
		return 0
	}
	return time.Duration(float64(took) * float64(total-read) / float64(read)).Round(time.Second)
}
