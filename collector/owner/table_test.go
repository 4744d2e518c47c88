package owner

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

var testKey = activity.NewKey([]byte("a key for tests"))

// rulesFile is an organisation as a test writes it.
type rulesFile struct {
	Timezone   string
	Types      map[string]string
	Grafana    map[string][]netip.Prefix
	Automation struct {
		Logins, Authors []string
		Clients         []netip.Prefix
	}
	Teams []struct {
		Name                         string
		Members                      []memberEntry
		Authors, Folders, Dashboards []string
		Rules                        struct {
			Paths               []string
			Labels, Annotations map[string]string
		}
		Metrics []string
		Clients []netip.Prefix
		Tenants []string
	}
	Facts struct {
		Queries []struct {
			Fingerprint string
			Metrics     []string
			Matchers    []string // namespace="payments"
		}
		Dashboards []struct {
			Seen, Scope, UID, Title string
			Folders, Metrics        []string
		}
		Rules []struct {
			From, Scope, Record, Alert string
			Labels, Annotations        map[string]string
			Metrics                    []string
			Removed                    bool
		}
		Goals []struct {
			From, Scope, Team, Name string
			Metrics                 []string
			Removed                 bool
		}
		Coverage []struct{ Source, Class, Date string }
	}
}

type memberEntry struct{ Login, From, To string }

func (m *memberEntry) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		m.Login = n.Value
		return nil
	}
	type plain memberEntry
	return n.Decode((*plain)(m))
}

// organisation is a parsed rulesFile; actors are numbered as they appear.
type organisation struct {
	config activity.Facts // facts without actors
	rules  Config
	loc    *time.Location
	actors map[activity.Digest]activity.ActorID
	all    map[activity.Digest][]activity.ActorID
}

