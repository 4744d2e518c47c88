package sim_test

import (
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/grafana"
	"github.com/metrics-maturity/metrics-maturity/prom"
	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

type parser interface {
	Parse(line []byte, b *activity.Batch) (activity.Line, error)
}

// TestProductionReadsEveryLine holds the simulator to what the real parsers understand: no line is malformed, and
// every kind of act that a log can tell is told.
func TestProductionReadsEveryLine(t *testing.T) {
	dir, _ := generate(t, sim.Options{Seed: 21, Weeks: 14, Scenarios: []sim.Scenario{sim.Robots}})
	for pattern, want := range map[string]struct {
		parser
		kinds  []activity.Kind
		robots []string
	}{
		"grafana.log*": {
			grafana.NewRequestLog(),
			[]activity.Kind{activity.KindView, activity.KindQuery, activity.KindShare, activity.KindOpen, activity.KindEdit, activity.KindAnnotation},
			[]string{activity.RobotServiceAccount, activity.RobotKiosk, activity.RobotAPI},
		},
		"query.log*": {prom.NewQueryLog("prometheus"), []activity.Kind{activity.KindQuery}, []string{activity.RobotRuleEvaluation}},
	} {
		all, _ := lines(t, dir, pattern)
		var b activity.Batch
		for _, l := range all {
			if line, err := want.Parse([]byte(l), &b); err != nil || line.Time.IsZero() {
				t.Fatalf("%s: %v, time %s", l, err, line.Time)
			}
		}
		kinds, robots := map[activity.Kind]int{}, map[string]int{}
		for _, e := range b.Events {
			kinds[e.Kind]++
			robots[e.Robot]++
		}
		for _, k := range want.kinds {
			if kinds[k] == 0 {
				t.Errorf("%s tells no %s: %v", pattern, k, kinds)
			}
		}
		for _, r := range want.robots {
			if robots[r] == 0 {
				t.Errorf("%s has no robot %s: %v", pattern, r, robots)
			}
		}
	}
}
