package activity

import "time"

// ActorID identifies an actor in one store. 0 is nobody, or somebody forgotten.
type ActorID int64

// Day is what is kept of events: one row per (date, source, kind, scope, subject, detail, robot, actor, tenant).
type Day struct {
	Date    Date
	Source  string
	Kind    Kind
	Scope   string
	Subject string
	Detail  string
	Robot   string
	Actor   ActorID
	Tenant  string

	Count int64
	First time.Time
	Last  time.Time
	Hours uint32 // bit h is set if it happened in hour h of the day, in the configured timezone

	// Team, TeamReason and TeamAuthor are set on rows whose actor was forgotten (see privacy.actor_retention): the team
	// as owned then, why, and whether the author was of it. Retired tells such rows from rows that never had an actor.
	Team       string
	TeamReason string
	TeamAuthor Tri
	Retired    bool
}

// Key is the identity of a Day: its row without the sums.
func (d Day) Key() Day {
	d.Count, d.First, d.Last, d.Hours = 0, time.Time{}, time.Time{}, 0
	return d
}

// Add folds other, a Day of the same key, into d.
func (d *Day) Add(other Day) {
	d.Count += other.Count
	d.Hours |= other.Hours
	if d.First.IsZero() || (!other.First.IsZero() && other.First.Before(d.First)) {
		d.First = other.First
	}
	if other.Last.After(d.Last) {
		d.Last = other.Last
	}
}

// FoldEvent is, with Fold, the plain definition of days: what folds fast is tested against it. It returns the Day that e alone makes, in loc. Source, actor and the fingerprint of a query are the caller's to set.
func FoldEvent(e Event, loc *time.Location) Day {
	t := e.Time.In(loc)
	return Day{
		Date: DateOf(t), Kind: e.Kind, Scope: e.Scope, Subject: e.Subject, Detail: e.Detail, Robot: e.Robot,
		Tenant: e.Tenant, Count: max(e.Count, 1), First: e.Time, Last: e.Time, Hours: 1 << t.Hour(),
	}
}

// Fold sums days of equal keys. The order of its result is undefined.
func Fold(days []Day) []Day {
	at := make(map[Day]int, len(days))
	out := days[:0:0]
	for _, d := range days {
		k := d.Key()
		if i, ok := at[k]; ok {
			out[i].Add(d)
			continue
		}
		at[k] = len(out)
		out = append(out, d)
	}
	return out
}

// Outcome is how an act is judged at read time.
type Outcome string

// Outcomes.
const (
	Counted      Outcome = "counted"
	Automated    Outcome = "automated"
	Unattributed Outcome = "unattributed"
)

// Tri is a fact that may be unknown.
type Tri int8

// Values of Tri.
const (
	Unknown Tri = iota
	No
	Yes
)

// Act is a Day with the team it belongs to. Team is empty unless Outcome is Counted.
type Act struct {
	Day
	Team    string
	Outcome Outcome
	Reason  string   // counted: which owner rule matched; automated: the robot reason; unattributed: why nobody owns it
	Own     Tri      // whether the subject (dashboard, rule, metric) is the team's own
	ByTeam  Tri      // whether the author of a rule, goal or metric is of the team
	Records string   // rule acts: the metric that the rule records, empty for an alert
	Metrics []string // names of the metrics that the subject is about (query, rule, dashboard) and of those that they are recorded from, sorted; nil if unknown
}

// CoveredDay says that a source was really read for a day.
type CoveredDay struct {
	Source string
	Class  Class
	Date   Date
}

// Basis is what an outcome depends on, beside the date of an act and its sort: kind, scope, detail and the like.
type Basis uint8

// Bases of an outcome.
const (
	ByAll     Basis = iota // on its actor and its subject
	ByActor                // on its actor: whatever the subject
	BySubject              // on its subject: alike on all dates, for all actors of whom this is said
)
