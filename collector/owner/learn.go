package owner

import (
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// A Prometheus query log names no person: what a Grafana asked there looks like any other client, and would be counted
// twice. A Grafana gives itself away: nearly everything that its own log shows as asked in Explore is asked by its
// address too, within seconds. So the questions of each Grafana log are held against each client:
//
//   - A client explains a question (a fingerprint on a day) if it asked it over at least the time and in all the hours
//     in which the Grafana's people did, or began or ended with them to within slack.
//   - It is that Grafana if it explains at least half of the questions, of the days on which it was active and of
//     fingerprints that its Prometheus has ever been asked, and one of them agrees tightly.
//   - That one must not be explained by a stronger candidate too. Somebody who ran a colleague's query at a
//     workstation agrees with Explore once, but so does the Grafana through which the colleague asked.
//   - One or two fingerprints are little evidence where Explore shows many others that no Prometheus was asked: then the
//     Grafana asks elsewhere, and who asked here may well be a person.
//
// Several replicas of a Grafana that share its questions explain too little each: they belong into grafana_clients.
//
// Where one address asks several Prometheis, its questions count together: a Grafana log does not tell which was asked.

// slack is how far two logs may disagree on the time of one query: the length of a slow query, and of clocks apart.
const slack = 30 * time.Second

// tight is how far they disagree as a rule: both write a query down when it is answered.
const tight = 5 * time.Second

// client is an address as one query log knows it.
type client struct {
	source string
	actor  activity.ActorID
}

// question is a fingerprint on a day.
type question struct {
	fingerprint string
	date        activity.Date
}

// times is when a question was asked.
type times struct {
	first, last time.Time
	hours       uint32
}

func (t *times) add(d *activity.Day) {
	if t.first.IsZero() || d.First.Before(t.first) {
		t.first = d.First
	}
	if d.Last.After(t.last) {
		t.last = d.Last
	}
	t.hours |= d.Hours
}

// askedBy is what a client asked.
type askedBy struct {
	client
	known     bool // configured as a Grafana
	rows      int
	dates     map[activity.Date]struct{}
	questions map[question]*times // those that a Grafana's people asked too
}

// candidate is a client that explains enough of one Grafana's questions.
type candidate struct {
	*askedBy
	explained int
	tight     []question
	gap       time.Duration // least disagreement on one of them
	all       map[question]bool
}

// little is the number of fingerprints below which agreement may be chance, and share the part that they must then make
// of all that Explore shows for Prometheus: one in share.
const (
	little = 3
	share  = 4
)

// learnGrafanas returns the clients that are Grafanas by the evidence of days, and of crowds of others that nobody explored.
func (b *Book) learnGrafanas(days []activity.Day, others []crowd) map[client]bool {
	return b.learn(days, others, b.explored(days), func(string) bool { return true })
}

// crowd is how many rows have this source, scope, kind, robot reason, actor and date.
type crowd struct {
	like activity.Day
	rows int
}

// learn returns the clients that pass questions on, of those sources that are behind whoever tells them. explored are the questions
// by who tells them; none of the others is among them.
func (b *Book) learn(days []activity.Day, others []crowd, explored map[string]map[question]*times, behind func(source string) bool) map[client]bool {
	if len(explored) == 0 {
		return nil
	}
	clients, seen := b.asked(days, others, explored, behind)
	together := map[activity.ActorID]map[question]*times{}
	for _, c := range clients {
		merge(together, c)
	}
	learned := map[client]bool{}
	for _, questions := range explored {
		perDay := map[string]map[activity.Date]int{} // source -> questions a day that its Prometheus could know of
		for source, fingerprints := range seen {
			perDay[source] = map[activity.Date]int{}
			for q := range questions {
				if fingerprints[q.fingerprint] {
					perDay[source][q.date]++
				}
			}
		}
		elsewhere := b.elsewhere(questions, seen)
		bySource := map[string][]candidate{}
		for _, c := range clients {
			cand, ok := b.candidate(c, questions, together[c.actor], seen[c.source], perDay[c.source])
			if n := cand.fingerprints(); ok && (c.known || n >= little || share*n >= n+elsewhere) {
				bySource[c.source] = append(bySource[c.source], cand)
			}
		}
		for _, candidates := range bySource {
			for _, c := range candidates {
				if !c.known && c.needed(candidates) {
					learned[c.client] = true
				}
			}
		}
	}
	return learned
}

// explored returns the questions that people asked in Explore, by the source that is the Grafana's log.
func (b *Book) explored(days []activity.Day) map[string]map[question]*times {
	out := map[string]map[question]*times{}
	for i := range days {
		d := &days[i]
		if d.Kind != activity.KindQuery || d.Subject == "" || !b.fromGrafana(d) {
			continue
		}
		questions := out[d.Source]
		if questions == nil {
			questions = map[question]*times{}
			out[d.Source] = questions
		}
		q := question{d.Subject, d.Date}
		if questions[q] == nil {
			questions[q] = &times{}
		}
		questions[q].add(d)
	}
	return out
}

// asked returns what clients asked of sources behind, and by source the explored fingerprints that were ever asked there.
func (b *Book) asked(days []activity.Day, others []crowd, explored map[string]map[question]*times, behind func(source string) bool) ([]*askedBy, map[string]map[string]bool) {
	wanted := map[question]bool{}
	fingerprints := map[string]bool{}
	for _, questions := range explored {
		for q := range questions {
			wanted[q] = true
			fingerprints[q.fingerprint] = true
		}
	}
	var clients []*askedBy
	at := map[client]*askedBy{}
	see := func(d *activity.Day, rows int) *askedBy {
		if d.Kind != activity.KindQuery || d.Actor == 0 || d.Robot != "" || b.fromGrafana(d) || !behind(d.Source) || !b.isClient(d, b.actors[d.Actor]) {
			return nil
		}
		key := client{d.Source, d.Actor}
		c := at[key]
		if c == nil {
			c = &askedBy{client: key, dates: map[activity.Date]struct{}{}, questions: map[question]*times{}}
			if a := b.actors[d.Actor]; a != nil {
				c.known = slices.Contains(a.grafanas, d.Source)
			}
			at[key] = c
			clients = append(clients, c)
		}
		c.rows += rows
		c.dates[d.Date] = struct{}{}
		return c
	}
	for i := range others {
		see(&others[i].like, others[i].rows)
	}
	seen := map[string]map[string]bool{}
	for i := range days {
		d := &days[i]
		c := see(d, 1)
		if c == nil || !fingerprints[d.Subject] {
			continue
		}
		if seen[d.Source] == nil {
			seen[d.Source] = map[string]bool{}
		}
		seen[d.Source][d.Subject] = true
		if q := (question{d.Subject, d.Date}); wanted[q] {
			if c.questions[q] == nil {
				c.questions[q] = &times{}
			}
			c.questions[q].add(d)
		}
	}
	return clients, seen
}

func merge(together map[activity.ActorID]map[question]*times, c *askedBy) {
	all := together[c.actor]
	if all == nil {
		all = map[question]*times{}
		together[c.actor] = all
	}
	for q, t := range c.questions {
		if all[q] == nil {
			all[q] = &times{}
		}
		all[q].add(&activity.Day{First: t.first, Last: t.last, Hours: t.hours})
	}
}

// candidate holds a client against one Grafana's questions. everywhere is what its address asked of all sources, here
// the fingerprints asked of its own, perDay how many questions of a day those make.
func (b *Book) candidate(c *askedBy, questions, everywhere map[question]*times, here map[string]bool, perDay map[activity.Date]int) (candidate, bool) {
	out := candidate{askedBy: c, all: map[question]bool{}}
	total := 0
	for date := range c.dates {
		total += perDay[date]
	}
	for q, t := range everywhere {
		g := questions[q]
		if _, active := c.dates[q.date]; g == nil || !active || !here[q.fingerprint] {
			continue
		}
		own := c.questions[q]
		if !b.explains(t, g) && (own == nil || !b.explains(own, g)) {
			continue
		}
		out.explained++
		out.all[q] = true
		if own == nil {
			continue
		}
		if gap := min(own.first.Sub(g.first).Abs(), own.last.Sub(g.last).Abs()); gap <= tight {
			if len(out.tight) == 0 || gap < out.gap {
				out.gap = gap
			}
			out.tight = append(out.tight, q)
		}
	}
	enough := len(out.tight) > 0 && 2*out.explained >= total
	return out, enough || (c.known && out.explained > 0)
}

// elsewhere counts the fingerprints of which no query log knows, but for those known not to be PromQL.
func (b *Book) elsewhere(questions map[question]*times, seen map[string]map[string]bool) int {
	unseen := map[string]bool{}
	for q := range questions {
		unseen[q.fingerprint] = true
	}
	for _, fingerprints := range seen {
		for f := range fingerprints {
			delete(unseen, f)
		}
	}
	for f := range unseen {
		if known, ok := b.queries[f]; ok && known.Metrics == nil {
			delete(unseen, f)
		}
	}
	return len(unseen)
}

// explains reports whether a client that asked at t may have asked all of what a Grafana's people did at g.
func (b *Book) explains(t, g *times) bool {
	hours := g.hours
	firsts, lasts := near(t.first, g.first), near(t.last, g.last)
	// The hour may turn between two logs of one query.
	if firsts {
		hours &^= 1 << g.first.In(b.location).Hour()
	}
	if lasts {
		hours &^= 1 << g.last.In(b.location).Hour()
	}
	if t.hours&hours != hours {
		return false
	}
	around := !t.first.After(g.first.Add(slack)) && !t.last.Before(g.last.Add(-slack))
	return around || firsts || lasts
}

func near(a, b time.Time) bool { return a.Sub(b).Abs() <= slack }

// fingerprints counts the different ones that c explains.
func (c candidate) fingerprints() int {
	different := map[string]bool{}
	for q := range c.all {
		different[q.fingerprint] = true
	}
	return len(different)
}

// needed reports whether c agrees with a question that no stronger candidate explains.
func (c candidate) needed(candidates []candidate) bool {
	return slices.ContainsFunc(c.tight, func(q question) bool {
		return !slices.ContainsFunc(candidates, func(o candidate) bool { return o.stronger(c) && o.all[q] })
	})
}

// stronger orders candidates by evidence: one that is configured, then more questions explained, then, of little evidence, the
// one that is closer in time, then more asked at all, for a Grafana refreshes dashboards too. Of two that are equal neither is stronger.
func (c candidate) stronger(o candidate) bool {
	switch {
	case c.askedBy == o.askedBy:
		return false
	case c.known != o.known:
		return c.known
	case c.explained != o.explained:
		return c.explained > o.explained
	case c.fingerprints() < little && c.gap != o.gap:
		return c.gap < o.gap
	}
	return c.rows > o.rows
}
