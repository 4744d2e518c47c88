// Package collector polls sources, folds what is new into days, and saves it.
//
// A source is lines of files or of another transport (Loki, pod logs), joined with a parser, or something that fetches by itself. Lines are parsed into events; events are
// folded into sums by day in memory, and a batch of sums commits in one transaction with the position it reached: whatever
// is killed, whenever, the next run goes on from there and the totals are those of one uninterrupted run. Acts that take several
// lines are held, by time and not by order of reading, until nothing can be added to them (held.go).
package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// Parser turns one line into events and facts, appended to b. It returns what the line proves of coverage, the zero Line for a
// line of another log, or an error for one that it can't read. It keeps nothing of line.
type Parser interface {
	Parse(line []byte, b *activity.Batch) (activity.Line, error)
}

// Glancer is a Parser that can tell most lines at a glance.
type Glancer interface {
	Parser
	// Glance tells what line is, or false if that takes Parse. Of a line that it tells, Parse says the same: its time and
	// class, and at most one event, which is equal to that of any other line with equal Act, Who and What but for the time.
	Glance(line []byte, g *activity.Glance) bool
}

// Teller is a Glancer that can make the event of a line out of its glance.
type Teller interface {
	// Tell sets e to the event that Parse finds in the line of which g was made, or is false if that takes Parse.
	Tell(g *activity.Glance, e *activity.Event) bool
}

// Joiner makes finished events of the parts of acts that take several lines. It is pure.
type Joiner interface {
	// Window is the longest time between two neighbouring parts of one act.
	Window() time.Duration
	// Join returns the finished events of parts of one actor and scope, given in order of time. It does not keep parts.
	Join(parts []activity.Event) []activity.Event
}

// Loner is a Joiner that knows parts which are acts of their own unless a part of another step is near.
type Loner interface {
	// Alone reports whether Join gives back events that all have that step as they are, without the step.
	Alone(step string) bool
}

