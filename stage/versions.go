package stage

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// LatestVersion is the version of the default criteria.
const LatestVersion = 2

// DefaultCriteria returns the latest version.
func DefaultCriteria() Criteria { return version2() }

// CriteriaVersion returns the criteria of a version, as they were released.
func CriteriaVersion(n int) (Criteria, error) {
	switch n {
	case 1:
		return version1(), nil
	case 2:
		return version2(), nil
	}
	return Criteria{}, fmt.Errorf("stages: there is no version %d of the criteria\nhint: the versions are 1 to %d", n, LatestVersion)
}

// version1 judges everything by counts in windows.
func version1() Criteria {
	return Criteria{
		Version: 1,
		ByName: map[string]Criterion{
			QueryDays:       {Enter: 2, Leave: 1, Window: 8},
			Baselines:       {Enter: 1, Leave: 1, Window: 26},
			Revisits:        {Enter: 1, Leave: 1, Window: 26},
			WeeksWithAView:  {Enter: 6, Leave: 4, Window: 8},
			MonthsAdopted:   {Enter: 2, Leave: 1, Window: 12},
			MonthsLookToAct: {Enter: 2, Leave: 1, Window: 12},
		},
		SessionGap:      30 * time.Minute,
		RevisitDays:     14,
		People:          2,
		AdoptDays:       28,
		ActDays:         3,
		FallEvaluations: 2,
		CoveredWeekdays: 3,
		CoveredWeeks:    4,
		Stretch:         2,
		StaleWeeks:      8,
		QuietShare:      0.2,
		QuietWeeks:      26,
		QuietRun:        3,
		QuietTeams:      5,
	}
}

// version2 remembers what was done once, and believes in what is done regularly as far as it is seen. Its numbers are
// beliefs about people, chosen so that they hold on simulated organisations (see stage/sim) and are plausible on others.
func version2() Criteria {
	c := version1()
	c.Version = 2
	// What was written down for a project is spoken of for most of a year, rather than half of one: projects are
	// looked back at months later, and forgetting one too early looks like a regression.
	c.ByName[Baselines] = Criterion{Enter: 1, Leave: 1, Window: 38}
	c.ByName[Revisits] = Criterion{Enter: 1, Leave: 1, Window: 38}
	// A ritual is told from its rhythm, and so is its end. But it is a weekly one: who looks in less than half of the
	// weeks has none, however regular that is.
	c.ByName[WeeksWithAView] = Criterion{Enter: 6, Leave: 4, Window: 8}
	c.Habits = map[string]Habit{
		// Who asks at all does so on a day a week or more, and seldom stops; others hardly ever do.
		QueryDays: {Begin: 0.55, End: 0.35, Usual: 1.2, Weight: 8, Chance: 0.01},
		// A weekly ritual fails to take place once in ten weeks; somebody looks by chance in one week of five.
		WeeksWithAView: {Begin: 0.7, End: 0.45, Usual: 0.9, Weight: 12, Chance: 0.2},
		// Who makes metrics does so again when it is time by their own rhythm, nearly always; others make one a year.
		MonthsAdopted: {Begin: 0.55, End: 0.4, Usual: 0.98, Weight: 2, Chance: 0.02},
		// Others than those who act hardly ever change what they looked at. Not every look leads to a change even with
		// those who do, so the end takes weeks to tell from bad luck, and is told only when it is five times as likely.
		MonthsLookToAct: {Begin: 0.55, End: 0.17, Chance: 0.008},
	}
	// Habits change once or twice a year, mostly one at a time.
	c.Ladder = Ladder{
		Change: 0.03, Steps: [4]float64{0.6, 0.2, 0.15, 0.05}, Aside: 0.03, Return: 0.1,
		Acts: []float64{0.35, 0.5, 0.65}, // from a third of the looks to two
	}
	c.Rhythm = Rhythm{
		Minutes:       40,   // a meeting that begins late, or looks that prepare it
		Memory:        8,    // two months: longer remembers a ritual that moved, shorter learns too little
		Coincidence:   0.06, // 80 minutes of one day, of a week of some 45 hours of which the middle ones are busiest
		Burst:         4,    // a ritual is one look together, or two; who looks at four other times has a reason
		ClockworkDays: 14,   // two weeks
	}
	c.Interval = 2 // a sprint
	return c
}

