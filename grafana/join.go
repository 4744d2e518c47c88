package grafana

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// The parts that lines play in an act over several lines.
const (
	stepView     = "view"     // a dashboard was opened
	stepLanding  = "landing"  // a dashboard came up for editing: no view, but it tells where one landed
	secondSchema = "2"        // ends view and landing if the dashboard was asked for in its second schema
	stepPlaylist = "playlist" // a playlist was started
	stepGoto     = "goto"     // a short link was followed
	stepCreate   = "create"   // a dashboard was saved for the first time: its uid is that of the landing
	stepImport   = "import"   // a dashboard was imported: its landing is no view
	stepRun      = "run"      // Explore asked a data source; run2 on a page of two panes
	stepHistory  = "history"  // Explore wrote its history; history2 on a page of two panes
	stepDrill    = "drill"    // a drilldown app asked a data source
)

// How far apart the lines of one act are. Real browsers on an idle machine need a tenth of these times or less; a
// slow network, a cold cache or a busy server is allowed the rest.
const (
	window    = 2 * time.Minute  // see RequestLog.Window; longer than each of the others
	landing   = 30 * time.Second // from a link followed to the page's first request: seen 1 to 2 s
	settling  = 10 * time.Second // from a first save to its landing: seen 0.2 s
	together  = 2 * time.Second  // between the lines of one run: seen up to 0.12 s
	slowQuery = 90 * time.Second // from a history entry to the line of its query, written when the query ends: data sources give up after 30 to 60 s
)

// Join turns the held events of one actor in one scope into finished ones. It is pure: the result depends on the
// events alone, not on the order of those of equal time, nor on where a thread is cut, if it is cut where nothing
// happened for longer than the window. Finished events pass through.
func (l *RequestLog) Join(thread []activity.Event) []activity.Event {
	if onlyViews(thread) {
		out := slices.Clone(thread)
		for i := range out {
			out[i].Step = ""
		}
		return out
	}
	var held, out []activity.Event
	for _, e := range thread {
		if e.Step == "" {
			out = append(out, e)
		} else {
			held = append(held, e)
		}
	}
	slices.SortFunc(held, order)
	for len(held) > 0 {
		n := 1
		for n < len(held) && held[n].Time.Sub(held[n-1].Time) <= window {
			n++
		}
		out = append(out, joinCluster(held[:n])...)
		held = held[n:]
	}
	slices.SortFunc(out, order)
	return out
}

// onlyViews reports whether thread is views in order, as it mostly is: each is an act of its own.
func onlyViews(thread []activity.Event) bool {
	for i := range thread {
		if thread[i].Step != stepView || i > 0 && order(thread[i-1], thread[i]) > 0 {
			return false
		}
	}
	return true
}

// order is total over all that Join looks at.
func order(a, b activity.Event) int {
	if c := a.Time.Compare(b.Time); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Detail, b.Detail), cmp.Compare(a.Robot, b.Robot))
}

// cluster holds events with no gap longer than the window, by the part they play, each part in order.
type cluster struct {
	pages, gotos, saves, runs, histories, drills, playlists []activity.Event

	quiet time.Time // since when no drilldown app has asked
}

func joinCluster(events []activity.Event) []activity.Event {
	var c cluster
	for _, e := range events {
		c.add(e)
	}
	c.pages = oneSchema(c.pages)
	c.settle()
	queries := joinRuns(c.runs, c.histories)
	queries = follow(c.gotos, c.pages, queries)
	markPlaylists(c.pages, c.playlists)
	pages := slices.DeleteFunc(c.pages, func(e activity.Event) bool { return e.Step == stepLanding })
	out := slices.Concat(pages, c.gotos, c.saves, queries, c.drills)
	for i := range out {
		out[i].Step = ""
	}
	return out
}

// oneSchema makes one of two requests for a dashboard, the second in the other schema, that are one load of its page.
// What is left has no schema in its step.
func oneSchema(pages []activity.Event) []activity.Event {
	waiting := map[string]activity.Event{} // by uid, the last request that may be followed by its second half
	rest := pages[:0]
	for _, p := range pages {
		first, ok := waiting[p.Subject]
		other := strings.HasSuffix(first.Step, secondSchema) != strings.HasSuffix(p.Step, secondSchema)
		if ok && other && p.Time.Sub(first.Time) <= together/2 {
			delete(waiting, p.Subject)
			continue
		}
		waiting[p.Subject] = p
		p.Step = strings.TrimSuffix(p.Step, secondSchema)
		rest = append(rest, p)
	}
	return rest
}

