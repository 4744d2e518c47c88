package owner

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// visits makes the days of one actor's openings of one dashboard at the given times.
func visits(actor activity.ActorID, kind activity.Kind, at ...time.Time) []activity.Day {
	var days []activity.Day
	for _, t := range at {
		d := activity.FoldEvent(activity.Event{Time: t, Kind: kind, Scope: "org:1", Subject: "board"}, time.UTC)
		d.Source, d.Actor = "grafana", actor
		days = append(days, d)
	}
	return activity.Fold(days)
}

func every(from time.Time, step time.Duration, n int) []time.Time {
	var out []time.Time
	for i := range n {
		out = append(out, from.Add(time.Duration(i)*step))
	}
	return out
}

func TestClockwork(t *testing.T) {
	monday := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	rnd := rand.New(rand.NewPCG(1, 1))
	jitter := func(in []time.Time, by time.Duration) []time.Time {
		for i := range in {
			in[i] = in[i].Add(time.Duration(rnd.Int64N(int64(2*by))) - by)
		}
		return in
	}
	var busy []time.Time // a person in an incident: again and again over a working day, but not by the clock
	for at := monday; at.Before(monday.Add(11 * time.Hour)); at = at.Add(time.Duration(2+rnd.IntN(40)) * time.Minute) {
		busy = append(busy, at)
	}
	for name, tc := range map[string]struct {
		at    []time.Time
		kind  activity.Kind
		robot bool
	}{
		"a wall screen without kiosk mode, every 20 minutes":        {every(monday, 20*time.Minute, 3*24*14), activity.KindView, true},
		"a tab that reloads every half minute for an hour":          {every(monday, 30*time.Second, 120), activity.KindView, true},
		"a tab that reloads every 5 minutes through a day":          {every(monday, 5*time.Minute, 120), activity.KindView, true},
		"a script every day at nine":                                {every(monday, 24*time.Hour, 30), activity.KindView, true},
		"a script every Monday at nine, some seconds late":          {jitter(every(monday, 7*24*time.Hour, 8), 10*time.Second), activity.KindView, true},
		"a poller that asks every 10 minutes":                       {every(monday, 10*time.Minute, 6*24*7), activity.KindQuery, true},
		"a weekly meeting, begun within some minutes":               {jitter(every(monday, 7*24*time.Hour, 26), 4*time.Minute), activity.KindView, false},
		"five Mondays at nine by chance":                            {every(monday, 7*24*time.Hour, 5), activity.KindView, false},
		"an incident":                                               {busy, activity.KindView, false},
		"one query, changed and run again fifty times in two hours": {every(monday, 2*time.Minute+20*time.Second, 50), activity.KindQuery, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := New(Config{Teams: []Team{{Name: "payments", Members: []Member{{Login: "a"}}}}, Location: time.UTC, Types: map[string]string{"grafana": "grafana-log"}},
				activity.NewKey([]byte("k")), activity.Facts{Actors: map[activity.Digest][]activity.ActorID{activity.NewKey([]byte("k")).Login("a"): {1}}})
			if err != nil {
				t.Fatal(err)
			}
			var robots, people int64
			for _, a := range b.Attribute(visits(1, tc.kind, tc.at...)) {
				if a.Outcome == activity.Automated && a.Reason == activity.RobotClockwork && a.Team == "" {
					robots += a.Count
				} else if a.Outcome == activity.Counted && a.Team == "payments" {
					people += a.Count
				}
			}
			if robots+people != int64(len(tc.at)) || (robots > 0) != tc.robot || (robots > 0 && people > 0) {
				t.Errorf("%d acts of robots, %d of people", robots, people)
			}
		})
	}
}

// TestOneCoincidence: a colleague who runs the same query at a workstation, a second later, is no Grafana; the Grafana is.
func TestOneCoincidence(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	row := func(source string, actor activity.ActorID, subject string, at time.Time) activity.Day {
		scope := source
		if source == "grafana" {
			scope = "org:1"
		}
		d := activity.FoldEvent(activity.Event{Time: at, Kind: activity.KindQuery, Scope: scope, Subject: subject}, time.UTC)
		d.Source, d.Actor = source, actor
		return d
	}
	b, err := New(Config{Teams: []Team{{Name: "payments"}}, Location: time.UTC, Types: map[string]string{"grafana": "grafana-log", "promql": "prometheus-query-log"}}, activity.NewKey([]byte("k")), activity.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	const alice, grafana, workstation = 1, 2, 3
	days := []activity.Day{row("grafana", alice, "q", at), row("promql", grafana, "q", at.Add(50*time.Millisecond)), row("promql", workstation, "q", at.Add(900*time.Millisecond))}
	for i := range 12 {
		days = append(days, row("promql", workstation, string(rune('a'+i)), at.Add(time.Duration(i+1)*time.Hour/2)))
	}
	for _, a := range b.Attribute(days) {
		if got := a.Reason == activity.RobotGrafana; got != (a.Actor == grafana) {
			t.Errorf("actor %d, %q: %s %s", a.Actor, a.Subject, a.Outcome, a.Reason)
		}
	}
	late := []activity.Day{row("grafana", alice, "q", at), row("promql", workstation, "q", at.Add(20*time.Second))}
	for _, a := range b.Attribute(late) {
		if a.Reason == activity.RobotGrafana {
			t.Errorf("a query 20 s later made a Grafana of actor %d", a.Actor)
		}
	}
}

// TestOutcomeIsOfOneDay: what is told while collecting is told of each day by itself.
func TestOutcomeIsOfOneDay(t *testing.T) {
	key := activity.NewKey([]byte("k"))
	b, err := New(Config{Teams: []Team{{Name: "payments", Members: []Member{{Login: "a"}}}}, Location: time.UTC, Types: map[string]string{"grafana": "grafana-log"}},
		key, activity.Facts{Actors: map[activity.Digest][]activity.ActorID{key.Login("a"): {1}}})
	if err != nil {
		t.Fatal(err)
	}
	days := visits(1, activity.KindView, every(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), 20*time.Minute, 500)...)
	for i := range days {
		if got, _ := b.Outcome(&days[i]); got != activity.Counted {
			t.Errorf("%s: %s", days[i].Date, got)
		}
	}
	if got := b.Attribute(days)[0].Outcome; got != activity.Automated {
		t.Errorf("all together they are %s: this is no clockwork, and the test shows nothing", got)
	}
}

