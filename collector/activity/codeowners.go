package activity

import (
	"slices"
	"time"
)

// Codeowners is what a CODEOWNERS file says of the files of its repository, as it was at a time.
type Codeowners struct {
	Seen    time.Time
	Scope   string           // the repository: what stands before the colon in the scopes of its rules
	Entries []CodeownersLine `json:",omitempty"` // in the order of the file; none if there is no file
}

// CodeownersLine is one line. Of the lines of a section the last that matches a path decides; sections decide apart.
type CodeownersLine struct {
	Section int      `json:",omitempty"`
	Glob    string   // doublestar, from the top of the repository
	Teams   []string `json:",omitempty"` // never a person: without "@" and organisation; none says that no team owns the path
}

// Same reports whether c and d say the same, at whatever times.
func (c Codeowners) Same(d Codeowners) bool {
	return c.Scope == d.Scope && slices.EqualFunc(c.Entries, d.Entries, func(a, b CodeownersLine) bool {
		return a.Section == b.Section && a.Glob == b.Glob && slices.Equal(a.Teams, b.Teams)
	})
}

// Teams are the names of all teams that c names, sorted.
func (c Codeowners) Teams() []string {
	var names []string
	for _, e := range c.Entries {
		names = append(names, e.Teams...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
