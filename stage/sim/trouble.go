package sim

import "time"

// liveIncidents strikes teams at random. Then whoever is on call, and some others, look and ask for hours or days:
// no habit of theirs, though it looks like one for a while.
func (w *world) liveIncidents() {
	for _, t := range w.teams {
		d := w.dice("incidents", t.name)
		for week := t.formed; week < t.dissolved; week++ {
			level := t.story.level(week)
			rate := 0.06
			if w.has(Incidents) {
				rate = 0.1
			}
			if level == 0 {
				rate /= 8
			}
			if !d.chance(rate) {
				continue
			}
			days := d.days(1, 2)
			if w.has(Incidents) { // the same trouble keeps coming back
				days = d.days(1, 16)
			}
			for day := week*7 + d.IntN(5); days > 0 && day < t.dissolved*7; days-- {
				w.incident(d, t, day, level)
				day++
			}
		}
	}
}

// incident is a day of trouble.
func (w *world) incident(d dice, t *team, day, level int) {
	people := w.present(t, day)
	if len(people) == 0 {
		return
	}
	start := w.at(day, d.pause(7*time.Hour, 20*time.Hour))
	for i := range d.days(1, min(3, len(people))) {
		p := people[(day+i)%len(people)] // the rota
		at := start.Add(d.pause(0, 20*time.Minute))
		for range d.days(1, 3) {
			w.look(d, at, p, pick(d, t.boards))
			at = at.Add(d.pause(2*time.Minute, 25*time.Minute))
		}
		if level > 0 {
			w.explore(d, at, p, pick(d, questions(t)), d.days(0, 3))
		}
	}
	if level >= 4 && d.chance(0.06) { // the alert that woke them for nothing
		w.changeThreshold(d, start.Add(4*time.Hour), t, people[day%len(people)], d.IntN(len(alertsOf(t))))
	}
}

// platform is the team that makes things for others, if there is one.
func (w *world) platform() *team {
	for _, t := range w.teams {
		if t.name == "platform" {
			return t
		}
	}
	return nil
}

// livePlatform lets the platform team do others' work: now and then in any year, every week in its scenario.
func (w *world) livePlatform() {
	from := w.platform()
	if from == nil {
		return
	}
	d := w.dice("platform")
	mean := 0.2
	if w.has(PlatformTeam) {
		mean = 0.25 * float64(len(w.teams))
	}
	for week := from.formed; week < from.dissolved; week++ {
		for range d.poisson(mean) {
			t := pick(d, w.teams)
			day := week*7 + d.IntN(5)
			people := w.present(from, day)
			if len(people) == 0 || t == from || t.formed > week || t.dissolved <= week {
				continue
			}
			p := pick(d, people)
			at := w.at(day, d.officeHour())
			switch d.IntN(3) {
			case 0:
				m := t.newMetric()
				w.commit(at, p, t.name+": record "+m.name+" for them", func(r *rulesTree) { r.record(t, m) })
			case 1:
				w.changeThreshold(d, at, t, p, d.IntN(len(alertsOf(t))))
			default:
				w.editBoard(d, at, p, pick(d, t.boards))
			}
		}
	}
}

// liveOddities are the scenarios in which something looks like a habit and is none, or like a change and is none.
func (w *world) liveOddities() {
	for _, t := range w.teams {
		d := w.dice("oddities", t.name)
		for week := t.formed; week < t.dissolved; week++ {
			if t.story.level(week) < 4 && len(t.ever) > 1 {
				w.pretend(d, t, week)
			}
		}
		if w.has(Renamed) {
			w.rename(d, t)
		}
	}
	if w.has(Reformatted) {
		d := w.dice("reformat")
		for _, week := range []int{w.Weeks / 3, w.Weeks * 2 / 3} {
			t := pick(d, w.teams)
			if _, p := w.someDay(d, t, week); p != nil {
				w.commit(w.at(week*7+1, 11*time.Hour), p, "reformat every rule file", func(r *rulesTree) { r.reformat() })
			}
		}
	}
}

// pretend is a week of a team without a ritual that looks as if it had one.
func (w *world) pretend(d dice, t *team, week int) {
	if w.has(MonthlyLook) && (week+t.index)%4 == 0 {
		if day, p := w.someDay(d, t, week); p != nil {
			w.meet(d, t, day, p)
		}
	}
	if w.has(AlternateLook) && (week+t.index)%2 == 0 {
		day := week*7 + int(t.ritualDay) - 1
		if people := w.present(t, day); len(people) > 0 && d.chance(t.devotion) {
			w.meet(d, t, day, pick(d, people))
		}
	}
	solo := t.ever[t.index%len(t.ever)]
	if w.has(SoloLook) {
		for day := week * 7; day < week*7+5; day++ {
			if w.works(solo, t, day) && d.chance(0.9) {
				w.look(d, w.at(day, 8*time.Hour+30*time.Minute+d.pause(0, 50*time.Minute)), solo, t.boards[0])
			}
		}
	}
	if w.has(Gaming) && solo.in(t, week*7) {
		w.do(w.at(week*7, 9*time.Hour+d.pause(0, 4*time.Second)), openBoard, solo, t.boards[0], "")
	}
}

// meet is a look together that is no weekly ritual.
func (w *world) meet(d dice, t *team, day int, shows *person) {
	at := w.at(day, t.ritualTime)
	w.look(d, at, shows, t.boards[0])
	for _, other := range w.present(t, day) {
		if other != shows && d.chance(0.4) {
			w.look(d, at.Add(d.pause(time.Minute, 20*time.Minute)), other, t.boards[0])
		}
	}
}

// rename makes a team's dashboards anew: what people opened under one uid they open under another from a day on.
func (w *world) rename(d dice, t *team) {
	from := w.at(7*d.days(w.Weeks/4, w.Weeks*3/4), 0)
	renamed := map[*board]*board{}
	for _, b := range t.boards {
		renamed[b] = &board{uid: d.id(14), slug: b.slug + "-new", folder: b.folder, panels: b.panels}
	}
	for i := range w.acts {
		if b := renamed[w.acts[i].board]; b != nil && !w.acts[i].at.Before(from) {
			w.acts[i].board = b
		}
	}
	t.boards = append(t.boards, renamed[t.boards[0]], renamed[t.boards[1]], renamed[t.boards[2]])
}
