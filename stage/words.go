package stage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// wording is how a rung is spoken of.
type wording struct {
	did   func(c CriterionResult) string // what was counted, without the window
	step  func(c CriterionResult) string // what would be needed
	shows string                         // what a source must show
}

func wordings() []wording {
	return []wording{
		{
			did: func(c CriterionResult) string { return "ran one-off queries on " + number(c.Value, "day") },
			step: func(c CriterionResult) string {
				return "run one-off queries to understand something in detail, on at least " + number(c.Enter, "day")
			},
			shows: "queries",
		}, {
			did: func(c CriterionResult) string { return "wrote down " + number(c.Value, "baseline") },
			step: func(c CriterionResult) string {
				return `for some project, write down where you stand and where you expect to end up: share a one-off query, take a snapshot of a dashboard, annotate it with "baseline" or "target", or add a goal file` + atLeast(c.Enter)
			},
			shows: "shares, annotations or goals",
		}, {
			did: func(c CriterionResult) string { return "went back to " + number(c.Value, "baseline") },
			step: func(c CriterionResult) string {
				return "for some project, go back to the target and check it: run its query or open its link again, or write down the goal's result" + atLeast(c.Enter)
			},
			shows: "queries, opened links, annotations or goals",
		}, {
			did: func(c CriterionResult) string {
				s := fmt.Sprintf("looked in %d of the last %s", c.Value, number(c.CoveredWeeks, "covered week"))
				if c.People != nil {
					s += ", by " + people(*c.People)
				}
				return s
			},
			step: func(c CriterionResult) string {
				return fmt.Sprintf("make it a ritual that the team looks at its metrics: in at least %d of %d weeks, and not one person alone", c.Enter, c.WindowWeeks)
			},
			shows: "views of dashboards",
		}, {
			did: func(c CriterionResult) string {
				return fmt.Sprintf("added metrics of its own and used them in %d of the last %s", c.Value, number(c.WindowWeeks/monthWeeks, "month"))
			},
			step: func(c CriterionResult) string {
				return "regularly create the metrics that the team itself is missing, and use them" + inMonths(c)
			},
			shows: "rules or new metrics",
		}, {
			did: func(c CriterionResult) string {
				return fmt.Sprintf("looked and then changed something in %d of the last %s", c.Value, number(c.WindowWeeks/monthWeeks, "month"))
			},
			step: func(c CriterionResult) string {
				return "regularly act or change course on what was seen: change a threshold, a target or the dashboard, or annotate the decision, within days of looking" + inMonths(c)
			},
			shows: "looks, and changes of rules, dashboards or annotations",
		},
	}
}

func atLeast(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" (at least %d times)", n)
}

func inMonths(c CriterionResult) string {
	return fmt.Sprintf(", in at least %d of %s", c.Enter, number(c.WindowWeeks/monthWeeks, "4-week month"))
}

// number writes a count with its noun.
func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func people(n int) string {
	if n == 1 {
		return "1 person alone"
	}
	return strconv.Itoa(n) + " different people"
}

// stagesOf writes numbers of stages.
func stagesOf(stages []int) string {
	var words []string
	for _, n := range stages {
		words = append(words, strconv.Itoa(n))
	}
	if len(words) == 1 {
		return "stage " + words[0]
	}
	return "stages " + and(words)
}

// and joins words as a sentence does.
func and(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// maxDates is how many dates a sentence lists before it only counts them.
const maxDates = 6

// weeksOf writes weeks by their Mondays.
func weeksOf(mondays []activity.Date) string {
	if len(mondays) > maxDates {
		return fmt.Sprintf("%d weeks between %s and %s", len(mondays), slices.Min(mondays), slices.Max(mondays)+6)
	}
	var words []string
	for _, d := range mondays {
		words = append(words, d.String())
	}
	if len(words) == 1 {
		return "the week of " + words[0]
	}
	return "the weeks of " + and(words)
}
