package sim_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/stage"
	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

// limitOf measures the limit on some organisations.
func limitOf(t *testing.T, scenarios ...sim.Scenario) sim.Score {
	t.Helper()
	var s sim.Score
	for seed := range uint64(4) {
		truth, got, err := sim.Limit(sim.Options{Seed: 31 + seed, Teams: 16, Drawn: true, Scenarios: scenarios})
		if err != nil {
			t.Fatal(err)
		}
		s.Add(sim.Measure(truth, got, 8))
	}
	return s
}

// TestLimit: who knows everything but the stages is nearly always right, knows how sure to be, and seldom invents a fall;
// what was lost in an outage it does not know either.
func TestLimit(t *testing.T) {
	plain, outage := limitOf(t), limitOf(t, sim.LogOutage)
	for name, s := range map[string]sim.Score{"plain": plain, "outage": outage} {
		if s.ExactShare() < 0.94 || s.ExactShare() > 0.999 || s.OffByTwoShare() > 0.01 || s.FalseFallsPerYear() > 0.1 || s.Unknown > 0 {
			t.Errorf("%s: exact %.3f, off by two %.4f, false falls %.3f, unknown %d", name, s.ExactShare(), s.OffByTwoShare(), s.FalseFallsPerYear(), s.Unknown)
		}
		if e, _, n := s.Calibration(); n != s.Weeks || e > 0.03 {
			t.Errorf("%s: calibration error %.3f of %d weeks, of %d", name, e, n, s.Weeks)
		}
	}
	if outage.ExactShare() >= plain.ExactShare() {
		t.Errorf("with logs lost it is as often right: %.4f, %.4f without", outage.ExactShare(), plain.ExactShare())
	}
}

// TestLimitIsOfTheSameOrganisation: the truth is that of the organisation that is written, and the same every time.
func TestLimitIsOfTheSameOrganisation(t *testing.T) {
	o := sim.Options{Seed: 7, Teams: 6, Weeks: 30, Drawn: true, Scenarios: []sim.Scenario{sim.NewTeam, sim.Dissolved}}
	written, err := sim.Generate(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	truth, got, err := sim.Limit(o)
	if err != nil {
		t.Fatal(err)
	}
	_, again, err := sim.Limit(o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written, truth); diff != "" {
		t.Errorf("-written +limit:\n%s", diff)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("-once +again:\n%s", diff)
	}
	for i, team := range truth.Teams {
		for w, week := range team.Weeks {
			if told := got[i].History[w].Status == stage.StatusOK; told != week.Exists {
				t.Fatalf("%s in week %d: told %v, exists %v", team.Name, w, told, week.Exists)
			}
		}
	}
	if _, _, err := sim.Limit(sim.Options{Teams: -1}); err == nil {
		t.Error("a limit of no teams")
	}
}
