package main

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// picture is what the store says at one moment, judged by today's owner rules.
type picture struct {
	report *report
	acts   []activity.Act
	owners owner.Config
	facts  activity.Facts
	book   *owner.Book
	org    stage.Org    // what was assessed
	usage  *usageReport // see desk.usage
}

// look attributes the stored days from (inclusive) to (exclusive); a bound of 0 is open.
func (d *desk) look(ctx context.Context, from, to activity.Date) (*picture, error) {
	owners, facts, err := d.owners(ctx)
	if err != nil {
		return nil, err
	}
	days, err := d.store.Days(ctx, 0, to) // all of them: whence Grafana asks is learned from the whole
	if err != nil {
		return nil, err
	}
	book, err := owner.New(owners, d.key, facts)
	if err != nil {
		return nil, asUsage(err)
	}
	p := &picture{owners: owners, facts: facts, book: book, acts: book.Attribute(days)}
	p.acts = slices.DeleteFunc(p.acts, func(a activity.Act) bool { return a.Date < from })
	return p, nil
}

// gather puts together what an assessment as of a moment rests on.
func (d *desk) gather(ctx context.Context, asOf time.Time) (*picture, error) {
	p, err := d.look(ctx, 0, firstWholeDay(asOf, d.Owner.Location))
	if err != nil {
		return nil, err
	}
	people, err := d.store.RetiredPeople(ctx)
	if err != nil {
		return nil, err
	}
	end := dayOf(asOf, d.Owner.Location)
	p.org = stage.Org{
		Teams: d.stageTeams(p, end, people), Sources: d.stageSources(), Coverage: p.facts.Coverage, Goals: p.facts.Goals,
		From: firstData(p.acts, p.facts.Coverage), AsOf: end, Criteria: d.Criteria,
	}
	return p, nil
}

// assemble makes the report as of a moment: the weeks that ended by then are assessed.
func (d *desk) assemble(ctx context.Context, asOf time.Time) (*picture, error) {
	p, err := d.gather(ctx, asOf)
	if err != nil {
		return nil, err
	}
	exported, err := d.store.Assessments(ctx)
	if err != nil {
		return nil, err
	}
	p.report = &report{
		Schema: reportSchema, AsOf: asOf.UTC(), CriteriaVersion: d.Criteria.Version, Events: newEvents(p.acts),
		Sources: []sourceReport{}, Teams: []teamReport{}, PeopleKnownFrom: knownFrom(p.acts),
	}
	status := map[string]activity.SourceStatus{}
	for _, s := range p.facts.Status {
		status[s.Source] = s
	}
	events := map[string]int64{}
	for _, a := range p.acts {
		events[a.Source] += a.Count
	}
	known := min(p.org.AsOf, max(lastCovered(p.facts.Coverage), dayOf(time.Now(), d.Owner.Location))+1) // a day to come is not missing
	for _, s := range d.Sources {
		p.report.Sources = append(p.report.Sources, newSource(s, status[s.Name], events[s.Name], p.facts.Coverage, known))
	}
	said := byTeam(exported)
	for _, a := range stage.Assess(p.org) {
		p.report.Teams = append(p.report.Teams, newTeam(a, said[a.Team]))
	}
	return p, nil
}

// byTeam sorts what was exported by team and week.
func byTeam(exported []store.Assessment) map[string]map[activity.Date]store.Assessment {
	teams := map[string]map[activity.Date]store.Assessment{}
	for _, e := range exported {
		if teams[e.Team] == nil {
			teams[e.Team] = map[activity.Date]store.Assessment{}
		}
		teams[e.Team][e.Monday] = e
	}
	return teams
}

// stageTeams gives each team its counted acts and what is known about it.
func (d *desk) stageTeams(p *picture, asOf activity.Date, people []store.TeamWeekPeople) []stage.Team {
	o := p.owners
	foundations, acts := p.book.Foundations(p.acts), owner.ByTeam(p.acts)
	sizes := newTeamSizes(o, p.acts, d.Privacy.MinTeamSize)
	teams := make([]stage.Team, len(o.Teams))
	at := make(map[string]int, len(o.Teams))
	for i, t := range o.Teams {
		at[t.Name] = i
		f := foundations[t.Name]
		teams[i] = stage.Team{
			Name: t.Name, HasPeople: t.HasPeople(), Acts: acts[t.Name], RetiredPeople: map[activity.Date]int{},
			HidePeople:  sizes.hidden(t.Name, asOf),
			Foundations: map[string]activity.Tri{"collection": f.Collection, "query_tooling": f.QueryTooling, "dashboards": f.Dashboards},
		}
		for _, s := range d.Sources {
			if t.CouldMatch(s.Type) {
				teams[i].Sources = append(teams[i].Sources, s.Name)
			}
		}
	}
	for _, w := range people {
		if i, ok := at[w.Team]; ok {
			teams[i].RetiredPeople[w.Monday] = w.People
		}
	}
	return teams
}