func parseOrganisation(t testing.TB, text string) *organisation {
	t.Helper()
	var f rulesFile
	if err := yaml.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	loc, err := time.LoadLocation(f.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	o := &organisation{loc: loc, actors: map[activity.Digest]activity.ActorID{}, all: map[activity.Digest][]activity.ActorID{}}
	o.rules = Config{Types: f.Types, GrafanaClients: f.Grafana, Location: loc,
		Automation: Automation{Logins: f.Automation.Logins, Authors: f.Automation.Authors, Clients: f.Automation.Clients}}
	for _, e := range f.Teams {
		team := Team{Name: e.Name, Authors: e.Authors, Folders: e.Folders, Dashboards: e.Dashboards, RulePaths: e.Rules.Paths,
			RuleLabels: e.Rules.Labels, RuleAnnotations: e.Rules.Annotations, Metrics: e.Metrics, Clients: e.Clients, Tenants: e.Tenants}
		for _, m := range e.Members {
			team.Members = append(team.Members, Member{Login: m.Login, From: date(t, m.From), To: date(t, m.To)})
		}
		o.rules.Teams = append(o.rules.Teams, team)
	}
	o.config.Queries = map[string]activity.Query{}
	for _, q := range f.Facts.Queries {
		query := activity.Query{Fingerprint: q.Fingerprint, Metrics: q.Metrics}
		for _, m := range q.Matchers {
			at := strings.IndexAny(m, "=!")
			op := strings.TrimRight(m[at:strings.Index(m, `"`)], " ")
			value, err := strconv.Unquote(m[at+len(op):])
			if err != nil {
				t.Fatal(err)
			}
			query.Matchers = append(query.Matchers, activity.Matcher{Name: m[:at], Op: op, Value: value})
		}
		o.config.Queries[q.Fingerprint] = query
	}
	for _, d := range f.Facts.Dashboards {
		o.config.Dashboards = append(o.config.Dashboards, activity.Dashboard{Seen: date(t, d.Seen).Start(loc), Scope: d.Scope, UID: d.UID, Title: d.Title, Folders: d.Folders, Metrics: d.Metrics})
	}
	for _, r := range f.Facts.Rules {
		rule := activity.Rule{From: date(t, r.From).Start(loc), Scope: r.Scope, Kind: activity.RuleAlert, Name: r.Alert, Labels: r.Labels, Annotations: r.Annotations, Metrics: r.Metrics, Removed: r.Removed}
		if r.Record != "" {
			rule.Kind, rule.Name = activity.RuleRecording, r.Record
		}
		o.config.Rules = append(o.config.Rules, rule)
	}
	for _, c := range f.Facts.Coverage {
		o.config.Coverage = append(o.config.Coverage, activity.CoveredDay{Source: c.Source, Class: activity.Class(c.Class), Date: date(t, c.Date)})
	}
	for _, g := range f.Facts.Goals {
		o.config.Goals = append(o.config.Goals, activity.Goal{From: date(t, g.From).Start(loc), Scope: g.Scope, Team: g.Team, Name: g.Name, Metrics: g.Metrics, Removed: g.Removed})
	}
	return o
}

func date(t testing.TB, text string) activity.Date {
	t.Helper()
	if text == "" {
		return 0
	}
	d, err := activity.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// actor numbers an actor: "alice", "10.1.2.3", "Bob_B<bob@corp.example>", or "-" for nobody.
func (o *organisation) actor(text string) activity.ActorID {
	var who activity.Identity
	if name, email, ok := strings.Cut(text, "<"); ok {
		who.Name, who.Email = strings.ReplaceAll(name, "_", " "), strings.TrimSuffix(email, ">")
	} else if addr, err := netip.ParseAddr(text); err == nil {
		who.Addr = addr
	} else if text != "-" {
		who.Login = text
	}
	whole, digests := testKey.Actor(who)
	if digests == nil {
		return 0
	}
	id, ok := o.actors[whole]
	if !ok {
		id = activity.ActorID(len(o.actors) + 1)
		o.actors[whole] = id
		for _, d := range digests {
			o.all[d] = append(o.all[d], id)
		}
	}
	return id
}

// day reads a row: "2026-05-01 09:00[-17:30[:05]] source kind scope subject actor [name=value ...]".
func (o *organisation) day(t testing.TB, text string) activity.Day {
	t.Helper()
	f := strings.Fields(text)
	if len(f) < 7 {
		t.Fatalf("row %q has fewer than 7 fields", text)
	}
	clock := func(s string) time.Time {
		if len(s) == len("15:04") {
			s += ":00"
		}
		at, err := time.ParseInLocation(time.DateTime, f[0]+" "+s, o.loc)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	first, last, ok := strings.Cut(f[1], "-")
	if !ok {
		last = first
	}
	d := activity.Day{Date: date(t, f[0]), First: clock(first), Last: clock(last), Source: f[2], Kind: activity.Kind(f[3]), Scope: f[4], Subject: f[5], Actor: o.actor(f[6]), Count: 1}
	if d.Subject == "-" {
		d.Subject = ""
	}
	d.Hours = 1<<d.First.Hour() | 1<<d.Last.Hour()
	for _, pair := range f[7:] {
		name, value, _ := strings.Cut(pair, "=")
		value = strings.ReplaceAll(value, "_", " ")
		switch name {
		case "tenant":
			d.Tenant = value
		case "robot":
			d.Robot = strings.ReplaceAll(value, " ", "_")
		case "detail":
			d.Detail = strings.ReplaceAll(value, " ", "_")
		case "retired":
			d.Retired = true
			d.Team, d.TeamReason, _ = strings.Cut(value, "/")
		case "hours": // 9,14
			for h := range strings.SplitSeq(value, ",") {
				n, err := strconv.Atoi(h)
				if err != nil {
					t.Fatal(err)
				}
				d.Hours |= 1 << n
			}
		default:
			t.Fatalf("row %q: unknown field %q", text, name)
		}
	}
	return d
}

// facts are what a store gives for the digests that the rules ask for, and no more.
func (o *organisation) facts() activity.Facts {
	f := o.config
	f.Actors = map[activity.Digest][]activity.ActorID{}
	for _, d := range o.rules.Digests(testKey) {
		if ids := o.all[d]; ids != nil {
			f.Actors[d] = ids
		}
	}
	return f
}

// learned is the book of o as a collector builds it: of an empty store, but for the days that were read, then told everything.
func (o *organisation) learned(t testing.TB) *Book {
	t.Helper()
	b, err := New(o.rules, testKey, activity.Facts{Coverage: o.config.Coverage})
	if err != nil {
		t.Fatal(err)
	}
	byActor := map[activity.ActorID][]activity.Digest{}
	for d, ids := range o.all {
		for _, id := range ids {
			byActor[id] = append(byActor[id], d)
		}
	}
	for id, digests := range byActor {
		b.Learn(id, digests)
	}
	for _, name := range slices.Sorted(maps.Keys(o.config.Queries)) {
		b.LearnQuery(o.config.Queries[name])
	}
	// Newest first: the order in which facts arrive must not matter.
	for _, d := range slices.Backward(o.config.Dashboards) {
		b.LearnDashboard(d)
	}
	for _, r := range slices.Backward(o.config.Rules) {
		b.LearnRule(r)
	}
	for _, g := range slices.Backward(o.config.Goals) {
		b.LearnGoal(g)
	}
	return b
}

// show writes what is said of an act beside its row.
func show(a activity.Act) string {
	var out strings.Builder
	switch a.Outcome {
	case activity.Counted:
		fmt.Fprintf(&out, "%s, %s", a.Team, a.Reason)
	default:
		fmt.Fprintf(&out, "%s: %s", a.Outcome, a.Reason)
	}
	tri := func(name string, v activity.Tri) {
		if v != activity.Unknown {
			fmt.Fprintf(&out, ", %s=%s", name, map[activity.Tri]string{activity.Yes: "yes", activity.No: "no"}[v])
		}
	}
	tri("own", a.Own)
	tri("by_team", a.ByTeam)
	if a.Records != "" {
		fmt.Fprintf(&out, ", records=%s", a.Records)
	}
	if a.Metrics != nil {
		fmt.Fprintf(&out, ", metrics=%s", strings.Join(a.Metrics, " "))
	}
	return out.String()
}