// validateHabits reports the first belief that makes no sense.
func (c Criteria) validateHabits() error {
	if c.Version < 2 {
		return nil
	}
	for _, name := range []string{QueryDays, WeeksWithAView, MonthsAdopted, MonthsLookToAct} {
		if _, ok := c.Habits[name]; !ok {
			return fmt.Errorf("stages: %s: what is expected of its habit is missing", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Habits)) {
		h := c.Habits[name]
		switch name {
		case QueryDays, WeeksWithAView, MonthsAdopted, MonthsLookToAct:
		default:
			return fmt.Errorf("stages: %s is no regular habit\nhint: those are %s, %s, %s and %s", name, QueryDays, WeeksWithAView, MonthsAdopted, MonthsLookToAct)
		}
		for _, p := range []struct {
			what string
			p    float64
		}{
			{"begin", h.Begin}, {"end", h.End}, {"chance", h.Chance},
		} {
			if !(p.p > 0 && p.p < 1) {
				return fmt.Errorf("stages: %s: %s: %v is not between 0 and 1", name, p.what, p.p)
			}
		}
		switch {
		case h.End > h.Begin:
			return fmt.Errorf("stages: %s: end (%v) is above begin (%v)\nhint: it would lapse as it begins", name, h.End, h.Begin)
		case name == MonthsLookToAct: // how often it shows is the ladder's
		case !(h.Usual > 0 && h.Usual <= 7):
			return fmt.Errorf("stages: %s: usual: %v times a week is not between 0 and 7", name, h.Usual)
		case !(h.Weight > 0 && h.Weight <= maxWindow):
			return fmt.Errorf("stages: %s: weight: %v weeks is not between 0 and %d", name, h.Weight, maxWindow)
		}
	}
	if err := c.Ladder.validate(); err != nil {
		return err
	}
	return c.Rhythm.validate(c.Interval)
}

func (l Ladder) validate() error {
	for _, p := range slices.Concat([]float64{l.Change, l.Aside, l.Return}, l.Steps[:], l.Acts) {
		if !(p > 0 && p < 1) {
			return fmt.Errorf("stages: how habits change: %v is not between 0 and 1", p)
		}
	}
	switch {
	case len(l.Acts) < 1 || len(l.Acts) > 8:
		return fmt.Errorf("stages: shares of looks on which a team may act: %d is not between 1 and 8", len(l.Acts))
	case l.Change > 0.2: // somebody alone may take looking up beside
		return fmt.Errorf("stages: how habits change: in %v of the weeks is more than 0.2", l.Change)
	}
	return nil
}

func (r Rhythm) validate(interval float64) error {
	switch {
	case r.Minutes < 1 || r.Minutes > 12*60:
		return fmt.Errorf("stages: minutes of a ritual: %d is not between 1 and %d", r.Minutes, 12*60)
	case r.Memory < 2 || r.Memory > 52:
		return fmt.Errorf("stages: weeks from which a ritual's time is learnt: %d is not between 2 and 52", r.Memory)
	case !(r.Coincidence > 0 && r.Coincidence < 1):
		return fmt.Errorf("stages: coincidence: %v is not between 0 and 1", r.Coincidence)
	case r.Burst < 2 || r.Burst > 1000:
		return fmt.Errorf("stages: looks of a burst: %d is not between 2 and 1000", r.Burst)
	case r.ClockworkDays < 4 || r.ClockworkDays > 366:
		return fmt.Errorf("stages: days of clockwork: %d is not between 4 and 366", r.ClockworkDays)
	case !(interval >= 0.5 && interval <= 52):
		return fmt.Errorf("stages: interval: %v weeks is not between 0.5 and 52", interval)
	}
	return nil
}
