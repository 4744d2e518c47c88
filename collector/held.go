package collector

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

const (
	// liveLag is how far behind the newest line of a source another file of it (a second replica's) may be
	// read and still be joined.
	liveLag = time.Hour
	// patientLag is the same while no more than fewParts wait: then waiting costs nothing.
	patientLag, fewParts = 24 * time.Hour, 4096
	// edgeAge is how long the parts at the beginning or end of a file wait for the file that adjoins it.
	edgeAge = 31 * 24 * time.Hour
	// cutHour is when, each day (UTC), an act is cut in two if need be: without it somebody who never pauses (a robot)
	// would keep one act open for ever. A cut by the clock alone does not depend on what was read first.
	cutHour = 3 * time.Hour
)

// part is an event of an act over several lines, without anything that names a person.
type part struct {
	at    int64 // nanoseconds since 1970
	actor activity.ActorID
	what  uint32 // all else, as its number in parts
}

// stretch is the time from the first to the last line read of one file.
type stretch struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

func (s *stretch) add(t time.Time) {
	if s.First.IsZero() || t.Before(s.First) {
		s.First = t
	}
	if t.After(s.Last) {
		s.Last = t
	}
}

// held is the open parts of a source's acts, and the stretches of time that were read, by file. Parts leave it as finished
// events once nothing that could belong to them can come any more.
type held struct {
	parts     []part
	stretches map[string]*stretch

	*partKinds
	spare  []part           // memory to sort in
	events []activity.Event // of one act, while it is joined
}

// stretch notes how far a file was read.
func (h *held) stretch(id string, t track) {
	if t.first == 0 {
		return
	}
	known := h.stretches[id]
	if known == nil {
		known = &stretch{}
		h.stretches[id] = known
	}
	known.add(time.Unix(0, t.first).UTC())
	known.add(time.Unix(0, t.at).UTC())
}

// settle removes and joins the acts to which nothing can be added any more, and gives to what they are. watermark is how far
// every file that is still being read has come; 0 if one has not begun. done means that no file is being
// read. What happened before forget does not wait for anything: its actors are to be forgotten.
func (h *held) settle(j Joiner, watermark int64, done bool, forget time.Time, to *folder) {
	if len(h.parts) == 0 {
		return
	}
	window := int64(j.Window())
	read := h.read(j.Window())
	var end int64
	if len(read) > 0 {
		end = read[len(read)-1].last
	}
	lag := int64(liveLag)
	if len(h.parts) <= fewParts {
		lag = int64(patientLag)
	}
	before := forget.UnixNano()
	if forget.IsZero() {
		before = math.MinInt64
	}
	acts := h.acts(window)
	open := h.parts[:0]
	for act := range acts {
		first, last := act[0].at-window, act[len(act)-1].at+window
		passed := (done || last < watermark) && last+lag < end
		if passed && (within(read, first, last) || last+int64(edgeAge) < end) || done && last < before {
			h.join(j, act, to)
		} else {
			open = append(open, act...) // behind what was looked at, if not at its place
		}
	}
	h.parts = open
	h.forget(time.Unix(0, end))
}

// provisional joins what is open as things stand.
func (h *held) provisional(j Joiner, to *folder) {
	for act := range h.acts(int64(j.Window())) {
		h.join(j, act, to)
	}
}

// span is a time from its first to its last nanosecond, since 1970.
type span struct{ first, last int64 }