func (c *cluster) add(e activity.Event) {
	switch e.Step {
	case stepView, stepLanding, stepView + secondSchema, stepLanding + secondSchema:
		c.pages = append(c.pages, e)
	case stepGoto:
		c.gotos = append(c.gotos, e)
	case stepCreate, stepImport:
		c.saves = append(c.saves, e)
	case stepPlaylist:
		c.playlists = append(c.playlists, e)
	case stepDrill:
		// One visit to the app asks many times: its first query stands for it until the app has been quiet.
		if n := len(c.drills); n > 0 && e.Time.Sub(c.quiet) <= window {
			c.quiet = e.Time
			return
		}
		c.quiet = e.Time
		c.drills = append(c.drills, e)
	default:
		if step, _ := panesOf(e.Step); step == stepHistory {
			c.histories = append(c.histories, e)
		} else {
			c.runs = append(c.runs, e)
		}
	}
}

// find returns the first of events, which are in order, that lies from from to until and pleases, or -1.
func find(events []activity.Event, from, until time.Time, pleases func(i int) bool) int {
	i, _ := slices.BinarySearchFunc(events, from, func(e activity.Event, t time.Time) int { return e.Time.Compare(t) })
	for ; i < len(events) && !events[i].Time.After(until); i++ {
		if pleases(i) {
			return i
		}
	}
	return -1
}

// settle gives a first save the uid of its landing, and takes the landings after one's own first saves and imports out
// of the pages.
func (c *cluster) settle() {
	landed := map[int]bool{}
	for i := range c.saves {
		save := &c.saves[i]
		at := find(c.pages, save.Time, save.Time.Add(settling), func(i int) bool {
			p := &c.pages[i]
			return !landed[i] && p.Robot == "" && (save.Step == stepCreate || p.Subject == save.Subject)
		})
		if at >= 0 {
			landed[at] = true
			save.Subject = c.pages[at].Subject
		}
	}
	rest := c.pages[:0]
	for i, p := range c.pages {
		if !landed[i] {
			rest = append(rest, p)
		}
	}
	c.pages = rest
}

// follow tells what the links that were followed led to, and returns the queries that are the reader's own. A
// dashboard is opened and viewed; but the run on landing in Explore asks what the maker of the link asked.
func follow(gotos, pages, queries []activity.Event) []activity.Event {
	landed := map[int]bool{}
	for i := range gotos {
		link := &gotos[i]
		until := link.Time.Add(landing)
		if i+1 < len(gotos) && !gotos[i+1].Time.After(until) {
			until = gotos[i+1].Time.Add(-1)
		}
		page := find(pages, link.Time, until, func(int) bool { return true })
		query := find(queries, link.Time, until, func(i int) bool { return queries[i].Robot == "" && !landed[i] })
		switch {
		case page >= 0 && (query < 0 || !queries[query].Time.Before(pages[page].Time)):
			link.Subject = pages[page].Subject
		case query >= 0:
			land(link, queries, query, landed)
		}
	}
	rest := queries[:0]
	for i, q := range queries {
		if !landed[i] {
			rest = append(rest, q)
		}
	}
	return rest
}

// land marks what the landing of a link asked, from the query at on: one run of each query on the page.
func land(link *activity.Event, queries []activity.Event, at int, landed map[int]bool) {
	asked := map[string]bool{}
	subject := ""
	find(queries, queries[at].Time, queries[at].Time.Add(together), func(i int) bool {
		if q := &queries[i]; q.Robot == "" && !landed[i] && !asked[q.Subject] {
			asked[q.Subject], landed[i] = true, true
			subject = cmp.Or(subject, q.Subject)
		}
		return false
	})
	link.Subject = cmp.Or(subject, link.Subject)
}

// markPlaylists marks the views that a playlist opens: the first after its start, and those that follow at its
// interval.
func markPlaylists(pages, starts []activity.Event) {
	for _, start := range starts {
		at := find(pages, start.Time, start.Time.Add(landing), func(int) bool { return true })
		if at < 0 {
			continue
		}
		pages[at].Robot = activity.RobotPlaylist
		for i := at + 1; i < len(pages); i++ {
			interval, gap := pages[at+1].Time.Sub(pages[at].Time), pages[i].Time.Sub(pages[i-1].Time)
			if (gap - interval).Abs() > together {
				break
			}
			pages[i].Robot = activity.RobotPlaylist
		}
	}
}
