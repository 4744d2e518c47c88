package stage

import (
	"math/bits"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// session is a person's queries, each at most the session gap after the one before.
type session struct {
	day        activity.Date // on which it began
	start, end time.Time
	subjects   map[string]bool // those of its queries that were shared at some time
}

// span is a stretch of time in which somebody asked something, as exactly as is kept.
type span struct {
	start, end time.Time
	day        activity.Date
	who        activity.ActorID
	subject    string
}

// appendSpans appends the times of a. Of one or two acts the times are known; of more, the hours.
func appendSpans(to []span, a *activity.Act) []span {
	first, last := times(a)
	add := func(start, end time.Time) { to = append(to, span{start, end, a.Date, a.Actor, a.Subject}) }
	if a.Count <= 2 || a.Hours == 0 {
		add(first, first)
		if !last.Equal(first) {
			add(last, last)
		}
		return to
	}
	low := bits.TrailingZeros32(a.Hours)
	for h := low; h < 24; h++ {
		if a.Hours&(1<<h) == 0 {
			continue
		}
		start := first.Truncate(time.Hour).Add(time.Duration(h-low) * time.Hour)
		end := start.Add(time.Hour - 1)
		if start.Before(first) {
			start = first
		}
		if end.After(last) {
			end = last
		}
		if !end.Before(start) {
			add(start, end)
		}
	}
	add(last, last)
	return to
}

// times returns the first and last moment of a; without them, its whole day.
func times(a *activity.Act) (first, last time.Time) {
	if a.First.IsZero() || a.Last.Before(a.First) {
		start := a.Date.Start(time.UTC)
		return start, start.Add(24*time.Hour - 1)
	}
	return a.First, a.Last
}

// sessionsOf joins spans, in order of their start, that are at most gap apart, to the last of sessions or to new ones. Queries of
// persons unknown or forgotten are taken as one person's.
func sessionsOf(sessions []session, all []span, gap time.Duration, shared map[string]bool) []session {
	for _, s := range all {
		if n := len(sessions); n == 0 || s.start.Sub(sessions[n-1].end) > gap {
			sessions = append(sessions, session{day: s.day, start: s.start, end: s.end})
		}
		current := &sessions[len(sessions)-1]
		if s.end.After(current.end) {
			current.end = s.end
		}
		if shared[s.subject] {
			if current.subjects == nil {
				current.subjects = map[string]bool{}
			}
			current.subjects[s.subject] = true
		}
	}
	return sessions
}

// began returns the day on which the session began that goes on at a time of a day.
func began(sessions []session, on activity.Date, t time.Time) activity.Date {
	if s := at(sessions, t); s != nil {
		return s.day
	}
	return on
}

// at returns the last session that started by t, or nil.
func at(sessions []session, t time.Time) *session {
	i, found := slices.BinarySearchFunc(sessions, t, func(s session, t time.Time) int { return s.start.Compare(t) })
	if !found {
		i--
	}
	if i < 0 {
		return nil
	}
	return &sessions[i]
}

// sharedOwn says whether a share made durable what its author had asked in the same session.
func (o *observer) sharedOwn(share *activity.Act) bool {
	first, last := times(share)
	for _, t := range []time.Time{first, last} {
		sessions := o.folded.sessions[share.Actor]
		// The share may come a little before the query that it shares, so the session may start after it.
		s := at(sessions, t.Add(o.criteria.SessionGap))
		if s != nil && s.subjects[share.Subject] && t.Sub(s.end) <= o.criteria.SessionGap {
			return true
		}
		if s = at(sessions, t); s != nil && s.subjects[share.Subject] && t.Sub(s.end) <= o.criteria.SessionGap {
			return true
		}
	}
	return false
}