// TestOutcomeWithoutSelectors: where no team claims metrics an act counts the same whether it is known or not what was asked, and as it does
// with all that is known of it.
func TestOutcomeWithoutSelectors(t *testing.T) {
	c, f, days := bigOrganisation(8_000)
	c.Teams[1].Members = append(c.Teams[1].Members, c.Teams[0].Members...) // of two teams
	c.Teams[2].Clients = append(c.Teams[2].Clients, c.Teams[3].Clients...)
	for i := range c.Teams {
		c.Teams[i].Metrics = nil
	}
	knows, err := New(c, testKey, f)
	if err != nil {
		t.Fatal(err)
	}
	f.Queries = nil
	knowsNothing, err := New(c, testKey, f)
	if err != nil {
		t.Fatal(err)
	}
	kinds := []activity.Kind{activity.KindQuery, activity.KindShare, activity.KindOpen, activity.KindComment}
	outcomes := map[activity.Outcome]int{}
	for i, d := range days {
		if d.Kind == activity.KindQuery {
			d.Kind = kinds[i/4%len(kinds)]
		}
		whole := activity.Act{Day: d}
		of, s := knows.subject(&d)
		basis := knows.judge(&whole, of, s, nil)
		for _, b := range []*Book{knows, knowsNothing} {
			if got, on := b.Outcome(&d); got != whole.Outcome || on != basis {
				t.Fatalf("%+v: %s on %d, want %s on %d", d, got, on, whole.Outcome, basis)
			}
		}
		outcomes[whole.Outcome]++
	}
	if outcomes[activity.Counted] == 0 || outcomes[activity.Unattributed] == 0 {
		t.Errorf("the test shows little: %v", outcomes)
	}
}

// TestBasis: what an outcome is said to depend on is all that it depends on.
func TestBasis(t *testing.T) {
	c, f, days := bigOrganisation(40_000)
	rnd := rand.New(rand.NewPCG(1, 2))
	c.Teams[1].Members = append(c.Teams[1].Members, c.Teams[0].Members...) // of two teams
	c.Teams[2].Tenants, c.Teams[3].Tenants = []string{"t", "u"}, []string{"u"}
	for i := range days {
		d := &days[i]
		d.Date, d.Actor, d.Tenant = d.Date%2, d.Actor%40, []string{"", "", "t", "u", "t|u", "x"}[rnd.IntN(6)]
		if rnd.IntN(20) == 0 {
			d.Subject = ""
		}
	}
	b, err := New(c, testKey, f)
	if err != nil {
		t.Fatal(err)
	}
	type sort struct {
		source                string
		kind                  activity.Kind
		scope, detail, tenant string
	}
	type byActor struct {
		sort
		date  activity.Date
		actor activity.ActorID
	}
	type bySubject struct {
		sort
		subject string
	}
	actors, subjects, bases := map[byActor]activity.Outcome{}, map[bySubject]activity.Outcome{}, map[activity.Basis]int{}
	runs := map[byActor]activity.Basis{}
	for i := range days {
		d := &days[i]
		outcome, basis := b.Outcome(d)
		bases[basis]++
		s := sort{d.Source, d.Kind, d.Scope, d.Detail, d.Tenant}
		run, about := byActor{s, d.Date, d.Actor}, bySubject{s, d.Subject}
		if known, ok := runs[run]; ok && known != basis {
			t.Fatalf("%+v: basis %d, others of the actor %d", d, basis, known)
		}
		runs[run] = basis
		if known, ok := actors[run]; basis == activity.ByActor && ok && known != outcome {
			t.Fatalf("%+v: %s, others of the actor %s", d, outcome, known)
		}
		if known, ok := subjects[about]; basis == activity.BySubject && ok && known != outcome {
			t.Fatalf("%+v: %s, others about the subject %s", d, outcome, known)
		}
		if basis == activity.ByActor {
			actors[run] = outcome
		}
		if basis == activity.BySubject {
			subjects[about] = outcome
		}
	}
	if len(bases) != 3 {
		t.Errorf("bases %v: not all are seen", bases)
	}
}
