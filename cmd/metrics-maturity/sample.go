package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/collector/kube"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/grafana/inventory"
)

// How much a check reads of each source, and how long it waits for one.
const (
	sampleFiles  = 3              // the newest
	sampleLines  = 5000           // of each file, from its beginning
	sampleEnd    = 256 << 10      // bytes of the newest file, from its end
	oldestLines  = 20             // of the oldest file
	sampleTails  = 8              // streams of a server that are asked for their oldest line
	sampleEvents = 5000           // of a repository or an API
	sampleTime   = 24 * time.Hour // of a source that is asked by time, up to now
	samplePeriod = time.Minute
	sampleTries  = 3 // of a request: somebody is waiting, and a server that is down should be told of soon
)

// sample reads a part of every source into a store that is thrown away, and keeps what became of it.
func (k *check) sample(ctx context.Context, key activity.Key) (err error) {
	dir, err := os.MkdirTemp("", "metrics-maturity-check-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := *k.config
	c.StoreURL = "sqlite:" + filepath.Join(dir, "sample.db") // clones of repositories go beside it, too
	c.Sources = impatient(c.Sources)
	s, err := store.Open(ctx, c.StoreURL, store.Options{Key: key, Timezone: c.Owner.Location.String()})
	if err != nil {
		return err
	}
	d := &desk{config: &c, key: key, store: s, log: slog.New(slog.DiscardHandler)}
	defer d.close(&err)
	sources := d.buildSources(d.log, k.now)
	samples := make([]sampled, len(sources))
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, src := range sources {
		samples[i].sourceCheck = sourceCheck{Name: src.Name, Type: c.Sources[i].Type}
		g.Go(func() error {
			return samples[i].read(reading, d, src, filepath.Join(dir, fmt.Sprintf("sample%d.log", i)), k.now)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	acts, facts, err := d.acts(ctx, func(*activity.Act) bool { return true }) // a sample is small
	if err != nil {
		return err
	}
	for i := range samples {
		samples[i].judge(k, acts, facts)
		k.found.Sources = append(k.found.Sources, samples[i].sourceCheck)
	}
	if len(acts) > 0 {
		k.found.attribute(acts, k.config.Owner.Teams)
	}
	return nil
}

// impatient makes sources try again less often, unless that is configured.
func impatient(sources []sourceConfig) []sourceConfig {
	sources = slices.Clone(sources)
	for i := range sources {
		s := &sources[i]
		s.HTTP.Retries = cmp.Or(s.HTTP.Retries, sampleTries-1)
		if s.Loki != nil {
			loki := *s.Loki
			loki.Retries = cmp.Or(loki.Retries, sampleTries-1)
			s.Loki = &loki
		}
		if s.Kubernetes != nil {
			kubernetes := *s.Kubernetes
			kubernetes.Tries = sampleTries
			s.Kubernetes = &kubernetes
		}
	}
	return sources
}

// sampled is how reading the sample of a source went.
type sampled struct {
	sourceCheck
	sum      collector.SourceSummary
	findings []finding
	names    []string // a copy of sampled lines, then what it stands for
	none     bool     // there is nothing to read
}

// read reads the sample of a source; copied is a file for the sample of files. What is wrong with the source is no error.
func (s *sampled) read(ctx context.Context, d *desk, src collector.Source, copied string, now func() time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, samplePeriod)
	defer cancel()
	if src.Parser != nil {
		src.Parser = &timedParser{Parser: src.Parser, seen: s.saw}
	}
	switch {
	case src.Fetcher != nil:
		src.Fetcher = limitedFetcher{src.Fetcher}
	case src.Lines != nil:
		s.oldest(ctx, src.Lines, now())
		src.Lines = limitedTransport{src.Lines, now().Add(-sampleTime)}
	default:
		if err := s.copySample(ctx, src, copied); err != nil || s.none {
			return err
		}
		s.names = []string{copied, strings.Join(src.Files.Patterns, ", ")}
		src.Files = &lines.Files{Patterns: []string{copied}}
	}
	summary, err := d.read(ctx, []collector.Source{src}, now, nil)
	switch {
	case err == nil:
		s.sum = summary.Sources[0]
	case errors.Is(err, context.DeadlineExceeded):
		s.sum.Err = fmt.Errorf("a sample could not be read within %v\nhint: is it overloaded, or is there a firewall in between?", samplePeriod)
	default:
		return err
	}
	return nil
}

// oldest asks a server for the first lines that it has. That it can't is told by reading the sample.
func (s *sampled) oldest(ctx context.Context, from collector.Transport, now time.Time) {
	tails, err := from.Open(ctx, lines.Resume{Now: now, Digest: func([]byte) uint64 { return 0 }})
	for i, t := range tails {
		if item, failure := t.Next(ctx); err == nil && failure == nil && item.Gap == nil && i < sampleTails {
			s.saw(item.Time)
		}
		_ = t.Close() // nothing was written
	}
}

// judge says what is wrong with the source, by what its sample showed.
func (s *sampled) judge(k *check, acts []activity.Act, facts activity.Facts) {
	k.found.Findings = append(k.found.Findings, s.findings...)
	s.Reachable = !s.none
	if s.none {
		return
	}
	s.Lines, s.Malformed = s.sum.Lines, s.sum.Malformed
	s.count(acts)
	s.Permitted = "yes"
	if slices.ContainsFunc(s.sum.Notes, func(n string) bool { return strings.Contains(n, "was refused") }) {
		s.Permitted = "partly"
	}
	for _, n := range s.sum.Notes {
		k.warning(s.Name, "%s", strings.NewReplacer(s.names...).Replace(n))
	}
	if s.sum.Err != nil {
		s.Reachable, s.Permitted = answered(s.sum.Err)
		k.problem(s.Name, "%s", strings.NewReplacer(s.names...).Replace(s.sum.Err.Error()))
		return
	}
	covered := slices.ContainsFunc(facts.Coverage, func(c activity.CoveredDay) bool { return c.Source == s.Name })
	if note, hint := blindness(sourceConfig{Name: s.Name, Type: s.Type}, facts.Coverage); note != "" {
		k.problem(s.Name, "%s\nhint: %s", note, hint)
	}
	switch {
	case s.Lines > 0 && !covered:
		k.problem(s.Name, "none of %d lines is of the kind that type %s reads\nhint: check type:, and where its lines are taken from", s.Lines, s.Type)
	case s.Lines == 0 && sourceTypes()[s.Type].log != nil && s.Newest == nil:
		k.warning(s.Name, "there is no line of it\nhint: check the query or selector, the tenant, and that the log is written at all")
	case s.Malformed > 0 && sourceTypes()[s.Type].log == nil:
		k.warning(s.Name, "%d of the files and lines that it reads can't be read\nhint: the log of collect tells of one a minute which it is, and why", s.Malformed)
	case s.Malformed*10 > s.Lines && s.Malformed > 0:
		k.problem(s.Name, "%d of %d lines can't be read\nhint: check type:, and that nothing rewrites the lines on their way", s.Malformed, s.Lines)
	}
	s.judgeTime(k)
	if s.Attributed != nil && *s.Attributed < lowAttribution {
		k.warning(s.Name, "only %s of people's acts belong to a team\nhint: the table below says why; name the people, dashboards, metrics or clients in the owner rules", percent(*s.Attributed))
	}
}

// lowAttribution is the share of people's acts under which owner rules are likely to lack something.
const lowAttribution = 0.5

// How far the newest line may be from this machine's clock.
const (
	clockSkew = 5 * time.Minute
	longAgo   = 7 * 24 * time.Hour
)

// judgeTime compares the newest line with the clock.
func (s *sampled) judgeTime(k *check) {
	if s.Newest == nil || sourceTypes()[s.Type].log == nil {
		return
	}
	switch ahead := s.Newest.Sub(k.now()); {
	case ahead > clockSkew:
		k.problem(s.Name, "its newest line is %v ahead of this machine's clock\nhint: let NTP set the clocks of both machines, and check the time zone of the one that writes", ahead.Round(time.Minute))
	case -ahead > longAgo:
		k.warning(s.Name, "its newest line is of %s\nhint: is the log still written there?", s.Newest.Format(time.DateOnly))
	}
}

// answered tells a source that can't be reached from one that refuses.
func answered(err error) (reachable bool, permitted string) {
	refused := []int{http.StatusUnauthorized, http.StatusForbidden}
	switch {
	case httpclient.IsStatus(err, refused...), kube.IsStatus(err, refused[0]), kube.IsStatus(err, refused[1]), errors.Is(err, fs.ErrPermission):
		return true, "no"
	}
	if e, ok := errors.AsType[*httpclient.Error](err); ok {
		return e.Answered(), "yes"
	}
	if _, ok := errors.AsType[*inventory.DecodeError](err); ok {
		return true, "yes"
	}
	if e, ok := errors.AsType[*kube.Error](err); ok {
		return e.Status != 0, "yes"
	}
	return false, ""
}

// timedParser notes the times of lines.
type timedParser struct {
	collector.Parser
	mu   sync.Mutex // several files are read at once
	seen func(time.Time)
}

// Parse implements collector.Parser.
func (p *timedParser) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	l, err := p.Parser.Parse(line, b)
	if err == nil && !l.Time.IsZero() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.seen(l.Time)
	}
	return l, err
}

// copySample writes the beginnings of the newest files of a source to a file, unpacked, with the end of the newest and the
// beginning of the oldest.
func (s *sampled) copySample(ctx context.Context, src collector.Source, to string) (err error) {
	complain := func(level, format string, args ...any) {
		s.findings = append(s.findings, newFinding(level, s.Name, fmt.Sprintf(format, args...)))
	}
	opened, err := src.Files.Open(ctx, nil)
	if err != nil {
		complain("problem", "%v", err)
		s.none = true
		return nil
	}
	defer func() {
		for _, f := range opened.Streams {
			err = errors.Join(err, f.Close())
		}
	}()
	for _, n := range opened.Notices {
		switch n.Kind {
		case lines.NoticeNoMatch:
			complain("problem", "no file matches %s\nhint: check the pattern, and that this user may list the folder", n.Path)
		case lines.NoticeUnreadable:
			complain("problem", "%s: %s", n.Path, n.Why)
		default:
			complain("warning", "%s: %s", n.Path, n.Why)
		}
	}
	newest := slices.SortedFunc(slices.Values(opened.Streams), func(x, y *lines.Stream) int { return modified(y.Path()).Compare(modified(x.Path())) })
	if s.none = len(newest) == 0; s.none {
		return nil
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriter(out)
	for i, f := range newest {
		most := sampleLines
		switch {
		case i >= sampleFiles && i < len(newest)-1:
			continue
		case i >= sampleFiles:
			most = oldestLines
		}
		whole, err := copyLines(w, f, most)
		if err == nil && i == 0 && !whole && !f.Compressed() {
			err = copyEnd(w, f)
		}
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

// copyLines copies up to so many lines, and reports whether those were all.
func copyLines(w *bufio.Writer, s *lines.Stream, most int) (whole bool, err error) {
	for range most {
		line, err := s.Next()
		var malformed *lines.Malformed
		switch {
		case errors.As(err, &malformed):
			continue
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return false, err
		}
	}
	return false, nil
}

// copyEnd copies the last whole lines of a file that is not compressed, and was read from its beginning so far.
func copyEnd(w *bufio.Writer, s *lines.Stream) error {
	f, err := os.Open(s.Path())
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	from := max(s.Offset()+1, info.Size()-sampleEnd)
	in := bufio.NewReader(io.NewSectionReader(f, from, info.Size()-from))
	if _, err := in.ReadSlice('\n'); err != nil {
		return nil // the rest of a line, and no other
	}
	_, err = io.Copy(w, in)
	return err
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
