package main

import (
	"fmt"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// compareReport is a replay: the stored days judged by two versions of the criteria.
type compareReport struct {
	Schema int          `json:"schema"`
	Before int          `json:"before"` // version in force
	After  int          `json:"after"`  // version compared with
	Weeks  int          `json:"weeks"`  // team weeks of which both tell a stage
	Differ int          `json:"differ"` // of those, weeks with different stages
	Moves  []moveReport `json:"moves"`
}

type moveReport struct {
	Team   string        `json:"team"`
	From   activity.Date `json:"from"` // Mondays of the first and the last week
	To     activity.Date `json:"to"`
	Before *int          `json:"before"` // null: not enough data
	After  *int          `json:"after"`
	Now    bool          `json:"now"` // up to the last week: the team moves now
	Why    []string      `json:"why"`
}

// compareCriteria says which teams another version of the criteria would place elsewhere.
func (a *app) compareCriteria(d *desk, p *picture, version int, format string) error {
	other, err := stage.CriteriaVersion(version)
	if err != nil {
		return asUsage(err)
	}
	c := stage.Compare(p.org, d.Criteria, other)
	switch format {
	case "json":
		r := compareReport{Schema: reportSchema, Before: c.Before, After: c.After, Weeks: c.Weeks, Differ: c.Differ, Moves: []moveReport{}}
		for _, m := range c.Moves {
			r.Moves = append(r.Moves, moveReport{m.Team, m.From, m.To, m.Before, m.After, m.Last, append([]string{}, m.Why...)})
		}
		return a.printJSON(r)
	case "table":
	default:
		return usageErrorf("--compare-criteria has no format %q\nhint: use table or json", format)
	}
	if err := a.print("criteria version %d to version %d: %d of %d team weeks differ\n", c.Before, c.After, c.Differ, c.Weeks); err != nil {
		return err
	}
	for _, m := range c.Moves {
		if err := a.print("%s\n", moveLine(m)); err != nil {
			return err
		}
		for _, w := range m.Why {
			if err := a.print("    %s\n", w); err != nil {
				return err
			}
		}
	}
	return nil
}

// moveLine says of a move who, when, whence and whither.
func moveLine(m stage.Move) string {
	until := " to " + m.To.String()
	if m.Last {
		until = " until now"
	}
	return fmt.Sprintf("%s: stage %s becomes %s, weeks of %s%s", m.Team, stageOrNone(m.Before), stageOrNone(m.After), m.From, until)
}

func stageOrNone(s *int) string {
	if s == nil {
		return "unknown"
	}
	return fmt.Sprint(*s)
}
