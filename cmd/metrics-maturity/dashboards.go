package main

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/prom/export"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// Over how many complete days dashboards are looked at.
const (
	usageDays  = 90
	recentDays = 30
)

// Values of dashboardReport.State.
const (
	boardViewed    = "viewed"     // by people, within usageDays
	boardNotViewed = "not_viewed" // by nobody, though that would have been seen
	boardNew       = "new"        // by nobody, and it has not been there for usageDays
	boardUnknown   = "unknown"    // nobody was seen, and too few days were read to say so
)

// usageReport says how each dashboard is used.
type usageReport struct {
	Schema      int               `json:"schema"`
	From        activity.Date     `json:"from"`         // the first of usageDays days
	To          activity.Date     `json:"to"`           // the day after the last
	CoveredDays int               `json:"covered_days"` // of them, on which views would have been seen
	Dashboards  []dashboardReport `json:"dashboards"`
}

// dashboardReport is one dashboard. Its views are those of people, of whatever team or none.
type dashboardReport struct {
	Scope        string         `json:"scope"` // "org:1"
	UID          string         `json:"uid"`
	Title        string         `json:"title"`  // empty if unknown
	Folder       string         `json:"folder"` // title, else uid; empty if unknown
	Owners       []string       `json:"owners"` // teams that own it
	State        string         `json:"state"`
	Views30d     int64          `json:"views_30d"`
	Views90d     int64          `json:"views_90d"`
	People90d    *int           `json:"people_90d"`    // different people; null if they are too few to be told, or forgotten
	Teams90d     []string       `json:"teams_90d"`     // whose people looked
	Automated90d int64          `json:"automated_90d"` // views by wall screens and other robots
	LastViewed   *activity.Date `json:"last_viewed"`   // by people; null if never seen
	KnownSince   *activity.Date `json:"known_since"`   // the first day on which anything told of it
	URL          string         `json:"url,omitempty"` // in Grafana; empty where its address is not configured
}

// Name is what people call the dashboard.
func (d dashboardReport) Name() string { return cmp.Or(d.Title, d.UID) }

// boardKey is what a dashboard is known by.
type boardKey struct{ scope, uid string }

// boardUse is what is gathered of a dashboard.
type boardUse struct {
	report  dashboardReport
	people  map[activity.ActorID]bool
	nobodys map[activity.ActorID]bool // those of them who looked as people of no team
	hidden  bool                      // somebody is of a team whose people are not counted, or was forgotten
	first   activity.Date
	seen    activity.Date // the last day on which anything but its end was told
	deleted activity.Date
}

// newUsage says how dashboards were used in the days before a picture was made, of whose acts uses were gathered.
func newUsage(p *picture, uses *boardUses, least int, grafana string) *usageReport {
	end := p.org.AsOf
	u := &usageReport{Schema: reportSchema, From: uses.from, To: end, Dashboards: []dashboardReport{}}
	weekdays := 0
	for day := range viewDays(p.org.Sources, p.facts.Coverage) {
		if u.From <= day && day < end {
			u.CoveredDays++
			if wd := (day - day.Monday()); wd < 5 {
				weekdays++
			}
		}
	}
	covered := 10*weekdays >= 9*usageDays*5/7
	for key, use := range uses.of {
		known := p.book.Dashboard(key.scope, key.uid)
		if known.Removed || use.deleted > 0 && use.deleted >= use.seen {
			continue
		}
		d := use.finish(known, least, p.tally.sizes)
		switch begun := uses.begins[key.scope]; {
		case d.Views90d > 0:
			d.State = boardViewed
		case d.KnownSince != nil && *d.KnownSince > u.From && *d.KnownSince > begun:
			d.State = boardNew
		case covered:
			d.State = boardNotViewed
		default:
			d.State = boardUnknown
		}
		d.Scope, d.UID, d.URL = key.scope, key.uid, boardURL(grafana, key)
		u.Dashboards = append(u.Dashboards, d)
	}
	slices.SortFunc(u.Dashboards, func(x, y dashboardReport) int {
		return cmp.Or(cmp.Compare(y.Views30d, x.Views30d), cmp.Compare(y.Views90d, x.Views90d), cmp.Compare(dateOr0(y.LastViewed), dateOr0(x.LastViewed)),
			strings.Compare(x.Name(), y.Name()), strings.Compare(x.Scope, y.Scope), strings.Compare(x.UID, y.UID))
	})
	return u
}

// boardUses gathers the uses of dashboards from acts that pass by.
type boardUses struct {
	from   activity.Date
	of     map[boardKey]*boardUse
	begins map[string]activity.Date // by scope, the first day on which anything told of any dashboard: what was there then is of unknown age
}

// newBoardUses returns the uses of dashboards as facts tell them, before the moment of p.
func newBoardUses(p *picture, loc *time.Location) *boardUses {
	u := &boardUses{from: p.org.AsOf - usageDays, of: map[boardKey]*boardUse{}, begins: map[string]activity.Date{}}
	for _, d := range p.facts.Dashboards {
		if day := activity.DateOf(d.Seen.In(loc)); !d.Removed && !owner.ByNumber(d.UID) && day < p.org.AsOf {
			use := u.use(d.Scope, d.UID, day)
			use.seen = max(use.seen, day)
		}
	}
	return u
}

func (u *boardUses) use(scope, uid string, day activity.Date) *boardUse {
	k := boardKey{scope, uid}
	use := u.of[k]
	if use == nil {
		use = &boardUse{people: map[activity.ActorID]bool{}, nobodys: map[activity.ActorID]bool{}, first: day}
		u.of[k] = use
	}
	use.first = min(use.first, day)
	if begun, ok := u.begins[scope]; !ok || day < begun {
		u.begins[scope] = day
	}
	return use
}

