package sim

import "time"

// liveRobots lets machines run: in any year a service account, a wall screen in the lobby and a nightly script; in
// the robots scenario also what people leave running under their own logins.
func (w *world) liveRobots() {
	sa := &person{login: "sa-1-dash-exporter", id: 1001, host: 4}
	lobby := &person{login: "tv-lobby", id: 1002, host: 9}
	script := &person{login: "capacity", host: 5}
	bot := &person{login: "renovate[bot]", name: "renovate[bot]", email: "bot@corp.example"}
	d := w.dice("robots")
	for day := range w.Weeks * 7 {
		for hour := 0; hour < 24; hour += 6 {
			t := w.teams[(day+hour/6)%len(w.teams)]
			w.do(w.at(day, time.Duration(hour)*time.Hour+3*time.Second+d.pause(0, 200*time.Millisecond)), pollBoard, sa, t.boards[0], "")
		}
		w.do(w.at(day, 2*time.Hour+10*time.Minute+d.pause(0, time.Second)), askPrometheus, script, nil, `sum by (namespace) (kube_pod_container_resource_requests)`)
		w.screen(d, day, lobby, w.teams[day/7%len(w.teams)].boards[0])
		if day%28 == 9 {
			w.commit(w.at(day, 4*time.Hour), bot, "chore: update comments", func(r *rulesTree) { r.touch() })
		}
	}
	w.liveOutsiders()
	if !w.has(Robots) {
		return
	}
	for _, t := range w.teams {
		w.leaveRunning(t)
	}
}

// liveOutsiders are people of no team: an auditor and a manager, who look at anybody's dashboards now and then.
func (w *world) liveOutsiders() {
	d := w.dice("outsiders")
	for i, login := range []string{"auditor", "manager"} {
		p := &person{login: login, id: 1003 + i, host: 30 + i}
		for week := range w.Weeks {
			for range d.poisson(0.7) {
				if t := pick(d, w.teams); t.formed <= week && week < t.dissolved {
					w.look(d, w.at(week*7+d.IntN(5), d.officeHour()), p, t.boards[0])
				}
			}
		}
	}
}

// screen is a working day of a wall screen: switched on in the morning, refreshing until the evening.
func (w *world) screen(d dice, day int, who *person, b *board) {
	if wd := (w.start + dateOf(day)).Weekday(); wd == time.Saturday || wd == time.Sunday {
		return
	}
	at := w.do(w.at(day, 7*time.Hour+30*time.Minute+d.pause(0, 3*time.Second)), kioskBoard, who, b, "")
	for range 5 {
		at = w.do(at.Add(2*time.Hour), kioskRefresh, who, b, "")
	}
}

// leaveRunning gives a team one thing left running under the login of one of its people.
func (w *world) leaveRunning(t *team) {
	d := w.dice("left running", t.name)
	who := t.ever[d.IntN(len(t.ever))]
	kindOfRobot := t.index % 4
	for day := t.formed * 7; day < t.dissolved*7; day++ {
		if !who.in(t, day) {
			continue
		}
		switch kindOfRobot {
		case 0: // a wall screen near their desks
			w.screen(d, day, who, t.boards[1])
		case 1: // a script with a password in it
			for hour := 6; hour < 22; hour += 4 {
				w.do(w.at(day, time.Duration(hour)*time.Hour+d.pause(0, 300*time.Millisecond)), pollBoard, who, t.boards[0], "")
			}
		case 2: // a playlist on an old laptop
			for hour := 8; hour < 18; hour += 2 {
				w.do(w.at(day, time.Duration(hour)*time.Hour+d.pause(0, time.Second)), playBoard, who, t.boards[hour/2%2], "")
			}
		default: // a tab left open for weeks; it comes back by itself after the nightly update
			at := w.do(w.at(day, 5*time.Hour+d.pause(0, 2*time.Second)), openBoard, who, t.boards[0], "")
			for range 4 {
				at = w.do(at.Add(3*time.Hour), refreshBoard, who, t.boards[0], "")
			}
		}
	}
}
