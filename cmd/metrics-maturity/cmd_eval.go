package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

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
	limit     bool
	details   bool
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
	f.BoolVar(&e.limit, "limit", false, "also what a filter reaches that knows the true habits behind each act and everybody's days off, and only the teams' stages not")
	f.BoolVar(&e.details, "details", false, "for each scenario, too, a table by stage with the confusion of stages, and how reliable confidence is")
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
		wanted = append(slices.Clone(names), mixes()...)
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

// mixes are scenarios at once, each of them in some.
func mixes() []string {
	return []string{
		"log_outage+incidents", "holidays+robots", "platform_team+reorganised", "tiny_teams+new_team", "large_teams+gaming",
		"monthly_look+renamed", "alternate_look+dissolved", "solo_look+reformatted",
	}
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

// measured is what the organisations of one scenario gave.
type measured struct {
	score, limit sim.Score
	moves        []string // who would move under the criteria compared with
}

// evaluate measures each scenario and prints a line about it, then all together.
func (a *app) evaluate(cmd *cobra.Command, e evaluation, plan [][]sim.Scenario) error {
	if err := a.print("%s\n", evalHeader); err != nil {
		return err
	}
	var total measured
	var missed []string
	for _, scenarios := range plan {
		m, err := a.evalScenario(cmd, e, scenarios)
		if err != nil {
			return err
		}
		name := scenarioName(scenarios)
		failed := e.goals.missed(m.score, scenarios)
		for _, f := range failed {
			missed = append(missed, name+": "+f)
		}
		if err := a.evalScores(e, name, m, len(failed) == 0); err != nil {
			return err
		}
		if err := a.printLines(m.moves); err != nil {
			return err
		}
		if e.details {
			if err := a.evalTables(m.score); err != nil {
				return err
			}
		}
		total.moves = append(total.moves, m.moves...)
		total.score.Add(m.score)
		total.limit.Add(m.limit)
	}
	if err := a.evalScores(e, "all together", total, len(missed) == 0); err != nil {
		return err
	}
	if err := a.evalTables(total.score); err != nil {
		return err
	}
	if e.against != 0 {
		if err := a.print("version %d would place a team elsewhere %d times, each a stretch of weeks\n", e.against, len(total.moves)); err != nil {
			return err
		}
	}
	if len(missed) > 0 {
		return fmt.Errorf("goals missed: %s", strings.Join(missed, "; "))
	}
	return nil
}

// evalScores prints the line of a scenario, and the limit below it.
func (a *app) evalScores(e evaluation, name string, m measured, pass bool) error {
	verdict := "PASS"
	if !pass {
		verdict = "FAIL"
	}
	if err := a.print("%s  %s\n", evalLine(name, m.score), verdict); err != nil || !e.limit {
		return err
	}
	return a.print("%s\n", evalLine("    at most", m.limit))
}

// evalTables prints a score by stage and by confidence.
func (a *app) evalTables(s sim.Score) error {
	if err := a.print("\n"); err != nil {
		return err
	}
	if err := s.WriteTable(a.stdout); err != nil {
		return ignoreClosed(err)
	}
	if err := a.print("\n"); err != nil {
		return err
	}
	if err := s.WriteReliability(a.stdout); err != nil {
		return ignoreClosed(err)
	}
	return a.print("\n")
}

func (a *app) printLines(lines []string) error {
	for _, l := range lines {
		if err := a.print("    %s\n", l); err != nil {
			return err
		}
	}
	return nil
}

// evalScenario measures the organisations of one scenario, some at once. What they gave is added up in the order of seeds.
func (a *app) evalScenario(cmd *cobra.Command, e evaluation, scenarios []sim.Scenario) (measured, error) {
	each := make([]measured, e.seeds)
	group, ctx := errgroup.WithContext(cmd.Context())
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range each {
		options := e.options
		options.Seed, options.Scenarios = e.firstSeed+uint64(i), scenarios
		group.Go(func() (err error) {
			each[i], err = a.evalOrganisation(ctx, e, options)
			return err
		})
	}
	err := group.Wait()
	var all measured
	for _, m := range each {
		all.score.Add(m.score)
		all.limit.Add(m.limit)
		all.moves = append(all.moves, m.moves...)
	}
	return all, err
}

// evalOrganisation scores one organisation, and tells who would move under other criteria.
func (a *app) evalOrganisation(ctx context.Context, e evaluation, options sim.Options) (m measured, err error) {
	criteria, err := stage.CriteriaVersion(e.version)
	if err != nil {
		return m, asUsage(err)
	}
	err = a.withOrganisation(ctx, options, (*desk).gather, func(o organisation) error {
		org := o.picture.org
		org.Criteria = criteria
		m.score = sim.Measure(o.truth, stage.Assess(org), e.warmup)
		if e.against == 0 {
			return nil
		}
		other, err := stage.CriteriaVersion(e.against)
		if err != nil {
			return asUsage(err)
		}
		for _, move := range stage.Compare(org, criteria, other).Moves {
			m.moves = append(m.moves, fmt.Sprintf("seed %d: %s", options.Seed, moveLine(move)))
		}
		return nil
	})
	if err != nil || !e.limit {
		return m, err
	}
	truth, best, err := sim.Limit(options)
	if err != nil {
		return m, err
	}
	m.limit = sim.Measure(truth, best, e.warmup)
	return m, nil
}
