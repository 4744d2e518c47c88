package rules

import (
	"cmp"
	"maps"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// goalChange is what a commit did to a goal.
type goalChange struct {
	goalID
	path, detail string
}

// diffGoals compares the goals of all files that a commit changed. A goal is known by team and name; one that
// is written so that it can't be read is left as it was.
func diffGoals(was, is []version) []goalChange {
	before, _ := goalsByID(was)
	after, held := goalsByID(is)
	ids := map[goalID]bool{}
	for id := range before {
		ids[id] = true
	}
	for id := range after {
		ids[id] = true
	}
	var out []goalChange
	for _, id := range slices.SortedFunc(maps.Keys(ids), func(a, b goalID) int {
		return cmp.Or(cmp.Compare(a.team, b.team), cmp.Compare(a.name, b.name))
	}) {
		o, had := before[id]
		n, has := after[id]
		c := goalChange{goalID: id, path: n.path}
		switch {
		case held[id] || had && has && o.goal == n.goal:
			continue
		case !had:
			c.detail = activity.GoalAdded
		case !has:
			c.detail, c.path = activity.GoalRemoved, o.path
		case n.goal.result != o.goal.result && n.goal.result != "":
			c.detail = activity.GoalResult
		default:
			c.detail = activity.GoalChanged
		}
		out = append(out, c)
	}
	return out
}

// placedGoal is a goal in a file.
type placedGoal struct {
	path string
	goal goal
}

// goalsByID collects goals; where two files write the same one, the first path counts.
func goalsByID(versions []version) (map[goalID]placedGoal, map[goalID]bool) {
	goals, held := map[goalID]placedGoal{}, map[goalID]bool{}
	for _, v := range versions {
		maps.Copy(held, v.file.held)
		for _, g := range v.file.goals {
			if _, twice := goals[g.goalID]; !twice {
				goals[g.goalID] = placedGoal{v.path, g}
			}
		}
	}
	return goals, held
}
