package sim

import "slices"

// phase is a stretch of a team's story: from a week on the team's habits are those of a level.
//
//	0 nothing                         4 and looks at its dashboards every week
//	1 asks a question now and then    5 and makes the metrics that it misses
//	2 writes a baseline for projects  6 and acts on what it saw
//	3 and goes back to check them
//
// Whether a team at level 4 and above also plans projects is a trait of the team: a team may well look every week
// and never have written down a target.
type phase struct{ week, level int }

// story is what becomes of a team.
type story struct {
	phases []phase
	plans  bool // it writes down projects at level 4 and above too
	giveUp bool // it may give up what it has done for projects
}

func (s story) level(week int) int {
	level := 0
	for _, p := range s.phases {
		if week >= p.week {
			level = p.level
		}
	}
	return level
}

// demoStories are the twelve of the demo, in fractions of the time: every stage, some rising, some falling one or
// several stages, some staying.
func demoStories() []struct {
	name, folder string
	plans        bool
	from         []float64
	level        []int
} {
	type s = struct {
		name, folder string
		plans        bool
		from         []float64
		level        []int
	}
	return []s{
		{"payments", "Payments", true, []float64{0}, []int{6}},
		{"checkout", "Checkout", true, []float64{0, 0.27, 0.54}, []int{4, 5, 6}},
		{"search", "Search", true, []float64{0, 0.62}, []int{6, 4}},
		{"identity", "Identity", false, []float64{0}, []int{5}},
		{"platform", "Platform", false, []float64{0, 0.38}, []int{4, 5}},
		{"shipping", "Shipping", false, []float64{0}, []int{4}},
		{"catalog", "Catalog", true, []float64{0, 0.46}, []int{3, 4}},
		{"ads", "Advertising", false, []float64{0, 0.58}, []int{4, 1}},
		{"mobile", "Mobile", true, []float64{0}, []int{3}},
		{"billing", "Billing", true, []float64{0, 0.4}, []int{2, 3}},
		{"data", "Data", true, []float64{0, 0.5}, []int{1, 2}},
		{"legacy", "Legacy", false, []float64{0}, []int{0}},
	}
}

// moreTeams name teams beyond the demo's; after them come numbers.
func moreTeams() []string {
	return []string{
		"fraud", "pricing", "loyalty", "inventory", "returns", "orders", "support", "media", "recommend", "partner", "ledger", "maps",
		"messaging", "content", "storage", "network", "gateway", "invoices", "risk", "growth", "stores", "fleet", "tax", "fulfilment",
	}
}

// storyOf returns the name, folder and story of team i.
func (w *world) storyOf(i int) (name, folder string, s story) {
	d := w.dice("story", itoa(i))
	fixed := demoStories()
	if i < len(fixed) {
		f := fixed[i]
		if !w.Drawn {
			s = story{plans: f.plans}
			for k := range f.from {
				week := 0
				if k > 0 {
					week = int(f.from[k]*float64(w.Weeks)) + d.days(-2, 2)
				}
				s.phases = append(s.phases, phase{max(week, k), f.level[k]})
			}
			return f.name, f.folder, s
		}
		return f.name, f.folder, w.draw(d)
	}
	name = "team" + itoa(i)
	if more := moreTeams(); i-len(fixed) < len(more) {
		name = more[i-len(fixed)]
	}
	return name, title(name), w.draw(d)
}

// draw invents a story: a start anywhere, then every third of a year or so a change, as often up as down, by one
// level or by several. Half of the teams plan projects; the others know only asking and the regular habits. What a
// team has once done for a project it goes on doing, but for a few that give it up.
func (w *world) draw(d dice) story {
	s := story{plans: d.chance(0.5)}
	ladder := s.ladder()
	at := d.IntN(5)
	if s.plans {
		at = d.days(s.first(), len(ladder)-1)
	}
	s.giveUp = d.chance(0.1)
	s.phases = []phase{{0, ladder[at]}}
	for week := d.days(firstChange()); week < w.Weeks-4; week += d.days(laterChange()) {
		step := pick(d, changeSteps())
		if d.chance(0.5) {
			step = -step
		}
		if d.chance(quietStretch) {
			continue
		}
		if next := s.bounded(at, step); next != at {
			at = next
			s.phases = append(s.phases, phase{week, ladder[at]})
		}
	}
	return s
}

// ladder is the levels that a story knows.
func (s story) ladder() []int {
	if s.plans {
		return []int{0, 1, 2, 3, 4, 5, 6}
	}
	return []int{0, 1, 4, 5, 6}
}

// first is the lowest rung of the ladder with which a story may begin: who plans projects asks questions.
func (s story) first() int {
	if s.plans {
		return 1
	}
	return 0
}

// bounded is where a step from a rung of the ladder leads.
func (s story) bounded(at, step int) int {
	lowest := 0
	if s.plans && !s.giveUp {
		lowest = min(at, 3)
	}
	return min(max(at+step, lowest), len(s.ladder())-1)
}

// firstChange and laterChange are after how many weeks a story may change, at least and at most; changeSteps by how many
// rungs it does, and quietStretch how often it does not after all.
func firstChange() (low, high int) { return 10, 30 }
func laterChange() (low, high int) { return 14, 34 }
func changeSteps() []int           { return []int{1, 1, 1, 2, 3} }

const quietStretch = 0.3

// truth derives what was true each week from the habits that were alive in it and from the projects that people
// still speak of.
func (w *world) truth() Truth {
	out := Truth{Seed: w.Seed, Scenarios: slices.Clone(w.Scenarios)}
	away := make([]bool, w.Weeks)
	for week := range away {
		away[week] = w.mostAway(week)
	}
	for _, t := range w.teams {
		tt := TeamTruth{Name: t.name, Size: len(t.ever)}
		for week := range w.Weeks {
			monday := w.start + 7*dateOf(week)
			exists := week >= t.formed && week < t.dissolved
			stage := 0
			if exists {
				stage = t.stage(week)
			}
			tt.Weeks = append(tt.Weeks, WeekTruth{Monday: monday, Stage: stage, Exists: exists, Outage: w.lost(grafanaSource, monday), Away: away[week]})
		}
		out.Teams = append(out.Teams, tt)
	}
	return out
}

// mostAway says whether fewer than half of the days that people would work in a week are worked.
func (w *world) mostAway(week int) bool {
	worked, usual := 0, 0
	for _, t := range w.teams {
		for _, p := range t.ever {
			for day := week * 7; day < week*7+5; day++ {
				if !p.in(t, day) || p.free[(w.start+dateOf(day)).Weekday()] {
					continue
				}
				usual++
				if w.works(p, t, day) {
					worked++
				}
			}
		}
	}
	return 2*worked < usual
}

// stage is the true stage of a week: the regular habits by themselves, the one-off stages by what was done for
// some project that is not forgotten.
func (t *team) stage(week int) int {
	level := t.story.level(week)
	if level >= 4 {
		return level
	}
	stage := min(level, 1)
	for _, p := range t.projects {
		if p.baseline > week || p.forgotten <= week {
			continue
		}
		stage = max(stage, 2)
		if p.checked <= week {
			stage = 3
		}
	}
	return stage
}
