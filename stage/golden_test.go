package stage_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

var update = flag.Bool("update", false, "rewrite the expected sections of testdata/*.txtar")

// TestGolden reads an organisation from the section "org" of each file, and compares what is said of its first team with
// the other sections. testdata/README tells how an organisation is written. The cases of version 1 of the criteria are in
// testdata, those of a later one in a folder of its name.
func TestGolden(t *testing.T) {
	t.Run("version1", func(t *testing.T) { golden(t, "testdata/*.txtar", 1) })
	t.Run("version2", func(t *testing.T) { golden(t, "testdata/version2/*.txtar", 2) })
}

func golden(t *testing.T, pattern string, version int) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			o := parseOrg(t, string(archive.Files[0].Data), version)
			a := stage.Assess(o)[0]
			for i, f := range archive.Files[1:] {
				got := render(a, f.Name)
				if *update {
					archive.Files[i+1].Data = []byte(got)
				} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
					t.Errorf("%s: -want +got:\n%s", f.Name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// render writes one section of what is said of a team.
func render(a stage.Assessment, section string) string {
	var b strings.Builder
	switch section {
	case "stages":
		for i := 0; i < len(a.History); {
			j := i
			for j+1 < len(a.History) && say(a.History[j+1]) == say(a.History[i]) {
				j++
			}
			fmt.Fprintf(&b, "%d-%d %s\n", i+1, j+1, say(a.History[i]))
			i = j + 1
		}
	case "explain":
		for _, s := range stage.Explain(a) {
			b.WriteString(s + "\n")
		}
	case "criteria":
		for _, c := range a.Criteria {
			fmt.Fprintf(&b, "%d %s value=%d known=%t met=%t weeks=%d\n", c.Stage, c.Name, c.Value, c.Known, c.Met, c.CoveredWeeks)
		}
	case "evidence":
		for _, c := range a.Criteria {
			for _, e := range c.Evidence {
				fmt.Fprintf(&b, "%d %s %s %s %d\n", c.Stage, e.Week, e.Kind, e.Subject, e.Count)
			}
		}
	case "assessment":
		fmt.Fprintf(&b, "status %s stage %s raw %s since %v previous %s confidence %s assessable from %v\n", a.Status, whole(a.Stage), whole(a.RawStage),
			orDash(a.Since), whole(a.PreviousStage), orDash(a.Confidence), dateOrDash(a.AssessableFrom))
	}
	return b.String()
}

func say(w stage.WeekStage) string { return w.Status + " " + whole(w.Stage) }

func whole(n *int) string { return orDash(n) }

func orDash[T any](v *T) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

func dateOrDash(d activity.Date) string {
	if d == 0 {
		return "-"
	}
	return d.String()
}

// monday1 is the Monday of week 1 of every organisation in testdata.
var monday1 = func() activity.Date {
	d, err := activity.ParseDate("2026-01-05")
	if err != nil {
		panic(err)
	}
	return d
}()

var weekdays = map[string]activity.Date{"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}

// criteriaOf returns the criteria of a version that there is.
func criteriaOf(version int) stage.Criteria {
	c, err := stage.CriteriaVersion(version)
	if err != nil {
		panic(err)
	}
	return c
}

// orgText builds an organisation from its text.
type orgText struct {
	t      *testing.T
	org    stage.Org
	gaps   map[string]map[activity.Date]bool // by source
	actors map[string]activity.ActorID
}

func parseOrg(t *testing.T, text string, version int) stage.Org {
	t.Helper()
	p := &orgText{t: t, gaps: map[string]map[activity.Date]bool{}, actors: map[string]activity.ActorID{}}
	p.org = stage.Org{Criteria: criteriaOf(version), From: monday1, Sources: []stage.Source{
		{Name: "grafana", Type: "grafana-log", Class: activity.ClassView, Gives: []activity.Kind{
			activity.KindView, activity.KindQuery, activity.KindShare, activity.KindOpen, activity.KindEdit, activity.KindAnnotation, activity.KindRule}},
		{Name: "git", Type: "rules-git", Class: activity.ClassAny, Gives: []activity.Kind{activity.KindRule, activity.KindGoal}},
		{Name: "api", Type: "grafana-api", Class: activity.ClassAny, Gives: []activity.Kind{activity.KindAnnotation}},
		{Name: "promql", Type: "prometheus-query-log", Class: activity.ClassAny, Gives: []activity.Kind{activity.KindQuery}},
	}}
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			if err := p.line(fields); err != nil {
				t.Fatalf("line %d: %q: %v", n+1, line, err)
			}
		}
	}
	p.cover()
	if err := p.org.Criteria.Validate(); err != nil {
		t.Fatal(err)
	}
	return p.org
}

// cover covers all weekdays of the sources that some team has, but for the gaps.
func (p *orgText) cover() {
	for d := monday1; d < p.org.AsOf; d++ {
		for _, s := range p.org.Sources {
			if !p.gaps[s.Name][d] {
				p.org.Coverage = append(p.org.Coverage, activity.CoveredDay{Source: s.Name, Class: activity.ClassAny, Date: d})
				if s.Class == activity.ClassView && !p.gaps[s.Name+"/view"][d] {
					p.org.Coverage = append(p.org.Coverage, activity.CoveredDay{Source: s.Name, Class: activity.ClassView, Date: d})
				}
			}
		}
	}
}

func (p *orgText) line(f []string) error {
	switch f[0] {
	case "weeks":
		n, err := strconv.Atoi(f[1])
		p.org.AsOf = monday1 + activity.Date(7*n)
		return err
	case "team":
		team := stage.Team{Name: f[1], HasPeople: true, Sources: []string{"grafana", "git"}}
		for _, o := range f[2:] {
			switch k, v, _ := strings.Cut(o, "="); k {
			case "nobody":
				team.HasPeople = false
			case "hidden":
				team.HidePeople = true
			case "sources":
				team.Sources = strings.FieldsFunc(v, func(r rune) bool { return r == ',' })
			}
		}
		p.org.Teams = append(p.org.Teams, team)
		return nil
	case "criterion":
		var k stage.Criterion
		_, err := fmt.Sscanf(strings.Join(f[2:], " "), "enter %d leave %d window %d", &k.Enter, &k.Leave, &k.Window)
		p.org.Criteria.ByName[f[1]] = k
		return err
	case "gap": // gap SOURCE DAYS...
		for _, days := range f[2:] {
			return p.days(days, func(d activity.Date, all bool) {
				for i := range activity.Date(7) {
					if all || i == 0 {
						if p.gaps[f[1]] == nil {
							p.gaps[f[1]] = map[activity.Date]bool{}
						}
						p.gaps[f[1]][d+i] = true
					}
				}
			})
		}
		return nil
	case "retired": // retired WEEK PEOPLE: no actors up to this week, but how many there were
		w, err := strconv.Atoi(f[1])
		if err != nil {
			return err
		}
		people, err := strconv.Atoi(f[2])
		p.retire(w, people)
		return err
	case "goal": // goal NAME QUERY DUE-WEEK
		due, err := strconv.Atoi(f[3])
		if due > 0 {
			due = int(monday1) + 7*(due-1)
		}
		p.org.Goals = append(p.org.Goals, activity.Goal{From: monday1.Start(time.UTC), Scope: "git:goals", Team: p.team().Name,
			Name: f[1], Query: f[2], Due: activity.Date(due)})
		return err
	}
	return p.act(f)
}

func (p *orgText) team() *stage.Team { return &p.org.Teams[len(p.org.Teams)-1] }

// days calls do with each day of "3", "3-8", "3.tue" or "3-8.tue", told in weeks; all is set for those without a weekday.
func (p *orgText) days(text string, do func(d activity.Date, all bool)) error {
	weeks, day, named := strings.Cut(text, ".")
	offset, ok := weekdays[day]
	if named && !ok {
		return fmt.Errorf("no weekday: %q", day)
	}
	from, to, isRange := strings.Cut(weeks, "-")
	first, err := strconv.Atoi(from)
	if err != nil {
		return err
	}
	last := first
	if isRange {
		if last, err = strconv.Atoi(to); err != nil {
			return err
		}
	}
	for w := first; w <= last; w++ {
		do(monday1+activity.Date(7*(w-1))+offset, !named)
	}
	return nil
}

// act reads "WEEKS[.DAY][@HH:MM] KIND PERSON SUBJECT [DETAIL] [key=value ...]"; the person "-" is nobody.
func (p *orgText) act(f []string) error {
	if len(f) < 4 {
		return fmt.Errorf("want WEEKS KIND PERSON SUBJECT")
	}
	when, clock, timed := strings.Cut(f[0], "@")
	hour, minute := 10, 0
	if timed {
		if _, err := fmt.Sscanf(clock, "%d:%d", &hour, &minute); err != nil {
			return err
		}
	}
	a := activity.Act{Outcome: activity.Counted}
	a.Kind, a.Subject, a.Count, a.Scope = activity.Kind(f[1]), f[3], 1, "org:1"
	a.Source = map[activity.Kind]string{activity.KindRule: "git", activity.KindMetric: "git", activity.KindGoal: "git"}[a.Kind]
	if a.Source == "" {
		a.Source = "grafana"
	}
	if a.Kind == activity.KindGoal {
		a.Scope = "git:goals"
	}
	if a.Subject == `""` {
		a.Subject = ""
	}
	if f[2] != "-" {
		if p.actors[f[2]] == 0 {
			p.actors[f[2]] = activity.ActorID(len(p.actors) + 1)
		}
		a.Actor = p.actors[f[2]]
	}
	for _, o := range f[4:] {
		k, v, isPair := strings.Cut(o, "=")
		switch {
		case !isPair:
			a.Detail = o
		case k == "metrics":
			a.Metrics = strings.Split(v, ",")
		case k == "records":
			a.Records = v
		case k == "by":
			a.ByTeam = map[string]activity.Tri{"team": activity.Yes, "others": activity.No}[v]
		case k == "own":
			a.Own = map[string]activity.Tri{"yes": activity.Yes, "no": activity.No}[v]
		case k == "source":
			a.Source = v
		case k == "robot":
			a.Robot, a.Outcome = v, activity.Automated
		case k == "count":
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return err
			}
			a.Count = n
		default:
			return fmt.Errorf("unknown %q", o)
		}
	}
	return p.days(when, func(d activity.Date, _ bool) {
		a.Date, a.Team = d, p.team().Name
		a.First = d.Start(time.UTC).Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
		a.Last, a.Hours = a.First, 1<<hour
		p.team().Acts = append(p.team().Acts, a)
	})
}

// retire takes the actors of the team's acts up to week w, as the store does.
func (p *orgText) retire(w, people int) {
	team := p.team()
	team.RetiredPeople = map[activity.Date]int{}
	for i := range team.Acts {
		if a := &team.Acts[i]; a.Date < monday1+activity.Date(7*w) {
			a.Actor, a.Retired = 0, true
			team.RetiredPeople[a.Date.Monday()] = people
		}
	}
}
