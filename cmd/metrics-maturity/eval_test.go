package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

// TestEval measures a small organisation: the figures are there, and a goal that is missed ends with exit code 1.
func TestEval(t *testing.T) {
	run := func(args ...string) (string, error) {
		var stdout, stderr bytes.Buffer
		a := testApp(&stdout, &stderr)
		err := a.run(t.Context(), append([]string{"eval", "--scenario", "plain", "--teams", "4", "--weeks", "26"}, args...))
		return stdout.String(), err
	}
	out, err := run("--min-exact", "0", "--max-off-by-two", "1", "--max-false-falls", "100", "--max-fall-delay", "100", "--max-fall-delay-90", "100",
		"--max-rise-delay", "100", "--max-calibration-error", "1", "--compare-criteria", "1", "--limit", "--details")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"plain ", "PASS", "version 1 would place a team elsewhere", "team weeks ", "rises ", "falls ", "confidence ", "    at most "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	again, err := run("--min-exact", "1.01", "--compare-criteria", "1", "--limit", "--details")
	if err == nil || exitCode(err) != exitFailed || !strings.HasPrefix(err.Error(), "goals missed: plain: exact ") {
		t.Errorf("a missed goal: %v", err)
	}
	if strings.ReplaceAll(again, "FAIL", "PASS") != out {
		t.Error("two measurements of the same organisations differ")
	}
}

func TestEvalPlan(t *testing.T) {
	all, err := evalPlan(nil)
	if err != nil || len(all) != 1+len(sim.Scenarios())+len(mixes()) {
		t.Errorf("%d scenarios, %v", len(all), err)
	}
	for _, s := range sim.Scenarios() {
		if !slices.ContainsFunc(mixes(), func(mix string) bool { return slices.Contains(strings.Split(mix, "+"), string(s)) }) {
			t.Errorf("%s is mixed with no other scenario", s)
		}
	}
	some, err := evalPlan([]string{"plain", "robots", "holidays+robots"})
	if err != nil || len(some) != 3 || len(some[0]) != 0 || some[1][0] != sim.Robots || scenarioName(some[2]) != "holidays+robots" {
		t.Errorf("plan is %v, %v", some, err)
	}
	if _, err := evalPlan([]string{"robot"}); err == nil || exitCode(err) != exitUsage || !strings.HasSuffix(err.Error(), `hint: did you mean "robots"?`) {
		t.Errorf("unknown scenario: %v", err)
	}
}
