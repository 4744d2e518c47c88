package collector

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

const (
	// A run commits after so many lines first, and after twice as many each time: a short run keeps little at risk, and a long
	// one does not update the same rows again and again.
	firstBatchLines, lastBatchLines = 1 << 12, 1 << 18
	// turnLines is how many lines are read of one file before the file that is furthest behind gets its turn, and longestTurn the same
	// of a file that had to be closed meanwhile: a compressed one is decompressed from its beginning each time.
	turnLines, longestTurn = 1 << 11, 1 << 16
	// turnsPerProgress is how many turns pass between two reports of progress.
	turnsPerProgress = 16
	// maxOpen is how many files are open at once: each has a buffer, and a decoder if it is compressed.
	maxOpen = 8
	// tooLate is how far ahead of this machine's clock a line may have been written. Beyond it, it would mark days as
	// covered that have not come yet.
	tooLate = 36 * time.Hour
	// sampleEvery is how often, at most, a line that can't be read is shown in the log.
	sampleEvery = time.Minute
)

// earliest is when a line may have been written: neither log is older.
var earliest = time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

// file is one file being read.
type file struct {
	track
	stream *lines.Stream
	moved  bool // since the last commit
	lines  int  // read in this run
	paused bool // closed at least once, to make room
}

// track is how far a file, or another stream of lines, was read in this run.
type track struct {
	first   int64 // oldest time read, in nanoseconds since 1970; 0 if it was not begun
	at      int64 // newest time read
	ended   bool
	refused bool // the parser said that it is of no use: said once
}

// reached notes that a line of a time was read.
func (t *track) reached(at int64) {
	if at > t.at {
		t.at = at
	}
	if at < t.first || t.first == 0 {
		t.first = at
	}
}

// readFiles reads all files of the source side by side, the one that is furthest behind first, so that the parts of an act
// meet soon wherever they were written.
func (r *reader) readFiles(ctx context.Context, cursors map[string][]byte) (err error) {
	var saved []lines.Position
	for name, value := range cursors {
		var p lines.Position
		if err := json.Unmarshal(value, &p); err != nil || !p.Valid() || p.ID != name { // a file that is not known would be counted again
			return errStore{lines.BadCursor(name)}
		}
		saved = append(saved, p)
	}
	opened, err := r.source.Files.Open(ctx, saved)
	if err != nil {
		return err
	}
	var files []*file
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.stream.Close())
		}
	}()
	for _, s := range opened.Streams {
		if r.reads(s.ID()) {
			files = append(files, &file{stream: s})
			r.total += s.Expected()
		}
	}
	r.saved = saved
	r.notice(opened.Notices, saved)
	if err := r.readAll(ctx, files, opened.Positions); err != nil {
		return err
	}
	return r.failure
}

// readAll reads until every file has ended, committing as it goes.
func (r *reader) readAll(ctx context.Context, files []*file, known []lines.Position) (err error) {
	r.ahead = runtime.GOMAXPROCS(0) > 1 && r.Memory <= 0 // two batches are in memory then
	defer func() { err = errors.Join(err, r.settled()) }()
	at := newPosition()
	for _, p := range known {
		if !r.reads(p.ID) {
			continue
		}
		if err := at.set(p); err != nil {
			return err
		}
	}
	limit := r.BatchLines
	if limit == 0 {
		limit = firstBatchLines
	}
	for range min(len(files), runtime.GOMAXPROCS(0)) - 1 {
		r.folders = append(r.folders, newFolder(r))
	}
	var open []*file
	taken := 0
	for turns := r.next(files); len(turns) > 0; turns = r.next(files) {
		if taken++; taken%turnsPerProgress == 0 {
			r.progress(files)
		}
		open = makeRoom(open, turns)
		if err := ctx.Err(); err != nil {
			// A clean stop keeps what was read: the caller's context is gone, the commit must not be.
			return errors.Join(err, r.save(context.WithoutCancel(ctx), files, at))
		}
		r.take(turns, max(1, min(turnLines, limit-r.batchLines())))
		if r.batchLines() >= limit || r.batchSize() >= r.budget.batch {
			if err := r.save(ctx, files, at); err != nil {
				return err
			}
			at = newPosition()
			if r.BatchLines == 0 {
				limit = min(2*limit, lastBatchLines)
			}
		}
	}
	at.done = true
	return r.save(ctx, files, at)
}

