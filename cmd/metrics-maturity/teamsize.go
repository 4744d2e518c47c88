package main

import (
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
)

// teamSizes says of which teams counts of people may be shown: in a small team a count may be a name.
type teamSizes struct {
	least   int
	members map[string][]owner.Member
	grafana map[string][]activity.Membership
	seen    map[string]int // different people seen
	people  map[teamPerson]bool
	last    teamPerson
}

func newTeamSizes(o owner.Config, acts []activity.Act, least int) teamSizes {
	s := teamSizes{least: least, members: map[string][]owner.Member{}, grafana: map[string][]activity.Membership{}, seen: map[string]int{}, people: map[teamPerson]bool{}}
	for _, t := range o.Teams {
		s.members[t.Name], s.grafana[t.Name] = t.Members, t.Seen
	}
	for i := range acts {
		s.see(&acts[i])
	}
	return s
}

// teamPerson is somebody in a team.
type teamPerson struct {
	team string
	id   activity.ActorID
}

// see takes in who did an act.
func (s *teamSizes) see(a *activity.Act) {
	p := teamPerson{a.Team, a.Actor}
	if a.Actor == 0 || p == s.last {
		return
	}
	s.last = p
	if !s.people[p] {
		s.people[p] = true
		s.seen[a.Team]++
	}
}

// lists reports whether it is known who is in a team, whoever was seen.
func (s teamSizes) lists(team string) bool { return len(s.members[team])+len(s.grafana[team]) > 0 }

// hide reports whether a count of n people must not be shown: of a team that was too small, and of acts of no team if they are
// of so few.
func (s teamSizes) hide(n int, team string, on activity.Date) bool {
	if team == "" {
		return 0 < n && n < s.least
	}
	return s.hidden(team, on)
}

// hidden reports whether the team was too small on a day. Nobody knows how many people are behind acts of no team. Who is listed and
// is in the team in Grafana too is one person: the longer of both lists counts.
func (s teamSizes) hidden(team string, on activity.Date) bool {
	if !s.lists(team) {
		return s.seen[team] < s.least
	}
	listed := 0
	for _, m := range s.members[team] {
		if within(on, m.From, m.To) {
			listed++
		}
	}
	people := map[activity.Digest]bool{}
	for _, m := range s.grafana[team] {
		if len(m.Digests) > 0 && within(on, m.From, m.To) {
			people[m.Digests[0]] = true
		}
	}
	return max(listed, len(people)) < s.least
}

// within reports whether a day is in a time whose end is exclusive, and open if it is 0.
func within(on, from, to activity.Date) bool { return from <= on && (to == 0 || on < to) }
