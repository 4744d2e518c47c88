package inventory

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

const (
	// notesBack is how far back annotations are read at first: the longest window of a criterion.
	notesBack = 26 * 7 * 24 * time.Hour
	// notesLate is how long ago what a new annotation is about may lie.
	notesLate = 60 * 24 * time.Hour
	// notesAhead is how far ahead it may lie: a target is in the future.
	notesAhead = 400 * 24 * time.Hour
	// notesPage is how many are asked for at once, and maxNotesPage the most.
	notesPage, maxNotesPage = 1000, 64000
)

// note is an annotation that somebody wrote.
type note struct {
	ID           int64    `json:"id"`
	DashboardID  int64    `json:"dashboardId"`
	DashboardUID string   `json:"dashboardUID"`
	AlertID      int64    `json:"alertId"`
	NewState     string   `json:"newState"`
	Created      int64    `json:"created"` // milliseconds since 1970
	Time         int64    `json:"time"`
	TimeEnd      int64    `json:"timeEnd"`
	Tags         []string `json:"tags"`
	Login        string   `json:"login"`
}

// readNotes saves the annotations that are new. Grafana gives no pages: the end of the time asked for moves to what came last.
func (o *orgRun) readNotes(ctx context.Context) error {
	from, to := o.now.Add(-notesBack), o.now.Add(notesAhead)
	if !o.known.NotesRead.IsZero() {
		from = o.known.NotesRead.Add(-notesLate)
	}
	limit, highest := notesPage, o.known.Note
	seen := map[int64]bool{}
	var batch activity.Batch
	for end := to.UnixMilli(); ; {
		var page []note
		query := url.Values{
			"type": {"annotation"}, "from": {strconv.FormatInt(from.UnixMilli(), 10)}, "to": {strconv.FormatInt(end, 10)}, "limit": {strconv.Itoa(limit)},
		}
		if err := o.get(ctx, callNotes, "/api/annotations", query, &page); err != nil {
			return err
		}
		fresh, next := false, end
		for _, n := range page {
			next = min(next, max(n.TimeEnd, n.Time)) // what did not fit on the page ended no later
			if seen[n.ID] {
				continue
			}
			seen[n.ID], fresh = true, true
			if n.ID > o.known.Note && n.AlertID == 0 && n.NewState == "" {
				batch.Events = append(batch.Events, o.noteEvent(n))
			}
			highest = max(highest, n.ID)
		}
		if !fresh && len(page) < limit {
			break
		}
		if !fresh || next >= end && len(page) >= limit {
			if limit >= maxNotesPage {
				return &DecodeError{Endpoint: "GET /api/annotations", Why: "the same annotations come again and again: there are too many at one time"}
			}
			limit *= 4
		}
		end = next
	}
	slices.SortFunc(batch.Events, func(a, b activity.Event) int { return a.Time.Compare(b.Time) })
	o.known.Note, o.known.NotesRead = highest, o.now
	return o.keep(batch)
}

// noteEvent is the act of writing an annotation: on the day it was written, whatever time it is about.
func (o *orgRun) noteEvent(n note) activity.Event {
	at := n.Created
	if at == 0 {
		at = n.Time
	}
	e := activity.Event{Time: time.UnixMilli(at).UTC(), Kind: activity.KindAnnotation, Scope: o.scope, Subject: n.DashboardUID, Detail: noteDetail(n.Tags)}
	if e.Subject == "" && n.DashboardID != 0 {
		e.Subject = o.boardUID[n.DashboardID]
	}
	if e.Time.After(o.now) {
		e.Time = o.now
	}
	e.Who, e.Robot = author(n.Login)
	return e
}

// noteDetail lists the tags that say what an annotation is for, else that it was added.
func noteDetail(tags []string) string {
	var known []string
	for _, tag := range tags {
		if t := meaningOf(tag); t != "" && !slices.Contains(known, t) {
			known = append(known, t)
		}
	}
	if len(known) == 0 {
		return activity.RuleAdded
	}
	slices.Sort(known)
	return strings.Join(known, ",")
}

// meaningOf is the tag that a tag stands for, as people write them, or "".
func meaningOf(tag string) string {
	switch t := strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(tag)); t {
	case "baseline", "target", "action", "decision", "deployment", "rollback":
		return t
	case "followup":
		return "follow-up"
	case "deploy", "deployed":
		return "deployment"
	}
	return ""
}