// lastCovered is the last day of which any source was read; 0 if none was.
func lastCovered(covered []activity.CoveredDay) (last activity.Date) {
	for _, c := range covered {
		last = max(last, c.Date)
	}
	return last
}

// firstData is the first day of which anything is known; 0 if nothing is.
func firstData(acts []activity.Act, coverage []activity.CoveredDay) activity.Date {
	var first activity.Date
	earlier := func(d activity.Date) {
		if first == 0 || d < first {
			first = d
		}
	}
	for _, a := range acts {
		earlier(a.Date)
	}
	for _, c := range coverage {
		earlier(c.Date)
	}
	return first
}

// knownFrom is the day after the last whose people were forgotten, nil if none were.
func knownFrom(acts []activity.Act) *activity.Date {
	known := activity.Date(math.MaxInt32) // the first day of which somebody is known: one person may have been forgotten for good since
	for _, a := range acts {
		if a.Actor != 0 {
			known = min(known, a.Date)
		}
	}
	var from *activity.Date
	for _, a := range acts {
		if a.Retired && a.Date < known && (from == nil || a.Date >= *from) {
			next := a.Date + 1
			from = &next
		}
	}
	return from
}

// newTeam writes an assessment down as the report shows it, beside what was exported of the team by week.
func newTeam(a stage.Assessment, was map[activity.Date]store.Assessment) teamReport {
	t := teamReport{
		Team: a.Team, Status: a.Status, Stage: a.Stage, RawStage: a.RawStage, Confidence: a.Confidence, Since: a.Since,
		PreviousStage: a.PreviousStage, Reason: a.Reason, Foundations: map[string]*bool{}, Criteria: []criterionReport{}, History: []historyWeekReport{}, assessment: a,
	}
	if a.Stage != nil {
		t.StageName = &a.StageName
	}
	for name, have := range a.Foundations {
		t.Foundations[name] = tri(have)
	}
	for _, c := range a.Criteria {
		t.Criteria = append(t.Criteria, newCriterion(c))
	}
	if a.AssessableFrom != 0 {
		t.AssessableFrom = &a.AssessableFrom
	}
	if a.Next.Stage != 0 {
		t.Next = &nextReport{Stage: a.Next.Stage, Missing: append([]string{}, a.Next.Missing...)}
	}
	for _, e := range was {
		if t.knownSince.IsZero() || e.Made.Before(t.knownSince) {
			t.knownSince = e.Made
		}
	}
	for _, h := range a.History {
		row := historyWeekReport{Week: h.Week, Stage: h.Stage, Status: h.Status, Confidence: h.Confidence}
		if e, ok := was[h.Week]; ok && (e.Status != h.Status || !same(e.Stage, h.Stage)) {
			row.Exported = &exportedReport{Stage: e.Stage, Status: e.Status, CriteriaVersion: e.Version}
		}
		t.History = append(t.History, row)
	}
	return t
}

func newCriterion(c stage.CriterionResult) criterionReport {
	r := criterionReport{
		Stage: c.Stage, Name: c.Name, Value: c.Value, Enter: c.Enter, Leave: c.Leave, WindowWeeks: c.WindowWeeks, Met: c.Met,
		Known: c.Known, People: c.People, Evidence: []evidenceReport{},
	}
	if h := c.Habit; h != nil {
		r.Habit = &habitReport{Probability: h.Probability, Usual: h.Usual, EveryWeeks: h.Every}
	}
	for _, e := range c.Evidence {
		r.Evidence = append(r.Evidence, evidenceReport{Week: e.Week, Kind: e.Kind, Subject: e.Subject, Count: e.Count})
	}
	return r
}

func same(a, b *int) bool {
	return (a == nil && b == nil) || (a != nil && b != nil && *a == *b)
}
