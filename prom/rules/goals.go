package rules

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// goal is one entry of a goals: list.
type goal struct {
	goalID
	query, baseline, target, result string
	start, due                      activity.Date
}

// goalID is what a goal is known by.
type goalID struct{ team, name string }

const goalHint = `; a goal has name, and may have team, query, baseline, target, start, due (2006-01-02) and result`

// goals reads the goals: list on top of a document. An entry that can't be read is a problem, and held if its name can.
func (t *tree) goals(f *file, top *yaml.Node) {
	for _, p := range t.pairs(top, 0) {
		if p.key != "goals" {
			continue
		}
		list := t.visit(p.value, 1)
		if list == nil || list.Kind != yaml.SequenceNode {
			if list != nil && list.Tag != "!!null" {
				f.problems = append(f.problems, problem{p.line, "goals is no list" + goalHint})
			}
			continue
		}
		for _, item := range list.Content {
			g, wrong := t.goal(item)
			if wrong != nil {
				f.problems = append(f.problems, *wrong)
				if g.name != "" {
					if f.held == nil {
						f.held = map[goalID]bool{}
					}
					f.held[g.goalID] = true
				}
				continue
			}
			if i := slices.IndexFunc(f.goals, func(other goal) bool { return other.goalID == g.goalID }); i >= 0 {
				f.problems = append(f.problems, problem{item.Line, fmt.Sprintf("goal %q of team %q is there twice; the last one counts", g.name, g.team)})
				f.goals[i] = g
				continue
			}
			f.goals = append(f.goals, g)
		}
	}
}

// goal reads one entry. If something is wrong with it, its name and team may be known all the same.
func (t *tree) goal(n *yaml.Node) (g goal, wrong *problem) {
	line := n.Line
	fail := func(line int, format string, args ...any) {
		if wrong == nil {
			wrong = &problem{line, fmt.Sprintf(format, args...) + goalHint}
		}
	}
	if v := t.visit(n, 2); v == nil || v.Kind != yaml.MappingNode {
		fail(line, "an entry of goals is no mapping")
		return g, wrong
	}
	for _, p := range t.pairs(n, 2) {
		text, ok := t.text(p.value, 3)
		if !ok {
			fail(p.line, "goal field %q is no text or number", p.key)
			continue
		}
		switch p.key {
		case "team":
			g.team = oneLine(text)
		case "name":
			g.name = oneLine(text)
		case "query":
			g.query = text
		case "baseline":
			g.baseline = oneLine(text)
		case "target":
			g.target = oneLine(text)
		case "result":
			g.result = oneLine(text)
		case "start", "due":
			d, err := goalDate(text)
			if err != nil {
				fail(p.line, "goal field %s: %v", p.key, err)
			}
			if p.key == "start" {
				g.start = d
			} else {
				g.due = d
			}
		default:
			fail(p.line, "goal field %q is not known", p.key)
		}
	}
	if g.name == "" {
		fail(line, "a goal has no name")
	}
	return g, wrong
}

// goalDate reads a date; none is 0. YAML also writes a date with a time of day.
func goalDate(text string) (activity.Date, error) {
	if text == "" {
		return 0, nil
	}
	if day, _, ok := strings.Cut(text, "T"); ok {
		text = day
	}
	return activity.ParseDate(text)
}
