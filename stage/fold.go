package stage

import (
	"cmp"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Few says whether there are few acts of a kind. Views and queries are most of what people do: an assessment needs sums of them,
// and single ones only where they have to do with one of the few.
func Few(k activity.Kind) bool { return k != activity.KindView && k != activity.KindQuery }

// Folded is what an assessment needs of the acts of an organisation: sums by week, and those views and queries that have to do with
// something that was written down, made or changed. It serves all versions of the criteria.
type Folded struct {
	teams  []foldedTeam
	totals map[string][]int64 // acts by source and week
	crowd  crowd
	shown  int // the first week of which evidence is kept
}

// foldedTeam is what is kept of one team's acts.
type foldedTeam struct {
	kept     []activity.Act // views and queries of a day, added up over people, that have to do with one of the few
	sessions map[activity.ActorID][]session
	asked    []queryDay
	viewers  []viewer
	clusters [][]cluster // by week
	machines []int       // by week: days on which a page that comes back by itself was set aside
	active   []bool      // by week: somebody of the team was seen
	shown    []shownFact // evidence of views and queries
}

// queryDay is a day on which somebody began to ask.
type queryDay struct {
	week int32
	day  activity.Date
}

// viewer is somebody who looked in a week. Aside are machines and work for others, which only version 1 takes for looks.
type viewer struct {
	week, who int32 // who is a number from 1; 0 if forgotten
	aside     bool
}

// shownFact is a fact of evidence.
type shownFact struct {
	fact
	aside bool
}

// Folder folds acts into what an assessment needs of them. It takes memory for a week of acts, and for what it keeps of others.
type Folder struct {
	cal      *calendar
	criteria Criteria
	goals    goalBook
	index    map[string]int
	teams    []*teamFolder
	out      Folded

	date activity.Date // that is being folded; 0 before the first
	week int           // of it; -1 before the first
	busy []*teamFolder // teams of which there is something on that date
	seen map[sighting]bool
	memo struct {
		source string
		totals []int64
		crowd  []int
		team   string
		t      *teamFolder
	}
}

// sighting is somebody who was seen in the week that is folded.
type sighting struct {
	team   int
	source string
	who    activity.ActorID
}

// NewFolder returns a folder of the acts of o, whose teams have the acts of which there are few, of all its time. Evidence is kept
// from week shown on, of those that EvidenceFrom numbers.
func NewFolder(o Org, shown int) *Folder {
	cal := newCalendar(o)
	f := &Folder{
		cal: cal, criteria: o.Criteria, goals: newGoalBook(o.Goals), index: make(map[string]int, len(o.Teams)),
		out: Folded{totals: map[string][]int64{}, crowd: crowd{}, shown: shown}, week: -1, seen: map[sighting]bool{},
	}
	if f.criteria.Version < 2 { // it sets nothing aside, and is not asked to: viewers tell what would be
		f.criteria.Rhythm = version2().Rhythm
	}
	for name := range cal.sources {
		f.out.totals[name], f.out.crowd[name] = make([]int64, cal.weeks), make([]int, cal.weeks)
	}
	for i, t := range o.Teams {
		f.index[t.Name] = i
		f.teams = append(f.teams, newTeamFolder(i, t, f))
	}
	return f
}

// Add folds an act that counts for a team, a view or query or one of the few. They come in order of their dates. It is not kept.
func (f *Folder) Add(a *activity.Act) {
	if f.memo.t == nil || f.memo.team != a.Team {
		i, ok := f.index[a.Team]
		if !ok {
			return
		}
		f.memo.team, f.memo.t = a.Team, f.teams[i]
	}
	f.add(f.memo.t, a)
}

func (f *Folder) add(t *teamFolder, a *activity.Act) {
	if a.Date != f.date && !f.turn(a.Date) || !counted(a) {
		return
	}
	f.sum(t, a)
	if a.ByTeam != activity.No {
		t.out.active[f.week] = true
	}
	if Few(a.Kind) {
		return
	}
	if !t.busy {
		t.busy = true
		f.busy = append(f.busy, t)
	}
	if a.Kind == activity.KindView {
		t.view(a)
	} else {
		t.query(a)
	}
}

// sum adds an act to what all teams did.
func (f *Folder) sum(t *teamFolder, a *activity.Act) {
	if f.memo.source != a.Source || f.memo.totals == nil {
		f.memo.source, f.memo.totals, f.memo.crowd = a.Source, f.out.totals[a.Source], f.out.crowd[a.Source]
	}
	if f.memo.totals == nil {
		return
	}
	f.memo.totals[f.week] += a.Count
	s := sighting{t.number, a.Source, a.Actor}
	if t.known && s == t.last {
		return
	}
	t.last, t.known = s, true
	if !f.seen[s] {
		f.seen[s] = true
		f.memo.crowd[f.week]++
	}
}

// turn ends the date that was folded, and begins another. It returns false for one that is outside of all weeks.
func (f *Folder) turn(date activity.Date) bool {
	w, ok := f.cal.week(date)
	if !ok {
		return false
	}
	f.endDay()
	if w != f.week {
		f.endWeek()
		f.week = w
	}
	f.date = date
	return true
}

func (f *Folder) endDay() {
	for _, t := range f.busy {
		t.endDay()
	}
	f.busy = f.busy[:0]
}

func (f *Folder) endWeek() {
	clear(f.seen)
	for _, t := range f.teams {
		t.known = false
		t.endWeek()
	}
}

// Folded returns what was folded. The folder is of no use after that.
func (f *Folder) Folded() *Folded {
	f.endDay()
	f.endWeek()
	for _, t := range f.teams {
		f.out.teams = append(f.out.teams, t.end())
	}
	return &f.out
}

// fold folds the acts that the teams of o have.
func fold(o Org) *Folded {
	type of struct {
		team int
		act  *activity.Act
	}
	var all []of
	for i := range o.Teams {
		for j := range o.Teams[i].Acts {
			all = append(all, of{i, &o.Teams[i].Acts[j]})
		}
	}
	slices.SortStableFunc(all, func(a, b of) int { return cmp.Compare(a.act.Date, b.act.Date) })
	f := NewFolder(o, 0)
	for _, a := range all {
		f.add(f.teams[a.team], a.act)
	}
	return f.Folded()
}

// EvidenceFrom returns the first week of which an assessment of o shows evidence of views and queries. Before they are folded that is
// told by coverage alone, with some weeks to spare for quiet ones.
func EvidenceFrom(o Org) int {
	cal := newCalendar(o)
	quiet, spare := make([]bool, cal.weeks), o.Criteria.QuietRun+1
	if o.Folded != nil {
		quiet, spare = quietWeeks(o, cal), 0
	}
	cover := &coverages{calendar: cal, criteria: o.Criteria, quiet: quiet, known: map[string][]coverage{}}
	from := cal.weeks
	for _, t := range o.Teams {
		for i, c := range cover.of(t.Sources) {
			if !rungs[i].looks {
				continue
			}
			for w := cal.weeks - 1; w >= 0; w-- {
				if c.tells(o.Criteria, o.Criteria.ByName[rungs[i].name], w) {
					from = min(from, c.from[w])
					break
				}
			}
		}
	}
	return max(0, from-spare)
}

// Shows says whether evidence was kept from a week on.
func (f *Folded) Shows(week int) bool { return f.shown <= week }
