// Package activity holds the plain types that every other package knows: what was observed (Event), what is
// kept of it (Day), whose it is (Act), and the inventory that gives both a meaning. It has no behaviour beyond
// pure folding and hashing, and imports nothing of this project.
package activity

import (
	"net/netip"
	"time"
)

// Kind is what sort of act an event is.
type Kind string

// The kinds of acts.
const (
	KindView       Kind = "view"       // a person opened a dashboard
	KindQuery      Kind = "query"      // a person ran a one-off query
	KindShare      Kind = "share"      // a query or dashboard was made durable: short link, snapshot, starred query
	KindOpen       Kind = "open"       // a shared link or snapshot was opened
	KindEdit       Kind = "edit"       // a dashboard was saved, restored or deleted
	KindRule       Kind = "rule"       // a recording or alerting rule was added, removed or changed
	KindMetric     Kind = "metric"     // a metric name was seen for the first time
	KindAnnotation Kind = "annotation" // an annotation was written, changed or removed
	KindGoal       Kind = "goal"       // a written target was added, changed, given a result or removed
	KindSilence    Kind = "silence"    // an alert was silenced
	KindComment    Kind = "comment"    // a remark was written on a query in the query history
)

// Details of kinds share, edit, rule and goal.
const (
	ShareShortLink    = "short_link"
	ShareSnapshot     = "snapshot"
	ShareStarredQuery = "starred_query"

	EditSaved    = "saved"
	EditRestored = "restored"
	EditDeleted  = "deleted"

	RuleAdded            = "added"
	RuleRemoved          = "removed"
	RuleExprChanged      = "expr_changed"
	RuleThresholdChanged = "threshold_changed"
	RuleOtherChanged     = "other_changed"

	GoalAdded   = "added"
	GoalChanged = "changed"
	GoalResult  = "result" // a result was written down, or changed
	GoalRemoved = "removed"
)

// Reasons why an act is not a person's. They are stored with the day, and shown with its share.
const (
	RobotServiceAccount  = "service_account"
	RobotAPI             = "api"              // a script with a person's login: no page asked for it
	RobotKiosk           = "kiosk"            // a wall screen
	RobotPlaylist        = "playlist"         // a playlist turning over
	RobotRefresh         = "refresh"          // a panel refreshing itself
	RobotRender          = "render"           // the image renderer
	RobotPublicDashboard = "public_dashboard" // read without a login
	RobotRuleEvaluation  = "rule_evaluation"  // Prometheus evaluating a rule
	RobotGrafana         = "grafana"          // Prometheus asked by a Grafana whose own log tells who
	RobotBotCommit       = "bot_commit"       // a commit by automation
	RobotAutomation      = "automation"       // named under automation: in the configuration
	RobotClockwork       = "clockwork"        // too regular for a person
	RobotProvisioning    = "provisioning"     // written from a file or by a tool, in nobody's name
	RobotDuplicate       = "duplicate"        // another source tells the same act
)

// Event is one observed act, as a parser read it. Raw identities and query texts live in events only: they are
// hashed or fingerprinted before anything is stored.
type Event struct {
	Time    time.Time
	Kind    Kind
	Scope   string   // where, in the source's own terms: "org:1", "rules:payments/slo.yaml", a source's name
	Subject string   // what: dashboard uid, fingerprint, rule name, short link uid; empty where the line lacks it
	Detail  string   // see the constants of each kind
	Robot   string   // why this is no person's act; empty for a person's
	Who     Identity // who did it; the zero Identity if the line does not say
	Tenant  string   // tenant of a multi-tenant backend, else empty
	Count   int64    // how many such acts this stands for; 0 means 1

	// Query is the text of the query that the act is about (PromQL, LogQL ...), else empty. The collector replaces
	// it by its fingerprint, which becomes Subject, before the event is held or stored.
	Query string

	// Step names the part that this event plays in an act over several lines, and is empty for an act that one
	// line tells completely. Events with a step are held, and joined by the source's Joiner.
	Step string
}

// ThroughGrafana is the scope of what a Grafana asked of the source of that name for a person whom it names. Where the Grafana's own
// log was read that day, that tells of it too.
func ThroughGrafana(source string) string { return source + "/grafana" }

// Identity is an actor as a source names it. It is comparable, so that its hashes are computed once.
type Identity struct {
	Login string     // a Grafana login, as logged
	Name  string     // a git author's name
	Email string     // a git author's e-mail
	Addr  netip.Addr // a network client's address
}

// IsZero reports whether nobody is named.
func (i Identity) IsZero() bool { return i == Identity{} }

// Class of coverage: what the lines of a day can show.
type Class string

// Classes of coverage.
const (
	ClassAny  Class = "any"  // something was read: what is logged whatever the settings
	ClassView Class = "view" // requests answered with 200 were logged, so views would have been seen
	ClassSome Class = "some" // a part was read, as of a log of slow queries alone: what is there counts, what is not means nothing
)

// Line is what a parser says of one line beside the events in it.
type Line struct {
	Time  time.Time // when it was written; zero for a line that belongs to another log and says nothing
	Class Class     // what its presence proves: ClassView implies ClassAny
}

// Batch is what was read from a source since the last batch: a parser appends to it.
type Batch struct {
	Events      []Event
	Dashboards  []Dashboard
	Rules       []Rule
	Goals       []Goal
	Folders     []Folder
	DataSources []DataSource
	Selections  []Selection
	Codeowners  []Codeowners
	Teams       []TeamSnapshot
	Malformed   int64 // files or lines that a fetcher could not read

	Interner // of texts that its events repeat; Reset keeps it
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	clear(b.Events)
	b.Events, b.Dashboards, b.Rules, b.Goals = b.Events[:0], b.Dashboards[:0], b.Rules[:0], b.Goals[:0]
	b.Folders, b.DataSources, b.Selections, b.Codeowners, b.Teams = nil, nil, nil, nil, nil
	b.Malformed = 0
}