// add takes in an act.
func (u *boardUses) add(a *activity.Act, sizes teamSizes) {
	if a.Subject == "" || a.Kind != activity.KindView && a.Kind != activity.KindEdit {
		return
	}
	use := u.use(a.Scope, a.Subject, a.Date)
	if a.Kind == activity.KindEdit && a.Detail == activity.EditDeleted {
		use.deleted = max(use.deleted, a.Date)
		return
	}
	use.seen = max(use.seen, a.Date)
	if a.Kind == activity.KindView {
		use.view(a, u.from, sizes)
	}
}

// view counts a view.
func (u *boardUse) view(a *activity.Act, from activity.Date, sizes teamSizes) {
	r := &u.report
	if a.Outcome == activity.Automated {
		if a.Date >= from {
			r.Automated90d += a.Count
		}
		return
	}
	if r.LastViewed == nil || *r.LastViewed < a.Date {
		day := a.Date
		r.LastViewed = &day
	}
	if a.Date < from {
		return
	}
	r.Views90d += a.Count
	if a.Date >= from+usageDays-recentDays {
		r.Views30d += a.Count
	}
	if a.Actor != 0 {
		u.people[a.Actor] = true
		if a.Team == "" {
			u.nobodys[a.Actor] = true
		}
	}
	// How large a team is that lists nobody is known in the end alone: see finish.
	u.hidden = u.hidden || a.Retired || a.Team != "" && sizes.lists(a.Team) && sizes.hidden(a.Team, a.Date)
	if a.Team != "" && !slices.Contains(r.Teams90d, a.Team) {
		r.Teams90d = append(r.Teams90d, a.Team)
	}
}

// finish adds what facts tell. How many people looked is told if they are enough not to be known by it, and nobody of them is of a
// team that is too small, nor of a few who are of no team: the count of the others could be told elsewhere.
func (u *boardUse) finish(known owner.Dashboard, least int, sizes teamSizes) dashboardReport {
	r := u.report
	hidden := u.hidden || slices.ContainsFunc(r.Teams90d, func(team string) bool { return !sizes.lists(team) && sizes.hidden(team, 0) })
	r.Title, r.Folder, r.Owners = known.Title, known.Folder, append([]string{}, known.Teams...)
	r.Teams90d = slices.Sorted(slices.Values(append([]string{}, r.Teams90d...)))
	if r.Teams90d == nil {
		r.Teams90d = []string{}
	}
	since := u.first
	r.KnownSince = &since
	n := len(u.people)
	if few(n, least) || few(len(u.nobodys), least) || hidden {
		return r
	}
	r.People90d = &n
	return r
}

// few reports whether n people are some, and too few to be told.
func few(n, least int) bool { return 0 < n && n < least }

// viewDays are the days on which some source would have shown a view.
func viewDays(sources []stage.Source, coverage []activity.CoveredDay) map[activity.Date]bool {
	shows := map[string]activity.Class{}
	for _, s := range sources {
		if slices.Contains(s.Gives, activity.KindView) {
			shows[s.Name] = s.Class
		}
	}
	days := map[activity.Date]bool{}
	for _, c := range coverage {
		if class, ok := shows[c.Source]; ok && classRank(c.Class) >= classRank(class) {
			days[c.Date] = true
		}
	}
	return days
}

// classRank orders classes of coverage by how much they show.
func classRank(c activity.Class) int {
	return slices.Index([]activity.Class{activity.ClassSome, activity.ClassAny, activity.ClassView}, c)
}

// boardURL is where a dashboard is in the Grafana at an address; empty if that is unknown.
func boardURL(grafana string, key boardKey) string {
	org, ok := strings.CutPrefix(key.scope, "org:")
	if grafana == "" || !ok || owner.ByNumber(key.uid) {
		return ""
	}
	return strings.TrimSuffix(grafana, "/") + "/d/" + url.PathEscape(key.uid) + "?orgId=" + url.QueryEscape(org)
}

// grafanaURL is the address of the one Grafana whose dashboards are shown; empty if none is configured, or several are.
func (d *desk) grafanaURL() string {
	if d.Serve.GrafanaURL != "" {
		return d.Serve.GrafanaURL
	}
	found := map[string]bool{}
	for _, s := range d.Sources {
		if s.Type == typeGrafanaAPI {
			found[s.HTTP.URL] = true
		}
	}
	if len(found) != 1 {
		return ""
	}
	return slices.Collect(maps.Keys(found))[0]
}

func dateOr0(d *activity.Date) activity.Date {
	if d == nil {
		return 0
	}
	return *d
}

// counts returns how many dashboards are in each state.
func (u *usageReport) counts() map[string]int {
	n := map[string]int{boardViewed: 0, boardNotViewed: 0, boardNew: 0, boardUnknown: 0}
	for _, d := range u.Dashboards {
		n[d.State]++
	}
	return n
}

// dashboardMetrics are the most viewed dashboards as metrics.
func dashboardMetrics(u *usageReport, limit int) *export.Dashboards {
	out := &export.Dashboards{ByState: u.counts(), Omitted: max(0, len(u.Dashboards)-limit)}
	for _, d := range u.Dashboards[:min(limit, len(u.Dashboards))] {
		row := export.Dashboard{
			Scope: d.Scope, UID: d.UID, Title: d.Title, Folder: d.Folder, Views30d: d.Views30d, Views90d: d.Views90d,
			Automated90d: d.Automated90d, People90d: d.People90d, Teams90d: len(d.Teams90d),
		}
		if d.LastViewed != nil {
			row.LastViewed = *d.LastViewed
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}
