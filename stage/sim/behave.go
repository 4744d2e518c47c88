package sim

import (
	"time"
)

// live lets everybody live through the whole time.
func (w *world) live() {
	w.found()
	for _, t := range w.teams {
		w.liveProjects(t)
		for week := t.formed; week < t.dissolved; week++ {
			w.liveWeek(t, week)
		}
		w.makeMetrics(t)
	}
	w.liveIncidents()
	w.livePlatform()
	w.liveRobots()
	w.liveOddities()
	w.settle()
}

// found writes the rules with which every team begins: made for them by others, and nobody's habit.
func (w *world) found() {
	founder := &person{login: "setup", name: "Initial Setup", email: "setup@contractor.example"}
	for _, t := range w.teams {
		w.commit(w.at(t.formed*7, 7*time.Hour), founder, t.name+": first rules", func(r *rulesTree) { r.found(t) })
	}
}

// liveWeek is a week of a team, but for its projects and metrics.
func (w *world) liveWeek(t *team, week int) {
	level := t.story.level(week)
	d := w.dice("week", t.name, itoa(week))
	w.curiosity(d, t, week, level)
	w.strayLooks(d, t, week, level)
	if level >= 4 {
		w.ritual(d, t, week, level)
	}
	for day := week * 7; day < week*7+5; day++ { // Grafana's front page, on the way to something else
		for _, p := range w.present(t, day) {
			if d.chance(0.04) {
				w.do(w.at(day, d.officeHour()), openHome, p, nil, "")
			}
		}
	}
}

// ritual is the weekly look: one shows the dashboard, some open it themselves, some have looked before. When the
// day is a holiday it moves to another, or not.
func (w *world) ritual(d dice, t *team, week, level int) {
	day := week*7 + int(t.ritualDay) - 1
	if publicHoliday(w.start+dateOf(day)) || d.chance(ritualMoves) {
		if day += d.days(-1, 1); d.chance(movedCancelled) {
			return
		}
	}
	people := w.present(t, day)
	if len(people) == 0 || !d.chance(t.devotion) || (len(people) == 1 && len(t.ever) > 2 && d.chance(aloneCancelled)) {
		return
	}
	if w.seenOn(day) {
		t.sign(day).ritual = true
	}
	at := w.at(day, t.ritualTime+d.pause(-6*time.Minute, 12*time.Minute))
	shows := d.IntN(len(people))
	w.look(d, at, people[shows], t.boards[0])
	if d.chance(0.5) {
		w.do(at.Add(d.pause(2*time.Minute, 15*time.Minute)), clickBoard, people[shows], t.boards[1], "")
	}
	for i, p := range people {
		if i != shows && d.chance(0.3) {
			w.look(d, at.Add(d.pause(time.Minute, 20*time.Minute)), p, pick(d, t.boards[:2]))
		}
	}
	if d.chance(0.08) && len(people) > 1 { // what they saw goes to the chat, and somebody opens it
		link := d.id(14)
		at := w.do(at.Add(16*time.Minute), openBoard, people[shows], t.boards[0], "")
		w.do(at.Add(40*time.Second), linkBoard, people[shows], t.boards[0], link)
		w.do(at.Add(d.pause(3*time.Minute, 50*time.Minute)), followBoard, people[(shows+1)%len(people)], t.boards[0], link)
	}
	if d.chance(0.1) { // a remark on the graph, for those who look later
		w.do(at.Add(d.pause(time.Minute, 4*time.Minute)), annotate, people[shows], t.boards[0], "")
	}
	if level >= 6 && d.chance(t.resolve) {
		w.react(d, t, day, pick(d, people))
	}
}

// How often a ritual moves to another day, is cancelled when it would, or when only one is there.
const (
	ritualMoves    = 0.06
	movedCancelled = 0.3
	aloneCancelled = 0.4
)

// look opens a dashboard, one way or another.
func (w *world) look(d dice, at time.Time, p *person, b *board) {
	k := openBoard
	if d.chance(0.45) {
		k = clickBoard
	}
	w.do(at, k, p, b, "")
}

// react is what a team does about what it saw: the same day or within some, somebody changes the alert that it is
// about, having asked Prometheus what would be right, or the dashboard itself.
func (w *world) react(d dice, t *team, day int, p *person) {
	day += pick(d, reactDays())
	if !w.works(p, t, day) {
		return
	}
	at := w.at(day, 15*time.Hour+d.pause(0, 3*time.Hour))
	byBoard := d.chance(reactByBoard)
	if w.seenOn(day) || !byBoard {
		t.sign(day).reacted = true
	}
	if byBoard {
		w.editBoard(d, at, p, pick(d, t.boards))
		return
	}
	alert := d.IntN(len(alertsOf(t)))
	at = w.do(at, openExplore, p, nil, alertsOf(t)[alert].question)
	at = w.do(at.Add(d.pause(30*time.Second, 4*time.Minute)), runQuery, p, nil, alertsOf(t)[alert].question)
	w.changeThreshold(d, at.Add(d.pause(5*time.Minute, 5*time.Hour)), t, p, alert)
}

