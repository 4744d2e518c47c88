package owner

import (
	"cmp"
	"slices"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// A rule may be told of by git, by the Grafana that manages it, by the cluster that holds it as a resource, and by each server that
// has loaded it. It is one rule, and what was done to it one act, whichever source was read first. Git wins, which has the author and
// the time; then Grafana; then the cluster, which has the time; a server tells only on which day a snapshot showed it.
//
//   - What a cluster or a server tells is told already if a source before it knows the rule: it has no author to lose.
//   - What somebody did in Grafana is told by git if the rule was committed at about the same time. A change that git does not know
//     was made by hand, and counts; so does one that only a bot committed.
//   - Of several clusters or servers that tell one change, the one that saw it first counts.
//
// Rules are the same if they are of one kind and name and ask for the same metrics in some version: alerts of different teams
// share names. A metric is a rule's if the rule records it.

// rolledOut is for how many days a rule may be known to one source and not yet, or still, to another.
const rolledOut = 14

// teller is how much a source tells of a rule: the lowest of several wins.
type teller uint8

const (
	tellerGit teller = iota
	tellerGrafana
	tellerCluster
	tellerServer
)

// writing is where a rule is written.
type writing struct {
	scope  string
	teller teller
}

// tellerOf returns how much the source of d tells of a rule.
func (b *Book) tellerOf(d *activity.Day) teller {
	switch b.config.Types[d.Source] {
	case typePrometheus:
		return tellerServer
	case typeResources:
		return tellerCluster
	}
	if b.fromGrafana(d) {
		return tellerGrafana
	}
	return tellerGit
}

// toldByRules reports whether a source that tells more told of the rule or metric of d, which has no author.
func (b *Book) toldByRules(d *activity.Day) bool {
	as := b.tellerOf(d)
	if d.Actor != 0 || as < tellerCluster {
		return false
	}
	switch d.Kind {
	case activity.KindMetric:
		return b.ruleElsewhere(d, as, func(r activity.Rule) bool { return r.Kind == activity.RuleRecording })
	case activity.KindRule:
		return slices.ContainsFunc(b.rules[place{d.Scope, d.Subject}], func(own activity.Rule) bool {
			return !own.Removed && b.ruleElsewhere(d, as, func(r activity.Rule) bool { return sameRule(own, r) })
		})
	}
	return false
}

// ruleElsewhere reports whether a rule of d's name, as wanted in some version, was there at about that time where a teller before
// as tells of it.
func (b *Book) ruleElsewhere(d *activity.Day, as teller, wanted func(activity.Rule) bool) bool {
	return slices.ContainsFunc(b.written[d.Subject], func(w writing) bool {
		if w.teller >= as {
			return false
		}
		for _, r := range b.rules[place{w.scope, d.Subject}] {
			if !r.Removed && wanted(r) {
				return !b.goneBefore(w.scope, &r, d.Date)
			}
		}
		return false
	})
}

// goneBefore reports whether a rule was removed long before a date, and is not back soon after it.
func (b *Book) goneBefore(scope string, r *activity.Rule, date activity.Date) bool {
	gone := false
	for _, v := range b.rules[place{scope, r.Name}] { // oldest first
		if from := b.dateOf(v.From); v.Kind == r.Kind && from <= date+rolledOut {
			gone = v.Removed && from < date-rolledOut
		}
	}
	return gone
}

// learnWritten notes where a rule is written.
func (b *Book) learnWritten(r *activity.Rule) {
	w := writing{r.Scope, tellerGit}
	if grafanaScope(r.Scope) {
		w.teller = tellerGrafana
	}
	if source, _, ok := strings.Cut(r.Scope, ":"); ok {
		switch b.config.Types[source] {
		case typePrometheus:
			w.teller = tellerServer
		case typeResources:
			w.teller = tellerCluster
		}
	}
	if !slices.Contains(b.written[r.Name], w) {
		b.written[r.Name] = append(b.written[r.Name], w)
	}
}

// change is what acts on rules and metrics must share to be one.
type change struct {
	kind    activity.Kind
	name    string
	removed bool
	tenant  string // of servers alone: tenants are different organisations
}

// rulesToldTwice finds acts on rules, and new metrics, of which another row tells too, by their place in days: those done in Grafana
// that git knows, and those that several clusters or servers tell. twice is what is told twice already.
func (b *Book) rulesToldTwice(days []activity.Day, twice map[int]told) map[int]told {
	committed, managed, found := map[change][]int{}, map[change][]int{}, map[change][]int{}
	for i := range days {
		d := &days[i]
		if d.Kind != activity.KindRule && d.Kind != activity.KindMetric || d.Subject == "" || b.toldByMachine(d) || twice[i].again >= d.Count || twice[i].robot != "" {
			continue
		}
		c := change{d.Kind, b.loggedName(d), d.Detail == activity.RuleRemoved, ""}
		switch b.tellerOf(d) {
		case tellerGit:
			committed[c] = append(committed[c], i)
		case tellerGrafana:
			managed[c] = append(managed[c], i)
		default:
			if c.tenant = d.Tenant; !b.toldByRules(d) {
				found[c] = append(found[c], i)
			}
		}
	}
	out := map[int]told{}
	for c, rows := range managed {
		b.pairCommitted(days, rows, committed[c], twice, out)
	}
	for _, rows := range found {
		b.keepFirst(days, rows, out)
	}
	return out
}

// toldByMachine reports whether d is known to be no person's act.
func (b *Book) toldByMachine(d *activity.Day) bool {
	who := b.actors[d.Actor]
	return d.Robot != "" || d.Retired && slices.Contains(robots, d.TeamReason) || who != nil && who.robot != ""
}

// explains is a row that tells an act first, and who repeats it.
type explains struct {
	first int
	by    string
}

// pairCommitted sets aside what was done in Grafana and committed too. Each commit explains one act of each organisation of Grafana.
func (b *Book) pairCommitted(days []activity.Day, managed, committed []int, twice, out map[int]told) {
	inOrder(days, managed)
	inOrder(days, committed)
	used := map[explains]int64{}
	for _, i := range managed {
		d, t := &days[i], twice[i]
		for _, commit := range committed {
			e := explains{commit, d.Scope}
			n := min(d.Count-t.again, days[commit].Count-used[e])
			if later := d.Date - days[commit].Date; n > 0 && later >= -1 && later <= rolledOut && b.sameRule(d, &days[commit]) {
				used[e] += n
				t.again += n
				out[i] = t
			}
		}
	}
}

// keepFirst sets aside what another cluster or server told before. A metric is new once; a rule may be changed again by and by, and
// one change explains one of each other source.
func (b *Book) keepFirst(days []activity.Day, rows []int, out map[int]told) {
	inOrder(days, rows)
	used := map[explains]bool{}
	for at, i := range rows {
		d := &days[i]
		for _, first := range slices.Backward(rows[:at]) {
			other, e := &days[first], explains{first, d.Source}
			if d.Kind == activity.KindRule && d.Date-other.Date > rolledOut {
				break
			}
			if d.Source == other.Source || out[first].again > 0 {
				continue
			}
			if d.Kind == activity.KindMetric || !used[e] && d.Detail == other.Detail && b.sameRule(d, other) {
				used[e] = true
				out[i] = told{again: d.Count}
				break
			}
		}
	}
}

// inOrder sorts rows by time, and those of one time by content.
func inOrder(days []activity.Day, rows []int) {
	slices.SortFunc(rows, func(x, y int) int {
		d, e := &days[x], &days[y]
		return cmp.Or(d.First.Compare(e.First), cmp.Compare(d.Source, e.Source), cmp.Compare(d.Scope, e.Scope),
			cmp.Compare(d.Detail, e.Detail), cmp.Compare(d.Actor, e.Actor), d.Last.Compare(e.Last))
	})
}

// sameRule reports whether two rows of one name are of one rule in some version of both.
func (b *Book) sameRule(d, e *activity.Day) bool {
	others := b.rules[place{e.Scope, b.loggedName(e)}]
	return slices.ContainsFunc(b.rules[place{d.Scope, b.loggedName(d)}], func(r activity.Rule) bool {
		return !r.Removed && slices.ContainsFunc(others, func(o activity.Rule) bool { return !o.Removed && sameRule(r, o) })
	})
}

func sameRule(r, o activity.Rule) bool { return r.Kind == o.Kind && slices.Equal(r.Metrics, o.Metrics) }
