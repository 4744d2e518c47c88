package main

import (
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
)

// teamSizes says of which teams counts of people may be shown: in a small team a count may be a name.
type teamSizes struct {
	least    int
	members  map[string][]owner.Member
	grafana  map[string][]activity.Membership
	seen     map[string]int // different people seen in one source, at most
	bySource map[seenIn]int
	people   map[teamPerson]bool
	last     teamPerson
}

func newTeamSizes(o owner.Config, acts []activity.Act, least int) teamSizes {
	s := teamSizes{least: least, members: map[string][]owner.Member{}, grafana: map[string][]activity.Membership{}, seen: map[string]int{}, bySource: map[seenIn]int{}, people: map[teamPerson]bool{}}
	for _, t := range o.Teams {
		s.members[t.Name], s.grafana[t.Name] = t.Members, t.Seen
	}
	for i := range acts {
		s.see(&acts[i])
	}
	return s
}

// seenIn is where people of a team were seen. Somebody is another actor in each source: only those of one tell how many they are at
// least.
type seenIn struct{ team, source string }

// teamPerson is somebody in a team.
type teamPerson struct {
	seenIn
	id activity.ActorID
}

// see takes in who did an act.
func (s *teamSizes) see(a *activity.Act) {
	p := teamPerson{seenIn{a.Team, a.Source}, a.Actor}
	if a.Actor == 0 || p == s.last {
		return
	}
	s.last = p
	if !s.people[p] {
		s.people[p] = true
		s.bySource[p.seenIn]++
		s.seen[a.Team] = max(s.seen[a.Team], s.bySource[p.seenIn])
	}
}

// lists reports whether it is known who is in a team, whoever was seen.
func (s teamSizes) lists(team string) bool { return len(s.members[team])+len(s.grafana[team]) > 0 }

// hide reports whether a count of n people must not be shown: of a team that was too small, and of acts of no team if they are
// of so few.
func (s teamSizes) hide(n int, team string, on activity.Date) bool {
	if team == "" {
		return few(n, s.least)
	}
	return s.hidden(team, on)
}

// hidden reports whether the team was too small on a day. Nobody knows how many people are behind acts of no team.
func (s teamSizes) hidden(team string, on activity.Date) bool { return s.size(team, on) < s.least }

// hiddenWithin reports whether the team was too small on a day of from to to (exclusive) on which it had anybody: a count over all of
// them would be one of a small team, if nobody who came later or earlier did anything.
func (s teamSizes) hiddenWithin(team string, from, to activity.Date) bool {
	hidden := func(on activity.Date) bool { return from <= on && on < to && few(s.size(team, on), s.least) }
	for _, m := range s.members[team] { // else the size does not change
		if hidden(m.From) || hidden(m.To) {
			return true
		}
	}
	for _, m := range s.grafana[team] {
		if hidden(m.From) || hidden(m.To) {
			return true
		}
	}
	return hidden(from) || s.hidden(team, to)
}

// size is how many people are known to be in the team on a day; of one that lists nobody, how many were ever seen. Who is listed and
// is in the team in Grafana too is one person: the longer of both lists counts.
func (s teamSizes) size(team string, on activity.Date) int {
	if !s.lists(team) {
		return s.seen[team]
	}
	listed := map[string]bool{}
	for _, m := range s.members[team] {
		if within(on, m.From, m.To) {
			listed[strings.ToLower(m.Login)] = true
		}
	}
	people := map[activity.Digest]bool{}
	for _, m := range s.grafana[team] {
		if len(m.Digests) > 0 && within(on, m.From, m.To) {
			people[m.Digests[0]] = true
		}
	}
	return max(len(listed), len(people))
}

// within reports whether a day is in a time whose end is exclusive, and open if it is 0.
func within(on, from, to activity.Date) bool { return from <= on && (to == 0 || on < to) }
