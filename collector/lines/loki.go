package lines

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

// What a Loki's zero values stand for.
const (
	DefaultLookback = 26 * 7 * 24 * time.Hour // what the longest window of the criteria needs
	DefaultOverlap  = 10 * time.Minute
	DefaultPage     = 5000 // what Loki gives at most, if it was not told otherwise
)

// Loki reads the lines of a query to a Loki, in order of time.
//
// # How it asks
//
// The query is the user's, with the filter of the log type behind it, so that Loki's machines search and only what matters
// travels. Time is asked for in slices, which grow while little is in them and shrink when Loki finds them too long or a page is
// full; the next page begins with the time of the last line, whose lines are asked for again, as a page may end between two
// of one time. A page full of lines of one nanosecond is narrowed: by stream, then by pieces of text that some of the lines have
// and others lack. What can't be had even so is a gap.
//
// # What is read once
//
// The cursor holds the time that was reached and keyed hashes of the lines of the last Overlap before it. Each run reads
// that stretch again, for lines that arrived late; the hashes tell which are new. If there are too many lines to remember, the
// stretch is shorter. A line that is later still is not read, but noticed: once the overlap of a day (UTC) has passed, Loki is
// asked how many lines it holds, and a day of which it holds more or fewer than were read is a gap.
type Loki struct {
	HTTP     httpclient.Config // URL without /loki/api
	Query    string            // LogQL of log lines, see CheckLogQL
	Filter   Filter
	Lookback time.Duration // how far back the first run reads; 0: DefaultLookback
	Overlap  time.Duration // how late a line may arrive; 0: DefaultOverlap
	Page     int           // lines asked for at once; 0: DefaultPage. Less if Loki says so
	Logger   *slog.Logger  // nil: nothing is logged
}

// lokiName is the name of the one stream.
const lokiName = "loki"

// Open returns the stream of the query. Loki is first asked when it is read.
func (l *Loki) Open(_ context.Context, from Resume) ([]Tail, error) {
	client, err := httpclient.New(l.HTTP)
	if err != nil {
		return nil, err
	}
	q, err := parseLogQL(l.Query)
	if err != nil {
		return nil, fmt.Errorf("loki query: %w", err)
	}
	t := &lokiTail{
		Loki: *l, api: lokiAPI{client, l.HTTP.URL}, base: q, query: q.with("|=", l.Filter.Contains), digest: from.Digest,
		end: from.Now.UnixNano(), slice: firstSlice, longest: longestSlice,
	}
	if t.Lookback <= 0 {
		t.Lookback = DefaultLookback
	}
	if t.Overlap <= 0 {
		t.Overlap = DefaultOverlap
	}
	if t.Page <= 0 {
		t.Page = DefaultPage
	}
	if t.Logger == nil {
		t.Logger = slog.New(slog.DiscardHandler)
	}
	if err := t.resume(from); err != nil {
		return nil, err
	}
	return []Tail{t}, nil
}

// lokiCursor is how far a query was read, as it is saved.
type lokiCursor struct {
	Reached int64  `json:"reached"` // nanoseconds since 1970: everything before was read, except what arrives late
	Since   int64  `json:"since"`   // Seen is complete from here on
	Seen    string `json:"seen"`    // lines handed out, see seenLines
	Lines   int64  `json:"lines"`   // handed out, ever
	// Asked is a hash of the query: counts of another one are not compared with this one's.
	Asked    uint64           `json:"asked"`
	Verified int64            `json:"verified"` // days since 1970: those before were compared with Loki's counts
	Days     map[int64]*dayOf `json:"days"`     // those from Verified on
	// TallyFrom is the step from which on lines that are only counted may still turn up; Tallied are those handed out.
	TallyFrom int64           `json:"tally_from,omitempty"`
	Tallied   map[int64]int64 `json:"tallied,omitempty"`
}

// plausible reports whether a cursor that came back from a store may have been saved to it: with another one a run might never end.
func (c *lokiCursor) plausible() bool {
	if c.Reached < 0 || c.Since < 0 || c.Lines < 0 || c.Verified < 0 || c.Verified > dayAt(c.Reached)+1 || c.TallyFrom < 0 {
		return false
	}
	for _, d := range c.Days {
		if d == nil || d.Lines < 0 {
			return false
		}
	}
	for _, n := range c.Tallied {
		if n < 0 {
			return false
		}
	}
	return true
}

// dayOf is what was read of one day (UTC).
type dayOf struct {
	Lines int64 `json:"lines"`
	Gap   bool  `json:"gap,omitempty"` // reported already
}

const dayLength = int64(24 * time.Hour)

// dayAt is the day of a time, in days since 1970.
func dayAt(at int64) int64 { return at / dayLength }