func (r *reader) batchLines() (n int) {
	for _, f := range r.folders {
		n += f.lines
	}
	return n
}

func (r *reader) batchSize() (n int64) {
	for _, f := range r.folders {
		n += f.size()
	}
	return n
}

// take reads up to n lines of each file, the files side by side.
func (r *reader) take(files []*file, n int) {
	var others sync.WaitGroup
	for i, f := range files[1:] {
		others.Go(func() { r.folders[i+1].turn(f, n) })
	}
	r.folders[0].turn(files[0], n)
	others.Wait()
	for _, f := range r.folders {
		r.failure = errors.Join(r.failure, f.failed)
		f.failed = nil
	}
	for _, f := range files {
		if f.ended {
			r.notice(f.stream.Notices(), r.saved)
		}
	}
}

// next returns the files that are read side by side. Where acts have parts they are those that are furthest behind. Else it does not
// matter which, and each is read to its end.
func (r *reader) next(files []*file) []*file {
	if r.source.Joiner != nil {
		return behind(files, len(r.folders))
	}
	var first []*file
	for _, f := range files {
		if !f.ended && len(first) < len(r.folders) {
			first = append(first, f)
		}
	}
	return first
}

// behind returns up to n files, those whose newest lines are oldest; none if all have ended.
func behind(files []*file, n int) []*file {
	var oldest []*file
	for _, f := range files {
		if f.ended {
			continue
		}
		at := len(oldest)
		for at > 0 && f.at < oldest[at-1].at {
			at--
		}
		if at < n {
			oldest = slices.Insert(oldest[:min(len(oldest), n-1)], at, f)
		}
	}
	return oldest
}

// makeRoom adds files to those that are open, and pauses the ones that are furthest ahead if there are too many.
func makeRoom(open, next []*file) []*file {
	open = slices.DeleteFunc(open, func(o *file) bool { return o.ended || slices.Contains(next, o) })
	for len(open) > 0 && len(open)+len(next) > maxOpen {
		ahead := slices.MaxFunc(open, func(a, b *file) int { return cmp.Compare(a.at, b.at) })
		ahead.stream.Pause()
		ahead.paused = true
		open = slices.DeleteFunc(open, func(o *file) bool { return o == ahead })
	}
	return append(open, next...)
}

// turn reads up to n lines of a file; of one that was not begun, only as many as tell when it begins. A file that fails ends; the
// others go on.
func (f *folder) turn(from *file, n int) {
	from.moved = true
	begins := from.at == 0
	f.latest = f.Now().Add(tooLate).UnixNano()
	if from.paused {
		n = max(n, min(from.lines, longestTurn))
	}
	for range n {
		if begins && from.at != 0 {
			return
		}
		line, err := from.stream.Next()
		if err == nil {
			f.lines++
			from.lines++
			if err := f.line(&from.track, line); err != nil {
				f.malform(err, "file", from.stream.Path(), "offset", from.stream.Offset())
				f.refuse(&from.track, from.stream.Path(), err)
			}
			continue
		}
		var bad *lines.Malformed
		switch {
		case errors.Is(err, io.EOF):
			from.ended = true
			return
		case errors.As(err, &bad):
			f.lines++
			f.malform(errors.New(bad.Why), "file", bad.Path, "offset", bad.Offset)
		default:
			from.ended = true
			f.failed = errors.Join(f.failed, fmt.Errorf("%s: %w", from.stream.Path(), err))
			return
		}
	}
}

// line takes what is in one line. An error is why it can't be read.
func (f *folder) line(from *track, line []byte) error {
	if f.glancer != nil && f.glance(from, line) {
		return nil
	}
	f.parsed.Reset()
	l, err := f.source.Parser.Parse(line, &f.parsed)
	if err != nil {
		return err
	}
	return f.takeParsed(from, l)
}

