package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Names of the simulated sources; the configuration uses them too.
const (
	grafanaSource    = "grafana"
	prometheusSource = "prometheus"
)

// world is the organisation and everything that happens in it.
type world struct {
	Options
	loc     *time.Location
	start   activity.Date
	teams   []*team
	people  []*person
	acts    []act
	commits []commit
	outages []outage
}

// person is somebody, in one team at a time.
type person struct {
	login, name, email string
	id                 int // Grafana's
	host               int // of their machine, in the network of their team
	share              float64
	free               [7]bool // weekdays that are never worked
	stays              []stay  // memberships, in order
	away               []span  // holidays, in days since the start
	foreignName        bool    // their git name and e-mail do not hold their login
}

// stay is a membership of a team, in days since the start; to is exclusive.
type stay struct {
	team     *team
	from, to int
}

type span struct{ from, to int }

// team is a team, its habits and its things.
type team struct {
	name, folder string
	index        int
	story        story
	formed       int // weeks; formed inclusive
	dissolved    int // exclusive
	ever         []*person
	ritualDay    time.Weekday
	ritualTime   time.Duration // after midnight
	devotion     float64       // how seldom the ritual is cancelled
	sprint       int           // days between the metrics that they make, at level 5
	resolve      float64       // how often a look leads to a change, at level 6
	boards       []*board
	projects     []*project
	made         int            // metrics made so far
	signs        map[int]*signs // by week
}

// board is a dashboard.
type board struct {
	uid, slug, folder string
	panels            int
}

type outage struct {
	source string
	from   activity.Date
	to     activity.Date // exclusive
}

func newWorld(o Options) (*world, error) {
	loc, err := time.LoadLocation(Timezone)
	if err != nil {
		return nil, fmt.Errorf("simulated organisation: %w", err)
	}
	w := &world{Options: o, loc: loc, start: o.End - 7*dateOf(o.Weeks)}
	for i := range o.Teams {
		w.teams = append(w.teams, w.newTeam(i))
	}
	for _, t := range w.teams {
		w.hire(t)
	}
	if w.has(Reorganised) && len(w.teams) > 1 {
		w.reorganise()
	}
	w.planHolidays()
	if w.has(LogOutage) {
		w.planOutages()
	}
	return w, nil
}

func (w *world) newTeam(i int) *team {
	name, folder, s := w.storyOf(i)
	d := w.dice("team", name)
	t := &team{
		name: name, folder: folder, index: i, story: s, dissolved: w.Weeks,
		ritualDay:  time.Weekday(d.days(1, 4)),
		ritualTime: time.Duration(d.days(9*4, 15*4)) * 15 * time.Minute,
		devotion:   d.between(0.88, 0.99), sprint: d.days(9, 17), resolve: d.between(0.5, 0.8),
	}
	if w.has(NewTeam) && i%4 == 1 {
		t.formed = d.days(w.Weeks/5, w.Weeks/2)
		for k := range t.story.phases { // its story begins when it does
			t.story.phases[k].week += t.formed
		}
	}
	if w.has(Dissolved) && i%4 == 3 {
		t.dissolved = max(d.days(w.Weeks/2, w.Weeks*4/5), t.formed+1)
	}
	for _, kind := range []string{"overview", "slo", "dependencies"} {
		t.boards = append(t.boards, &board{
			uid: name + "-" + kind, slug: name + "-" + kind, folder: "f-" + name, panels: d.days(2, 4),
		})
	}
	return t
}

// hire fills a team: some come later, some leave, some work part-time.
func (w *world) hire(t *team) {
	d := w.dice("people", t.name)
	size := d.days(4, 9)
	switch {
	case w.has(TinyTeams):
		size = d.days(2, 3)
	case w.has(LargeTeams):
		size = d.days(36, 44)
	}
	first, last := t.formed*7, t.dissolved*7
	for range size {
		w.join(d, t, first, last)
	}
	for range (size + 3) / 6 {
		if d.chance(0.5) {
			w.join(d, t, first+d.days(0, last-first-1), last)
		}
		if d.chance(0.5) && size > 2 {
			p := pick(d, t.ever)
			p.stays[0].to = min(p.stays[0].to, p.stays[0].from+d.days((last-first)/3, last-first))
		}
	}
}

func (w *world) join(d dice, t *team, from, to int) {
	n := len(w.people)
	given, family := pick(d, givenNames()), pick(d, familyNames())
	p := &person{
		login: strings.ToLower(given + "." + family), name: title(given) + " " + title(family),
		id: n + 2, share: pick(d, []float64{1, 1, 1, 1, 0.8, 0.6}), stays: []stay{{t, from, to}},
		host: 10 + n%240,
	}
	for _, other := range w.people {
		if other.login == p.login {
			p.login += strconv.Itoa(n)
			p.name = title(given) + " " + title(pick(d, givenNames())) + " " + title(family)
			break
		}
	}
	p.email = p.login + "@corp.example"
	if p.foreignName = d.chance(0.15); p.foreignName { // commits from a laptop that was set up in another life
		p.email = "dev" + strconv.Itoa(n) + "@users.example"
	}
	p.free[time.Saturday], p.free[time.Sunday] = true, true
	for share := 1.0; share > p.share+0.1; share -= 0.2 {
		p.free[d.days(1, 5)] = true
	}
	w.people = append(w.people, p)
	t.ever = append(t.ever, p)
}

