package owner

import (
	"cmp"
	"math"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// actor is all that owner rules say of one actor.
type actor struct {
	claims   []claim // all, in the order in which they were learned
	people   []claim // as member or author
	clients  []claim
	robot    string
	grafanas []string // sources that it asks as a Grafana
	accounts []int    // teams of which it is a tenant, where it signs in with a user name
	address  bool     // it is a network client, and no login

	periods  []period // from people, oldest first
	networks []int    // from clients: the teams that claim the longest prefix of its address
}

// period is a time of unchanged membership, until the next period.
type period struct {
	from   activity.Date
	teams  []int // each once
	reason string
}

// with returns an actor of whom c is said too. Of actors of whom the same is said there is one, as there may be a million addresses.
func (b *Book) with(a *actor, c claim) *actor {
	if a != nil && slices.Contains(a.claims, c) {
		return a
	}
	next, ok := b.alike[claimed{a, c}]
	if !ok {
		next = &actor{}
		if a != nil {
			*next = *a
			next.claims, next.people, next.clients = slices.Clip(a.claims), slices.Clone(a.people), slices.Clone(a.clients)
			next.grafanas, next.accounts = slices.Clone(a.grafanas), slices.Clone(a.accounts)
		}
		next.claims = append(next.claims, c)
		next.add(c)
		b.alike[claimed{a, c}] = next
	}
	return next
}

// claimed is an actor, nil for nobody yet, with what is said of it besides.
type claimed struct {
	actor *actor
	claim claim
}

func (a *actor) add(c claim) {
	switch c.kind {
	case claimMember, claimAuthor:
		if slices.Contains(a.people, c) {
			return
		}
		a.people = append(a.people, c)
		// Reasons and conflicts must not depend on the order in which digests were learned.
		slices.SortFunc(a.people, func(x, y claim) int {
			return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.team, y.team), cmp.Compare(x.from, y.from), cmp.Compare(x.to, y.to))
		})
		a.periods = periodsOf(a.people)
	case claimClient:
		if slices.Contains(a.clients, c) {
			return
		}
		a.clients = append(a.clients, c)
		slices.SortFunc(a.clients, func(x, y claim) int {
			return cmp.Or(cmp.Compare(y.bits, x.bits), cmp.Compare(x.team, y.team))
		})
		a.networks = nil
		for _, c := range a.clients {
			if c.bits == a.clients[0].bits {
				a.networks = append(a.networks, c.team)
			}
		}
	case claimRobot:
		if a.robot == "" || c.robot < a.robot {
			a.robot = c.robot
		}
	case claimGrafana:
		if !slices.Contains(a.grafanas, c.source) {
			a.grafanas = append(a.grafanas, c.source)
		}
	case claimAccount:
		if !slices.Contains(a.accounts, c.team) {
			a.accounts = append(a.accounts, c.team)
			slices.Sort(a.accounts)
		}
	case claimAddress:
		a.address = true
	}
}

// periodsOf cuts time where a claim begins or ends.
func periodsOf(claims []claim) []period {
	cuts := []activity.Date{math.MinInt32}
	for _, c := range claims {
		if c.from != 0 {
			cuts = append(cuts, c.from)
		}
		if c.to != 0 {
			cuts = append(cuts, c.to)
		}
	}
	slices.Sort(cuts)
	var out []period
	for _, from := range slices.Compact(cuts) {
		p := period{from: from}
		for _, c := range claims {
			begun := c.from == 0 || from >= c.from
			ended := c.to != 0 && from >= c.to
			if !begun || ended || slices.Contains(p.teams, c.team) {
				continue
			}
			if p.reason == "" {
				p.reason = ReasonMember
				if c.kind == claimAuthor {
					p.reason = ReasonAuthor
				}
			}
			p.teams = append(p.teams, c.team)
		}
		out = append(out, p)
	}
	return out
}

// teamsOn returns the teams of which a was a member or author on a date, and how the first is known. A nil actor is in
// none.
func (a *actor) teamsOn(date activity.Date) ([]int, string) {
	if a == nil || len(a.periods) == 0 {
		return nil, ""
	}
	at := 0
	for at+1 < len(a.periods) && a.periods[at+1].from <= date {
		at++
	}
	return a.periods[at].teams, a.periods[at].reason
}
