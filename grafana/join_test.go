package grafana

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// lines writes request lines of alice.
func lines(reqs ...req) [][]byte {
	var out [][]byte
	for _, r := range reqs {
		r.login = "alice"
		out = append(out, r.line())
	}
	return out
}

func TestJoin(t *testing.T) {
	up := explore(`{"a":{"queries":[{"expr":"up"}]}}`)
	down := explore(`{"a":{"queries":[{"expr":"down"}]}}`)
	two := explore(`{"a":{"queries":[{"expr":"up"}]},"b":{"queries":[{"expr":"down"}]}}`)
	view := func(at, uid string) req {
		return req{at: at, method: "GET", path: dto(uid), referer: host + "/d/" + uid}
	}
	newer := func(at, uid string) req {
		return req{at: at, method: "GET", path: strings.Replace(dto(uid), "v1beta1", "v2beta1", 1), referer: host + "/d/" + uid}
	}
	tv := func(at, uid string) req {
		return req{at: at, method: "GET", path: dto(uid), referer: host + "/d/" + uid + "?kiosk"}
	}
	edit := func(at, uid string) req {
		return req{at: at, method: "GET", path: dto(uid), referer: host + "/d/" + uid + "?editPanel=1"}
	}
	ask := func(at, page string) req { return req{at: at, method: "POST", path: "/api/ds/query", referer: page} }
	hist := func(at, page string) req {
		return req{at: at, method: "POST", path: "/api/query-history", referer: page}
	}
	goTo := func(at, id string) req { return req{at: at, method: "GET", path: "/goto/" + id, status: 302} }
	create := req{at: "0s", method: "POST", path: "/apis/dashboard.grafana.app/v1/namespaces/default/dashboards", status: 201, referer: host + "/dashboard/new"}
	imported := req{at: "0s", method: "PUT", path: "/apis/dashboard.grafana.app/v1/namespaces/default/dashboards/abc", status: 201, referer: host + "/dashboard/import"}
	playlist := req{at: "0s", method: "GET", path: "/playlists/play/p", referer: host + "/playlists"}
	drill := host + "/a/grafana-metricsdrilldown-app/drilldown"
	for _, c := range []struct {
		name string
		reqs []req
		want string
	}{
		{"one run", []req{ask("0s", up), hist("40ms", up)}, "alice query q:up"},
		{"one run, history first", []req{hist("0s", up), ask("40ms", up)}, "alice query q:up"},
		{"one run, slow", []req{hist("0s", up), ask("30s", up)}, "alice query q:up"},
		{"run again", []req{ask("0s", up), hist("0s", up), ask("1500ms", up), hist("1600ms", up)}, "alice query q:up; alice query q:up"},
		{"two questions", []req{ask("0s", up), hist("0s", up), ask("3s", down), hist("3s", down)}, "alice query q:up; alice query q:down"},
		{"the URL lags behind", []req{ask("0s", up), hist("0s", up), ask("9s", up), hist("9.1s", down)}, "alice query q:up; alice query q:down"},
		{"mixed data sources", []req{ask("0s", up), ask("10ms", up), hist("20ms", up)}, "alice query q:up"},
		{"two panes run together", []req{ask("0s", two), hist("20ms", two), ask("30ms", two), hist("40ms", two)}, "alice query q:down; alice query q:up"},
		{"live", []req{ask("0s", up), hist("0s", up), ask("10s", up), ask("20s", up), ask("30s", up)},
			"alice query q:up; alice query q:up refresh; alice query q:up refresh; alice query q:up refresh"},
		{"no history", []req{ask("0s", up), ask("5s", up), ask("30s", down)}, "alice query q:up; alice query q:up; alice query q:down"},
		{"no history, one burst", []req{ask("0s", up), ask("300ms", up)}, "alice query q:up"},
		{"no history, live", []req{ask("0s", up), ask("10s", up), ask("20s", up), ask("30s", up)},
			"alice query q:up; alice query q:up refresh; alice query q:up refresh; alice query q:up refresh"},
		{"history refused", []req{ask("0s", up), {at: "0s", method: "POST", path: "/api/query-history", referer: up, status: 401}}, "alice query q:up"},

		{"link to a dashboard", []req{goTo("0s", "l"), view("1s", "abc")}, "alice open abc; alice view abc"},
		{"link to a panel being edited", []req{goTo("0s", "l"), edit("1s", "abc")}, "alice open abc"},
		{"link to nothing", []req{goTo("0s", "l"), view("40s", "abc")}, "alice open l; alice view abc"},
		{"two links", []req{goTo("0s", "l"), goTo("1s", "m"), view("2s", "abc")}, "alice open l; alice open abc; alice view abc"},
		{"link twice", []req{goTo("0s", "l"), view("2s", "abc"), goTo("10s", "l"), view("12s", "abc")},
			"alice open abc; alice view abc; alice open abc; alice view abc"},
		{"link to Explore", []req{goTo("0s", "l"), ask("2s", up), hist("2.1s", up)}, "alice open q:up"},
		{"link to Explore, then own runs", []req{goTo("0s", "l"), ask("2s", up), hist("2.1s", up), ask("9s", up), hist("9s", up), ask("20s", down), hist("20s", down)},
			"alice open q:up; alice query q:up; alice query q:down"},
		{"link to Explore, two panes", []req{goTo("0s", "l"), ask("2s", two), hist("2s", two), ask("2.2s", two), hist("2.2s", two)}, "alice open q:down"},
		{"link to Explore, no history", []req{goTo("0s", "l"), ask("2s", up), ask("9s", up)}, "alice open q:up; alice query q:up"},
		{"link to an empty Explore", []req{goTo("0s", "l"), ask("2s", host+"/explore")}, "alice open l"},
		{"Explore before the link", []req{ask("0s", up), hist("0s", up), goTo("4s", "l"), view("5s", "abc")}, "alice query q:up; alice open abc; alice view abc"},

		{"first save", []req{create, edit("200ms", "new")}, "alice edit new saved"},
		{"first save, plain landing", []req{create, view("200ms", "new"), view("5s", "new")}, "alice edit new saved; alice view new"},
		{"first save, nothing follows", []req{create, view("40s", "abc")}, "alice edit saved; alice view abc"},
		{"import", []req{imported, view("200ms", "abc"), view("6s", "abc")}, "alice edit abc saved; alice view abc"},
		{"import, then another", []req{imported, view("2s", "xyz")}, "alice edit abc saved; alice view xyz"},
		{"save then view", []req{{at: "0s", method: "PUT", path: imported.path, referer: host + "/d/abc?editPanel=1"}, view("1s", "abc")}, "alice edit abc saved; alice view abc"},
		{"two schemas", []req{view("0s", "abc"), newer("200ms", "abc"), view("400ms", "abc"), newer("5s", "abc")},
			"alice view abc; alice view abc; alice view abc"},
		{"first save, two schemas", []req{create, view("100ms", "new"), newer("200ms", "new")}, "alice edit new saved"},
		{"being edited", []req{edit("0s", "abc")}, ""},

		{"playlist", []req{playlist, view("1s", "a"), view("61s", "b"), view("121s", "a"), view("140s", "c")},
			"alice view a playlist; alice view b playlist; alice view a playlist; alice view c"},
		{"playlist on a wall", []req{playlist, tv("1s", "a"), tv("31s", "b")}, "alice view a playlist; alice view b playlist"},
		{"wall", []req{tv("1s", "a"), tv("31s", "b")}, "alice view a kiosk; alice view b kiosk"},
		{"playlist that does not start", []req{playlist, view("50s", "a")}, "alice view a"},
		{"drilldown visit", []req{ask("0s", drill), ask("1s", drill), ask("90s", drill)}, "alice query"},
		{"drilldown visits", []req{ask("0s", drill), view("100s", "a"), ask("200s", drill)}, "alice query; alice view a; alice query"},
	} {
		if got := brief(collect(t, lines(c.reqs...)...)); got != c.want {
			t.Errorf("%s\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// randomThread makes the events of a busy person, many at equal times, with gaps here and there.
func randomThread(r *rand.Rand) []activity.Event {
	steps := []string{stepView, "view2", stepLanding, "landing2", stepPlaylist, stepGoto, stepCreate, stepImport, stepRun, stepRun, "run2", stepHistory, "history2", stepDrill}
	kinds := map[string]activity.Kind{stepGoto: activity.KindOpen, stepCreate: activity.KindEdit, stepImport: activity.KindEdit,
		"view2": activity.KindView, "landing2": activity.KindView, stepView: activity.KindView, stepLanding: activity.KindView, stepPlaylist: activity.KindView}
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	var out []activity.Event
	for range r.IntN(40) {
		switch r.IntN(10) {
		case 0:
			at = at.Add(window + time.Duration(1+r.IntN(1e9)))
		case 1, 2, 3:
		default:
			at = at.Add(time.Duration(r.IntN(5)) * 700 * time.Millisecond)
		}
		e := activity.Event{Time: at, Scope: "org:1", Who: activity.Identity{Login: "alice"}, Step: steps[r.IntN(len(steps))]}
		e.Kind = kinds[e.Step]
		if e.Kind == "" {
			e.Kind = activity.KindQuery
		}
		if e.Step != stepCreate && e.Step != stepPlaylist && e.Step != stepDrill {
			e.Subject = []string{"a", "b", ""}[r.IntN(3)]
		}
		if e.Step == stepView && r.IntN(4) == 0 {
			e.Robot = activity.RobotKiosk
		}
		out = append(out, e)
	}
	return out
}

// TestJoinIsPure: the order of events of equal time does not matter, nor where a thread is cut, if it is cut in a gap
// longer than the window; the input stays as it is, and what is finished stays finished.
func TestJoinIsPure(t *testing.T) {
	l := NewRequestLog()
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		thread := randomThread(r)
		before := slices.Clone(thread)
		want := l.Join(thread)
		if d := diff(before, thread); d != "" {
			t.Fatalf("seed %d: the input changed\n%s", seed, d)
		}
		if d := diff(want, l.Join(want)); d != "" {
			t.Fatalf("seed %d: finished events changed\n%s", seed, d)
		}

		shuffled := slices.Clone(thread)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		slices.SortStableFunc(shuffled, func(a, b activity.Event) int { return a.Time.Compare(b.Time) })
		if d := diff(want, l.Join(shuffled)); d != "" {
			t.Fatalf("seed %d: the order of equal times matters\n%s", seed, d)
		}

		var pieces []activity.Event
		for from := 0; from < len(thread); {
			to := from + 1
			for to < len(thread) && thread[to].Time.Sub(thread[to-1].Time) <= window {
				to++
			}
			pieces = append(pieces, l.Join(thread[from:to])...)
			from = to
		}
		slices.SortFunc(pieces, order)
		if d := diff(want, pieces); d != "" {
			t.Fatalf("seed %d: where it is cut matters\n%s", seed, d)
		}
		for _, e := range want {
			if e.Step != "" {
				t.Fatalf("seed %d: unfinished %+v", seed, e)
			}
		}
	}
}

// TestJoinLongThread: a script that never pauses does not make joining slow.
func TestJoinLongThread(t *testing.T) {
	at := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	var thread []activity.Event
	for i := range 50_000 {
		at = at.Add(time.Second)
		for _, step := range []string{stepRun, stepHistory, stepView, stepGoto} {
			if i%10 == 0 || step != stepGoto {
				thread = append(thread, activity.Event{Time: at, Step: step, Kind: activity.KindQuery, Subject: "a"})
			}
		}
	}
	start := time.Now()
	NewRequestLog().Join(thread)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("%d events took %v", len(thread), took)
	}
}