// reorganise moves a third of the people to another team, on one Monday.
func (w *world) reorganise() {
	d := w.dice("reorganise")
	day := 7 * d.days(w.Weeks/3, w.Weeks*2/3)
	for _, p := range w.people {
		if !d.chance(0.33) {
			continue
		}
		old := &p.stays[0]
		to := pick(d, w.teams)
		if to == old.team || old.from >= day || old.to <= day || to.formed*7 > day || to.dissolved*7 <= day {
			continue
		}
		old.to = day
		p.stays = append(p.stays, stay{to, day, to.dissolved * 7})
		to.ever = append(to.ever, p)
	}
}

// planHolidays gives everybody their weeks off: most in July and August, some at any time, and the days between the
// years. With the holidays scenario the whole organisation closes.
func (w *world) planHolidays() {
	for _, p := range w.people {
		d := w.dice("holidays", p.login)
		for day := range w.Weeks * 7 {
			switch date := w.start + dateOf(day); date.String()[5:] {
			case "07-01":
				from := day + d.days(0, 35)
				if w.has(Holidays) {
					from = day + 6 + d.days(0, 5)
				}
				p.away = append(p.away, span{from, from + d.days(14, 28)})
			case "12-22":
				from := day + d.days(0, 3)
				if w.has(Holidays) {
					from = day - d.days(0, 4)
				}
				if d.chance(0.93) {
					p.away = append(p.away, span{from, day + d.days(11, 17)})
				}
			case "02-15", "10-20":
				if d.chance(0.5) {
					from := day + d.days(0, 20)
					p.away = append(p.away, span{from, from + d.days(3, 9)})
				}
			}
			if d.chance(0.004) { // a few days ill
				p.away = append(p.away, span{day, day + d.days(1, 4)})
			}
		}
	}
}

func (w *world) planOutages() {
	d := w.dice("outages")
	for week := d.days(8, 14); week < w.Weeks; week += d.days(12, 22) {
		from := w.start + dateOf(week*7+d.IntN(5))
		to := from + dateOf(d.days(7, 28))
		for _, source := range pick(d, [][]string{{grafanaSource}, {prometheusSource}, {grafanaSource, prometheusSource}}) {
			w.outages = append(w.outages, outage{source, from, to})
		}
	}
}

// out says whether the log of source was lost on a day.
func (w *world) out(source string, day activity.Date) bool {
	return slices.ContainsFunc(w.outages, func(o outage) bool { return o.source == source && day >= o.from && day < o.to })
}

// lost says whether the log of source was lost for most of the working days of the week of monday.
func (w *world) lost(source string, monday activity.Date) bool {
	n := 0
	for i := range 5 {
		if w.out(source, monday+dateOf(i)) {
			n++
		}
	}
	return n >= 3
}

// in says whether p belongs to t on a day.
func (p *person) in(t *team, day int) bool {
	return slices.ContainsFunc(p.stays, func(s stay) bool { return s.team == t && day >= s.from && day < s.to })
}

// addr is the network address of p on a day. Machines of no team stand in networks of their own.
func (p *person) addr(day int) string {
	for i, s := range p.stays {
		if day < s.to || i == len(p.stays)-1 {
			return fmt.Sprintf("10.%d.%d.%d", 1+s.team.index/250, s.team.index%250, p.host)
		}
	}
	return fmt.Sprintf("10.8.0.%d", p.host)
}

// works says whether p is at work for t on a day.
func (w *world) works(p *person, t *team, day int) bool {
	date := w.start + dateOf(day)
	return p.in(t, day) && !p.free[date.Weekday()] && !publicHoliday(date) &&
		!slices.ContainsFunc(p.away, func(s span) bool { return day >= s.from && day < s.to })
}

// present lists who of t is at work on a day, in a fixed order.
func (w *world) present(t *team, day int) []*person {
	var out []*person
	for _, p := range t.ever {
		if w.works(p, t, day) {
			out = append(out, p)
		}
	}
	return out
}

func publicHoliday(d activity.Date) bool {
	switch d.String()[5:] {
	case "01-01", "01-06", "05-01", "06-06", "12-24", "12-25", "12-26", "12-31":
		return true
	}
	return false
}

func dateOf(days int) activity.Date { return activity.Date(int32(days)) }

func itoa(n int) string { return strconv.Itoa(n) }

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func givenNames() []string {
	return []string{
		"anna", "bo", "carla", "dilan", "emre", "fatima", "goran", "hanna", "ines", "jakob", "karin", "leo", "maja", "nils",
		"olga", "pavel", "quentin", "rosa", "sami", "tove", "ulf", "vera", "wim", "xenia", "yusuf", "zora", "ake", "birgit",
	}
}

func familyNames() []string {
	return []string{
		"alm", "berg", "cruz", "dahl", "ek", "falk", "gren", "holm", "ivanov", "juhl", "kaya", "lind", "moreau", "norberg",
		"okafor", "palm", "qvist", "rossi", "strand", "tran", "udd", "vik", "wall", "xu", "yilmaz", "zetter", "asp", "bjork",
	}
}
