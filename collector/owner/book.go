package owner

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Book is the owner rules together with the facts that give stored days a meaning. It is safe for concurrent use.
type Book struct {
	mu        sync.Mutex
	config    Config
	location  *time.Location
	claims    map[activity.Digest][]claim
	selectors *selectors
	folders   map[string][]int // folder title or uid -> teams
	uids      map[string][]int // dashboard uid -> teams
	tenants   map[string][]int
	byName    map[string]int // team name -> index

	actors     map[activity.ActorID]*actor // never changed
	alike      map[claimed]*actor
	queries    map[string]activity.Query
	covered    map[string]bool            // sources that were read
	grafanas   map[activity.Date]bool     // days on which Grafana's request log showed what is asked
	titles     map[place][]string         // scope and title -> uids of dashboards
	selected   map[string]map[string]bool // by selector and source: whether the source has metrics of it
	written    map[string][]writing       // name of a rule -> where it is written
	recorded   map[string][]string        // by name of a recorded metric: the metrics that it is made of, sorted
	rules      map[place][]activity.Rule  // by From
	dashboards map[place][]activity.Dashboard
	goals      map[place][]activity.Goal
	inventory  inventory
	codeowners codeowners

	subjects map[subjectKey][]span // cache; what is learned of a subject drops its entry
	paths    map[string][]int      // cache: scope -> teams whose rule paths hold it
}

// place is what facts are known by.
type place struct {
	scope, name string
}

// New returns the book of c and f. key is the one that hashed the digests of f. It fails where Config.Validate would.
func New(c Config, key activity.Key, f activity.Facts) (*Book, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	sel, err := newSelectors(c.Teams)
	if err != nil {
		return nil, err
	}
	b := &Book{
		config: c, location: c.Location, claims: c.claims(key), selectors: sel,
		folders: map[string][]int{}, uids: map[string][]int{}, tenants: map[string][]int{}, byName: map[string]int{},
		actors: map[activity.ActorID]*actor{}, alike: map[claimed]*actor{}, queries: map[string]activity.Query{}, covered: map[string]bool{},
		grafanas: map[activity.Date]bool{}, titles: map[place][]string{}, written: map[string][]writing{}, recorded: map[string][]string{}, selected: map[string]map[string]bool{}, rules: map[place][]activity.Rule{},
		dashboards: map[place][]activity.Dashboard{}, goals: map[place][]activity.Goal{}, inventory: newInventory(c, f), codeowners: newCodeowners(c),
		subjects: map[subjectKey][]span{}, paths: map[string][]int{},
	}
	if b.location == nil {
		b.location = time.UTC
	}
	for i, t := range c.Teams {
		b.byName[t.Name] = i
		index(b.folders, t.Folders, i)
		index(b.uids, t.Dashboards, i)
		index(b.tenants, t.Tenants, i)
	}
	for d, ids := range f.Actors {
		for _, id := range ids {
			b.Learn(id, []activity.Digest{d})
		}
	}
	for _, d := range f.Coverage {
		b.covered[d.Source] = true
		if d.Class == activity.ClassView && c.Types[d.Source] == typeRequestLog {
			b.grafanas[d.Date] = true
		}
	}
	for _, s := range f.Selections { // oldest first
		if b.selected[s.Selector] == nil {
			b.selected[s.Selector] = map[string]bool{}
		}
		b.selected[s.Selector][s.Scope] = s.Found
	}
	for _, q := range f.Queries {
		b.LearnQuery(q)
	}
	for _, d := range f.Dashboards {
		b.LearnDashboard(d)
	}
	for _, r := range f.Rules {
		b.LearnRule(r)
	}
	for _, g := range f.Goals {
		b.LearnGoal(g)
	}
	return b, nil
}

func index(m map[string][]int, names []string, team int) {
	for _, n := range names {
		if !slices.Contains(m[n], team) {
			m[n] = append(m[n], team)
		}
	}
}

