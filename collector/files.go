package collector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

const (
	// A run commits after so many lines first, and after twice as many each time: a short run keeps little at risk, and a long
	// one does not update the same rows again and again.
	firstBatchLines, lastBatchLines = 1 << 12, 1 << 20
	// maxBatchRows bounds the memory of a batch.
	maxBatchRows = 1 << 16
	// turnLines is how many lines are read of one file before the file that is furthest behind gets its turn.
	turnLines = 1 << 11
	// maxOpen is how many files are open at once: each has a buffer, and a decoder if it is compressed.
	maxOpen = 8
	// sampleEvery is how often, at most, a line that can't be read is shown in the log.
	sampleEvery = time.Minute
)

// file is one file being read.
type file struct {
	stream *lines.Stream
	at     time.Time // newest time read in this run
	ended  bool
	moved  bool // since the last commit
	seen   stretch
}

// readFiles reads all files of the source side by side, the one that is furthest behind first, so that the parts of an act
// meet soon wherever they were written.
func (r *reader) readFiles(ctx context.Context, cursors map[string][]byte) (err error) {
	var saved []lines.Position
	for name, value := range cursors {
		var p lines.Position
		if err := json.Unmarshal(value, &p); err != nil {
			return errStore{fmt.Errorf("cursor %s can't be read: %w", name, err)}
		}
		saved = append(saved, p)
	}
	opened, err := r.source.Files.Open(ctx, saved)
	if err != nil {
		return err
	}
	files := make([]*file, len(opened.Streams))
	for i, s := range opened.Streams {
		files[i] = &file{stream: s}
	}
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.stream.Close())
		}
	}()
	r.total, r.saved = opened.Bytes, saved
	r.notice(opened.Notices, saved)
	if err := r.readAll(ctx, files, opened.Positions); err != nil {
		return err
	}
	return r.failed
}

// readAll reads until every file has ended, committing as it goes.
func (r *reader) readAll(ctx context.Context, files []*file, known []lines.Position) error {
	at := position{cursors: map[string][]byte{}}
	for _, p := range known {
		if err := at.set(p); err != nil {
			return err
		}
	}
	limit := r.BatchLines
	if limit == 0 {
		limit = firstBatchLines
	}
	var open []*file
	for f := behind(files); f != nil; f = behind(files) {
		open = makeRoom(open, f)
		if err := ctx.Err(); err != nil {
			// A clean stop keeps what was read: the caller's context is gone, the commit must not be.
			return errors.Join(err, r.save(context.WithoutCancel(ctx), files, at))
		}
		r.turn(f, max(1, min(turnLines, limit-r.lines)))
		if r.lines >= limit || r.rows() >= maxBatchRows {
			if err := r.save(ctx, files, at); err != nil {
				return err
			}
			at = position{cursors: map[string][]byte{}}
			if r.BatchLines == 0 {
				limit = min(2*limit, lastBatchLines)
			}
		}
	}
	at.done = true
	return r.save(ctx, files, at)
}

// rows is about how much memory the batch takes.
func (r *reader) rows() int {
	return len(r.days) + len(r.asked) + len(r.facts.Dashboards) + len(r.fresh)
}

// behind returns the file whose newest line is oldest, nil if all have ended.
func behind(files []*file) *file {
	var oldest *file
	for _, f := range files {
		if !f.ended && (oldest == nil || f.at.Before(oldest.at)) {
			oldest = f
		}
	}
	return oldest
}

// makeRoom adds f to the files that are open, and pauses the one that is furthest ahead if there are too many.
func makeRoom(open []*file, f *file) []*file {
	open = slices.DeleteFunc(open, func(o *file) bool { return o == f || o.ended })
	if len(open) >= maxOpen {
		ahead := slices.MaxFunc(open, func(a, b *file) int { return a.at.Compare(b.at) })
		ahead.stream.Pause()
		open = slices.DeleteFunc(open, func(o *file) bool { return o == ahead })
	}
	return append(open, f)
}

