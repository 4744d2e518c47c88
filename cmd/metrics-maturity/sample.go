package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// How much a check reads of each source.
const (
	sampleFiles  = 3              // the newest
	sampleLines  = 5000           // of each file, from its beginning
	sampleEvents = 5000           // of a repository
	sampleTime   = 24 * time.Hour // of a source that is asked by time, up to now
)

// sample reads a part of every source into a store that is thrown away, and shows what became of it.
func (k *check) sample(ctx context.Context, key activity.Key) (err error) {
	dir, err := os.MkdirTemp("", "metrics-maturity-check-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := store.Open(ctx, "sqlite:"+filepath.Join(dir, "sample.db"), store.Options{Key: key, Timezone: k.config.Owner.Location.String()})
	if err != nil {
		return err
	}
	d := &desk{config: k.config, key: key, store: s, log: slog.New(slog.DiscardHandler)}
	defer d.close(&err)
	var sources []collector.Source
	for i, src := range d.buildSources(d.log) {
		switch {
		case src.Fetcher != nil:
			src.Fetcher = limitedFetcher{src.Fetcher}
		case src.Lines != nil:
			src.Lines = limitedTransport{src.Lines, k.now().Add(-sampleTime)}
		default:
			file := filepath.Join(dir, fmt.Sprintf("sample%d.log", i))
			ok, err := k.copySample(ctx, src, file)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			k.copies = append(k.copies, file, strings.Join(src.Files.Patterns, ", "))
			src.Files = &lines.Files{Patterns: []string{file}}
		}
		sources = append(sources, src)
	}
	summary, err := d.read(ctx, sources, k.now, nil)
	if err != nil {
		return err
	}
	p, err := d.look(ctx, 0, 0)
	if err != nil {
		return err
	}
	for _, s := range summary.Sources {
		k.sampled(s, p)
	}
	if len(p.acts) == 0 {
		return nil
	}
	if err := k.print("a sample of what is there would be attributed so:\n"); err != nil {
		return err
	}
	return k.attribution(p.acts)
}

// copySample writes the beginnings of the newest files of a source to a file, unpacked. It reports whether there is any.
func (k *check) copySample(ctx context.Context, src collector.Source, to string) (ok bool, err error) {
	opened, err := src.Files.Open(ctx, nil)
	if err != nil {
		k.problem("source %s: %v", src.Name, err)
		return false, nil
	}
	defer func() {
		for _, s := range opened.Streams {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, n := range opened.Notices {
		switch n.Kind {
		case lines.NoticeNoMatch:
			k.problem("source %s: no file matches %s\nhint: check the pattern, and that this user may list the folder", src.Name, n.Path)
		case lines.NoticeUnreadable:
			k.problem("source %s: %s: %s", src.Name, n.Path, n.Why)
		default:
			k.warning("source %s: %s: %s", src.Name, n.Path, n.Why)
		}
	}
	newest := slices.SortedFunc(slices.Values(opened.Streams), func(x, y *lines.Stream) int { return modified(y.Path()).Compare(modified(x.Path())) })
	if len(newest) == 0 {
		return false, nil
	}
	out, err := os.Create(to)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriter(out)
	for _, s := range newest[:min(len(newest), sampleFiles)] {
		if err := copyLines(w, s); err != nil {
			return false, err
		}
	}
	return true, w.Flush()
}

func copyLines(w *bufio.Writer, s *lines.Stream) error {
	for range sampleLines {
		line, err := s.Next()
		var malformed *lines.Malformed
		switch {
		case errors.As(err, &malformed):
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// sampled tells how reading the sample of a source went.
func (k *check) sampled(s collector.SourceSummary, p *picture) {
	if s.Err != nil {
		k.problem("source %s: %s", s.Name, strings.NewReplacer(k.copies...).Replace(s.Err.Error()))
		return
	}
	var acts int64
	for _, a := range p.acts {
		if a.Source == s.Name {
			acts += a.Count
		}
	}
	_, _ = fmt.Fprintf(k.stdout, "source %s: reached; sample: lines %d, malformed %d, acts %d\n", s.Name, s.Lines, s.Malformed, acts)
	for _, note := range s.Notes {
		k.warning("source %s: %s", s.Name, note)
	}
	if note, hint := blindness(sourceConfig{Name: s.Name, Type: k.config.sourceTypes()[s.Name]}, p.facts.Coverage); note != "" {
		k.problem("source %s: %s\nhint: %s", s.Name, note, hint)
	}
	if s.Lines > 0 && !slices.ContainsFunc(p.facts.Coverage, func(c activity.CoveredDay) bool { return c.Source == s.Name }) {
		k.problem("source %s: none of %d lines is of the kind that type %s reads\nhint: check files: and type:",
			s.Name, s.Lines, k.config.sourceTypes()[s.Name])
	}
}

// errEnough stops a fetcher once the sample is full.
var errEnough = errors.New("the sample is full")

// limitedFetcher stops after a sample.
type limitedFetcher struct{ collector.Fetcher }

// Notes are what the fetcher has to say of what it read.
func (f limitedFetcher) Notes() []string {
	if n, ok := f.Fetcher.(interface{ Notes() []string }); ok {
		return n.Notes()
	}
	return nil
}

// Fetch implements collector.Fetcher.
func (f limitedFetcher) Fetch(ctx context.Context, cursor []byte, save func(activity.Batch, []byte, []activity.CoveredDay) error) error {
	n := 0
	err := f.Fetcher.Fetch(ctx, cursor, func(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error {
		n += len(b.Events)
		if err := save(b, cursor, covered); err != nil {
			return err
		}
		if n >= sampleEvents {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// limitedTransport gives a sample of each stream, of what is new.
type limitedTransport struct {
	collector.Transport
	since time.Time
}

// Open implements collector.Transport.
func (t limitedTransport) Open(ctx context.Context, from lines.Resume) ([]lines.Tail, error) {
	from.Since = t.since
	tails, err := t.Transport.Open(ctx, from)
	for i := range tails {
		tails[i] = &limitedTail{Tail: tails[i], left: sampleLines}
	}
	return tails, err
}

// limitedTail ends after a sample.
type limitedTail struct {
	lines.Tail
	left int
}

// Next implements lines.Tail.
func (t *limitedTail) Next(ctx context.Context) (lines.Item, error) {
	if t.left--; t.left < 0 {
		return lines.Item{}, io.EOF
	}
	return t.Tail.Next(ctx)
}

// modified is when a file was last written to; a file that is gone is the oldest.
func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
