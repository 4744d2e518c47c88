package owner

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// ruleOwner is to whom a rule added by nobody goes.
func ruleOwner(t *testing.T, c Config, r activity.Rule) string {
	t.Helper()
	b, err := New(c, testKey, activity.Facts{Rules: []activity.Rule{r}})
	if err != nil {
		t.Fatal(err)
	}
	a := b.Attribute([]activity.Day{{Date: 20000, Source: "rules", Kind: activity.KindRule, Scope: r.Scope, Subject: r.Name, Count: 1}})[0]
	if a.Outcome != activity.Counted {
		return a.Reason
	}
	return a.Team + ", " + a.Reason
}

// TestCodeowners: the last line that matches decides in each section, a team typed out with paths keeps them, and one typed out for
// its people alone gets its rules from the file.
func TestCodeowners(t *testing.T) {
	c := Config{Types: map[string]string{"rules": typeRules}, Teams: []Team{
		{Name: "Payments Team", Members: []Member{{Login: "alice"}}},
		{Name: "typed", RulePaths: []string{"typed/**"}},
	}}
	line := func(section int, glob string, teams ...string) activity.CodeownersLine {
		return activity.CodeownersLine{Section: section, Glob: glob, Teams: teams}
	}
	old := activity.Codeowners{Seen: time.Unix(1, 0), Scope: "rules", Entries: []activity.CodeownersLine{line(0, "**", "former")}}
	now := activity.Codeowners{Seen: time.Unix(2, 0), Scope: "rules", Entries: []activity.CodeownersLine{
		line(0, "**", "platform"), line(0, "pay/**", "payments-team"), line(0, "pay/open/**"),
		line(0, "typed/**", "search"), line(0, "other/**", "typed"), line(1, "pay/two/**", "search"), line(2, "pay/two/**", "payments-team"),
	}}
	c = c.WithCodeowners([]activity.Codeowners{old, now})
	var names []string
	for _, team := range c.Teams {
		names = append(names, team.Name)
	}
	if diff := cmp.Diff([]string{"Payments Team", "typed", "platform", "search"}, names); diff != "" {
		t.Errorf("teams: -want +got\n%s", diff)
	}
	for path, want := range map[string]string{
		"rules:any.yaml":        "platform, rule path",
		"rules:pay/a.yaml":      "Payments Team, rule path",
		"rules:pay/open/a.yaml": ReasonNobody,
		"rules:typed/a.yaml":    "typed, rule path",
		"rules:other/a.yaml":    ReasonNobody,
		"rules:pay/two/a.yaml":  ReasonConflict,
		"another:any.yaml":      ReasonNobody,
	} {
		if got := ruleOwner(t, c, activity.Rule{Scope: path, Kind: activity.RuleAlert, Name: "A"}); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if team := c.Teams[2]; !team.CouldMatch(typeRules) || team.CouldMatch("grafana-log") || team.HasPeople() {
		t.Errorf("team %+v", team)
	}
}

// TestRuleLabelsNameTeams: a team that is there for its people gets the rules that name it, by whichever label; one that says which
// labels its rules have keeps to those.
func TestRuleLabelsNameTeams(t *testing.T) {
	c := Config{Types: map[string]string{"rules": typeRules}, Teams: []Team{
		{Name: "payments", Members: []Member{{Login: "alice"}}},
		{Name: "search", RuleLabels: map[string]string{"team": "find"}},
	}}
	labelled := func(name, value string) activity.Rule {
		return activity.Rule{Scope: "rules:a.yaml", Kind: activity.RuleAlert, Name: "A", Labels: map[string]string{name: value}}
	}
	all := []activity.Rule{labelled("team", "payments"), labelled("squad", "payments"), labelled("team", "search"), labelled("team", "find"),
		labelled("squad", "new"), labelled("team", "{{ $labels.team }}")}
	c = c.WithRuleLabels([]string{"team", "squad"}, all)
	want := []string{"payments, rule label", "payments, rule label", ReasonNobody, ReasonConflict, "new, rule label", ReasonNobody}
	for i, r := range all {
		if got := ruleOwner(t, c, r); got != want[i] {
			t.Errorf("%v: %s, want %s", r.Labels, got, want[i])
		}
	}
}
