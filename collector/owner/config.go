// Package owner turns stored days into teams at read time. Its single job is to say, of each row, whose act it was and
// why: a team's, nobody's, or a machine's. It is pure: the same configuration, facts and days give the same acts, so a
// corrected rule or a reorganisation needs no new collection.
//
// A row is judged in this order, and the first answer holds:
//
//  1. Its actor was forgotten: the team stored with it.
//  2. A robot: the reason stored with it, else a login, author or client named under automation, else a Grafana asking a
//     Prometheus (named as grafana_clients, or learned, see learn.go), else another source that tells more of the same act (see
//     twice.go, samerule.go, passed.go).
//  3. A rule, goal or metric: the owner of the rule. A label or annotation on the rule beats the path of its file, which
//     beats the selector of the metric that it records, which beats the team of its author. A goal belongs to the team
//     that it names.
//  4. Anything else: the team of its person on that date; if no person is known, of its tenant, of its client's network
//     (the longest prefix wins), and for a query that no Grafana asked, of the owner of its metrics.
//
// Where several teams answer, the one that owns the subject wins, else nobody: the reason is then a conflict.
package owner

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Config is the owner rules of an organisation.
type Config struct {
	Teams      []Team
	Automation Automation

	// GrafanaClients is whence a Grafana asks, by name of the source that is asked.
	GrafanaClients map[string][]netip.Prefix

	// Types is the configured type of each source by its name, such as "grafana-log". A source that it lacks is told by
	// its scopes: "org:1" is a Grafana's, the source's own name a query log's.
	Types map[string]string

	// Codeowners are the CODEOWNERS files that hold, each of its own repository; set by Config.WithCodeowners.
	Codeowners []activity.Codeowners

	// Location is the timezone in which days were folded; nil is UTC.
	Location *time.Location
}

// Automation names known robots. Patterns such as "*[bot]" cannot be held against hashes: they act while collecting,
// and here an entry matches what it spells out.
type Automation struct {
	Logins  []string
	Authors []string // as Team.Authors
	Clients []netip.Prefix
}

// Team is one team and what is its own.
type Team struct {
	Name    string
	Members []Member

	// Authors are git authors: "Name <email>" matches the e-mail; an e-mail or a name alone matches itself, and a name
	// of one word the local part of an e-mail too.
	Authors []string

	// GrafanaTeams are names of teams in a Grafana.
	GrafanaTeams []string
	Seen         []activity.Membership // who was seen in them; set by Config.WithGrafanaTeams

	Folders    []string // titles or uids of dashboard folders
	Dashboards []string // dashboard uids

	RulePaths       []string          // doublestar globs on the path of a rule file in its repository
	RuleLabels      map[string]string // a rule with all of these labels is the team's
	RuleAnnotations map[string]string // a rule with all of these annotations is the team's

	NamedBy    []string // a rule with one of these labels, and the team's name as its value, is the team's; set by Config.WithRuleLabels
	Codeowners []string // what CODEOWNERS files call the team, where they tell what is its own; set by Config.WithCodeowners

	Metrics []string // PromQL series selectors
	Clients []netip.Prefix
	Tenants []string
}

// Member is a person's time in a team.
type Member struct {
	Login    string        // also matches a git author's name, e-mail or its local part
	From, To activity.Date // To is the first day no longer a member; 0 is open
}

// Types of sources that are treated apart. Every type that starts with "grafana-" names its people by login.
const (
	typeRequestLog = "grafana-log"
	typeInsights   = "grafana-usage-insights"
	typeQueryLog   = "prometheus-query-log" // actors are network clients
	typeRules      = "rules-git"
	typeResources  = "rules-kubernetes"
	typePrometheus = "prometheus-api"
	grafanaPrefix  = "grafana-"
)

// hasAccounts reports whether a source of this type names user names that may be a person's or a tenant's.
func hasAccounts(sourceType string) bool {
	switch sourceType {
	case "vmauth-log", "nginx-log", "thanos-query-log":
		return true
	}
	return false
}

// HasPeople reports whether an owner rule of t speaks of people, so that silence is the silence of somebody. A team of Grafana in which
// nobody was seen yet has none.
func (t Team) HasPeople() bool {
	return len(t.Members)+len(t.Authors)+len(t.Seen)+len(t.Clients) > 0
}

// claimsRules reports whether an owner rule of t speaks of rules wherever they are.
func (t Team) claimsRules() bool {
	return len(t.RulePaths)+len(t.RuleLabels)+len(t.RuleAnnotations)+len(t.NamedBy) > 0
}

// CouldMatch reports whether an owner rule of t could claim an act from a source of this type.
func (t Team) CouldMatch(sourceType string) bool {
	people := len(t.Members)+len(t.Seen) > 0
	metrics := len(t.Metrics) > 0
	rules := t.claimsRules()
	switch {
	case strings.HasPrefix(sourceType, grafanaPrefix):
		return people
	case sourceType == typeRules:
		return people || rules || metrics || len(t.Authors)+len(t.Codeowners) > 0
	case sourceType == typeResources:
		return rules || metrics
	case sourceType == typePrometheus:
		return rules || metrics || len(t.Tenants) > 0
	case sourceType == typeQueryLog:
		return metrics || len(t.Clients)+len(t.Tenants) > 0
	}
	return people || metrics || len(t.Clients)+len(t.Tenants) > 0
}

// LabelNames returns the names of the labels in metric selectors, without __name__, sorted: what a query's matchers
// are kept on. Selectors that do not parse add none.
func (c Config) LabelNames() []string {
	names := map[string]bool{}
	for i, t := range c.Teams {
		for _, text := range t.Metrics {
			sel, err := parseSelector(i, text)
			if err != nil {
				continue
			}
			for _, m := range sel.labels {
				names[m.Name] = true
			}
		}
	}
	return sortedKeys(names)
}

// Selectors returns the metric selectors of all teams, each once, sorted.
func (c Config) Selectors() []string {
	all := map[string]bool{}
	for _, t := range c.Teams {
		for _, selector := range t.Metrics {
			all[selector] = true
		}
	}
	return sortedKeys(all)
}

// AnnotationNames returns the names of the rule annotations that owner rules use, sorted.
func (c Config) AnnotationNames() []string {
	names := map[string]bool{}
	for _, t := range c.Teams {
		for name := range t.RuleAnnotations {
			names[name] = true
		}
	}
	return sortedKeys(names)
}

func sortedKeys(set map[string]bool) []string {
	var keys []string
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
