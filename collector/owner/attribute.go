package owner

import (
	"maps"
	"slices"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Reasons of counted acts: which owner rule matched.
const (
	ReasonMember         = "member"          // its person is a member
	ReasonAuthor         = "author"          // its git author is the team's
	ReasonTenant         = "tenant"          // no person known
	ReasonClient         = "client"          // no person known; the client's network
	ReasonMetric         = "metric"          // a selector of its metrics
	ReasonRuleLabel      = "rule label"      // labels of the rule
	ReasonRuleAnnotation = "rule annotation" // annotations of the rule
	ReasonRuleFolder     = "rule folder"     // folder of a rule in Grafana
	ReasonRulePath       = "rule path"       // path of the rule's file
	ReasonGoal           = "goal"            // the goal names the team
)

// Reasons of unattributed acts: why they are nobody's.
const (
	ReasonConflict = "conflict"                 // several teams claim it, and none or several own the subject
	ReasonNoMember = "not a member of any team" // the person is known
	ReasonNoTeam   = "goal of an unknown team"  // it names a team that is not configured
	ReasonNobody   = "nobody"                   // no person is known, and no rule claims it
)

// robots are the reasons with which a forgotten row may have been judged a machine's.
var robots = []string{
	activity.RobotServiceAccount, activity.RobotAPI, activity.RobotKiosk, activity.RobotPlaylist, activity.RobotRefresh,
	activity.RobotRender, activity.RobotPublicDashboard, activity.RobotRuleEvaluation, activity.RobotGrafana,
	activity.RobotBotCommit, activity.RobotAutomation, activity.RobotClockwork, activity.RobotProvisioning, activity.RobotDuplicate,
}

// Attribute says whose acts days are: one act for each, in the same order. It learns the addresses of Grafanas, and who acts by
// the clock, from days as a whole, so days should hold all that is stored of the time in question; their order does not matter.
func (b *Book) Attribute(days []activity.Day) []activity.Act {
	b.mu.Lock()
	defer b.mu.Unlock()
	learned, regular, twice, again := b.learnGrafanas(days, nil), b.clockwork(days), b.toldTwice(days), b.toldByRequestLog(days)
	maps.Copy(twice, b.rulesToldTwice(days, twice))
	maps.Copy(twice, b.toldOnTheWay(days, learned))
	acts, recordings := make([]activity.Act, len(days)), b.recordings()
	for i := range days {
		acts[i].Day = b.named(days[i])
		if t, ok := twice[i]; ok {
			t.apply(&acts[i].Day)
		}
		if reason := again[i]; reason != "" {
			acts[i].Robot = reason
		}
		c, s := b.subject(&acts[i].Day)
		acts[i].Metrics, acts[i].Records = s.metrics, s.records
		b.judge(&acts[i], c, s, learned)
		acts[i].Metrics = recordings.about(acts[i].Metrics)
		if regular[i] && acts[i].Outcome != activity.Automated {
			acts[i].Outcome, acts[i].Reason, acts[i].Team = activity.Automated, activity.RobotClockwork, ""
		}
	}
	return acts
}

// Outcome says how an act counts by itself: nothing is learned from others, so the answer does not depend on which days are read
// together. It is what can be told while collecting. The basis tells what acts of the same date and sort have the same outcome.
func (b *Book) Outcome(d *activity.Day) (outcome activity.Outcome, basis activity.Basis) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := activity.Act{Day: b.named(*d)}
	c, s := classQuery, span{}
	if a.Kind != activity.KindQuery || len(b.selectors.all) > 0 { // else it does not matter what was asked: there may be a million questions
		c, s = b.subject(&a.Day)
	}
	basis = b.judge(&a, c, s, nil)
	return a.Outcome, basis
}

// judge fills in whose act a is and how it counts, given what its subject is, and tells what the outcome depends on.
func (b *Book) judge(a *activity.Act, c class, s span, learned map[client]bool) activity.Basis {
	who := b.actors[a.Actor]
	if robot := b.robot(a, who, learned); robot != "" {
		a.Outcome, a.Reason = activity.Automated, robot
		if a.Retired {
			return activity.ByAll
		}
		return activity.ByActor
	}
	if a.Retired {
		b.recall(a, c, s)
		return activity.ByAll
	}
	if b.toldByRules(&a.Day) {
		a.Outcome, a.Reason = activity.Automated, activity.RobotDuplicate
		return activity.ByAll
	}
	var team int
	basis := activity.ByAll
	org := b.fromGrafana(&a.Day)
	authored := a.Kind == activity.KindRule || a.Kind == activity.KindMetric || a.Kind == activity.KindGoal
	if authored && (!org || a.Actor == 0) {
		team, a.Reason = b.byRule(a, who, s)
	} else {
		team, a.Reason, basis = b.byPerson(a, who, c, s, org)
	}
	if team < 0 {
		a.Outcome = activity.Unattributed
		return basis
	}
	a.Outcome, a.Team, a.Own = activity.Counted, b.config.Teams[team].Name, b.own(team, c, s)
	if authored && a.Actor != 0 {
		a.ByTeam = activity.No
		if teams, _ := who.teamsOn(a.Date); slices.Contains(teams, team) {
			a.ByTeam = activity.Yes
		}
	}
	return basis
}

