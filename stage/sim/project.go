package sim

import (
	"slices"
	"time"
)

// project is something a team set out to improve, and wrote a baseline for. The weeks are those of the simulation.
type project struct {
	noun      string
	baseline  int   // week in which it was written down
	checked   int   // week in which the team first went back to it; never is beyond all weeks
	forgotten int   // week from which nobody speaks of it any more
	touched   []int // weeks in which it was written down or gone back to
}

const never = 1 << 20

// keepsake is how a team wrote a baseline down.
type keepsake int

const (
	byLink keepsake = iota
	byStar
	bySnapshot
	byGoal
)

// liveProjects plans a team's projects through its story: one a quarter or so, each with a baseline; teams that
// follow up go back to it some weeks later and, mostly, once more. A project is spoken of for half a year or more
// after the team last touched it.
func (w *world) liveProjects(t *team) {
	d := w.dice("projects", t.name)
	next, followed := t.formed, false
	var current func(week int) // goes back to the newest project
	for week := t.formed; week < t.dissolved; week++ {
		level := t.story.level(week)
		plans := level == 2 || level == 3 || level >= 4 && t.story.plans
		follows := plans && level >= 3
		if follows && !followed && current != nil && week < next {
			current(week) // the habit begins with what is at hand
		}
		followed = follows
		if !plans {
			next = max(next, week+1)
			continue
		}
		if week < next {
			continue
		}
		p, back := w.startProject(d, t, week)
		if p == nil {
			next = week + 1
			continue
		}
		current = back
		next = week + d.days(8, 13)
		if follows {
			for due := week + d.days(3, 7); due < next+4; due += d.days(4, 9) {
				if due < t.dissolved && t.story.level(due) >= 3 {
					back(due)
				}
			}
		}
	}
}

// startProject writes a baseline in week and returns how to go back to it. Without anybody at work there is none.
func (w *world) startProject(d dice, t *team, week int) (*project, func(week int)) {
	day, who := w.someDay(d, t, week)
	if who == nil {
		return nil, nil
	}
	p := &project{
		noun: projectNouns()[len(t.projects)%len(projectNouns())], baseline: week, checked: never,
		forgotten: week + d.days(spokenWeeks()), touched: []int{week},
	}
	if n := len(t.projects) / len(projectNouns()); n > 0 {
		p.noun += itoa(n + 1)
	}
	t.projects = append(t.projects, p)
	question := projectQuestion(t, p)
	how := pick(d, []keepsake{byLink, byLink, byLink, byStar, byStar, bySnapshot, byGoal})
	// A project's own dashboard: nobody comes across it by chance.
	b := &board{uid: t.name + "-" + p.noun, slug: p.noun, folder: "f-" + t.name, panels: 2}
	link := d.id(14)
	at := w.at(day, 9*time.Hour+d.pause(0, 7*time.Hour))
	if how == bySnapshot {
		link = d.id(32)
		at = w.do(at, openBoard, who, b, "")
		w.do(at.Add(d.pause(time.Minute, 4*time.Minute)), snapshotBoard, who, b, link)
	} else {
		at = w.explore(d, at, who, question, d.days(1, 3)).Add(d.pause(10*time.Second, 2*time.Minute))
	}
	switch how {
	case byLink:
		w.do(at, linkQuery, who, nil, question)
	case byStar:
		w.do(at, starQuery, who, nil, question)
	case byGoal:
		due := w.start + dateOf(day+d.days(30, 60))
		start := w.start + dateOf(day)
		w.commit(at.Add(20*time.Minute), who, t.name+": goal for "+p.noun, func(r *rulesTree) {
			r.goal(t, goal{name: p.noun, query: question, start: start.String(), due: due.String()})
		})
	}
	return p, func(week int) {
		day, who := w.someDay(d, t, week)
		if who == nil {
			return
		}
		at := w.at(day, 9*time.Hour+d.pause(0, 7*time.Hour))
		switch {
		case how == bySnapshot && d.chance(0.5):
			w.do(at, openSnapshot, who, b, link)
			w.do(at.Add(d.pause(time.Minute, 5*time.Minute)), openBoard, who, b, "")
		case how == bySnapshot:
			w.do(at, openBoard, who, b, "")
		case how == byLink && d.chance(0.5):
			w.do(at, followQuery, who, nil, question)
		default:
			w.explore(d, at, who, question, d.days(0, 2))
		}
		if how == byGoal && (p.checked != never || d.chance(0.6)) {
			w.commit(at.Add(30*time.Minute), who, t.name+": result of "+p.noun, func(r *rulesTree) { r.result(t, p.noun) })
		}
		p.checked = min(p.checked, week)
		p.forgotten = max(p.forgotten, week+d.days(spokenWeeks()))
		p.touched = append(p.touched, week)
	}
}

// spokenWeeks is for how many weeks after it was last touched a project is spoken of, at least and at most.
func spokenWeeks() (low, high int) { return 24, 44 }

// touchedIn says whether the team went back to a project in a week.
func (p *project) touchedIn(week int) bool { return slices.Contains(p.touched[1:], week) }

// spokenOf is the probability that a project is still spoken of in a week, as far as its touches tell.
func (p *project) spokenOf(week int) float64 {
	low, high := spokenWeeks()
	forgotten := 1.0
	for _, at := range p.touched {
		if at <= week {
			forgotten *= min(max(float64(week-at-low+1)/float64(high-low+1), 0), 1)
		}
	}
	return 1 - forgotten
}

// someDay finds a day of the week with somebody at work.
func (w *world) someDay(d dice, t *team, week int) (int, *person) {
	first := d.IntN(5)
	for i := range 5 {
		day := week*7 + (first+i)%5
		if people := w.present(t, day); len(people) > 0 {
			return day, pick(d, people)
		}
	}
	return 0, nil
}

func projectNouns() []string {
	return []string{
		"migration", "caching", "checkout_v2", "retries", "autoscaling", "sharding", "upload", "onboarding", "search_index",
		"batching", "failover", "cold_start", "pagination", "compression", "dedup", "prefetch",
	}
}
