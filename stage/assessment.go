package stage

import "github.com/metrics-maturity/metrics-maturity/collector/activity"

// The values of Assessment.Status.
const (
	StatusOK           = "ok"
	StatusStale        = "stale"             // the last stage is held through a gap in the coverage
	StatusInsufficient = "insufficient_data" // too little is known to tell a stage
)

// Assessment is a team's stage as of a time, with everything needed to check it.
type Assessment struct {
	Team       string
	Status     string
	Stage      *int     // nil while there is insufficient data
	StageName  string   // empty while there is insufficient data
	RawStage   *int     // before hysteresis: what the values alone say
	Confidence *float64 // probability that Stage is the true one

	Since         *activity.Date // Monday of the first week at Stage
	PreviousStage *int           // the stage before; while there is insufficient data, the last one known

	// While there is insufficient data: the first AsOf at which a stage can be told if everything is read from now
	// on (0 if reading on would not help), and why there is none.
	AssessableFrom activity.Date
	Reason         string

	Foundations map[string]activity.Tri
	Criteria    []CriterionResult // one per criterion, by stage
	Next        Next
	History     []WeekStage // oldest first, one for each complete week since the first data

	HidePeople bool // counts of people are not to be told
	Version    int  // of the criteria
}

// asOf is the end of the last week assessed.
func (a Assessment) asOf() activity.Date {
	if len(a.History) == 0 {
		return 0
	}
	return a.History[len(a.History)-1].Week + 7
}

// CriterionResult is one criterion as of its last evaluation.
type CriterionResult struct {
	Stage  int
	Name   string
	Known  bool // it was evaluated at least once; else Value says nothing
	Value  int
	People *int // different people over the window; only where the criterion counts them, and not hidden
	Enter  int
	Leave  int
	Met    bool // it holds, hysteresis included

	WindowWeeks  int           // length of the window in covered weeks
	CoveredWeeks int           // how many of them there were
	From, To     activity.Date // the days that the window spans, To exclusive
	Last         activity.Date // day of the latest evidence in the window; 0 if there is none
	Below        int           // evaluations in a row that were below Leave
	Uncovered    []activity.Date
	Quiet        []activity.Date // Mondays passed over within the window, or since: not read, organisation-wide quiet
	Evidence     []Evidence      // by week, newest first

	// Habit is what is believed of a regular habit; nil where thresholds alone decide.
	Habit *HabitResult
}

// Evidence is what was counted of one subject in one week.
type Evidence struct {
	Week    activity.Date // its Monday
	Kind    activity.Kind
	Subject string
	Count   int64
	Own     activity.Tri // whether the subject is the team's own
}

// Next is what would take the team to the next stage.
type Next struct {
	Stage   int // 0 if there is none, or the present one is unknown
	Missing []string
}

// WeekStage is one row of the history.
type WeekStage struct {
	Week   activity.Date // its Monday
	Stage  *int
	Status string

	// Confidence is the probability that Stage is the true one, as of that week. Version 1 tells none.
	Confidence *float64
}
