package stage

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// HabitResult is what is believed of a regular habit, and what was discounted on the way. Version 1 tells none.
type HabitResult struct {
	Probability float64 // that the team has the habit

	Usual    string          // when the team usually looks, "Tuesday morning"; empty if at no time of its own
	Every    float64         // weeks from one time to the next, of a habit that returns after some time; else 0
	Alone    bool            // it seems to be one person's habit rather than the team's
	Seldom   bool            // the team seems to look together, but not every week
	Share    float64         // the share of its looks on which the team usually acts, if it does; else 0
	Machines int             // days on which a page came back by itself under a person's name, set aside
	Bursts   []activity.Date // Mondays of weeks so busy that they tell of trouble rather than of a ritual
	Away     []activity.Date // Mondays of weeks in which few of the organisation were at work: silence counts less
}

// few is below which share of the usual people a week's silence is worth a remark.
const few = 0.6

// habitResult describes the habit of rung i over the weeks from..to.
func (r *run) habitResult(i, from, to int) *HabitResult {
	if r.judge == nil || r.judge.probability(i) < 0 {
		return nil
	}
	h := &HabitResult{Probability: math.Round(r.judge.probability(i)*1000) / 1000}
	for w := from; w <= to; w++ {
		if r.coverage[i].covered[w] && r.exposure[w] < few {
			h.Away = append(h.Away, r.cal.monday(w))
		}
	}
	switch i {
	case 3:
		r.looking(h, from, to)
	case 4:
		if r.judge.adjust.count >= 1 {
			h.Every = math.Round(r.judge.adjust.usual()*10) / 10
		}
	case 5:
		if acts := r.judge.probability(5); acts >= 0.5 {
			h.Share = math.Round(r.judge.joint.share(r.judge.acts)*20) / 20
		}
	}
	return h
}

// looking describes a ritual.
func (r *run) looking(h *HabitResult, from, to int) {
	j, b := r.judge.ritual, r.judge.joint
	fixed, loose := b.look(lookFixed), b.look(lookLoose)
	h.Alone = b.look(lookSolo) > max(fixed+loose, 0.5)
	h.Seldom = b.look(lookSeldom) > max(fixed+loose, 0.5)
	if j.slot.found && j.slot.weeks >= 3 && j.slot.shared() && fixed > loose {
		h.Usual = timeOfWeek(int(j.slot.at.weekday), int(j.slot.at.minute))
	}
	for w := from; w <= to; w++ {
		h.Machines += r.facts.machines[w]
	}
	for _, o := range j.outcomes {
		if o.burst && from <= o.week && o.week <= to {
			h.Bursts = append(h.Bursts, r.cal.monday(o.week))
		}
	}
}

// timeOfWeek says a time as people do.
func timeOfWeek(weekday, minute int) string {
	part := "night"
	switch hour := minute / 60; {
	case hour >= 18:
		part = "evening"
	case hour >= 13:
		part = "afternoon"
	case hour >= 11:
		part = "noon"
	case hour >= 5:
		part = "morning"
	}
	return time.Weekday(weekday).String() + " " + part
}

// rhythm says what is known of a habit's rhythm, to follow what was counted of it.
func (c CriterionResult) rhythm(asOf activity.Date) string {
	h := c.Habit
	var s strings.Builder
	if h.Usual != "" {
		s.WriteString(", usually " + h.Usual)
	}
	if h.Every > 0 {
		fmt.Fprintf(&s, ", once in %.1f weeks", h.Every)
	}
	if h.Share > 0 {
		fmt.Fprintf(&s, ", on %s of its looks", percent(h.Share))
	}
	if c.Last != 0 {
		fmt.Fprintf(&s, "; last seen %s ago, on %s", number(int(asOf-c.Last), "day"), c.Last)
	}
	return s.String()
}

// belief says how sure the habit is, where that is not plain from the counts.
func (c CriterionResult) belief(hidePeople bool) string {
	h := c.Habit
	switch {
	case h.Alone && !hidePeople:
		return fmt.Sprintf("; it is one person's habit rather than the team's (probability of a ritual %s)", percent(h.Probability))
	case h.Seldom && !c.Met:
		return fmt.Sprintf("; it seems to look together, but not every week (probability of a weekly ritual %s)", percent(h.Probability))
	case !c.Met && c.Value >= c.Enter:
		return fmt.Sprintf("; but it has probably lapsed since (probability that it is alive %s)", percent(h.Probability))
	}
	return fmt.Sprintf("; probability that the habit is alive %s", percent(h.Probability))
}

func percent(p float64) string { return fmt.Sprintf("%.0f %%", 100*min(max(p, 0.01), 0.99)) }

// discounted says what was seen and not counted, and which silence counts less.
func discounted(a Assessment) []string {
	var out []string
	for _, c := range relevant(a) {
		h := c.Habit
		if h == nil {
			continue
		}
		if h.Machines > 0 {
			out = append(out, fmt.Sprintf("stage %d: set aside a page that comes back by itself, at the same minute and at night or on weekends, on %s", c.Stage, number(h.Machines, "day")))
		}
		if len(h.Bursts) > 0 {
			out = append(out, fmt.Sprintf("stage %d: so many looks that they tell of trouble rather than of a ritual, in %s", c.Stage, weeksOf(h.Bursts)))
		}
		if len(h.Away) > 0 {
			out = append(out, fmt.Sprintf("stage %d: many of the organisation were away, so silence counts less, in %s", c.Stage, weeksOf(h.Away)))
		}
	}
	return out
}
