package stage

import "github.com/metrics-maturity/metrics-maturity/collector/activity"

// Org is everything that an assessment rests on.
type Org struct {
	Teams    []Team
	Sources  []Source
	Coverage []activity.CoveredDay
	Goals    []activity.Goal
	From     activity.Date // the first day with data; 0 means the first covered day
	AsOf     activity.Date // exclusive: the last week assessed is the last that ended by then
	Criteria Criteria

	// Folded is what was folded of the acts, if they were: then teams have only those of which there are few.
	Folded *Folded
}

// Team is a team with the acts that count for it.
type Team struct {
	Name string

	// HasPeople says that an owner rule names the team's people. The silence of a team without known people
	// means nothing.
	HasPeople bool

	// HidePeople keeps counts of people out of the assessment (see privacy.min_team_size).
	HidePeople bool

	Acts    []activity.Act // counted acts, in any order
	Sources []string       // names of the sources in which the team's owner rules could match

	// RetiredPeople is, by Monday, how many different people were seen over the 8 weeks that end with that week.
	// It is needed for weeks whose actors were forgotten.
	RetiredPeople map[activity.Date]int

	Foundations map[string]activity.Tri
}

// Source is what a source could show.
type Source struct {
	Name  string
	Type  string // "grafana-log", "rules-git" ...
	Gives []activity.Kind

	// Class is the coverage that a day of this source needs before a silent day means that nothing happened. A
	// Grafana log without its 200 lines, for one, would show neither views nor queries.
	Class activity.Class
}
