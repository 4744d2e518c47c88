package collector

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
)

// commitEvery is how long what was read of a slow server may wait for its commit.
const commitEvery = 30 * time.Second

// Transport finds streams of lines that are no files. Any transport carries any log: a parser never knows where a line comes from.
//
// To add a transport, write a type with Open that returns a lines.Tail for each stream (a Loki query has one, pod logs one per
// container), put it into Source.Lines where sources are wired, and run it against the cases of the conformance
// suite (TestTransports). The parts of acts over several lines, coverage, commits and malformed lines are then as with files.
// To add a log, write a Parser; no transport has to know it.
type Transport interface {
	// Open returns the streams that may have something unread. Those that could be opened are returned beside an error about the
	// others.
	Open(ctx context.Context, from lines.Resume) ([]lines.Tail, error)
}

// tail is one stream being read.
type tail struct {
	track
	lines.Tail
	saved []byte // its cursor as last committed
}

// readTails reads all streams of the source in turns, the one that is furthest behind first.
func (r *reader) readTails(ctx context.Context, cursors map[string][]byte) (err error) {
	opened, err := r.source.Lines.Open(ctx, lines.Resume{Now: r.Now(), Cursors: cursors, Digest: r.lineDigest})
	r.failure = err
	var tails []*tail
	for _, t := range opened {
		if r.reads(t.Name()) {
			tails = append(tails, &tail{Tail: t, saved: cursors[t.Name()]})
		} else {
			err = errors.Join(err, t.Close())
		}
	}
	defer func() {
		for _, t := range tails {
			err = errors.Join(err, t.Close())
		}
	}()
	limit := r.BatchLines
	if limit == 0 {
		limit = firstBatchLines
	}
	committed := r.Now()
	for t := behindTail(tails); t != nil; t = behindTail(tails) {
		r.takeFrom(ctx, t, max(1, min(turnLines, limit-r.batchLines())))
		if err := ctx.Err(); err != nil {
			// A clean stop keeps what was read: the caller's context is gone, the commit must not be.
			return errors.Join(err, r.saveTails(context.WithoutCancel(ctx), tails, false))
		}
		if r.batchLines() < limit && r.batchSize() < r.budget.batch && r.Now().Sub(committed) < commitEvery {
			continue
		}
		if err := r.saveTails(ctx, tails, false); err != nil {
			return err
		}
		committed = r.Now()
		if r.BatchLines == 0 {
			limit = min(2*limit, lastBatchLines)
		}
	}
	if err := r.saveTails(ctx, tails, true); err != nil {
		return err
	}
	return r.failure
}

// lineDigest is a keyed hash of a line.
func (r *reader) lineDigest(line []byte) uint64 {
	d := r.Key.Text(string(line))
	return binary.BigEndian.Uint64(d[:])
}

// behindTail is the stream whose newest line is oldest; nil if all have ended.
func behindTail(tails []*tail) (behind *tail) {
	for _, t := range tails {
		if !t.ended && (behind == nil || t.at < behind.at) {
			behind = t
		}
	}
	return behind
}

// takeFrom takes up to n items of a stream; of one that was not begun, only as many as tell when it begins. A stream that fails ends;
// the others go on.
func (r *reader) takeFrom(ctx context.Context, t *tail, n int) {
	f := r.folders[0]
	begins := t.at == 0
	f.latest = f.Now().Add(tooLate).UnixNano()
	for range n {
		if begins && t.at != 0 {
			return
		}
		item, err := t.Next(ctx)
		var bad *lines.Malformed
		switch {
		case err == nil:
			r.takeItem(f, t, item)
		case err == io.EOF: //nolint:errorlint // a connection that broke may wrap it: that is no end
			t.ended = true
			return
		case errors.As(err, &bad):
			f.lines++
			f.malform(errors.New(bad.Why), "stream", t.Name())
		default:
			t.ended = true
			r.failure = errors.Join(r.failure, err)
			return
		}
	}
}

// takeItem takes a line, a tally or a gap.
func (r *reader) takeItem(f *folder, t *tail, item lines.Item) {
	switch {
	case item.Gap != nil:
		r.gap(t, *item.Gap)
	case item.Tally > 0:
		f.parsed.Reset()
		if err := f.takeParsed(&t.track, f.source.Tally(item.Time, item.Tally, &f.parsed)); err != nil {
			f.malform(err, "stream", t.Name())
		}
	default:
		f.lines++
		r.sum.Bytes += int64(len(item.Text))
		if err := f.line(&t.track, item.Text); err != nil {
			f.malform(err, "stream", t.Name(), "at", item.Time)
			f.refuse(&t.track, t.Name(), err)
			r.failure, f.failed = errors.Join(r.failure, f.failed), nil
		}
	}
}

// gap tells of lines that are missing for good, and marks their days.
func (r *reader) gap(t *tail, g lines.Gap) {
	r.sum.Notes = append(r.sum.Notes, t.Name()+": "+g.Why)
	r.Logger.Warn("lines are missing", "source", r.source.Name, "stream", t.Name(), "from", g.From, "to", g.To, "reason", g.Why)
	r.distrustDays(activity.DateOf(g.From.In(r.Location)), activity.DateOf(g.To.Add(-1).In(r.Location)))
}

// saveTails commits what was read.
func (r *reader) saveTails(ctx context.Context, tails []*tail, done bool) error {
	at := newPosition()
	at.done = done
	reached := map[*tail][]byte{}
	for _, t := range tails {
		cursor, err := t.Cursor()
		if err != nil {
			return fmt.Errorf("cursor of %s: %w", t.Name(), err)
		}
		if !bytes.Equal(cursor, t.saved) {
			at.cursor(t.Name(), cursor)
			reached[t] = cursor
		}
		r.held.stretch(t.Name(), t.track)
	}
	if next := behindTail(tails); next != nil {
		at.watermark = next.at
	}
	if err := r.commit(ctx, at); err != nil {
		return err
	}
	for t, cursor := range reached {
		t.saved = cursor
	}
	if r.Progress != nil {
		r.Progress(Progress{Source: r.source.Name, Lines: r.sum.Lines})
	}
	return nil
}
