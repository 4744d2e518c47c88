package owner

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// claim is what an owner rule says of the actors that carry a digest.
type claim struct {
	kind   claimKind
	team   int           // of claimMember, claimAuthor, claimClient, claimAccount
	from   activity.Date // of claimMember
	to     activity.Date // of claimMember; 0 is open
	bits   int           // of claimClient: length of the prefix
	robot  string        // of claimRobot: the reason
	source string        // of claimGrafana: the source that is asked
}

// claimKind is in order of preference: the reason given is that of the first claim.
type claimKind uint8

const (
	claimMember claimKind = iota
	claimAuthor
	claimClient
	claimRobot
	claimGrafana
	claimAccount // a user name that is a tenant's
	claimAddress // the actor is a network client
)

// claims returns what c says of each digest, under every key that people may have been hashed with.
func (c Config) claims(key activity.Key) map[activity.Digest][]claim {
	out := map[activity.Digest][]claim{}
	for _, k := range key.All() {
		c.claimsUnder(k, out)
	}
	return out
}

func (c Config) claimsUnder(key activity.Key, out map[activity.Digest][]claim) {
	add := func(d activity.Digest, cl claim) {
		if !slices.Contains(out[d], cl) {
			out[d] = append(out[d], cl)
		}
	}
	add(key.Client(), claim{kind: claimAddress})
	for i, t := range c.Teams {
		for _, m := range t.Members {
			for _, d := range key.Member(m.Login, "") {
				add(d, claim{kind: claimMember, team: i, from: m.From, to: m.To})
			}
		}
		for _, m := range t.Seen {
			for _, d := range m.Digests {
				add(d, claim{kind: claimMember, team: i, from: m.From, to: m.To})
			}
		}
		for _, entry := range t.Authors {
			for _, d := range parseAuthor(entry).digests(key) {
				add(d, claim{kind: claimAuthor, team: i})
			}
		}
		for _, name := range t.Tenants {
			add(key.Login(name), claim{kind: claimAccount, team: i})
		}
		for _, p := range t.Clients {
			p = unmap(p)
			add(key.Prefix(p), claim{kind: claimClient, team: i, bits: p.Bits()})
		}
	}
	for _, login := range c.Automation.Logins {
		add(key.Login(login), claim{kind: claimRobot, robot: activity.RobotAutomation})
	}
	for _, entry := range c.Automation.Authors {
		for _, d := range parseAuthor(entry).digests(key) {
			add(d, claim{kind: claimRobot, robot: activity.RobotBotCommit})
		}
	}
	for _, p := range c.Automation.Clients {
		add(key.Prefix(unmap(p)), claim{kind: claimRobot, robot: activity.RobotAutomation})
	}
	for source, prefixes := range c.GrafanaClients {
		for _, p := range prefixes {
			add(key.Prefix(unmap(p)), claim{kind: claimGrafana, source: source})
		}
	}
}

// AuthorDigests returns the digests by which an entry for a git author, as under authors:, is found, under every key.
func AuthorDigests(entry string, key activity.Key) (all []activity.Digest) {
	for _, k := range key.All() {
		all = append(all, parseAuthor(entry).digests(k)...)
	}
	return all
}

// Digests returns the digests by which owner rules match actors, sorted: what to ask the store for.
func (c Config) Digests(key activity.Key) []activity.Digest {
	claims := c.claims(key)
	out := make([]activity.Digest, 0, len(claims))
	for d := range claims {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b activity.Digest) int { return bytes.Compare(a[:], b[:]) })
	return out
}

// author is an entry that names a git author, by what it gives.
type author struct {
	name, email, local string
}

func parseAuthor(entry string) author {
	entry = strings.TrimSpace(entry)
	if name, rest, ok := strings.Cut(entry, "<"); ok {
		email := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), ">"))
		if email != "" {
			return author{email: email}
		}
		return author{name: strings.TrimSpace(name)}
	}
	switch {
	case strings.ContainsAny(entry, " \t"):
		return author{name: entry}
	case strings.Contains(entry, "@"):
		return author{email: entry}
	}
	return author{name: entry, local: entry}
}

func (a author) digests(key activity.Key) []activity.Digest {
	var out []activity.Digest
	if a.name != "" {
		out = append(out, key.AuthorName(a.name))
	}
	if a.email != "" {
		out = append(out, key.AuthorEmail(a.email))
	}
	if a.local != "" {
		out = append(out, key.AuthorLocal(a.local))
	}
	return out
}

// unmap writes a prefix of IPv4 addresses in their IPv6 form as the IPv4 prefix that it is, for so are addresses kept.
func unmap(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// shortestPrefix is the shortest length of prefixes by which addresses of p's family are kept.
func shortestPrefix(p netip.Prefix) int {
	if p.Addr().Is4() {
		return 8
	}
	return 32
}
