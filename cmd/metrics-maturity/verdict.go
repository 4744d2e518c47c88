package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// verdict is what an assessment came to. Nothing in it is anybody's.
type verdict struct {
	Assessments []stage.Assessment
	Counts      []verdictCount
	KnownFrom   *activity.Date
}

// verdictCount is a count of a tally.
type verdictCount struct {
	Source  string
	Kind    activity.Kind
	Outcome activity.Outcome
	Reason  string
	Count   int64
}

// question is all that an answer rests on.
type question struct {
	Program      string // may have learned to answer better
	Stored       []byte
	Key          string // id of the hash key
	From, Before activity.Date
	Owner        owner.Config
	TeamsFrom    teamsFrom
	Location     string
	Sources      []stage.Source
	Criteria     stage.Criteria
	MinTeamSize  int
}

// digest tells one question from another.
func (d *desk) digest(ctx context.Context, asOf time.Time) ([]byte, error) {
	stored, err := d.store.State(ctx)
	if err != nil {
		return nil, err
	}
	build := readBuild()
	q := question{
		Program: build.Version + " " + build.Revision, Stored: stored, Key: d.key.ID(), From: dayOf(asOf, d.Owner.Location), Before: firstWholeDay(asOf, d.Owner.Location),
		Owner: d.Owner, TeamsFrom: d.TeamsFrom, Location: d.Owner.Location.String(), Sources: d.stageSources(), Criteria: d.Criteria, MinTeamSize: d.Privacy.MinTeamSize,
	}
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}

// answered returns what the question of a digest came to when it was last asked, nil if that is not known.
func (d *desk) answered(ctx context.Context, digest []byte) (*verdict, error) {
	text, err := d.store.Answer(ctx, digest)
	if err != nil || text == nil {
		return nil, err
	}
	var a verdict
	if err := json.Unmarshal(text, &a); err != nil {
		d.log.Warn("a kept assessment can't be read, and is made again", "error", err.Error())
		return nil, nil // it is only a help
	}
	return &a, nil
}

// keep keeps an answer for the next who asks, if this command may write.
func (d *desk) keep(ctx context.Context, digest []byte, a *verdict) {
	if d.readOnly {
		return
	}
	text, err := json.Marshal(a)
	if err == nil {
		err = d.store.KeepAnswer(ctx, digest, text)
	}
	if err != nil {
		d.log.Warn("the assessment is not kept: the next report makes it again", "error", err.Error())
	}
}

// newVerdict assesses a picture.
func newVerdict(p *picture) *verdict {
	a := &verdict{Assessments: stage.Assess(p.org), KnownFrom: p.tally.knownFrom()}
	for k, n := range p.tally.all() {
		a.Counts = append(a.Counts, verdictCount{k.source, k.kind, k.outcome, k.reason, n})
	}
	return a
}

// events counts acts by outcome and reason.
func (a *verdict) events() eventsReport {
	e := eventsReport{Reasons: map[string]int64{}}
	for _, c := range a.Counts {
		switch c.Outcome {
		case activity.Counted:
			e.Counted += c.Count
			continue
		case activity.Automated:
			e.Automated += c.Count
		default:
			e.Unattributed += c.Count
		}
		e.Reasons[c.Reason] += c.Count
	}
	return e
}

// bySource counts acts by source.
func (a *verdict) bySource() map[string]int64 {
	events := map[string]int64{}
	for _, c := range a.Counts {
		events[c.Source] += c.Count
	}
	return events
}