// reactDays are how many days after a look it may be acted on; reactByBoard is how often that is a change of the dashboard.
func reactDays() []int { return []int{0, 0, 0, 1, 1, 2, 3} }

const reactByBoard = 0.45

func (w *world) editBoard(d dice, at time.Time, p *person, b *board) {
	at = w.do(at, openBoard, p, b, "")
	w.do(at.Add(d.pause(2*time.Minute, 25*time.Minute)), saveBoard, p, b, "")
}

func (w *world) changeThreshold(d dice, at time.Time, t *team, p *person, alert int) {
	factor := pick(d, []float64{0.5, 0.8, 1.25, 1.5, 2})
	w.commit(at, p, t.name+": adjust "+alertsOf(t)[alert].name, func(r *rulesTree) { r.threshold(t, alert, factor) })
}

// curiosity is a question now and then, by whoever has it, in Explore or from their own machine.
func (w *world) curiosity(d dice, t *team, week, level int) {
	if level == 0 {
		return
	}
	for range d.poisson(askMean(t)) {
		day := week*7 + d.IntN(5)
		people := w.present(t, day)
		if len(people) == 0 {
			continue
		}
		p, at := pick(d, people), w.at(day, d.officeHour())
		if w.seenOn(day) {
			t.sign(day).asked = true
		}
		if d.chance(0.15) {
			for range d.days(1, 3) {
				at = w.do(at.Add(d.pause(10*time.Second, 3*time.Minute)), askPrometheus, p, nil, pick(d, questions(t)))
			}
			continue
		}
		w.explore(d, at, p, pick(d, questions(t)), d.days(0, 3))
	}
}

// askMean is how often a team has a question in a week.
func askMean(t *team) float64 { return 0.7 + 0.07*min(float64(len(t.ever)), 10) }

// explore asks a question in Explore, and again some times, a bit later. It returns when the last run was.
func (w *world) explore(d dice, at time.Time, p *person, question string, again int) time.Time {
	w.do(at, openExplore, p, nil, question)
	for range again {
		at = w.do(at.Add(d.pause(15*time.Second, 6*time.Minute)), runQuery, p, nil, question)
	}
	return at
}

// strayLooks are dashboards opened for no habit: curiosity, a link in a chat, a new colleague.
func (w *world) strayLooks(d dice, t *team, week, level int) {
	for range d.poisson(strayMean(t, level)) {
		day := week*7 + d.IntN(5)
		if people := w.present(t, day); len(people) > 0 {
			p, at := pick(d, people), w.at(day, d.officeHour())
			if w.seenOn(day) {
				t.sign(day).strays++
			}
			w.look(d, at, p, pick(d, t.boards))
			if level >= 4 && d.chance(0.04) { // a label that annoyed somebody
				w.do(at.Add(d.pause(2*time.Minute, 9*time.Minute)), saveBoard, p, t.boards[2], "")
			}
		}
	}
}

// strayMean is how often in a week somebody of a team looks for no habit.
func strayMean(t *team, level int) float64 {
	mean := 0.18
	switch {
	case level == 0:
		mean = 0.01
	case level >= 4:
		mean = 0.5
	}
	return mean * max(1, float64(len(t.ever))/20)
}

// makeMetrics are the metrics that a team at level 5 makes for itself, sprint by sprint, and then uses; and the odd
// one that another team makes by chance.
func (w *world) makeMetrics(t *team) {
	d := w.dice("metrics", t.name)
	due := t.formed*7 + d.days(0, t.sprint)
	for day := t.formed * 7; day < t.dissolved*7; day++ {
		level := t.story.level(day / 7)
		habit := level >= 5
		if habit && t.story.level((day-1)/7) < 5 {
			due = min(due, day+2) // it begins with the first one
		}
		if habit && day < due || !habit && (level == 0 || !d.chance(0.0012)) {
			continue
		}
		people := w.present(t, day)
		if len(people) == 0 {
			continue
		}
		due = day + t.sprint + d.days(-sprintSpread, sprintSpread)
		if habit {
			t.sign(day).made = day + 1
		}
		w.makeMetric(d, t, day, pick(d, people), habit)
	}
}

// sprintSpread is by how many days a metric may be early or late.
const sprintSpread = 4

// makeMetric adds a recording rule; used, it is queried in the days after.
func (w *world) makeMetric(d dice, t *team, day int, p *person, used bool) {
	m := t.newMetric()
	at := w.at(day, 9*time.Hour+d.pause(0, 7*time.Hour))
	w.commit(at, p, t.name+": record "+m.name, func(r *rulesTree) { r.record(t, m) })
	if !used {
		return
	}
	for range d.days(1, 3) {
		day := day + d.days(0, 11)
		if people := w.present(t, day); len(people) > 0 && day < t.dissolved*7 {
			w.explore(d, w.at(day, 16*time.Hour+d.pause(0, 90*time.Minute)), pick(d, people), m.question, d.days(0, 2))
		}
	}
	if later := day + d.days(1, 6); d.chance(0.2) && w.works(p, t, later) {
		w.commit(w.at(later, 13*time.Hour+d.pause(0, time.Hour)), p, t.name+": alert on "+m.name, func(r *rulesTree) { r.alertOn(t, m) })
	}
}
