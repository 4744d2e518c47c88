package collector

import (
	"cmp"
	"encoding/json"
	"iter"
	"maps"
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
	Time    time.Time        `json:"time"`
	Kind    activity.Kind    `json:"kind"`
	Scope   string           `json:"scope"`
	Subject string           `json:"subject,omitempty"`
	Detail  string           `json:"detail,omitempty"`
	Robot   string           `json:"robot,omitempty"`
	Tenant  string           `json:"tenant,omitempty"`
	Count   int64            `json:"count,omitempty"`
	Step    string           `json:"step,omitempty"`
	Actor   activity.ActorID `json:"actor"`
}

func newPart(e *activity.Event, actor activity.ActorID) part {
	return part{
		Time: e.Time.UTC(), Kind: e.Kind, Scope: e.Scope, Subject: e.Subject, Detail: e.Detail, Robot: e.Robot,
		Tenant: e.Tenant, Count: e.Count, Step: e.Step, Actor: actor,
	}
}

func (p *part) event() activity.Event {
	return activity.Event{
		Time: p.Time, Kind: p.Kind, Scope: p.Scope, Subject: p.Subject, Detail: p.Detail, Robot: p.Robot,
		Tenant: p.Tenant, Count: p.Count, Step: p.Step,
	}
}

// compare orders parts by thread and time, and equal times by content: never by what was read first.
func (p part) compare(q part) int {
	switch {
	case p.Actor != q.Actor:
		return cmp.Compare(p.Actor, q.Actor)
	case p.Scope != q.Scope:
		return cmp.Compare(p.Scope, q.Scope)
	}
	if c := p.Time.Compare(q.Time); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(p.Step, q.Step), cmp.Compare(p.Kind, q.Kind), cmp.Compare(p.Subject, q.Subject), cmp.Compare(p.Detail, q.Detail),
		cmp.Compare(p.Robot, q.Robot), cmp.Compare(p.Tenant, q.Tenant), cmp.Compare(p.Count, q.Count),
	)
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
	Parts     []part              `json:"parts"`
	Stretches map[string]*stretch `json:"stretches"`

	events []activity.Event // of one act, while it is joined
}

func newHeld(state []byte) (*held, error) {
	h := &held{Stretches: map[string]*stretch{}}
	if len(state) == 0 {
		return h, nil
	}
	if err := json.Unmarshal(state, h); err != nil {
		return nil, err
	}
	return h, nil
}

// stretch notes that a file was read from the first to the last time of s.
func (h *held) stretch(id string, s stretch) {
	if s.First.IsZero() {
		return
	}
	known := h.Stretches[id]
	if known == nil {
		known = &stretch{}
		h.Stretches[id] = known
	}
	known.add(s.First)
	known.add(s.Last)
}

// settle removes and joins the acts to which nothing can be added any more, and calls yield with what they are. watermark is how far
// every file that is still being read has come; the zero time if one has not begun. done means that no file is being
// read. What happened before forget does not wait for anything: its actors are to be forgotten.
func (h *held) settle(j Joiner, watermark time.Time, done bool, forget time.Time, yield func(*activity.Event, activity.ActorID)) {
	if len(h.Parts) == 0 {
		return
	}
	read := h.read(j.Window())
	var end time.Time
	if len(read) > 0 {
		end = read[len(read)-1].Last
	}
	lag := liveLag
	if len(h.Parts) <= fewParts {
		lag = patientLag
	}
	open := h.Parts[:0]
	for act := range acts(h.Parts, j.Window()) {
		first, last := act[0].Time.Add(-j.Window()), act[len(act)-1].Time.Add(j.Window())
		passed := (done || last.Before(watermark)) && last.Add(lag).Before(end)
		if passed && (within(read, first, last) || last.Add(edgeAge).Before(end)) || done && last.Before(forget) {
			h.join(j, act, yield)
		} else {
			open = append(open, act...) // behind what was looked at, if not at its place
		}
	}
	h.Parts = open
	h.forget(end)
}

// provisional joins what is open as things stand.
func (h *held) provisional(j Joiner, yield func(*activity.Event, activity.ActorID)) {
	for act := range acts(h.Parts, j.Window()) {
		h.join(j, act, yield)
	}
}

// read returns the stretches in order, those that touch or overlap merged.
func (h *held) read(window time.Duration) []stretch {
	var all []stretch
	for _, s := range h.Stretches {
		if !s.First.IsZero() {
			all = append(all, *s)
		}
	}
	slices.SortFunc(all, func(a, b stretch) int { return a.First.Compare(b.First) })
	var merged []stretch
	for _, s := range all {
		if n := len(merged); n > 0 && !s.First.After(merged[n-1].Last.Add(window)) {
			merged[n-1].add(s.Last)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// forget drops stretches that are too old to matter.
func (h *held) forget(end time.Time) {
	maps.DeleteFunc(h.Stretches, func(_ string, s *stretch) bool { return s.Last.Add(2 * edgeAge).Before(end) })
}

// within reports whether one merged stretch holds everything from first to last.
func within(read []stretch, first, last time.Time) bool {
	return slices.ContainsFunc(read, func(s stretch) bool { return !first.Before(s.First) && !last.After(s.Last) })
}

// acts sorts parts and cuts them where the actor or scope changes, where nothing happened for longer than window, and once a day.
func acts(parts []part, window time.Duration) iter.Seq[[]part] {
	slices.SortFunc(parts, part.compare)
	return func(yield func([]part) bool) {
		begin := 0
		for i := range parts {
			if i > begin && cuts(&parts[i-1], &parts[i], window) {
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

func cuts(a, b *part, window time.Duration) bool {
	return a.Actor != b.Actor || a.Scope != b.Scope || b.Time.Sub(a.Time) > window ||
		!a.Time.Add(-cutHour).Truncate(24*time.Hour).Equal(b.Time.Add(-cutHour).Truncate(24*time.Hour))
}

func (h *held) join(j Joiner, act []part, yield func(*activity.Event, activity.ActorID)) {
	h.events = h.events[:0]
	for i := range act {
		h.events = append(h.events, act[i].event())
	}
	joined := j.Join(h.events)
	for i := range joined {
		yield(&joined[i], act[0].Actor)
	}
}