// turn reads up to n lines of f; of a file that was not begun, only as many as tell when it begins. A file that fails ends; the
// others go on.
func (r *reader) turn(f *file, n int) {
	f.moved = true
	begins := f.at.IsZero()
	for range n {
		if begins && !f.at.IsZero() {
			return
		}
		line, err := f.stream.Next()
		var bad *lines.Malformed
		switch {
		case errors.Is(err, io.EOF):
			f.ended = true
			r.notice(f.stream.Notices(), r.saved)
			return
		case errors.As(err, &bad):
			r.lines++
			r.malform(bad.Path, bad.Offset, bad.Why)
			continue
		case err != nil:
			f.ended = true
			r.failed = errors.Join(r.failed, fmt.Errorf("%s: %w", f.stream.Path(), err))
			return
		}
		r.lines++
		r.line(f, line)
	}
}

// line parses one line and takes what is in it.
func (r *reader) line(f *file, line []byte) {
	r.parsed.Reset()
	l, err := r.source.Parser.Parse(line, &r.parsed)
	switch {
	case err != nil:
		r.malform(f.stream.Path(), f.stream.Offset(), err.Error())
		if r.source.Refuses != nil && r.source.Refuses(err) && !r.refused {
			r.refused = true
			r.failed = errors.Join(r.failed, fmt.Errorf("%s: %w", f.stream.Path(), err))
		}
	case l.Time.IsZero():
	case !r.plausible(l.Time):
		r.malform(f.stream.Path(), f.stream.Offset(), "its time is too far from now: "+l.Time.Format(time.RFC3339))
	default:
		r.cover(l)
		if l.Time.After(f.at) {
			f.at = l.Time
		}
		f.seen.add(l.Time)
		r.add(&r.parsed)
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
		if !f.seen.First.IsZero() {
			s := r.held.Stretches[p.ID]
			if s == nil {
				s = &stretch{}
				r.held.Stretches[p.ID] = s
			}
			s.add(f.seen.First)
			s.add(f.seen.Last)
		}
	}
	if f := behind(files); f != nil {
		at.watermark = f.at
	}
	read := int64(r.lines)
	if err := r.commit(ctx, at); err != nil {
		return err
	}
	r.sum.Lines += read
	r.sum.Bytes = 0
	for _, f := range files {
		r.sum.Bytes += f.stream.Read()
	}
	if r.Progress != nil {
		r.Progress(Progress{Source: r.source.Name, Read: r.sum.Bytes, Total: r.total, Lines: r.sum.Lines})
	}
	return nil
}

func (p position) set(at lines.Position) error {
	value, err := json.Marshal(at)
	p.cursors[at.ID] = value
	return err
}

// malform counts a line that can't be read, and shows one a minute. What it says is never shown: it may name people.
func (r *reader) malform(path string, offset int64, why string) {
	r.bad++
	if now := r.Now(); now.Sub(r.sampled) >= sampleEvery {
		r.sampled = now
		r.Logger.Warn("line can't be read", "source", r.source.Name, "file", path, "offset", offset, "reason", why)
	}
}

// notice tells of files that could not be read as they should, and marks the days that can't be trusted for it. Files that
// can't be read at all make the source fail; what could be read was.
func (r *reader) notice(notices []lines.Notice, saved []lines.Position) {
	for _, n := range notices {
		switch {
		case n.LosesLines():
			r.sum.Notes = append(r.sum.Notes, n.String())
			r.distrust(n, saved)
		case n.Kind == lines.NoticeNoMatch || n.Kind == lines.NoticeUnreadable || n.Kind == lines.NoticeUnsupported:
			r.failed = errors.Join(r.failed, errors.New(n.String()))
			continue
		}
		r.Logger.Warn("file", "source", r.source.Name, "file", n.Path, "reason", n.Why)
	}
}

// distrust marks the days of a file that was changed after it had been read.
func (r *reader) distrust(n lines.Notice, saved []lines.Position) {
	for _, p := range saved {
		s := r.held.Stretches[p.ID]
		if p.Path != n.Path || s == nil {
			continue
		}
		first := max(activity.DateOf(s.First.In(r.Location)), activity.DateOf(s.Last.In(r.Location))-activity.Date(edgeAge/(24*time.Hour)))
		for d := first; d <= activity.DateOf(s.Last.In(r.Location)); d++ {
			r.covered[activity.CoveredDay{Source: r.source.Name, Class: store.ClassGap, Date: d}] = true
		}
	}
}