// Fetcher reads a source that is not made of lines. It calls save for each batch, with the cursor reached and the days covered.
type Fetcher interface {
	Fetch(ctx context.Context, cursor []byte, save func(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error) error
}

// Source is one configured source: Files or Lines with Parser (and Joiner, if the parser emits steps), or Fetcher.
type Source struct {
	Name    string
	Files   *lines.Files
	Lines   Transport
	Parser  Parser
	Joiner  Joiner
	Fetcher Fetcher
	// Tally makes events of lines that Lines counts and does not send, appended to b. Required if the transport has a filter with
	// a tally.
	Tally func(at time.Time, n int64, b *activity.Batch) activity.Line
	// Shard is which of its slices are read; the zero Shard is all of them.
	Shard Shard
	// Refuses reports whether a parser's error means that the whole file is of no use, so that the source has failed.
	Refuses func(error) bool
}

// Judge says to whom days belong, as far as is known while collecting. It need not be safe for concurrent use.
type Judge interface {
	Learn(id activity.ActorID, digests []activity.Digest)
	LearnQuery(activity.Query)
	LearnRule(activity.Rule)
	LearnDashboard(activity.Dashboard)
	// Outcome says how an act counts by itself, and what that depends on.
	Outcome(*activity.Day) (activity.Outcome, activity.Basis)
}

// Config is what a run needs. Everything is required but Progress.
type Config struct {
	Sources     []Source
	Store       *store.Store
	Key         activity.Key
	Location    *time.Location // days are cut there
	Fingerprint func(text string) activity.Query
	Profile     string // what Fingerprint depends on beside the text: what is known of texts is kept under it
	Judge       Judge
	Logger      *slog.Logger
	Now         func() time.Time
	Progress    func(Progress) // called now and then while files are read, by several goroutines
	Memory      int64          // bytes that the process may take, about; 0 for no bound
	BatchLines  int            // lines after which a batch commits; 0 for the default
	Lease       *store.Lease   // commits are refused once it is lost; nil for none
	Retention   time.Duration  // how long actors live: older acts do not wait for lines that may still turn up
}

// Progress is how far a source's files were read in this run, in bytes as they are on disk.
type Progress struct {
	Source      string
	Read, Total int64
	Lines       int64
}

// Summary is what a run did.
type Summary struct {
	Sources []SourceSummary
}

// SourceSummary is what a run did with one source.
type SourceSummary struct {
	Name      string
	Lines     int64
	Bytes     int64
	Malformed int64
	Foreign   int64 // lines that belong to another log, and say nothing
	Events    map[activity.Outcome]int64
	Notes     []string
	Err       error
	Elapsed   time.Duration
}

// Run reads what is new from every source. A source that fails does not stop the others: its error is in the summary.
// The error returned is that of the run itself: a store that can't be written, or ctx.
func Run(ctx context.Context, c Config) (Summary, error) {
	var mu sync.Mutex // guards the judge, which every source asks
	sum := Summary{Sources: make([]SourceSummary, len(c.Sources))}
	g, ctx := errgroup.WithContext(ctx)
	texts := newTexts(ctx, &c)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, src := range c.Sources {
		g.Go(func() error {
			r := &reader{Config: c, source: src, judging: &mu, texts: texts, budget: c.budget(), sum: &sum.Sources[i]}
			return r.run(ctx)
		})
	}
	err := g.Wait()
	return sum, err
}

// forgottenTries is how often a source is read on from what is stored after people were forgotten meanwhile: that is once a day.
const forgottenTries = 3

// errStore marks errors of the store: they end the run, as no source can go on without it.
type errStore struct{ error }

func (e errStore) Unwrap() error { return e.error }

// run reads the source and keeps how that ended.
func (r *reader) run(ctx context.Context) error {
	began := r.Now()
	r.sum.Name, r.sum.Events = r.source.Name, map[activity.Outcome]int64{}
	err := r.read(ctx)
	for range forgottenTries { // the actors that it knew by their ids may be gone
		if !errors.Is(err, store.ErrForgotten) {
			break
		}
		r.texts.forget()
		err = r.read(ctx)
	}
	r.sum.Elapsed = r.Now().Sub(began)
	var broken errStore
	switch {
	case errors.As(err, &broken):
		return fmt.Errorf("source %s: %w", r.source.Name, broken.error)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	r.sum.Err = err
	status := activity.SourceStatus{Source: r.source.Name, Up: err == nil, Note: strings.Join(r.sum.Notes, "; ")}
	if err == nil {
		status.LastSuccess = r.Now()
	} else {
		status.Error, _, _ = strings.Cut(err.Error(), "\n")
		r.Logger.Error("source failed", "source", r.source.Name, "error", err)
	}
	if err := r.Store.SaveStatus(ctx, status, r.source.Shard.String()); err != nil {
		return err
	}
	return nil
}

func (r *reader) read(ctx context.Context) error {
	p, err := r.Store.Progress(ctx, r.source.Name)
	if err != nil {
		return errStore{err}
	}
	r.fence, r.forgottenAt = p.Fence, p.Forgotten
	if r.source.Fetcher == nil && p.Newest > activity.DateOf(r.Now().Add(tooLate).In(r.Location)) {
		// Lines of the present would be taken for ones that can't be, and left out for good.
		return fmt.Errorf("this machine's clock says %s, and lines of %s were read already\nhint: set the clock; nothing is read until then", activity.DateOf(r.Now().In(r.Location)), p.Newest)
	}
	if r.held, err = newHeld(r.source.Joiner, p.Held); err != nil {
		return errStore{fmt.Errorf("the acts of source %s that are still open can't be read: %w\nhint: the store is damaged, or was written by a newer version: use that, restore a backup, or fill a new store from the sources", r.source.Name, err)}
	}
	r.folders = []*folder{newFolder(r)}
	// What was open before is not of this run; what is open after it is.
	r.countHeld(-1)
	defer r.countHeld(1)
	if r.source.Fetcher != nil {
		return r.fetch(ctx, p.Cursors[fetchCursor])
	}
	if r.source.Lines != nil {
		return r.readTails(ctx, p.Cursors)
	}
	return r.readFiles(ctx, p.Cursors)
}
