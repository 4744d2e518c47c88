package stage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// The names of the criteria, in the order of the stages 1 to 6.
const (
	QueryDays       = "query_days"
	Baselines       = "baselines"
	Revisits        = "revisits"
	WeeksWithAView  = "weeks_with_a_view"
	MonthsAdopted   = "months_with_an_adopted_metric"
	MonthsLookToAct = "months_with_look_then_act"
)

// Criteria is every number that decides about stages.
type Criteria struct {
	Version int
	ByName  map[string]Criterion

	SessionGap      time.Duration // queries of a person at most this far apart are one session
	RevisitDays     int           // a look at a baseline counts as a revisit from so many days on
	People          int           // different people who must have looked over the window
	AdoptDays       int           // a metric must be used within so many days of being added
	ActDays         int           // a change must follow a look within so many days
	FallEvaluations int           // evaluations in a row below Leave that make a criterion lapse

	CoveredWeekdays int // of Monday to Friday, that each needed source must have covered
	CoveredWeeks    int // below this many covered weeks nothing is told
	Stretch         int // a window looks back at most so many times its length
	StaleWeeks      int // a stage is held through a gap for so many weeks

	QuietShare float64 // below this share of the usual the whole organisation is quiet; 0 turns it off
	QuietWeeks int     // the usual is the median of so many covered weeks
	QuietRun   int     // quiet weeks in a row that are passed over
	QuietTeams int     // below so many teams no week is quiet

	// From version 2 on: what is expected of teams with a habit and without, by criterion. A criterion that is not
	// named here is decided by its thresholds alone.
	Habits   map[string]Habit
	Ladder   Ladder
	Rhythm   Rhythm
	Interval float64 // weeks from one metric made to the next, before a team's own interval is known
}

// Criterion is the thresholds of one criterion: it begins to hold at Enter, and lapses below Leave. Where the
// probability of a habit decides (see Criteria.Habits) they are bounds: it begins no sooner, and lapses no later.
type Criterion struct {
	Enter  int
	Leave  int
	Window int // weeks
}

// monthWeeks is the length of the months that the criteria of stages 5 and 6 count.
const monthWeeks = 4

// maxWindow keeps the work of an assessment bounded whatever the configuration says.
const maxWindow = 520

// Validate reports the first number that makes no sense.
func (c Criteria) Validate() error {
	for _, name := range slices.Sorted(maps.Keys(c.ByName)) {
		if !slices.ContainsFunc(rungs, func(r rung) bool { return r.name == name }) {
			return fmt.Errorf("stages: unknown criterion %q\nhint: the criteria are %s", name, strings.Join(criterionNames(), ", "))
		}
	}
	for _, r := range rungs {
		k, ok := c.ByName[r.name]
		if !ok {
			return fmt.Errorf("stages: criterion %s is missing", r.name)
		}
		if err := r.validate(k); err != nil {
			return err
		}
	}
	for _, n := range []struct {
		what string
		n    int
	}{
		{"days until a revisit counts", c.RevisitDays}, {"different people", c.People}, {"days to adopt a metric", c.AdoptDays},
		{"days from a look to a change", c.ActDays}, {"evaluations before a fall", c.FallEvaluations},
		{"covered weekdays", c.CoveredWeekdays}, {"covered weeks", c.CoveredWeeks}, {"stretch of a window", c.Stretch},
		{"stale weeks", c.StaleWeeks}, {"weeks of the quiet median", c.QuietWeeks},
		{"quiet weeks in a row", c.QuietRun}, {"teams for a quiet week", c.QuietTeams},
	} {
		if n.n < 1 || n.n > maxWindow {
			return fmt.Errorf("stages: %s: %d is not between 1 and %d", n.what, n.n, maxWindow)
		}
	}
	if err := c.validateHabits(); err != nil {
		return err
	}
	switch {
	case c.CoveredWeekdays > 5:
		return fmt.Errorf("stages: covered weekdays: %d is more than Monday to Friday", c.CoveredWeekdays)
	case c.SessionGap < 0 || c.SessionGap > 12*time.Hour:
		return fmt.Errorf("stages: session gap: %s is not between 0 and 12h", c.SessionGap)
	case !(c.QuietShare >= 0 && c.QuietShare <= 1):
		return fmt.Errorf("stages: share of a quiet week: %v is not between 0 and 1", c.QuietShare)
	}
	return nil
}

