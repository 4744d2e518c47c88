package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/stage"
	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

// evalGoals are what the criteria must reach on organisations whose true stages are known. The defaults guard what
// version 1 reaches over all scenarios; better criteria raise them.
type evalGoals struct {
	exact      float64 // least share of team weeks with the true stage
	falseFalls float64 // most false falls per team and year
	fallDelay  int     // most weeks in which half of the falls are noticed
}

func (a *app) evalCommand() *cobra.Command {
	var goals evalGoals
	var teams, weeks, seeds, warmup int
	var only []string
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure the criteria on organisations whose true stages are known",
		Long: "eval invents organisations, reads each through the production path, and compares the stages found with the true\n" +
			"ones: how many are exact, how soon a change is noticed, how often a fall is reported that was none.\n" +
			"It exits with 1 if a goal is missed.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seeds < 1 || warmup < 0 {
				return usageErrorf("--seeds must be at least 1 and --warmup at least 0")
			}
			plan, err := evalPlan(only)
			if err != nil {
				return err
			}
			var total sim.Score
			for _, scenarios := range plan {
				score, err := a.evalScenario(cmd, scenarios, seeds, warmup, sim.Options{Teams: teams, Weeks: weeks, Drawn: true})
				if err != nil {
					if stopped(cmd.Context(), err) {
						return nil
					}
					return err
				}
				total.Add(score)
			}
			if err := a.print("\n"); err != nil {
				return err
			}
			if err := total.WriteTable(a.stdout); err != nil {
				return ignoreClosed(err)
			}
			return goals.check(total)
		},
	}
	f := cmd.Flags()
	f.IntVar(&teams, "teams", 12, "teams of an organisation")
	f.IntVar(&weeks, "weeks", 52, "weeks of an organisation")
	f.IntVar(&seeds, "seeds", 1, "organisations of each scenario")
	f.IntVar(&warmup, "warmup", 8, "first weeks that are not scored: habits were not watched yet")
	f.StringSliceVar(&only, "scenario", nil, "only these `scenarios`; plain is the one without complications (default all)")
	f.Float64Var(&goals.exact, "min-exact", 0.75, "goal: least share of team weeks with the true stage")
	f.Float64Var(&goals.falseFalls, "max-false-falls", 0.05, "goal: most false falls per team and year")
	f.IntVar(&goals.fallDelay, "max-fall-delay", 13, "goal: most weeks within which half of the falls are noticed")
	return cmd
}

// evalPlan lists the scenarios to simulate: the plain one, and each complication by itself.
func evalPlan(only []string) ([][]sim.Scenario, error) {
	plan := [][]sim.Scenario{nil}
	known := map[string][]sim.Scenario{plainScenario: nil}
	names := []string{plainScenario}
	for _, s := range sim.Scenarios() {
		plan = append(plan, []sim.Scenario{s})
		known[string(s)] = []sim.Scenario{s}
		names = append(names, string(s))
	}
	if len(only) == 0 {
		return plan, nil
	}
	plan = nil
	for _, name := range only {
		scenarios, ok := known[name]
		if !ok {
			return nil, usageErrorf("--scenario: unknown scenario %q\nhint: %s", name, suggest(name, names))
		}
		plan = append(plan, scenarios)
	}
	return plan, nil
}

// plainScenario is the name of an organisation without complications.
const plainScenario = "plain"

// evalScenario scores the organisations of one scenario and prints a line about them.
func (a *app) evalScenario(cmd *cobra.Command, scenarios []sim.Scenario, seeds, warmup int, options sim.Options) (sim.Score, error) {
	var score sim.Score
	for seed := range seeds {
		options.Seed, options.Scenarios = uint64(seed)+1, scenarios
		err := a.withOrganisation(cmd.Context(), options, func(o organisation) error {
			var assessments []stage.Assessment
			for _, t := range o.picture.report.Teams {
				assessments = append(assessments, t.assessment)
			}
			score.Add(sim.Measure(o.truth, assessments, warmup))
			return nil
		})
		if err != nil {
			return score, err
		}
	}
	name := plainScenario
	if len(scenarios) > 0 {
		name = string(scenarios[0])
	}
	return score, a.print("%-14s exact %s, two or more off %s, false falls per team and year %.2f, falls noticed within %d weeks (half of them)\n",
		name, percent(score.ExactShare()), percent(score.OffByTwoShare()), score.FalseFallsPerYear(), score.Falls.Quantile(0.5))
}

// check reports every goal that was missed.
func (g evalGoals) check(s sim.Score) error {
	var missed []string
	if got := s.ExactShare(); got < g.exact {
		missed = append(missed, fmt.Sprintf("exact %.1f%%, goal %.1f%%", got*100, g.exact*100))
	}
	if got := s.FalseFallsPerYear(); got > g.falseFalls {
		missed = append(missed, fmt.Sprintf("false falls per team and year %.3f, goal %.3f", got, g.falseFalls))
	}
	if got := s.Falls.Quantile(0.5); got > g.fallDelay {
		missed = append(missed, fmt.Sprintf("half of the falls noticed within %d weeks, goal %d", got, g.fallDelay))
	}
	if len(missed) > 0 {
		return fmt.Errorf("goals missed: %s", strings.Join(missed, "; "))
	}
	return nil
}
