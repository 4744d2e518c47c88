package main

import (
	"math"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
)

// tally counts acts as they pass by.
type tally struct {
	sizes  teamSizes
	counts map[tallyKey]int64
	last   tallyKey
	count  int64 // of last, that is not in counts yet

	retired map[activity.Date]bool // dates of acts whose people were forgotten
	known   activity.Date          // the first of which somebody is known
}

// tallyKey is what is counted together.
type tallyKey struct {
	source  string
	kind    activity.Kind
	outcome activity.Outcome
	reason  string // empty for what counts for a team
}

func newTally(o owner.Config, least int) *tally {
	return &tally{sizes: newTeamSizes(o, nil, least), counts: map[tallyKey]int64{}, retired: map[activity.Date]bool{}, known: math.MaxInt32}
}

func (t *tally) add(a *activity.Act) {
	k := tallyKey{a.Source, a.Kind, a.Outcome, a.Reason}
	if a.Outcome == activity.Counted {
		k.reason = "" // of which there are several
	}
	if k != t.last {
		t.flush()
		t.last = k
	}
	t.count += a.Count
	t.sizes.see(a)
	switch {
	case a.Actor != 0:
		t.known = min(t.known, a.Date)
	case a.Retired:
		t.retired[a.Date] = true
	}
}

func (t *tally) flush() {
	if t.last.kind != "" {
		t.counts[t.last] += t.count
	}
	t.count = 0
}

// all is what was counted.
func (t *tally) all() map[tallyKey]int64 {
	t.flush()
	return t.counts
}

// knownFrom is the day after the last whose people were forgotten, nil if none were. One person may have been forgotten for good since
// the first of whom somebody is known.
func (t *tally) knownFrom() *activity.Date {
	var from *activity.Date
	for date := range t.retired {
		if date < t.known && (from == nil || date >= *from) {
			next := date + 1
			from = &next
		}
	}
	return from
}
