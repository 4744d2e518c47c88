package owner

import (
	"slices"
	"strings"
	"unicode"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// WithRuleLabels returns c with a team for each value that rules have of one of these labels, unless there is one of that name. A rule
// that names a team is the team's own, unless the team's entry says which labels its rules have: what is typed out wins.
func (c Config) WithRuleLabels(labels []string, rules []activity.Rule) Config {
	if len(labels) == 0 {
		return c
	}
	c.Teams = slices.Clone(c.Teams)
	known := map[string]bool{}
	for i := range c.Teams {
		known[c.Teams[i].Name] = true
		if len(c.Teams[i].RuleLabels) == 0 {
			c.Teams[i].NamedBy = labels
		}
	}
	for _, label := range labels {
		for _, name := range labelValues(rules, label) {
			if !known[name] {
				known[name] = true
				c.Teams = append(c.Teams, Team{Name: name, NamedBy: labels})
			}
		}
	}
	return c
}

// labelValues lists the different values of a label of rules, sorted. A templated value names no team.
func labelValues(rules []activity.Rule, label string) []string {
	values := map[string]bool{}
	for _, r := range rules {
		if v := r.Labels[label]; v != "" && !strings.Contains(v, "{{") {
			values[v] = true
		}
	}
	return sortedKeys(values)
}

// WithCodeowners returns c with a team for each one that CODEOWNERS files, oldest first, name, unless there is one of that name: GitHub
// writes "Payments Team" as payments-team. It owns the rules in its paths, unless its entry says in which paths they are.
func (c Config) WithCodeowners(files []activity.Codeowners) Config {
	latest := map[string]activity.Codeowners{}
	for _, f := range files {
		latest[f.Scope] = f
	}
	c.Teams, c.Codeowners = slices.Clone(c.Teams), nil
	named, slugs := map[string]int{}, map[string]int{}
	for i, t := range c.Teams {
		named[t.Name] = i
		if _, ok := slugs[slug(t.Name)]; !ok {
			slugs[slug(t.Name)] = i
		}
	}
	for _, scope := range sortedNames(latest) {
		c.Codeowners = append(c.Codeowners, latest[scope])
		for _, name := range latest[scope].Teams() {
			i, ok := named[name]
			if !ok {
				i, ok = slugs[slug(name)]
			}
			if !ok {
				i = len(c.Teams)
				c.Teams = append(c.Teams, Team{Name: name})
				slugs[slug(name)] = i
			}
			named[name] = i
			if t := &c.Teams[i]; len(t.RulePaths) == 0 && !slices.Contains(t.Codeowners, name) {
				t.Codeowners = append(t.Codeowners, name)
			}
		}
	}
	return c
}

// slug is how GitHub and GitLab write a team's name in addresses.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })
	return strings.Join(words, "-")
}

// codeowners tells the teams that own what is in a repository's CODEOWNERS file.
type codeowners struct {
	files map[string]activity.Codeowners // by scope
	teams map[string][]int               // by the name in the file
}

func newCodeowners(c Config) codeowners {
	o := codeowners{files: map[string]activity.Codeowners{}, teams: map[string][]int{}}
	for _, f := range c.Codeowners {
		o.files[f.Scope] = f
	}
	for i, t := range c.Teams {
		index(o.teams, t.Codeowners, i)
	}
	return o
}

// owners returns the teams of a file: of each section those of the last line that matches it.
func (o codeowners) owners(repository, path string) []int {
	var owners []int
	decided := map[int]bool{} // by section
	for _, e := range slices.Backward(o.files[repository].Entries) {
		if decided[e.Section] || !doublestar.MatchUnvalidated(e.Glob, path) {
			continue
		}
		decided[e.Section] = true
		for _, name := range e.Teams {
			for _, team := range o.teams[name] {
				if !slices.Contains(owners, team) {
					owners = append(owners, team)
				}
			}
		}
	}
	slices.Sort(owners)
	return owners
}
