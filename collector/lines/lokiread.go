package lines

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	firstSlice   = 6 * time.Hour
	longestSlice = 30 * 24 * time.Hour // Loki allows 30d1h
	// shortestSlice is what is asked for at least before Loki is found to refuse everything.
	shortestSlice = time.Second
	// calmSlices is after how many slices a longer one is tried again than Loki refused.
	calmSlices = 32
)

var errNoStream = errors.New("loki: the query matches no stream\nhint: try its selector in Grafana's Explore; where Loki has tenants, set tenant")

// fill asks for what comes next: a page, or the count of days that were read.
func (t *lokiTail) fill(ctx context.Context) error {
	if t.at >= t.end {
		return t.finish(ctx)
	}
	to := min(t.end, t.at+int64(t.slice))
	page, err := t.api.entries(ctx, t.query, t.at, to, t.Page)
	if err != nil {
		return t.askLess(err)
	}
	full := len(page) >= t.Page
	last := to
	if full {
		last = page[len(page)-1].at
	}
	t.adapt(time.Duration(last-t.at), len(page), full)
	t.at = last
	if full && last == page[0].at {
		return t.narrow(ctx)
	}
	t.take(page, map[seenLine]int{})
	return nil
}

// adapt chooses the length of the next slice, so that a page is nearly full.
func (t *lokiTail) adapt(spanned time.Duration, lines int, full bool) {
	switch {
	case full:
		t.slice = max(spanned, shortestSlice)
	case lines < t.Page/2:
		t.slice = min(2*t.slice, t.longest)
		if t.calm++; t.calm >= calmSlices { // what was refused may have had more in it
			t.calm, t.longest = 0, min(2*t.longest, longestSlice)
		}
	}
}

// take queues what is new of entries.
func (t *lokiTail) take(entries []entry, met map[seenLine]int) {
	for i := range entries {
		entries[i].hash = t.digest([]byte(entries[i].line))
	}
	t.queue = append(t.queue, t.seen.unseen(entries, met)...)
}

// askLess tries again with a shorter slice or page if that was what Loki refused.
func (t *lokiTail) askLess(err error) error {
	var r *refusal
	switch {
	case !errors.As(err, &r):
		return err
	case errors.Is(err, errLimit):
		less := t.Page / 2
		if r.limit > 0 && r.limit < t.Page {
			less = r.limit
		}
		if less < 1 {
			return err
		}
		t.Page = less
	case t.slice <= shortestSlice:
		return err
	default:
		t.slice = max(t.slice/2, shortestSlice)
		t.calm, t.longest = 0, t.slice
	}
	t.Logger.Debug("Loki refused to answer at once", "slice", t.slice, "page", t.Page)
	return nil
}

// finish compares days with Loki's counts, once all is read.
func (t *lokiTail) finish(ctx context.Context) error {
	if t.Lines == 0 {
		if err := t.anyStream(ctx); err != nil {
			return err
		}
	}
	if err := t.verify(ctx); err != nil {
		return err
	}
	if err := t.countUnread(ctx); err != nil {
		return err
	}
	t.done = true
	return nil
}

// anyStream fails if the query has never given anything because there is nothing that it could match.
func (t *lokiTail) anyStream(ctx context.Context) error {
	from := max(t.end-int64(longestSlice), 0)
	series, err := t.api.series(ctx, t.query.selector, from, t.end)
	var r *refusal
	switch {
	case errors.As(err, &r):
		return nil // too many to be told: there are some
	case err == nil && len(series) == 0:
		t.at, t.Reached, t.seen = t.begin, t.begin, newSeenLines(t.begin) // nothing was read that could be left out once there is
		return errNoStream
	}
	return err
}

// maxNarrowed is how many requests one nanosecond may take. With pages of 5000, more than 100,000 lines can be had so.
const maxNarrowed = 96

// narrowing reads all lines of one nanosecond, which are more than a page holds.
type narrowing struct {
	*lokiTail
	met   map[seenLine]int
	left  int // requests
	given int // lines that Loki gave
	part  int // requests that still gave a full page
}

// narrow reads the nanosecond at which the tail stands: each stream alone, and where that is too much, the lines with a piece of text
// apart from those without it.
func (t *lokiTail) narrow(ctx context.Context) error {
	n := &narrowing{lokiTail: t, met: map[seenLine]int{}, left: maxNarrowed}
	streams, err := t.api.series(ctx, t.query.selector, t.at, t.at+1)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for _, labels := range streams {
		for name := range labels {
			names[name] = true
		}
	}
	for _, labels := range streams {
		if err := n.split(ctx, t.query.of(labels, names)); err != nil {
			return err
		}
	}
	if len(streams) == 0 {
		if err := n.split(ctx, t.query); err != nil {
			return err
		}
	}
	at := time.Unix(0, t.at)
	t.Logger.Info("more lines in one nanosecond than Loki gives at once", "at", at.UTC(), "lines", n.given, "all", n.part == 0)
	if n.part > 0 {
		t.gaps = append(t.gaps, Gap{From: at, To: at.Add(1), Why: fmt.Sprintf("at %s there are more than %d lines in one nanosecond, of which Loki does not give more than these\n"+
			"hint: raise max_entries_limit_per_query in Loki's limits_config, or let what sends to Loki keep the time of each line", at.UTC().Format(time.RFC3339Nano), n.given)})
		t.day(dayAt(t.at)).Gap = true
	}
	t.at++
	return nil
}

// split reads the lines of q at the nanosecond.
func (n *narrowing) split(ctx context.Context, q logQL) error {
	if n.left--; n.left < 0 {
		n.part++
		return nil
	}
	page, err := n.api.entries(ctx, q, n.at, n.at+1, n.Page)
	if err != nil {
		return err
	}
	if len(page) >= n.Page {
		if piece, ok := divide(page); ok {
			if err := n.split(ctx, q.with("|=", piece)); err != nil {
				return err
			}
			return n.split(ctx, q.with("!=", piece))
		}
		n.part++ // all lines look the same
	}
	n.given += len(page)
	n.take(page, n.met)
	return nil
}

const (
	maxPiece  = 4    // letters of a piece of text
	maxLooked = 4096 // bytes of a line that pieces are taken from
	maxSample = 1000 // lines that are looked at
)

// divide finds a piece of text that about half of the lines have. There is none if all lines have the same pieces.
func divide(lines []entry) (piece string, ok bool) {
	step := max(1, len(lines)/maxSample)
	has := map[string]int{} // lines that have a piece
	looked := 0
	for i := 0; i < len(lines); i += step {
		looked++
		line := lines[i].line[:min(len(lines[i].line), maxLooked)]
		own := map[string]bool{}
		for size := 1; size <= maxPiece; size++ {
			for j := 0; j+size <= len(line); j++ {
				if p := line[j : j+size]; !own[p] && isPlain(p) {
					own[p] = true
					has[p]++
				}
			}
		}
	}
	least := looked
	for p, n := range has {
		off := max(2*n, 2*looked-2*n) - looked // 0: half of them
		if n < looked && (off < least || off == least && ok && p < piece) {
			piece, least, ok = p, off, true
		}
	}
	return piece, ok
}

// isPlain reports whether a piece can be written in a query as it is.
func isPlain(p string) bool {
	for i := range len(p) {
		if p[i] < ' ' || p[i] > '~' || p[i] == '"' || p[i] == '\\' || p[i] == '`' {
			return false
		}
	}
	return true
}
