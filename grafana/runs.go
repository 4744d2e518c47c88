package grafana

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// panesOf splits a step of Explore into its name and the number of panes on its page.
func panesOf(step string) (name string, panes int) {
	name = strings.TrimRight(step, "0123456789")
	panes, err := strconv.Atoi(step[len(name):])
	if err != nil {
		panes = 1
	}
	return name, panes
}

// joinRuns counts the runs of Explore. Where its history is written, an entry stands for each run of a person, and
// what is asked without one is Explore refreshing itself; where it is not (it may be turned off, and viewers may not
// write it), only the data source queries are left to count.
func joinRuns(runs, histories []activity.Event) []activity.Event {
	if len(histories) == 0 {
		return markRegular(fold(runs, func(int) int { return len(runs) }))
	}
	paired := make([]bool, len(histories)) // its own query has come
	began := make([]time.Time, len(histories))
	for i, h := range histories {
		began[i] = h.Time
	}
	var alone []activity.Event
	for _, run := range runs {
		near := false
		find(histories, run.Time.Add(-together), run.Time.Add(together), func(i int) bool {
			near = true // of another subject too: the page's URL lags behind what it asks
			if histories[i].Subject == run.Subject {
				paired[i] = true
				if run.Time.Before(began[i]) {
					began[i] = run.Time
				}
			}
			return false
		})
		if !near {
			alone = append(alone, run)
		}
	}
	var refreshes []activity.Event
	for _, run := range alone {
		at := find(histories, run.Time.Add(-slowQuery), run.Time, func(i int) bool {
			return histories[i].Subject == run.Subject && !paired[i]
		})
		if at >= 0 {
			paired[at] = true
			continue
		}
		run.Robot = activity.RobotRefresh
		refreshes = append(refreshes, run)
	}
	for i := range histories {
		histories[i].Time = began[i]
	}
	slices.SortFunc(histories, order)
	out := append(fold(histories, func(panes int) int { return panes }), refreshes...)
	slices.SortFunc(out, order)
	return out
}

// fold makes one of the lines about one query that are written together: at most as many as limit allows for a page
// of so many panes.
func fold(lines []activity.Event, limit func(panes int) int) []activity.Event {
	type open struct {
		since time.Time
		count int
	}
	last := map[string]open{}
	var out []activity.Event
	for _, e := range lines {
		_, panes := panesOf(e.Step)
		o, ok := last[e.Subject]
		if ok && e.Time.Sub(o.since) <= together/2 && o.count < limit(panes) {
			o.count++
			last[e.Subject] = o
			continue
		}
		last[e.Subject] = open{since: e.Time, count: 1}
		out = append(out, e)
	}
	return out
}

// markRegular marks runs of one query at a constant interval as Explore refreshing itself, all but the first.
func markRegular(runs []activity.Event) []activity.Event {
	const least = 4 // three equal intervals are no chance
	bySubject := map[string][]int{}
	for i, r := range runs {
		bySubject[r.Subject] = append(bySubject[r.Subject], i)
	}
	for _, at := range bySubject {
		for start := 0; start+1 < len(at); {
			interval := runs[at[start+1]].Time.Sub(runs[at[start]].Time)
			end := start + 1
			for end+1 < len(at) && (runs[at[end+1]].Time.Sub(runs[at[end]].Time)-interval).Abs() <= time.Second {
				end++
			}
			if end-start+1 >= least && interval > together {
				for _, i := range at[start+1 : end+1] {
					runs[i].Robot = activity.RobotRefresh
				}
			}
			start = end
		}
	}
	return runs
}
