package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/stage"
	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

// evaluation is what eval was asked to measure.
type evaluation struct {
	options   sim.Options
	firstSeed uint64
	seeds     int
	warmup    int
	version   int // of the criteria
	against   int // a version to compare with; 0 for none
	goals     evalGoals
}

func (a *app) evalCommand() *cobra.Command {
	e := evaluation{options: sim.Options{Drawn: true}, goals: defaultGoals()}
	var only []string
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure the criteria on organisations whose true stages are known",
		Long: "eval invents organisations, reads each through the production path, and compares the stages found with the true\n" +
			"ones: how many are exact, how soon a change is noticed, how often a fall is reported that was none, and how well\n" +
			"confidence is calibrated. It exits with 1 if a goal is missed.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if e.seeds < 1 || e.warmup < 0 {
				return usageErrorf("--seeds must be at least 1 and --warmup at least 0\nhint: metrics-maturity eval --help")
			}
			plan, err := evalPlan(only)
			if err != nil {
				return err
			}
			err = a.evaluate(cmd, e, plan)
			if stopped(cmd.Context(), err) {
				return nil
			}
			return err
		},
	}
	f := cmd.Flags()
	f.IntVar(&e.options.Teams, "teams", 12, "teams of an organisation")
	f.IntVar(&e.options.Weeks, "weeks", 52, "weeks of an organisation")
	f.IntVar(&e.seeds, "seeds", 1, "organisations of each scenario")
	f.Uint64Var(&e.firstSeed, "first-seed", 1, "seed of the first of them")
	f.IntVar(&e.warmup, "warmup", 8, "first weeks that are not scored: habits were not watched yet")
	f.IntVar(&e.version, "criteria", stage.LatestVersion, "version of the criteria to measure")
	f.IntVar(&e.against, "compare-criteria", 0, "a `version` of the criteria to compare with: says which teams it would place elsewhere")
	f.StringSliceVar(&only, "scenario", nil, "only these `scenarios`, a+b for two at once; plain is the one without complications (default all)")
	e.goals.flags(f)
	return cmd
}

// plainScenario is the name of an organisation without complications.
const plainScenario = "plain"

// evalPlan lists the scenarios to simulate: the plain one, each complication by itself, and some at once.
func evalPlan(only []string) ([][]sim.Scenario, error) {
	names := []string{plainScenario}
	for _, s := range sim.Scenarios() {
		names = append(names, string(s))
	}
	wanted := only
	if len(wanted) == 0 {
		wanted = append(slices.Clone(names), "log_outage+incidents", "holidays+robots", "platform_team+reorganised")
	}
	var plan [][]sim.Scenario
	for _, w := range wanted {
		var scenarios []sim.Scenario
		for name := range strings.SplitSeq(w, "+") {
			if !slices.Contains(names, name) {
				return nil, usageErrorf("--scenario: unknown scenario %q\nhint: %s", name, suggest(name, names))
			}
			if name != plainScenario {
				scenarios = append(scenarios, sim.Scenario(name))
			}
		}
		plan = append(plan, scenarios)
	}
	return plan, nil
}

// scenarioName is the name of scenarios at once, as --scenario takes it.
func scenarioName(scenarios []sim.Scenario) string {
	if len(scenarios) == 0 {
		return plainScenario
	}
	var names []string
	for _, s := range scenarios {
		names = append(names, string(s))
	}
	return strings.Join(names, "+")
}

// evaluate measures each scenario and prints a line about it, then all together.
func (a *app) evaluate(cmd *cobra.Command, e evaluation, plan [][]sim.Scenario) error {
	if err := a.print("%s\n", evalHeader); err != nil {
		return err
	}
	var total sim.Score
	var missed []string
	moves := 0
	for _, scenarios := range plan {
		score, moved, err := a.evalScenario(cmd, e, scenarios)
		if err != nil {
			return err
		}
		name := scenarioName(scenarios)
		failed := e.goals.missed(score, scenarios)
		for _, f := range failed {
			missed = append(missed, name+": "+f)
		}
		if err := a.print("%s\n", evalLine(name, score, len(failed) == 0)); err != nil {
			return err
		}
		for _, m := range moved {
			if err := a.print("    %s\n", m); err != nil {
				return err
			}
		}
		moves += len(moved)
		total.Add(score)
	}
	if err := a.print("%s\n\n", evalLine("all together", total, len(missed) == 0)); err != nil {
		return err
	}
	if e.against != 0 {
		if err := a.print("version %d would place a team elsewhere %d times, each a stretch of weeks\n\n", e.against, moves); err != nil {
			return err
		}
	}
	if err := total.WriteTable(a.stdout); err != nil {
		return ignoreClosed(err)
	}
	if err := a.print("\n"); err != nil {
		return err
	}
	if err := total.WriteReliability(a.stdout); err != nil {
		return ignoreClosed(err)
	}
	if len(missed) > 0 {
		return fmt.Errorf("goals missed: %s", strings.Join(missed, "; "))
	}
	return nil
}

// evalScenario scores the organisations of one scenario, and tells who would move under other criteria.
func (a *app) evalScenario(cmd *cobra.Command, e evaluation, scenarios []sim.Scenario) (score sim.Score, moves []string, err error) {
	criteria, err := stage.CriteriaVersion(e.version)
	if err != nil {
		return score, nil, asUsage(err)
	}
	for i := range e.seeds {
		options := e.options
		options.Seed, options.Scenarios = e.firstSeed+uint64(i), scenarios
		err := a.withOrganisation(cmd.Context(), options, func(o organisation) error {
			org := o.picture.org
			org.Criteria = criteria
			score.Add(sim.Measure(o.truth, stage.Assess(org), e.warmup))
			if e.against == 0 {
				return nil
			}
			other, err := stage.CriteriaVersion(e.against)
			if err != nil {
				return asUsage(err)
			}
			for _, m := range stage.Compare(org, criteria, other).Moves {
				moves = append(moves, fmt.Sprintf("seed %d: %s", options.Seed, moveLine(m)))
			}
			return nil
		})
		if err != nil {
			return score, nil, err
		}
	}
	return score, moves, nil
}
