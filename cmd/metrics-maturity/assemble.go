package main

import (
	"context"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// picture is what the store says at one moment, judged by today's owner rules.
type picture struct {
	report *report
	owners owner.Config
	facts  activity.Facts
	book   *owner.Book
	tally  *tally
	asides asides
	org    stage.Org    // what was assessed
	usage  *usageReport // nil unless it was asked for
}

// gather puts together what an assessment as of a moment rests on, and how dashboards are used, if that is asked for.
func (d *desk) gather(ctx context.Context, asOf time.Time, usage bool) (*picture, error) {
	people, err := d.store.RetiredPeople(ctx)
	if err != nil {
		return nil, err
	}
	end := dayOf(asOf, d.Owner.Location)
	var p *picture
	err = d.judge(ctx, firstWholeDay(asOf, d.Owner.Location), func(m *moment) error {
		p = &picture{owners: m.owners, facts: m.facts, book: m.book}
		p.org = stage.Org{
			Teams: d.stageTeams(p.owners, m.few(), people), Sources: d.stageSources(), Coverage: p.facts.Coverage, Goals: p.facts.Goals,
			From: firstData(m.survey.First(), p.facts.Coverage), AsOf: end, Criteria: d.Criteria,
		}
		return d.fold(m, p, usage)
	})
	return p, err
}

// fold folds the acts of a moment into p, in one pass unless quiet weeks make an assessment show older evidence than was foreseen.
func (d *desk) fold(m *moment, p *picture, usage bool) error {
	for shown := stage.EvidenceFrom(p.org); ; shown = stage.EvidenceFrom(p.org) {
		folder := stage.NewFolder(p.org, shown)
		p.tally = newTally(p.owners, d.Privacy.MinTeamSize)
		uses := newBoardUses(p, d.Owner.Location)
		p.asides = asides{}
		found, err := m.each(func(a *activity.Act, s *owner.Stream) {
			p.tally.add(a)
			if a.Outcome != activity.Counted && a.Date >= p.org.AsOf-7*asideWeeks {
				p.asides.add(a, s.SubjectTeams())
			}
			if usage {
				uses.add(a, p.tally.sizes)
			}
			if a.Outcome == activity.Counted {
				folder.Add(a)
			}
		})
		if err != nil {
			return err
		}
		p.org.Folded = folder.Folded()
		if !p.org.Folded.Shows(stage.EvidenceFrom(p.org)) {
			continue
		}
		d.describe(p, found)
		if usage {
			p.usage = newUsage(p, uses, d.Privacy.MinTeamSize, d.grafanaURL())
		}
		return nil
	}
}

// assemble makes the report as of a moment: the weeks that ended by then are assessed. The whole picture has beside it what it was made
// of; else it is only made where the answer is not known from the last time.
func (d *desk) assemble(ctx context.Context, asOf time.Time, whole bool) (*picture, error) {
	digest, err := d.digest(ctx, asOf)
	if err != nil {
		return nil, err
	}
	var found *verdict
	if !whole {
		if found, err = d.answered(ctx, digest); err != nil {
			return nil, err
		}
	}
	p := &picture{}
	if found != nil {
		p.facts, err = d.store.HowRead(ctx)
	} else if p, err = d.gather(ctx, asOf, whole); err == nil {
		found = newVerdict(p)
		d.keep(ctx, digest, found)
	}
	if err != nil {
		return nil, err
	}
	p.report, err = d.newReport(ctx, asOf, found, p.facts)
	return p, err
}

// newReport puts an answer beside how sources were read, and what was exported.
func (d *desk) newReport(ctx context.Context, asOf time.Time, a *verdict, f activity.Facts) (*report, error) {
	exported, err := d.store.Assessments(ctx)
	if err != nil {
		return nil, err
	}
	r := &report{
		Schema: reportSchema, AsOf: asOf.UTC(), CriteriaVersion: d.Criteria.Version, Events: a.events(),
		Sources: []sourceReport{}, Teams: []teamReport{}, PeopleKnownFrom: a.KnownFrom,
	}
	status := map[string]activity.SourceStatus{}
	for _, s := range f.Status {
		status[s.Source] = s
	}
	events, loc := a.bySource(), d.Owner.Location
	known := min(dayOf(asOf, loc), max(lastCovered(f.Coverage), dayOf(time.Now(), loc))+1) // a day to come is not missing
	for _, s := range d.Sources {
		r.Sources = append(r.Sources, newSource(s, status[s.Name], events[s.Name], f.Coverage, known))
	}
	said := byTeam(exported)
	for _, t := range a.Assessments {
		r.Teams = append(r.Teams, newTeam(t, said[t.Team]))
	}
	return r, nil
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

// stageTeams gives each team what is known about it and those of its counted acts of which there are few.
func (d *desk) stageTeams(o owner.Config, few map[string][]activity.Act, people []store.TeamWeekPeople) []stage.Team {
	teams := make([]stage.Team, len(o.Teams))
	at := make(map[string]int, len(o.Teams))
	for i, t := range o.Teams {
		at[t.Name] = i
		teams[i] = stage.Team{Name: t.Name, HasPeople: t.HasPeople(), Acts: few[t.Name], RetiredPeople: map[activity.Date]int{}}
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

// describe adds to the teams what all acts together tell of them.
func (d *desk) describe(p *picture, found map[string]owner.Foundation) {
	for i := range p.org.Teams {
		t := &p.org.Teams[i]
		f := found[t.Name]
		t.HidePeople = p.tally.sizes.hiddenWithin(t.Name, p.org.AsOf-2*peopleWindow, p.org.AsOf) // a window looks back so far at most
		t.Foundations = map[string]activity.Tri{"collection": f.Collection, "query_tooling": f.QueryTooling, "dashboards": f.Dashboards}
	}
}

// lastCovered is the last day of which any source was read; 0 if none was.
func lastCovered(covered []activity.CoveredDay) (last activity.Date) {
	for _, c := range covered {
		last = max(last, c.Date)
	}
	return last
}

// firstData is the first day of which anything is known; 0 if nothing is.
func firstData(first activity.Date, coverage []activity.CoveredDay) activity.Date {
	for _, c := range coverage {
		if first == 0 || c.Date < first {
			first = c.Date
		}
	}
	return first
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
