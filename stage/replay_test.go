package stage_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/stage"
)

// TestCompare: a team whose ritual ends moves: version 1 notices weeks later than version 2.
func TestCompare(t *testing.T) {
	o := parseOrg(t, "weeks 26\nteam payments\n1-12.tue view alice pay\n1-12.tue view bob pay\nteam legacy\n", 2)
	c := stage.Compare(o, criteriaOf(1), criteriaOf(2))
	if c.Before != 1 || c.After != 2 || c.Weeks != 46 || c.Differ == 0 {
		t.Errorf("versions %d and %d, %d weeks, %d differ", c.Before, c.After, c.Weeks, c.Differ)
	}
	differ := 0
	for _, m := range c.Moves {
		if m.Team != "payments" || m.Last || len(m.Why) == 0 {
			t.Errorf("unexpected move %+v", m)
		}
		differ += int(m.To-m.From)/7 + 1
	}
	if differ != c.Differ {
		t.Errorf("moves span %d weeks, %d differ", differ, c.Differ)
	}
	last := c.Moves[len(c.Moves)-1]
	if *last.Before != 4 || *last.After != 0 || !strings.Contains(last.Why[0], "by version 1 it holds with weeks_with_a_view") {
		t.Errorf("the fall: %d, %d, %q", *last.Before, *last.After, last.Why)
	}
}

// TestCompareWithItself: the same criteria move nobody, and comparing changes no answer.
func TestCompareWithItself(t *testing.T) {
	for seed := range uint64(6) {
		o := randomOrg(seed, 4, 50, 1)
		want := stage.Assess(o)
		if c := stage.Compare(o, o.Criteria, o.Criteria); len(c.Moves) != 0 || c.Differ != 0 {
			t.Errorf("seed %d: %+v", seed, c.Moves)
		}
		if diff := cmp.Diff(want, stage.Assess(o)); diff != "" {
			t.Errorf("seed %d: %s", seed, diff)
		}
	}
}
