package owner

import (
	"maps"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Foundation is what a team has to build on. Unknown is where no source could have told.
type Foundation struct {
	Collection   activity.Tri // metrics of its own
	QueryTooling activity.Tri // its people did query
	Dashboards   activity.Tri // dashboards of its own
}

// Foundations returns the foundations of every configured team, from acts and from the facts of the book.
func (b *Book) Foundations(acts []activity.Act) map[string]Foundation {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.groundwork()
	for i := range acts {
		a := &acts[i]
		g.source(a.Source, true)
		c, s := b.subject(&a.Day)
		g.add(a, c, s)
	}
	return g.foundations()
}

// groundwork gathers foundations from acts.
type groundwork struct {
	book  *Book
	found []Foundation
	read  map[string]bool // sources
	asked bool
}

func (b *Book) groundwork() *groundwork {
	return &groundwork{book: b, found: make([]Foundation, len(b.config.Teams)), read: maps.Clone(b.covered)}
}

// source notes that there are acts of a source.
func (g *groundwork) source(name string, some bool) {
	if some {
		g.read[name] = true
	}
}

// add takes in an act, and what its subject is.
func (g *groundwork) add(a *activity.Act, c class, s span) {
	if c == classDashboard && a.Detail != activity.EditDeleted {
		for _, team := range s.owners { // whoever opened it
			g.found[team].Dashboards = activity.Yes
		}
	}
	g.asked = g.asked || a.Kind == activity.KindQuery
	if a.Outcome != activity.Counted {
		return
	}
	switch a.Kind {
	case activity.KindQuery, activity.KindRule, activity.KindMetric:
	default:
		return
	}
	team, ok := g.book.byName[a.Team]
	if !ok {
		return
	}
	f := &g.found[team]
	switch {
	case a.Kind == activity.KindQuery:
		f.QueryTooling = activity.Yes
		if a.Own == activity.Yes {
			f.Collection = activity.Yes
		}
	case a.Detail != activity.RuleRemoved:
		f.Collection = activity.Yes
	}
}

// foundations adds what the facts of the book tell.
func (g *groundwork) foundations() map[string]Foundation {
	b := g.book
	asked, looked := g.tells()
	b.foundFacts(g.found)
	listed, promQL := b.inventory.tellsDataSources()
	out := make(map[string]Foundation, len(g.found))
	for i, t := range b.config.Teams {
		f := &g.found[i]
		couldCollect := t.claimsRules() || len(t.Metrics)+len(t.Codeowners) > 0
		told, has := b.collected(t)
		if has {
			f.Collection = activity.Yes
		}
		settle(&f.Collection, told || couldCollect && len(b.rules)+len(b.queries) > 0)
		settle(&f.QueryTooling, listed && !promQL || asked && (t.HasPeople() || len(t.Tenants)+len(t.Metrics) > 0))
		settle(&f.Dashboards, looked && (len(b.dashboards) > 0 || len(t.Dashboards) > 0))
		out[t.Name] = *f
	}
	return out
}

// collected reports whether servers were asked for metrics of all the selectors of a team, and whether one had some.
func (b *Book) collected(t Team) (asked, found bool) {
	asked = len(t.Metrics) > 0
	for _, selector := range t.Metrics {
		servers := b.selected[selector]
		asked = asked && len(servers) > 0
		for _, has := range servers {
			found = found || has
		}
	}
	return asked, found
}

// foundFacts adds what the facts alone show: rules that are there, metrics that are asked for, dashboards.
func (b *Book) foundFacts(found []Foundation) {
	for at, rules := range b.rules {
		if rules[len(rules)-1].Removed {
			continue
		}
		spans := b.cached(subjectKey{class: classRule, scope: at.scope, name: at.name})
		for _, team := range spans[len(spans)-1].owners {
			found[team].Collection = activity.Yes
		}
	}
	for fingerprint := range b.queries {
		for _, team := range b.cached(subjectKey{class: classQuery, name: fingerprint})[0].owners {
			found[team].Collection = activity.Yes
		}
	}
	for at, seen := range b.dashboards {
		if seen[len(seen)-1].Removed {
			continue
		}
		spans := b.cached(subjectKey{class: classDashboard, scope: at.scope, name: at.name})
		for _, team := range spans[len(spans)-1].owners {
			found[team].Dashboards = activity.Yes
		}
		for _, team := range b.selectors.owners(spans[len(spans)-1].metrics, nil) {
			found[team].Collection = activity.Yes
		}
	}
}

// tells reports whether a source that was really read shows queries, and whether one shows dashboards. That nothing of a team was
// seen means something only then.
func (g *groundwork) tells() (queries, dashboards bool) {
	queries = g.asked
	for source := range g.read {
		t := g.book.config.Types[source]
		queries = queries || strings.HasSuffix(t, "-log") || strings.HasSuffix(t, "-query-stats") || t == "grafana-usage-insights"
		dashboards = dashboards || strings.HasPrefix(t, grafanaPrefix)
	}
	return queries, dashboards || len(g.book.dashboards) > 0
}

// settle turns what was not seen into No where it would have been.
func settle(f *activity.Tri, told bool) {
	if *f == activity.Unknown && told {
		*f = activity.No
	}
}