// robot returns why a is a machine's act, or "".
func (b *Book) robot(a *activity.Act, who *actor, learned map[client]bool) string {
	switch {
	case a.Robot != "":
		return a.Robot
	case a.Retired:
		// What was judged when its actor was forgotten stands.
		if a.Day.Team == "" && slices.Contains(robots, a.TeamReason) {
			return a.TeamReason
		}
		return ""
	case who != nil && who.robot != "":
		return who.robot
	case who != nil && slices.Contains(who.grafanas, a.Source), learned[client{a.Source, a.Actor}], b.toldByGrafana(&a.Day):
		return activity.RobotGrafana
	}
	return ""
}

// recall gives a row whose actor was forgotten the team that was stored with it.
func (b *Book) recall(a *activity.Act, c class, s span) {
	a.Team, a.Outcome, a.Reason, a.ByTeam = a.Day.Team, activity.Counted, a.TeamReason, a.TeamAuthor
	if a.Team == "" {
		a.Outcome = activity.Unattributed
		if a.Reason == "" {
			a.Reason = ReasonNobody
		}
		return
	}
	if team, ok := b.byName[a.Team]; ok {
		a.Own = b.own(team, c, s)
	}
}

// byRule finds the team of a rule, goal or metric: its owner, else its author's team, else its tenant's. team is -1 if
// there is none.
func (b *Book) byRule(a *activity.Act, who *actor, s span) (team int, reason string) {
	switch {
	case len(s.owners) > 1:
		return -1, ReasonConflict
	case len(s.owners) == 1:
		return s.owners[0], s.reason
	case s.foreign:
		return -1, ReasonNoTeam
	}
	if teams, _ := who.teamsOn(a.Date); len(teams) > 0 {
		return one(teams, s, ReasonAuthor)
	}
	if a.Actor != 0 {
		return -1, ReasonNoMember
	}
	return one(b.tenantTeams(a.Tenant), s, ReasonTenant)
}

// byPerson finds the team of any other act: its person's, else, where no person is known, its tenant's, its client
// network's, or that of the metrics that it asks for. team is -1 if there is none.
func (b *Book) byPerson(a *activity.Act, who *actor, c class, s span, org bool) (team int, reason string, basis activity.Basis) {
	of := func(teams []int, reason string) (int, string, activity.Basis) {
		team, reason := one(teams, s, reason)
		if len(teams) > 1 {
			return team, reason, activity.ByAll
		}
		return team, reason, activity.ByActor
	}
	if teams, reason := who.teamsOn(a.Date); len(teams) > 0 {
		return of(teams, reason)
	}
	if who != nil && len(who.accounts) > 0 && hasAccounts(b.config.Types[a.Source]) {
		return of(who.accounts, ReasonTenant)
	}
	if a.Actor != 0 && !b.isClient(&a.Day, who) {
		return -1, ReasonNoMember, activity.ByActor
	}
	if teams := b.tenantTeams(a.Tenant); len(teams) > 0 {
		return of(teams, ReasonTenant)
	}
	if who != nil && len(who.clients) > 0 {
		return of(who.networks, ReasonClient)
	}
	team, reason = -1, ReasonNobody
	if c == classQuery && !org {
		team, reason = one(s.owners, s, ReasonMetric)
	}
	return team, reason, activity.BySubject
}

// one returns the only team of teams, or the only one that owns the subject.
func one(teams []int, s span, reason string) (int, string) {
	switch len(teams) {
	case 0:
		return -1, ReasonNobody
	case 1:
		return teams[0], reason
	}
	team := -1
	for _, t := range teams {
		if !slices.Contains(s.owners, t) {
			continue
		}
		if team >= 0 {
			return -1, ReasonConflict
		}
		team = t
	}
	if team < 0 {
		return -1, ReasonConflict
	}
	return team, reason
}

// tenantTeams returns the teams of a tenant; a query over several tenants names them as "a|b".
func (b *Book) tenantTeams(tenant string) []int {
	if tenant == "" {
		return nil
	}
	if !strings.Contains(tenant, "|") {
		return b.tenants[tenant]
	}
	var teams []int
	for t := range strings.SplitSeq(tenant, "|") {
		for _, team := range b.tenants[t] {
			if !slices.Contains(teams, team) {
				teams = append(teams, team)
			}
		}
	}
	return teams
}

// fromGrafana reports whether a Grafana told of d, so that its actor is a login.
func (b *Book) fromGrafana(d *activity.Day) bool {
	if t := b.config.Types[d.Source]; t != "" {
		return strings.HasPrefix(t, grafanaPrefix)
	}
	return grafanaScope(d.Scope)
}

// isClient reports whether d's actor, who, is a network client and no login.
func (b *Book) isClient(d *activity.Day, who *actor) bool {
	switch {
	case who != nil && len(who.people) > 0:
		return false
	case who != nil && (who.address || len(who.clients) > 0):
		return true
	}
	if t := b.config.Types[d.Source]; t != "" {
		return t == typeQueryLog
	}
	return d.Kind == activity.KindQuery && d.Scope == d.Source
}