func (r rung) validate(k Criterion) error {
	most := maxWindow
	switch r.counts {
	case countWeeks:
		most = k.Window
	case countMonths:
		most = k.Window / monthWeeks
	}
	switch {
	case k.Window < 1 || k.Window > maxWindow:
		return fmt.Errorf("stages: %s: window of %d weeks is not between 1 and %d", r.name, k.Window, maxWindow)
	case r.counts == countMonths && k.Window%monthWeeks != 0:
		return fmt.Errorf("stages: %s: window of %d weeks is no whole number of %d-week months\nhint: use a multiple of %dw", r.name, k.Window, monthWeeks, monthWeeks)
	case k.Enter < 1 || k.Enter > most:
		return fmt.Errorf("stages: %s: enter: %d is not between 1 and %d, the most that its window of %d weeks can hold", r.name, k.Enter, most, k.Window)
	case k.Leave < 1 || k.Leave > k.Enter:
		return fmt.Errorf("stages: %s: leave: %d is not between 1 and enter (%d)\nhint: a criterion lapses below leave, so a leave above enter would lapse as it begins", r.name, k.Leave, k.Enter)
	}
	return nil
}

// counting says what of its facts a criterion counts.
type counting int

const (
	countKeys   counting = iota // different keys: days, baselines
	countWeeks                  // covered weeks with a fact
	countMonths                 // 4-week months with a fact
)

// rung is one step of the ladder: the stage, the criterion that decides it, and what it takes to see it.
type rung struct {
	stage  int
	label  string // name of the stage
	name   string // name of the criterion
	below  int    // the stage that must hold too; 0 if none
	counts counting
	people bool              // different people must have taken part
	looks  bool              // it shows looking, without which the silence of a team means nothing
	needs  [][]activity.Kind // one kind of each group must be given by some source
}

// rungs is the ladder; rungs[i] is stage i+1.
var rungs = []rung{
	{stage: 1, label: "one_off_queries", name: QueryDays, counts: countKeys, looks: true,
		needs: [][]activity.Kind{{activity.KindQuery}}},
	{stage: 2, label: "preplanning", name: Baselines, counts: countKeys,
		needs: [][]activity.Kind{{activity.KindShare, activity.KindAnnotation, activity.KindGoal}}},
	{stage: 3, label: "follow_up", name: Revisits, counts: countKeys,
		needs: [][]activity.Kind{
			{activity.KindShare, activity.KindAnnotation, activity.KindGoal},
			{activity.KindQuery, activity.KindOpen, activity.KindAnnotation, activity.KindGoal},
		}},
	{stage: 4, label: "regular_looking", name: WeeksWithAView, counts: countWeeks, people: true, looks: true,
		needs: [][]activity.Kind{{activity.KindView}}},
	{stage: 5, label: "adjusting", name: MonthsAdopted, below: 4, counts: countMonths,
		needs: [][]activity.Kind{
			{activity.KindRule, activity.KindMetric},
			{activity.KindView, activity.KindQuery, activity.KindRule},
		}},
	{stage: 6, label: "acting", name: MonthsLookToAct, below: 5, counts: countMonths,
		needs: [][]activity.Kind{
			{activity.KindView, activity.KindQuery},
			{activity.KindRule, activity.KindEdit, activity.KindAnnotation, activity.KindGoal},
		}},
}

// unassisted is the number of stages that stand alone: those above need a lower one.
const unassisted = 4

// Names returns the names of the stages, by stage.
func Names() []string {
	names := []string{"none"}
	for _, r := range rungs {
		names = append(names, r.label)
	}
	return names
}

func criterionNames() []string {
	var names []string
	for _, r := range rungs {
		names = append(names, r.name)
	}
	return names
}
