package owner

import (
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// WithGrafanaTeams returns c with the members that Grafana's own teams were seen to have, and, if all is set, with a team for
// each of Grafana's that no entry names yet. A team that is typed out keeps what is typed: who left it in Grafana and is a
// member by hand stays one. Teams of one name in several organisations of Grafana are one team.
func (c Config) WithGrafanaTeams(memberships []activity.Membership, all bool) Config {
	byName := map[string][]activity.Membership{}
	for _, m := range memberships {
		byName[m.Team] = append(byName[m.Team], m)
	}
	c.Teams = slices.Clone(c.Teams)
	taken := map[string]bool{}
	for i := range c.Teams {
		t := &c.Teams[i]
		taken[t.Name] = true
		t.Seen = nil
		for _, name := range t.GrafanaTeams {
			taken[name] = true
			t.Seen = append(t.Seen, byName[name]...)
		}
	}
	if !all {
		return c
	}
	for _, name := range sortedNames(byName) {
		if !taken[name] {
			c.Teams = append(c.Teams, Team{Name: name, GrafanaTeams: []string{name}, Seen: byName[name]})
		}
	}
	return c
}

// inventory is what a Grafana's inventory tells beside its dashboards and rules.
type inventory struct {
	folders map[place]activity.Folder // as last seen
	editors map[place][]int           // by folder: the teams that own it by the right to edit what is in it
	uids    map[place]string          // by a rule's uid: its name
	sources map[place]bool            // data sources: whether they answer PromQL
}

func newInventory(c Config, f activity.Facts) inventory {
	in := inventory{folders: map[place]activity.Folder{}, editors: map[place][]int{}, uids: map[place]string{}, sources: map[place]bool{}}
	byTeam := map[string][]int{}
	for i, t := range c.Teams {
		if len(t.Folders)+len(t.Dashboards) > 0 {
			continue // typed out
		}
		for _, name := range t.GrafanaTeams {
			byTeam[name] = append(byTeam[name], i)
		}
	}
	for _, folder := range f.Folders { // oldest first
		at := place{folder.Scope, folder.UID}
		in.folders[at] = folder
		delete(in.editors, at)
		for _, name := range folder.Editors {
			for _, team := range byTeam[name] {
				if !folder.Removed && !slices.Contains(in.editors[at], team) {
					in.editors[at] = append(in.editors[at], team)
				}
			}
		}
	}
	for _, d := range f.DataSources {
		at := place{d.Scope, d.UID}
		in.sources[at] = d.Metrics
		if d.Removed {
			delete(in.sources, at)
		}
	}
	return in
}

// maxNesting is deeper than Grafana lets folders be.
const maxNesting = 16

// climb returns the uids and titles of folders, innermost first, with those that hold them. A source that tells the innermost
// folder alone knows no more.
func (in inventory) climb(scope string, folders []string) []string {
	if len(folders) != 1 {
		return folders
	}
	var out []string
	for uid := folders[0]; uid != "" && len(out) < 2*maxNesting; {
		folder, known := in.folders[place{scope, uid}]
		out = append(out, uid)
		if known && folder.Title != "" {
			out = append(out, folder.Title)
		}
		uid = folder.Parent
	}
	return out
}

// folderOwners returns the teams that own what lies in folders: those that are configured with the innermost folder that any team
// is, else those that alone may edit it.
func (b *Book) folderOwners(scope string, folders []string) []int {
	folders = b.inventory.climb(scope, folders)
	for _, name := range folders {
		if owners := b.folders[name]; len(owners) > 0 {
			return owners
		}
		if owners := b.inventory.editors[place{scope, name}]; len(owners) > 0 {
			return owners
		}
	}
	return nil
}

// tellsDataSources reports whether an inventory lists data sources, and whether one of them answers PromQL.
func (in inventory) tellsDataSources() (listed, promQL bool) {
	for _, metrics := range in.sources {
		promQL = promQL || metrics
	}
	return len(in.sources) > 0, promQL
}