// Learn tells the book the digests of an actor.
func (b *Book) Learn(id activity.ActorID, digests []activity.Digest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.actors[id]
	for _, d := range digests {
		for _, c := range b.claims[d] {
			a = b.with(a, c)
		}
	}
	if a != nil {
		b.actors[id] = a
	}
}

// LearnQuery tells the book what a fingerprint asks for.
func (b *Book) LearnQuery(q activity.Query) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q.Metrics = sorted(q.Metrics)
	b.learnVariant(q.Key(), q)
	// A row that does not tell the variant has the matchers of its question if all variants agree, else none.
	if known, ok := b.queries[q.Fingerprint]; ok && known.Variant != q.Variant {
		q.Variant, q.Matchers = anyVariant, nil
	}
	b.learnVariant(q.Fingerprint, q)
}

// anyVariant marks what is known of a question that was asked with different matchers.
const anyVariant = "*"

func (b *Book) learnVariant(key string, q activity.Query) {
	b.queries[key] = q
	delete(b.subjects, subjectKey{class: classQuery, name: key})
}

// LearnRule tells the book of a rule from a time on.
func (b *Book) LearnRule(r activity.Rule) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.Metrics = sorted(r.Metrics)
	at := place{r.Scope, r.Name}
	b.learnWritten(&r)
	b.learnRecording(&r)
	b.rules[at] = insertByTime(b.rules[at], r, func(r activity.Rule) time.Time { return r.From },
		func(o activity.Rule) bool { return o.Kind == r.Kind && o.UID == r.UID })
	if r.UID != "" {
		b.inventory.uids[place{r.Scope, r.UID}] = r.Name
	}
	delete(b.subjects, subjectKey{class: classRule, scope: r.Scope, name: r.Name})
}

// LearnDashboard tells the book what a dashboard was when it was seen.
func (b *Book) LearnDashboard(d activity.Dashboard) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d.Metrics = sorted(d.Metrics)
	at := place{d.Scope, d.UID}
	if title := (place{d.Scope, d.Title}); d.Title != "" && !byNumber(d.UID) && !slices.Contains(b.titles[title], d.UID) {
		b.titles[title] = append(b.titles[title], d.UID)
	}
	b.dashboards[at] = insertByTime(b.dashboards[at], d, func(d activity.Dashboard) time.Time { return d.Seen },
		func(activity.Dashboard) bool { return true })
	delete(b.subjects, subjectKey{class: classDashboard, scope: d.Scope, name: d.UID})
}

// LearnGoal tells the book of a goal from a time on.
func (b *Book) LearnGoal(g activity.Goal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g.Metrics = sorted(g.Metrics)
	at := place{g.Scope, g.Name}
	b.goals[at] = insertByTime(b.goals[at], g, func(g activity.Goal) time.Time { return g.From },
		func(o activity.Goal) bool { return o.Team == g.Team })
	delete(b.subjects, subjectKey{class: classGoal, scope: g.Scope, name: g.Name})
}

// insertByTime puts v into a list that is sorted by time; of two of the same time that are the same thing, the later
// learned replaces the other.
func insertByTime[T any](list []T, v T, when func(T) time.Time, same func(T) bool) []T {
	at := len(list)
	for at > 0 && when(list[at-1]).After(when(v)) {
		at--
	}
	for i := at - 1; i >= 0 && when(list[i]).Equal(when(v)); i-- {
		if same(list[i]) {
			list[i] = v
			return list
		}
	}
	return slices.Insert(list, at, v)
}

// sorted returns names sorted and each once, without touching names; nil stays nil.
func sorted(names []string) []string {
	if slices.IsSorted(names) {
		return names
	}
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}

// dateOf is the day of t as days were folded.
func (b *Book) dateOf(t time.Time) activity.Date { return activity.DateOf(t.In(b.location)) }

// grafanaScope reports whether scope is an organisation of a Grafana: "org:1".
func grafanaScope(scope string) bool {
	digits, ok := strings.CutPrefix(scope, "org:")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}