// lokiTail is the stream of one query.
type lokiTail struct {
	Loki
	api    lokiAPI
	base   logQL // as it is configured
	query  logQL // with the filter
	digest func([]byte) uint64
	lokiCursor
	seen *seenLines

	begin, at, end int64         // where this run began, is, and ends
	slice, longest time.Duration // what is asked for at once, and at most
	calm           int           // slices since the last one that was too long

	queue   []entry
	tallies []tally
	gaps    []Gap
	joiner  joiner
	done    bool
}

// resume reads the cursor, or begins.
func (t *lokiTail) resume(from Resume) error {
	saved, ok := from.Cursors[lokiName]
	asked := t.digest([]byte(t.query.String()))
	if !ok {
		start := from.Now.Add(-t.Lookback)
		t.at = max(0, dayAt(start.UnixNano())*dayLength) // whole days can be compared with Loki's counts
		t.lokiCursor = lokiCursor{Verified: dayAt(t.at), Asked: asked, Days: map[int64]*dayOf{}}
		t.seen = newSeenLines(t.at)
	} else {
		t.seen = newSeenLines(0)
		if json.Unmarshal(saved, &t.lokiCursor) != nil || !t.plausible() || t.seen.parse(t.Seen) != nil {
			return BadCursor(lokiName)
		}
		t.seen.since = t.Since
		if t.Asked != asked || t.Days == nil {
			// The day that was begun with another query can't be compared.
			t.Asked, t.Verified, t.Days = asked, dayAt(t.Reached)+1, map[int64]*dayOf{}
		}
		t.at = min(max(t.Reached-int64(t.Overlap), t.Since), t.Reached)
	}
	if !from.Since.IsZero() {
		t.at = max(t.at, from.Since.UnixNano())
		t.Verified = dayAt(t.end) + 1
		t.TallyFrom = max(t.TallyFrom, t.at/tallyStep)
	}
	if t.TallyFrom == 0 {
		t.TallyFrom = t.at / tallyStep
	}
	if t.Tallied == nil {
		t.Tallied = map[int64]int64{}
	}
	t.begin = t.at
	return nil
}

func (t *lokiTail) Name() string { return lokiName }

// Next hands out what was received, and asks for more when that is at its end.
func (t *lokiTail) Next(ctx context.Context) (Item, error) {
	for {
		switch {
		case len(t.gaps) > 0:
			g := t.gaps[0]
			t.gaps = t.gaps[1:]
			return Item{Gap: &g}, nil
		case len(t.queue) > 0:
			e := t.queue[0]
			t.queue = t.queue[1:]
			return t.handOut(e)
		case len(t.tallies) > 0:
			return t.handOutTally(), nil
		case t.done:
			t.settleTallies()
			return Item{}, io.EOF
		}
		if err := t.fill(ctx); err != nil {
			t.queue, t.tallies = nil, nil // not handed out: the next run asks again
			return Item{}, err
		}
	}
}

// handOut gives a line, and remembers that it did.
func (t *lokiTail) handOut(e entry) (Item, error) {
	if t.seen.add(e); len(t.seen.times) > 4*maxSeen {
		t.forget()
	}
	t.Lines++
	if d := dayAt(e.at); d >= t.Verified {
		t.day(d).Lines++
	}
	text, why := t.unwrap(e.line)
	if why != "" {
		return Item{}, &Malformed{Path: lokiName, Offset: e.at, Why: why}
	}
	return Item{Text: text, Time: time.Unix(0, e.at)}, nil
}

func (t *lokiTail) day(d int64) *dayOf {
	if t.Days[d] == nil {
		t.Days[d] = &dayOf{}
	}
	return t.Days[d]
}

// unwrap takes off what a container runtime put around a line. why says what can't be read about it.
func (t *lokiTail) unwrap(line string) (text []byte, why string) {
	text = []byte(line)
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	if len(text) == 0 {
		return text, ""
	}
	switch w, kind := t.joiner.unwrap(text); {
	case kind == bare:
		return text, ""
	case kind == brokenWrapping:
		return nil, "broken wrapping of a container runtime"
	case w.partial:
		return nil, "a piece of a line that the container runtime split: let the agent that sends to Loki join them (stage cri or docker)"
	default:
		return w.text, ""
	}
}

// Cursor is where to go on behind everything that was handed out.
func (t *lokiTail) Cursor() ([]byte, error) {
	t.forget()
	c := t.lokiCursor
	c.Since, c.Seen = t.seen.since, t.seen.String()
	return json.Marshal(c)
}

// forget drops lines that are too old to be met again. Reached is brought up to what was handed out.
func (t *lokiTail) forget() {
	position := t.at
	if len(t.queue) > 0 {
		position = min(position, t.queue[0].at)
	}
	t.Reached = max(t.Reached, position) // behind it while the overlap is read again
	t.seen.forget(t.Reached-int64(t.Overlap), position)
}

// Close ends connections.
func (t *lokiTail) Close() error {
	t.api.client.CloseIdleConnections()
	return nil
}
