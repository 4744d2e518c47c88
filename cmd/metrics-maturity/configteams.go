package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
)

// resolveOwners reads teams: and automation:.
func resolveOwners(path string, f *file) (owner.Config, error) {
	var c owner.Config
	first := map[string]int{}
	for i, t := range f.Teams {
		at := fmt.Sprintf("%s:%d: teams[%d]", path, t.Name.Line, i)
		if t.Name.Text == "" {
			return c, usageErrorf("%s: teams[%d] has no name\nhint: give it one; it becomes a label of metrics", path, i)
		}
		if strings.ContainsFunc(t.Name.Text, isControl) {
			return c, usageErrorf("%s: the name %q holds a control character\nhint: names are shown in terminals and pages: keep them plain", at, t.Name.Text)
		}
		if j, twice := first[t.Name.Text]; twice {
			return c, usageErrorf("%s (%s): teams[%d] has the same name\nhint: put all owner rules of a team into one entry", at, t.Name.Text, j)
		}
		first[t.Name.Text] = i
		team, err := resolveTeam(path, t)
		if err != nil {
			return c, err
		}
		if err := validateTeam(path, t, team); err != nil {
			return c, err
		}
		c.Teams = append(c.Teams, team)
	}
	for _, w := range f.Automation.Logins {
		if strings.ContainsAny(w.Text, "*?") {
			return c, usageErrorf("%s:%d: automation.logins: %q is a pattern, which would match nothing: logins are kept as hashes\nhint: list each login; authors take patterns", path, w.Line, w.Text)
		}
	}
	c.Automation.Logins = texts(f.Automation.Logins)
	c.Automation.Authors = texts(f.Automation.Authors)
	clients, err := prefixes(path, "automation.clients", f.Automation.Clients)
	c.Automation.Clients = clients
	return c, err
}

func resolveTeam(path string, t teamFile) (owner.Team, error) {
	team := owner.Team{
		Name:            t.Name.Text,
		Authors:         texts(t.Authors),
		GrafanaTeams:    texts(t.GrafanaTeams),
		Folders:         texts(t.Folders),
		Dashboards:      texts(t.Dashboards),
		RulePaths:       texts(t.Rules.Paths),
		RuleLabels:      textsByName(t.Rules.Labels),
		RuleAnnotations: textsByName(t.Rules.Annotations),
		Metrics:         texts(t.Metrics),
		Tenants:         texts(t.Tenants),
	}
	for i, m := range t.Members {
		member, err := resolveMember(path, fmt.Sprintf("members[%d] of team %s", i, t.Name.Text), m)
		if err != nil {
			return team, err
		}
		team.Members = append(team.Members, member)
	}
	var err error
	team.Clients, err = prefixes(path, "clients of team "+t.Name.Text, t.Clients)
	return team, err
}

// validateTeam holds what is written of a team against what owner rules take: entry by entry where they have a line of their own.
func validateTeam(path string, t teamFile, whole owner.Team) error {
	valid := func(line int, team owner.Team) error {
		team.Name = whole.Name
		if err := (owner.Config{Teams: []owner.Team{team}}).Validate(); err != nil {
			return usageErrorf("%s:%d: %w", path, line, err)
		}
		return nil
	}
	for _, w := range t.Metrics {
		if err := valid(w.Line, owner.Team{Metrics: texts([]word{w})}); err != nil {
			return err
		}
	}
	for _, w := range t.Rules.Paths {
		if err := valid(w.Line, owner.Team{RulePaths: texts([]word{w})}); err != nil {
			return err
		}
	}
	return valid(t.Name.Line, whole)
}

func resolveMember(path, of string, m memberFile) (owner.Member, error) {
	member := owner.Member{Login: m.Login.Text}
	if m.Login.Text == "" {
		return member, usageErrorf("%s:%d: %s has no login\nhint: write a member as alice, or as {login: alice, from: 2026-05-01}", path, max(m.From.Line, m.To.Line), of)
	}
	for _, bound := range []struct {
		key  string
		word word
		date *activity.Date
	}{{"from", m.From, &member.From}, {"to", m.To, &member.To}} {
		if bound.word.Text == "" {
			continue
		}
		date, err := activity.ParseDate(bound.word.Text)
		if err != nil {
			return member, usageErrorf("%s:%d: %s: %s: %q is not a date\nhint: write it as 2026-05-01", path, bound.word.Line, of, bound.key, bound.word.Text)
		}
		*bound.date = date
	}
	if member.From != 0 && member.To != 0 && member.To <= member.From {
		return member, usageErrorf("%s:%d: %s: to is not after from\nhint: to is the first day no longer a member", path, m.To.Line, of)
	}
	return member, nil
}

func texts(words []word) []string {
	var out []string
	for _, w := range words {
		if w.Text != "" {
			out = append(out, w.Text)
		}
	}
	return out
}

func textsByName(words map[string]word) map[string]string {
	if len(words) == 0 {
		return nil
	}
	out := make(map[string]string, len(words))
	for name, w := range words {
		out[name] = w.Text
	}
	return out
}

// teamsFrom is where teams come from without being typed out.
type teamsFrom struct {
	RuleLabels     []string // labels of rules whose values name teams
	FromGrafana    bool     // the teams of a Grafana
	FromCodeowners bool     // those that CODEOWNERS files of the rules' repositories name
}

// resolveTeamsFrom reads teams_from.
func resolveTeamsFrom(path string, from []word, sources []sourceConfig) (teamsFrom, error) {
	var t teamsFrom
	has := func(sourceType string) bool {
		return slices.ContainsFunc(sources, func(s sourceConfig) bool { return s.Type == sourceType })
	}
	for i, w := range from {
		where := fmt.Sprintf("%s:%d: teams_from[%d]", path, w.Line, i)
		kind, arg, _ := strings.Cut(w.Text, ":")
		switch {
		case kind == "rule_label" && arg != "":
			if !slices.Contains(t.RuleLabels, arg) {
				t.RuleLabels = append(t.RuleLabels, arg)
			}
		case w.Text == "grafana_teams":
			if !has(typeGrafanaAPI) {
				return t, usageErrorf("%s: no source tells Grafana's teams\nhint: add one of type %s", where, typeGrafanaAPI)
			}
			t.FromGrafana = true
		case w.Text == "codeowners":
			if !has(typeRulesGit) {
				return t, usageErrorf("%s: no source has a CODEOWNERS file\nhint: add one of type %s", where, typeRulesGit)
			}
			t.FromCodeowners = true
		default:
			return t, usageErrorf("%s: %q is no place to take teams from\nhint: write grafana_teams, codeowners, or rule_label: and a label's name, as in rule_label:team", where, w.Text)
		}
	}
	return t, nil
}
