package activity

import (
	"slices"
	"time"
)

// Query is what is kept of a query's text. Its text is not.
type Query struct {
	Fingerprint string    // 16 hexadecimal digits; equal for two runs of one question
	Variant     string    // 8 hexadecimal digits that tell Matchers apart; empty if there are none
	Metrics     []string  // metric names, sorted, without duplicates; nil if the text did not parse as PromQL
	Matchers    []Matcher // matchers on the label names that owner rules use
}

// Key tells queries apart by question and by the matchers that say whose metrics it asks for. A Day of a query has it in two
// parts: its subject and, where nobody else uses it, its detail.
func (q Query) Key() string { return q.Fingerprint + q.Variant }

// Matcher is one label matcher of a query: Op is one of = != =~ !~.
type Matcher struct {
	Name, Op, Value string
}

// Dashboard is a dashboard as a source knew it at a time.
type Dashboard struct {
	Seen    time.Time
	Scope   string // "org:1"
	UID     string
	Title   string   // empty if unknown
	Folders []string // folder uids and titles, innermost first
	Metrics []string // metric names that its panels and variables use; nil if unknown
	Removed bool     `json:",omitempty"` // an inventory that had it has it no longer
}

// Same reports whether d and e tell the same of a dashboard, at whatever times.
func (d Dashboard) Same(e Dashboard) bool {
	return d.Scope == e.Scope && d.UID == e.UID && d.Title == e.Title && d.Removed == e.Removed && slices.Equal(d.Folders, e.Folders) && slices.Equal(d.Metrics, e.Metrics)
}

// After is d with what it does not tell itself taken from what was known before: a log tells the innermost folder alone, and an
// inventory does not read again what has not changed.
func (d Dashboard) After(before Dashboard) Dashboard {
	if d.Removed {
		return d
	}
	if d.Title == "" {
		d.Title = before.Title
	}
	if d.Metrics == nil {
		d.Metrics = before.Metrics
	}
	if len(d.Folders) == 1 && len(before.Folders) > 0 && before.Folders[0] == d.Folders[0] {
		d.Folders = before.Folders
	}
	return d
}

// RuleKind tells a recording rule from an alert.
type RuleKind string

// Kinds of rules.
const (
	RuleRecording RuleKind = "record"
	RuleAlert     RuleKind = "alert"
)

// Rule is a rule from a time on, until the next Rule of the same scope, kind and name.
type Rule struct {
	From        time.Time
	Scope       string // "rules:payments/slo.yaml"
	Kind        RuleKind
	Name        string   // the recorded metric, or the alert's name
	UID         string   `json:",omitempty"` // of a Grafana-managed rule: what Grafana's own log calls it
	Folders     []string `json:",omitempty"` // of a Grafana-managed rule: uids and titles, innermost first
	Metrics     []string
	Labels      map[string]string
	Annotations map[string]string // only those that owner rules use; never free text
	Removed     bool
}

// Goal is a written target from a time on, until the next Goal of the same scope, team and name.
type Goal struct {
	From     time.Time
	Scope    string
	Team     string
	Name     string
	Query    string   // PromQL as written; the collector replaces it by its fingerprint
	Metrics  []string // names in Query
	Baseline string
	Target   string
	Start    Date // 0 if not written
	Due      Date // 0 if not written
	Result   string
	Removed  bool
}

// Selection is whether a server had metrics that a selector of an owner rule selects, as it was at a time.
type Selection struct {
	Seen     time.Time
	Scope    string // the source
	Selector string // as configured
	Found    bool
}

// SourceStatus is how the last attempt to read a source ended.
type SourceStatus struct {
	Source      string
	Up          bool
	Error       string // without secrets; empty if Up
	LastSuccess time.Time
	Events      int64
	Malformed   int64
	Note        string // what a reader of the report should know, e.g. that router_logging is off
}

// Facts is everything a store keeps beside days that gives them a meaning.
type Facts struct {
	Actors      map[Digest][]ActorID // only the digests that were asked for
	Queries     map[string]Query     // by Key
	Dashboards  []Dashboard          // oldest first
	Rules       []Rule               // oldest first
	Goals       []Goal               // oldest first
	Folders     []Folder             // oldest first
	DataSources []DataSource         // oldest first
	Selections  []Selection          // oldest first
	Codeowners  []Codeowners         // oldest first
	Coverage    []CoveredDay
	Status      []SourceStatus
}
