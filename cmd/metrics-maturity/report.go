package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// reportSchema numbers the shape of the report; fields may be added to a shape, never renamed.
const reportSchema = 1

// report is the organisation at one moment: what every format of the report command shows.
type report struct {
	Schema          int            `json:"schema"`
	AsOf            time.Time      `json:"as_of"`
	CriteriaVersion int            `json:"criteria_version"`
	PeopleKnownFrom *activity.Date `json:"people_known_from"` // older acts stay with the team as owned then: owner rules reach back no further; null if nobody was forgotten yet
	Sources         []sourceReport `json:"sources"`
	Events          eventsReport   `json:"events"`
	Teams           []teamReport   `json:"teams"`
}

type sourceReport struct {
	Name        string          `json:"name"`
	Type        string          `json:"type"`
	Up          bool            `json:"up"`
	Error       string          `json:"error,omitempty"`
	Note        string          `json:"note,omitempty"`
	LastSuccess *time.Time      `json:"last_success"`
	Events      int64           `json:"events"`
	Malformed   int64           `json:"malformed"`
	CoveredDays int             `json:"covered_days"`
	MissingDays []activity.Date `json:"missing_days"` // between the first covered day and as_of

	coveredRatio *float64
}

// neverRead reports whether nobody has tried to read the source yet.
func (s sourceReport) neverRead() bool { return !s.Up && s.Error == "" && s.LastSuccess == nil }

// eventsReport counts acts as today's owner rules judge them.
type eventsReport struct {
	Counted      int64            `json:"counted"`
	Automated    int64            `json:"automated"`
	Unattributed int64            `json:"unattributed"`
	Reasons      map[string]int64 `json:"reasons"` // why acts were automated or unattributed
}

type teamReport struct {
	Team           string              `json:"team"`
	Status         string              `json:"status"`
	Stage          *int                `json:"stage"`
	StageName      *string             `json:"stage_name"`
	RawStage       *int                `json:"raw_stage"`
	Confidence     *float64            `json:"confidence"`
	Since          *activity.Date      `json:"since"`
	PreviousStage  *int                `json:"previous_stage"`
	AssessableFrom *activity.Date      `json:"assessable_from"`  // while there is too little data: from when there will be enough; null if reading on would not help
	Reason         string              `json:"reason,omitempty"` // why there is too little data
	Foundations    map[string]*bool    `json:"foundations"`
	Criteria       []criterionReport   `json:"criteria"`
	Next           *nextReport         `json:"next"`
	History        []historyWeekReport `json:"history,omitzero"` // null is left out, no weeks are not

	assessment stage.Assessment
	knownSince time.Time // when its first assessment was exported; zero before
}

type criterionReport struct {
	Stage       int              `json:"stage"`
	Name        string           `json:"name"`
	Value       int              `json:"value"`
	Enter       int              `json:"enter"`
	Leave       int              `json:"leave"`
	WindowWeeks int              `json:"window_weeks"`
	Met         bool             `json:"met"`
	Known       bool             `json:"known"`  // false if no source could tell yet: value then says nothing
	People      *int             `json:"people"` // different people over the window; null where that does not count or is not to be told
	Habit       *habitReport     `json:"habit"`  // null for what is done once, and where thresholds alone decide
	Evidence    []evidenceReport `json:"evidence"`
}

// habitReport is what is believed of a habit.
type habitReport struct {
	Probability float64 `json:"probability"` // that it is alive
	Usual       string  `json:"usual"`       // when the team usually looks, as in "Tuesday morning"; empty if at no time of its own
	EveryWeeks  float64 `json:"every_weeks"` // from one time to the next, of a habit that returns after some time; else 0
}

type evidenceReport struct {
	Week    activity.Date `json:"week"`
	Kind    activity.Kind `json:"kind"`
	Subject string        `json:"subject"`
	Count   int64         `json:"count"`
}

type nextReport struct {
	Stage   int      `json:"stage"`
	Missing []string `json:"missing"`
}

type historyWeekReport struct {
	Week   activity.Date `json:"week"`
	Stage  *int          `json:"stage"`
	Status string        `json:"status"`
	// Confidence is the probability that the stage was the true one; null where the criteria tell none.
	Confidence *float64        `json:"confidence"`
	Exported   *exportedReport `json:"exported,omitempty"` // what was exported for the week, where it differs
}

type exportedReport struct {
	Stage           *int   `json:"stage"`
	Status          string `json:"status"`
	CriteriaVersion int    `json:"criteria_version"`
}

// coverageWindow is over how many days the ratio of covered days is taken: as many as the regular criteria look back.
const coverageWindow = 56

// newSource describes a source as of a date (exclusive), by its acts, its covered days and the status of the last attempt.
func newSource(s sourceConfig, status activity.SourceStatus, events int64, covered []activity.CoveredDay, asOf activity.Date) sourceReport {
	r := sourceReport{
		Name: s.Name, Type: s.Type, Up: status.Up, Error: status.Error, Note: status.Note,
		Events: events, Malformed: status.Malformed, MissingDays: []activity.Date{},
	}
	if !status.LastSuccess.IsZero() {
		at := status.LastSuccess.UTC()
		r.LastSuccess = &at
	}
	days := map[activity.Date]bool{}
	for _, c := range covered {
		if c.Source == s.Name && c.Date < asOf && c.Class != activity.ClassSome {
			days[c.Date] = true
		}
	}
	if note, _ := blindness(s, covered); note != "" {
		r.Note = strings.TrimPrefix(r.Note+"; "+note, "; ")
	}
	if len(days) == 0 {
		return r
	}
	first := slices.Min(slices.Collect(maps.Keys(days)))
	recent, window := 0, 0
	for d := first; d < asOf; d++ {
		if !days[d] {
			r.MissingDays = append(r.MissingDays, d)
		}
		if d >= asOf-coverageWindow {
			window++
			if days[d] {
				recent++
			}
		}
	}
	r.CoveredDays = len(days)
	ratio := float64(recent) / float64(window)
	r.coveredRatio = &ratio
	return r
}

// tri writes what may be unknown as true, false or null.
func tri(t activity.Tri) *bool {
	if t == activity.Unknown {
		return nil
	}
	yes := t == activity.Yes
	return &yes
}
