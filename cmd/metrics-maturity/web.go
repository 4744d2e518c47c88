package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

//go:embed web
var webFiles embed.FS

// site is what the pages show of a picture, without the acts that it was made from. It does not change once it is made.
type site struct {
	*report
	Usage   *usageReport
	Reading *sourcesReport

	location *time.Location
	setAside map[string][]setAside // by team
	at       map[string]int        // by team: where it is in the report
	rows     []teamRow             // in the order of the report
	trend    trend
	minTeam  int
	pages    map[string]*template.Template
	css      template.CSS
}

// newSite prepares the pages of a picture with the usage of dashboards.
func (d *desk) newSite(p *picture) (*site, error) {
	return newSite(p.report, p.usage, newSources(d.config, p), p.asides.byTeam(), d.Owner.Location, d.Privacy.MinTeamSize)
}

func newSite(r *report, u *usageReport, reading *sourcesReport, aside map[string][]setAside, loc *time.Location, minTeam int) (*site, error) {
	s := &site{report: r, Usage: u, Reading: reading, setAside: aside, location: loc, minTeam: minTeam, at: map[string]int{}, pages: map[string]*template.Template{}}
	for i, t := range r.Teams {
		s.at[t.Team] = i
		s.rows = append(s.rows, teamRow{teamReport: t, Moved: moved(t), NextWords: nextStep(t), Spark: newSpark(t.History)})
	}
	s.trend = newTrend(r.Teams)
	css, err := webFiles.ReadFile("web/page.css")
	if err != nil {
		return nil, err
	}
	s.css = template.CSS(css) // our own file
	for _, name := range []string{"organisation", "team", "dashboards", "sources", "mail", "notice"} {
		t := template.New(name).Funcs(s.functions())
		if s.pages[name], err = t.ParseFS(webFiles, "web/base.html", "web/parts.html", "web/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *site) functions() template.FuncMap {
	return template.FuncMap{
		"date":    func(t time.Time) string { return formatInstant(t, s.location) },
		"percent": percent,
		"words":   func(name string) string { return strings.ReplaceAll(name, "_", " ") },
		"reason":  reasonSays,
		"stages":  stage.Names,
		"add":     func(a, b int) int { return a + b },
		"list":    func(names []string) string { return strings.Join(names, ", ") },
		"first":   firstLine,
	}
}

// page is what a template is given.
type page struct {
	*site
	Name  string // of the template
	Title string
	Root  string // where links to other pages begin: "" or "../"
	Mail  bool   // everything is in one file, and links lead within it
	Style template.CSS
	Hash  string // of Style, for the content security policy
	Body  any
}

// TeamLink is where a team's page is. A browser takes "." and ".." in a path for folders, so these two teams are named in the query.
func (p page) TeamLink(team string) string {
	switch {
	case p.Mail:
		return fmt.Sprintf("#team-%d", p.at[team])
	case team == "." || team == "..":
		return p.Root + "teams/?name=" + url.QueryEscape(team)
	}
	return p.Root + "teams/" + url.PathEscape(team)
}

// Link is where one of the other pages is: "organisation", "dashboards" or "sources".
func (p page) Link(name string) string {
	switch {
	case p.Mail:
		return "#" + name
	case name == "organisation" && p.Root == "":
		return "./"
	case name == "organisation":
		return p.Root
	}
	return p.Root + name
}

// MinTeam is the size below which people of a team are not counted.
func (p page) MinTeam() int { return p.minTeam }

// Sub gives a part of a page something of its own to show.
func (p page) Sub(body any) page {
	p.Body = body
	return p
}

// render makes a page whole: one that fails halfway is not sent.
func (s *site) render(p page) ([]byte, error) {
	p.site = s
	var b bytes.Buffer
	if err := s.pages[p.Name].ExecuteTemplate(&b, "base", p); err != nil {
		return nil, fmt.Errorf("page %s: %w", p.Name, err)
	}
	return b.Bytes(), nil
}

// writeMail writes everything as one file that needs nothing else: no script, no font, no image, no other page.
func (s *site) writeMail(w io.Writer) error {
	sum := sha256.Sum256([]byte(s.css))
	p := page{Name: "mail", Mail: true, Style: s.css, Hash: base64.StdEncoding.EncodeToString(sum[:])}
	p.Title = "Metrics maturity, " + formatInstant(s.AsOf, s.location)
	var teams []teamView
	for _, t := range byStage(s.Teams) {
		teams = append(teams, s.teamView(t))
	}
	p.Body = mailView{s.organisation(url.Values{}), s.boards(url.Values{}, everyBoard), teams}
	b, err := s.render(p)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

type mailView struct {
	Organisation organisationView
	Dashboards   boardsView
	Teams        []teamView
}

// setAside is how often what was done to a team's things did not count for anybody.
type setAside struct {
	Kind    activity.Kind    `json:"kind"`
	Outcome activity.Outcome `json:"outcome"`
	Reason  string           `json:"reason"`
	Count   int64            `json:"count"`
}

// asideWeeks is over how many weeks that is told.
const asideWeeks = 8

// asides counts what robots, and people of no team, did to what teams own.
type asides map[asideKey]int64

type asideKey struct {
	team    string
	kind    activity.Kind
	outcome activity.Outcome
	reason  string
}

// add counts an act on what teams own.
func (s asides) add(a *activity.Act, teams []string) {
	for _, team := range teams {
		s[asideKey{team, a.Kind, a.Outcome, a.Reason}] += a.Count
	}
}

// byTeam returns what was counted of each team, the most first.
func (s asides) byTeam() map[string][]setAside {
	out := map[string][]setAside{}
	for k, n := range s {
		out[k.team] = append(out[k.team], setAside{k.kind, k.outcome, k.reason, n})
	}
	for team := range maps.Keys(out) {
		slices.SortFunc(out[team], func(x, y setAside) int {
			return cmp.Or(cmp.Compare(y.Count, x.Count), strings.Compare(string(x.Kind), string(y.Kind)), strings.Compare(x.Reason, y.Reason))
		})
	}
	return out
}

// reasonSays is a reason why an act did not count in words.
func reasonSays(reason string) string {
	says := map[string]string{
		activity.RobotServiceAccount: "a service account", activity.RobotAPI: "a script with a person's login", activity.RobotKiosk: "a wall screen",
		activity.RobotPlaylist: "a playlist turning over", activity.RobotRefresh: "panels refreshing themselves", activity.RobotRender: "the image renderer",
		activity.RobotPublicDashboard: "a public dashboard, read without a login", activity.RobotRuleEvaluation: "Prometheus evaluating rules",
		activity.RobotGrafana: "Grafana asking, which its own log tells", activity.RobotBotCommit: "a commit by automation",
		activity.RobotAutomation: "named under automation in the configuration", activity.RobotClockwork: "too regular for a person",
		activity.RobotProvisioning: "provisioned in nobody's name", activity.RobotDuplicate: "told by another source too",
	}
	if text, ok := says[reason]; ok {
		return text
	}
	return strings.ReplaceAll(reason, "_", " ")
}
