package activity

import (
	"slices"
	"time"
)

// Folder is a folder of dashboards and rules as an inventory knew it at a time.
type Folder struct {
	Seen    time.Time
	Scope   string // "org:1"
	UID     string
	Title   string
	Parent  string   `json:",omitempty"` // uid of the folder that holds it
	Editors []string `json:",omitempty"` // names of the teams that may edit what is in it, sorted; nil if unknown or none
	Removed bool     `json:",omitempty"`
}

// Same reports whether f and g tell the same of a folder, at whatever times.
func (f Folder) Same(g Folder) bool {
	return f.Scope == g.Scope && f.UID == g.UID && f.Title == g.Title && f.Parent == g.Parent && f.Removed == g.Removed && slices.Equal(f.Editors, g.Editors)
}

// DataSource is a data source of a Grafana as an inventory knew it at a time.
type DataSource struct {
	Seen    time.Time
	Scope   string // "org:1"
	UID     string
	Type    string // "prometheus"
	Metrics bool   // it answers PromQL
	Removed bool   `json:",omitempty"`
}

// Same reports whether d and e tell the same of a data source, at whatever times.
func (d DataSource) Same(e DataSource) bool {
	d.Seen, e.Seen = time.Time{}, time.Time{}
	return d == e
}

// TeamSnapshot is all teams of one organisation of a Grafana at a time. Its identities are hashed before it is stored.
type TeamSnapshot struct {
	Seen  time.Time
	Scope string // "org:1"
	Teams []GrafanaTeam
}

// GrafanaTeam is a team with all who are in it.
type GrafanaTeam struct {
	ID      string // what stays when it is renamed
	Name    string
	Members []Identity // Login and, if known, Email
	Unread  bool       // its members could not be read: they are taken to be who they were
}

// Membership is when somebody was seen in a team of a Grafana.
type Membership struct {
	Scope   string
	Team    string   // its name when it was last seen
	Digests []Digest // of login and e-mail, as owner rules match them
	From    Date     // the first day seen; 0 for a member from before the first snapshot
	To      Date     // the day after the last on which it was seen; 0 if still there
}
