package main

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

// evalGoals are what the criteria must reach in every scenario.
type evalGoals struct {
	exact       float64 // least share of team weeks with the true stage
	exactHard   float64 // the same where little is there to be seen: tiny teams, incidents
	offByTwo    float64 // most team weeks two stages or more away
	falseFalls  float64 // most false falls per team and year
	rise        int     // most covered weeks in which half of the rises are noticed
	fall        int     // most covered weeks in which half of the falls are noticed
	fallMost    int     // most covered weeks in which 90 % of the falls are noticed
	calibration float64 // largest expected calibration error
}

func defaultGoals() evalGoals {
	return evalGoals{exact: 0.97, exactHard: 0.95, offByTwo: 0.005, falseFalls: 0.05, rise: 4, fall: 4, fallMost: 8, calibration: 0.05}
}

func (g *evalGoals) flags(f *pflag.FlagSet) {
	f.Float64Var(&g.exact, "min-exact", g.exact, "goal: least share of team weeks with the true stage")
	f.Float64Var(&g.exactHard, "min-exact-hard", g.exactHard, "goal: the same for tiny teams and incidents")
	f.Float64Var(&g.offByTwo, "max-off-by-two", g.offByTwo, "goal: most team weeks two stages or more away")
	f.Float64Var(&g.falseFalls, "max-false-falls", g.falseFalls, "goal: most false falls per team and year")
	f.IntVar(&g.rise, "max-rise-delay", g.rise, "goal: most weeks within which half of the rises are noticed")
	f.IntVar(&g.fall, "max-fall-delay", g.fall, "goal: most weeks within which half of the falls are noticed")
	f.IntVar(&g.fallMost, "max-fall-delay-90", g.fallMost, "goal: most weeks within which 90 % of the falls are noticed")
	f.Float64Var(&g.calibration, "max-calibration-error", g.calibration, "goal: largest expected calibration error of confidence")
}

// missed lists the goals that a score missed.
func (g evalGoals) missed(s sim.Score, scenarios []sim.Scenario) []string {
	var out []string
	miss := func(missed bool, format string, args ...any) {
		if missed {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	exact := g.exact
	if slices.Contains(scenarios, sim.TinyTeams) || slices.Contains(scenarios, sim.Incidents) {
		exact = g.exactHard
	}
	miss(s.ExactShare() < exact, "exact %.1f%%, goal %.1f%%", 100*s.ExactShare(), 100*exact)
	miss(s.OffByTwoShare() > g.offByTwo, "off by two %.2f%%, goal %.2f%%", 100*s.OffByTwoShare(), 100*g.offByTwo)
	miss(s.FalseFallsPerYear() > g.falseFalls, "false falls per team and year %.3f, goal %.3f", s.FalseFallsPerYear(), g.falseFalls)
	miss(s.Rises.Quantile(0.5) > g.rise, "half of the rises noticed within %d weeks, goal %d", s.Rises.Quantile(0.5), g.rise)
	miss(s.Falls.Quantile(0.5) > g.fall, "half of the falls noticed within %d weeks, goal %d", s.Falls.Quantile(0.5), g.fall)
	miss(s.Falls.Quantile(0.9) > g.fallMost, "90%% of the falls noticed within %d weeks, goal %d", s.Falls.Quantile(0.9), g.fallMost)
	if e, _, n := s.Calibration(); n > 0 {
		miss(e > g.calibration, "calibration error %.3f, goal %.3f", e, g.calibration)
	}
	return out
}

// evalHeader names the columns of evalLine. Delays are covered weeks: half of the changes, 90 % of them. The false falls in
// brackets were reported in an outage or a holiday, or soon after one.
const evalHeader = "scenario                    exact  off by 2  unknown    rise    fall    missed   false falls/year      (outage, holiday)  calibration   Brier"

// evalLine is the line of one scenario.
func evalLine(name string, s sim.Score) string {
	e, brier, _ := s.Calibration()
	return fmt.Sprintf("%-26s %5.1f%% %8.2f%% %7.1f%% %7s %7s %9s %18s %22s %12.3f %7.3f",
		name, 100*s.ExactShare(), 100*s.OffByTwoShare(), 100*s.UnknownShare(), delays(s.Rises), delays(s.Falls),
		fmt.Sprintf("%d/%d", s.Rises.Missed+s.Falls.Missed, s.Rises.Seen()+s.Falls.Seen()),
		fmt.Sprintf("%.3f (%d)", s.FalseFallsPerYear(), s.FalseFalls), fmt.Sprintf("(%d, %d)", s.OutageFalls, s.HolidayFalls), e, brier)
}

func delays(c sim.Changes) string { return fmt.Sprintf("%d, %d", c.Quantile(0.5), c.Quantile(0.9)) }
