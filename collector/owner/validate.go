package owner

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Validate returns everything that is wrong with c, each with a hint, or nil. People and addresses are named by their
// position in the configuration, because messages end up in logs.
func (c Config) Validate() error {
	var errs []error
	first := map[string]int{}
	for i, t := range c.Teams {
		if strings.TrimSpace(t.Name) == "" {
			errs = append(errs, fmt.Errorf("teams: entry %d has no name\nhint: give it one: it becomes the label team of the metrics", i+1))
			continue
		}
		if at, ok := first[t.Name]; ok {
			errs = append(errs, fmt.Errorf("teams: entries %d and %d are both named %q\nhint: merge them, or rename one", at, i+1, t.Name))
		} else {
			first[t.Name] = i + 1
		}
		errs = append(errs, t.validate()...)
	}
	where := func(what string) string { return "automation: " + what }
	errs = append(errs, validateAuthors(where, c.Automation.Authors)...)
	errs = append(errs, validatePrefixes(where("clients"), c.Automation.Clients)...)
	for i, login := range c.Automation.Logins {
		if strings.TrimSpace(login) == "" {
			errs = append(errs, fmt.Errorf("automation: logins entry %d is empty\nhint: remove it", i+1))
		}
	}
	for _, source := range sortedNames(c.GrafanaClients) {
		errs = append(errs, validatePrefixes(fmt.Sprintf("source %q: grafana_clients", source), c.GrafanaClients[source])...)
	}
	return errors.Join(errs...)
}

func (t Team) validate() []error {
	var errs []error
	fail := func(what, hint string) {
		errs = append(errs, fmt.Errorf("team %q: %s\nhint: %s", t.Name, what, hint))
	}
	for i, m := range t.Members {
		if strings.TrimSpace(m.Login) == "" {
			fail(fmt.Sprintf("member %d has no login", i+1), "write the Grafana login, or remove the entry")
		}
		if m.To != 0 && m.To <= m.From {
			fail(fmt.Sprintf("member %d: to %s is not after from %s", i+1, m.To, m.From), "to is the first day on which the person is no longer a member")
		}
	}
	errs = append(errs, validateAuthors(func(what string) string { return fmt.Sprintf("team %q: %s", t.Name, what) }, t.Authors)...)
	for _, glob := range t.RulePaths {
		if glob == "" || !doublestar.ValidatePattern(glob) {
			fail(fmt.Sprintf("rule path %q is not a glob", glob), "** matches any folders, * anything but a slash: payments/**/*.yaml; the path starts at the root of the repository")
		}
	}
	pairs := func(what string, pairs map[string]string) {
		for _, name := range sortedNames(pairs) {
			if name == "" || pairs[name] == "" {
				fail(fmt.Sprintf("rule %s %q has no value", what, name), "write the value that the team's rules carry: {team: "+t.Name+"}")
			}
		}
	}
	pairs("label", t.RuleLabels)
	pairs("annotation", t.RuleAnnotations)
	for _, text := range t.Metrics {
		if _, err := parseSelector(0, text); err != nil {
			errs = append(errs, selectorError(t.Name, text, err))
		}
	}
	errs = append(errs, validatePrefixes(fmt.Sprintf("team %q: clients", t.Name), t.Clients)...)
	filled := func(what string, entries []string) {
		if at := slices.Index(entries, ""); at >= 0 {
			fail(fmt.Sprintf("%s entry %d is empty", what, at+1), "remove it")
		}
	}
	filled("folders", t.Folders)
	filled("dashboards", t.Dashboards)
	filled("tenants", t.Tenants)
	return errs
}

func selectorError(team, text string, err error) error {
	return fmt.Errorf("team %q: metric selector %q: %w\nhint: write a series selector that names the team's metrics, "+
		`such as {__name__=~"payments_.*"} or {namespace="payments"}`, team, text, err)
}

func validateAuthors(where func(string) string, authors []string) []error {
	var errs []error
	for i, entry := range authors {
		if a := parseAuthor(entry); a == (author{}) {
			errs = append(errs, fmt.Errorf("%s\nhint: write \"Name <email>\", an e-mail, or a name", where(fmt.Sprintf("authors entry %d names nobody", i+1))))
		}
	}
	return errs
}

func validatePrefixes(where string, prefixes []netip.Prefix) []error {
	var errs []error
	for i, p := range prefixes {
		if !p.IsValid() {
			errs = append(errs, fmt.Errorf("%s entry %d is no network\nhint: write it as 10.1.2.0/24 or 2001:db8::/32", where, i+1))
			continue
		}
		if shortest := shortestPrefix(unmap(p)); unmap(p).Bits() < shortest {
			errs = append(errs, fmt.Errorf("%s entry %d is wider than /%d\nhint: addresses are kept as hashes of their networks from /%d on: list several narrower ones",
				where, i+1, shortest, shortest))
		}
	}
	return errs
}

// Warnings returns what is allowed but may not be meant: claims that two teams share, and teams that claim nothing.
func (c Config) Warnings() []string {
	var out []string
	warn := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }

	type membership struct {
		team, at int
		Member
	}
	members := map[string][]membership{}
	claims := map[string]string{} // "kind\x00value" -> where
	folded := map[string]string{}
	claim := func(kind, value, where, show string) {
		key := kind + "\x00" + value
		if before, ok := claims[key]; ok && before != where {
			warn("team %q: %s is also claimed by team %q: what only this rule could decide counts for neither", where, show, before)
			return
		}
		claims[key] = where
	}
	for i, t := range c.Teams {
		low := strings.ToLower(strings.TrimSpace(t.Name))
		if other, ok := folded[low]; ok && other != t.Name {
			warn("teams %q and %q differ in case alone", other, t.Name)
		}
		folded[low] = t.Name
		if len(t.Folders)+len(t.Dashboards)+len(t.Tenants)+len(t.Metrics)+len(t.GrafanaTeams) == 0 && !t.claimsRules() && !t.HasPeople() {
			warn("team %q has no owner rules: nothing can be its own", t.Name)
		}
		for at, m := range t.Members {
			login := strings.ToLower(strings.TrimSpace(m.Login))
			for _, o := range members[login] {
				if !o.overlaps(m) {
					continue
				}
				if o.team == i {
					warn("team %q: members %d and %d are the same person at the same time", t.Name, o.at+1, at+1)
				} else {
					warn("team %q: member %d is also member %d of team %q at the same time: acts on what neither owns count for nobody",
						t.Name, at+1, o.at+1, c.Teams[o.team].Name)
				}
			}
			members[login] = append(members[login], membership{team: i, at: at, Member: m})
		}
		for at, entry := range t.Authors {
			claim("author", fmt.Sprint(parseAuthor(strings.ToLower(entry))), t.Name, fmt.Sprintf("authors entry %d", at+1))
		}
		for at, p := range t.Clients {
			if p.IsValid() {
				claim("client", unmap(p).String(), t.Name, fmt.Sprintf("clients entry %d", at+1))
			}
		}
		for kind, entries := range map[string][]string{"folder": t.Folders, "dashboard": t.Dashboards, "tenant": t.Tenants, "rule path": t.RulePaths, "metric selector": t.Metrics} {
			for _, e := range entries {
				claim(kind, e, t.Name, fmt.Sprintf("%s %q", kind, e))
			}
		}
	}
	slices.Sort(out)
	return out
}

func (m Member) overlaps(o Member) bool {
	return (m.To == 0 || o.From < m.To) && (o.To == 0 || m.From < o.To)
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