// takeParsed takes what was parsed of a line, if its time can be believed.
func (f *folder) takeParsed(from *track, l activity.Line) error {
	switch {
	case l.Time.IsZero():
		f.foreign++
	case l.Time.Before(time.Unix(0, earliest)) || l.Time.After(time.Unix(0, f.latest)):
		return errors.New("its time is too far from now: " + l.Time.Format(time.RFC3339))
	default:
		at := l.Time.UnixNano()
		f.clock.set(at)
		f.cover(l.Class)
		from.reached(at)
		f.add(&f.parsed)
	}
	return nil
}

// refuse makes the source fail if err means that all of a file or stream is of no use. It says so once.
func (f *folder) refuse(from *track, name string, err error) {
	if f.source.Refuses != nil && f.source.Refuses(err) && !from.refused {
		from.refused = true
		f.failed = errors.Join(f.failed, fmt.Errorf("%s: %w", name, err))
	}
}

// save commits what was read of files.
func (r *reader) save(ctx context.Context, files []*file, at position) error {
	for _, f := range files {
		if !f.moved {
			continue
		}
		f.moved = false
		p := f.stream.Position()
		if p.ID == "" {
			continue // nothing of it was read yet
		}
		if err := at.set(p); err != nil {
			return err
		}
		r.held.stretch(p.ID, f.track)
	}
	if next := behind(files, 1); len(next) > 0 {
		at.watermark = next[0].at
	}
	if err := r.commit(ctx, at); err != nil {
		return err
	}
	r.progress(files)
	return nil
}

// progress notes how far the files were read, and tells.
func (r *reader) progress(files []*file) {
	r.sum.Bytes = 0
	for _, f := range files {
		r.sum.Bytes += f.stream.Read()
	}
	if r.Progress != nil {
		r.Progress(Progress{Source: r.source.Name, Read: r.sum.Bytes, Total: r.total, Lines: r.sum.Lines + r.underway() + int64(r.batchLines())})
	}
}

func (p position) set(at lines.Position) error {
	value, err := json.Marshal(at)
	p.cursor(at.ID, value)
	return err
}

// malform counts a line that can't be read, and shows where it is, once a minute. What it says is never shown: it may name people.
func (f *folder) malform(why error, where ...any) {
	f.bad++
	if f.sampler.due(f.Now()) {
		f.Logger.Warn("line can't be read", append([]any{"source", f.source.Name, "reason", why.Error()}, where...)...)
	}
}

// sampler lets one thing pass in so much time.
type sampler struct {
	mu   sync.Mutex
	last time.Time
}

func (s *sampler) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.last) < sampleEvery {
		return false
	}
	s.last = now
	return true
}

// notice tells of files that could not be read as they should, and marks the days that can't be trusted for it. Files that
// can't be read at all make the source fail; what could be read was.
func (r *reader) notice(notices []lines.Notice, saved []lines.Position) {
	for _, n := range notices {
		switch {
		case n.LosesLines():
			r.sum.Notes = append(r.sum.Notes, n.String())
			r.distrust(n, saved)
		case n.Kind == lines.NoticeNoMatch || n.Kind == lines.NoticeUnreadable || n.Kind == lines.NoticeNotAFile || n.Kind == lines.NoticeUnsupported:
			r.failure = errors.Join(r.failure, errors.New(n.String()))
			continue
		}
		r.Logger.Warn("file", "source", r.source.Name, "file", n.Path, "reason", n.Why)
	}
}

// distrust marks the days of a file that was changed after it had been read.
func (r *reader) distrust(n lines.Notice, saved []lines.Position) {
	for _, p := range saved {
		s := r.held.stretches[p.ID]
		if p.Path != n.Path || s == nil {
			continue
		}
		first := max(activity.DateOf(s.First.In(r.Location)), activity.DateOf(s.Last.In(r.Location))-activity.Date(edgeAge/(24*time.Hour)))
		r.distrustDays(first, activity.DateOf(s.Last.In(r.Location)))
	}
}

// distrustDays marks days of which lines may be missing for good.
func (r *reader) distrustDays(first, last activity.Date) {
	for d := first; d <= last; d++ {
		r.folders[0].covered[activity.CoveredDay{Source: r.source.Name, Class: store.ClassGap, Date: d}] = true
	}
}
