package owner

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

func act(team string, outcome activity.Outcome, reason string, count int64) activity.Act {
	return activity.Act{Day: activity.Day{Count: count}, Team: team, Outcome: outcome, Reason: reason}
}

func TestSummary(t *testing.T) {
	acts := []activity.Act{
		act("b", activity.Counted, ReasonMember, 1),
		act("a", activity.Counted, ReasonMember, 2),
		act("", activity.Unattributed, ReasonNobody, 1),
		act("", activity.Automated, activity.RobotKiosk, 9),
		act("", activity.Unattributed, ReasonConflict, 1),
		act("a", activity.Counted, ReasonMember, 3),
		act("a", activity.Counted, ReasonClient, 7),
	}
	want := []Count{
		{"", activity.Automated, activity.RobotKiosk, 1, 9},
		{"", activity.Unattributed, ReasonConflict, 1, 1},
		{"", activity.Unattributed, ReasonNobody, 1, 1},
		{"a", activity.Counted, ReasonClient, 1, 7},
		{"a", activity.Counted, ReasonMember, 2, 5},
		{"b", activity.Counted, ReasonMember, 1, 1},
	}
	if diff := cmp.Diff(want, Summary(acts)); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}