// read returns the times that were read in order, those that touch or overlap merged.
func (h *held) read(window time.Duration) []span {
	var all []span
	for _, s := range h.stretches {
		if !s.First.IsZero() {
			all = append(all, span{s.First.UnixNano(), s.Last.UnixNano()})
		}
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	var merged []span
	for _, s := range all {
		if n := len(merged); n > 0 && s.first <= merged[n-1].last+int64(window) {
			merged[n-1].last = max(merged[n-1].last, s.last)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// forget drops stretches that are too old to matter.
func (h *held) forget(end time.Time) {
	maps.DeleteFunc(h.stretches, func(_ string, s *stretch) bool { return s.Last.Add(2 * edgeAge).Before(end) })
}

// within reports whether one merged span holds everything from first to last.
func within(read []span, first, last int64) bool {
	for _, s := range read {
		if first >= s.first && last <= s.last {
			return true
		}
	}
	return false
}

// acts sorts the parts and cuts them where the actor or scope changes, where nothing happened for longer than window, and once a day.
func (h *held) acts(window int64) iter.Seq[[]part] {
	h.sort()
	return func(yield func([]part) bool) {
		begin, parts := 0, h.parts
		for i := range parts {
			if i > begin && h.cuts(&parts[i-1], &parts[i], window) {
				if !yield(parts[begin:i:i]) {
					return
				}
				begin = i
			}
		}
		if begin < len(parts) {
			yield(parts[begin:len(parts):len(parts)])
		}
	}
}

// sort orders the parts. Mostly they come in order of time, and only the threads are to be told apart.
func (h *held) sort() {
	if len(h.parts) == 0 {
		return
	}
	first, last := h.parts[0].actor, h.parts[0].actor
	for i := range h.parts {
		first, last = min(first, h.parts[i].actor), max(last, h.parts[i].actor)
	}
	actors, scopes := bits.Len64(uint64(last-first)), bits.Len(uint(len(h.scope)))
	if actors+scopes > 32 || len(h.parts) < 256 {
		slices.SortFunc(h.parts, h.compare)
		return
	}
	h.parts, h.spare = inOrder(h.parts, h.spare, actors+scopes, func(p *part) uint64 { return uint64(p.actor-first)<<scopes | uint64(h.scopes[p.what]) })
	begin := 0
	ordered := true
	for i := range h.parts {
		if i > begin && !h.sameThread(&h.parts[i-1], &h.parts[i]) {
			if !ordered {
				slices.SortFunc(h.parts[begin:i], h.compare)
			}
			begin, ordered = i, true
			continue
		}
		ordered = ordered && (i == begin || h.compare(h.parts[i-1], h.parts[i]) <= 0)
	}
	if !ordered {
		slices.SortFunc(h.parts[begin:], h.compare)
	}
}

func (h *held) sameThread(a, b *part) bool {
	return a.actor == b.actor && (a.what == b.what || h.scopes[a.what] == h.scopes[b.what])
}

// compare orders parts by thread and time, and equal times by content: never by what was read first.
func (h *held) compare(p, q part) int {
	if p.actor != q.actor {
		return cmp.Compare(p.actor, q.actor)
	}
	if p.what != q.what && h.scopes[p.what] != h.scopes[q.what] {
		return cmp.Compare(h.scopes[p.what], h.scopes[q.what])
	}
	if p.at != q.at {
		return cmp.Compare(p.at, q.at)
	}
	return h.kinds[p.what].compare(&h.kinds[q.what])
}

func (h *held) cuts(a, b *part, window int64) bool {
	return b.at-a.at > window || !h.sameThread(a, b) || cutDay(a.at) != cutDay(b.at)
}

// cutDay numbers the stretches of time between two cuts.
func cutDay(at int64) int64 { return (at - int64(cutHour)) / int64(24*time.Hour) }

// join gives to what an act is.
func (h *held) join(j Joiner, act []part, to *folder) {
	if h.allAlone(act) {
		for _, p := range act {
			to.foldAlone(h.partKinds, p)
		}
		return
	}
	h.events = h.events[:0]
	for _, p := range act {
		e := h.kinds[p.what].event()
		e.Time = time.Unix(0, p.at).UTC()
		h.events = append(h.events, e)
	}
	joined := j.Join(h.events)
	for i := range joined {
		to.fold(&joined[i], act[0].actor)
	}
}

// allAlone reports whether each part of an act is an act of its own.
func (h *held) allAlone(act []part) bool {
	for i := range act {
		if !h.alone[act[i].what] {
			return false
		}
	}
	return true
}
