package sim

import (
	"slices"
	"time"
)

// kind is what somebody, or something, does in Grafana or Prometheus.
type kind int

const (
	openBoard     kind = iota // a dashboard by its address: the page loads
	clickBoard                // a dashboard from within Grafana: only its data loads
	refreshBoard              // panels asking again by themselves
	kioskBoard                // a wall screen loading
	kioskRefresh              // a wall screen refreshing
	playBoard                 // a playlist turning to the next dashboard
	openHome                  // the home page, and a search
	openExplore               // Explore with a query, which runs
	runQuery                  // a query in an Explore that is open
	starQuery                 // the query just run is starred
	linkQuery                 // a short link to the query just run
	linkBoard                 // a short link to the dashboard just opened
	followQuery               // a short link opened that leads to Explore
	followBoard               // a short link opened that leads to a dashboard
	snapshotBoard             // a snapshot of the dashboard just opened
	openSnapshot              // a snapshot opened
	saveBoard                 // the open dashboard is saved
	annotate                  // an annotation on the open dashboard
	pollBoard                 // a script reads a dashboard by the API
	askPrometheus             // a query from one's own machine to Prometheus
)

// act is one thing done at a time. Who is a robot if it has no stays.
type act struct {
	at    time.Time
	kind  kind
	who   *person
	board *board
	text  string // the query, or the id of a link or snapshot
}

// commit is one commit to the rules repository. Change is applied to the files when its turn comes.
type commit struct {
	at      time.Time
	author  *person
	message string
	change  func(*rulesTree)
}

// do records an act and returns its time.
func (w *world) do(at time.Time, k kind, who *person, b *board, text string) time.Time {
	w.acts = append(w.acts, act{at, k, who, b, text})
	return at
}

func (w *world) commit(at time.Time, who *person, message string, change func(*rulesTree)) {
	w.commits = append(w.commits, commit{at, who, message, change})
}

// at returns the instant of a day of the simulation, in the organisation's timezone.
func (w *world) at(day int, sinceMidnight time.Duration) time.Time {
	y, m, d := time.Unix(int64(w.start+dateOf(day))*86400, 0).UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, w.loc).Add(sinceMidnight)
}

// officeHour is a time of a working day, rather in the middle of it than at its ends.
func (d dice) officeHour() time.Duration {
	h := 8 + 4.5*(d.Float64()+d.Float64())
	return time.Duration(h * float64(time.Hour))
}

// settle orders what happened, and forgets what would happen after the end. Acts of one instant keep the order in
// which they were done.
func (w *world) settle() {
	end := w.at(w.Weeks*7, 0)
	w.acts = slices.DeleteFunc(w.acts, func(a act) bool { return !a.at.Before(end) })
	w.commits = slices.DeleteFunc(w.commits, func(c commit) bool { return !c.at.Before(end) })
	slices.SortStableFunc(w.acts, func(a, b act) int { return a.at.Compare(b.at) })
	slices.SortStableFunc(w.commits, func(a, b commit) int { return a.at.Compare(b.at) })
}
