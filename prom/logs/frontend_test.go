package logs_test

import (
	"strings"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom/logs"
)

// frontend is a line of Mimir's query-frontend with more fields.
func frontend(more string) string {
	return `ts=2026-11-22T18:05:34Z caller=handler.go:414 level=info user=team-a msg="query stats" component=query-frontend method=GET ` +
		`path=/prometheus/api/v1/query status_code=200 param_query="up{a=\"b\"}" ` + more
}

func TestQueryStatsNameThePerson(t *testing.T) {
	p := logs.NewQueryStats("mimir")
	up := ask{Scope: "mimir", Tenant: "team-a", Query: `up{a="b"}`}
	with := func(change func(*ask)) ask {
		a := up
		change(&a)
		return a
	}
	check(t, p, frontend(`user_agent=curl/8`), up)
	check(t, p, frontend(`user_agent=curl/8 header_x_forwarded_for="10.0.0.7, 10.0.0.1"`), with(func(a *ask) { a.Addr = "10.0.0.7" }))
	check(t, p, frontend(`user_agent=Mozilla/5.0 header_x_forwarded_user=alice`), with(func(a *ask) { a.Login = "alice" }))
	// Explore, and two kinds of panel.
	check(t, p, frontend(`user_agent=Grafana/12.4.0 header_x_dashboard_uid= header_x_grafana_user=alice`),
		with(func(a *ask) { a.Login, a.Scope = "alice", "mimir/grafana" }))
	check(t, p, frontend(`user_agent=Grafana/12.4.0 header_x_dashboard_uid=abc header_x_grafana_user=alice`), with(func(a *ask) { a.Robot = activity.RobotGrafana }))
	check(t, p, frontend(`user_agent=Grafana/12.4.0 X-Panel-Id=4`), with(func(a *ask) { a.Robot = activity.RobotGrafana }))
	// Grafana without a header: who, and whether a panel, is not known.
	check(t, p, frontend(`user_agent=Grafana/12.4.0`), with(func(a *ask) { a.Robot = activity.RobotGrafana }))
	check(t, p, frontend(`user_agent=Grafana/12.4.0 header_x_grafana_user=sa-1-reports`), with(func(a *ask) { a.Robot = activity.RobotServiceAccount }))
}

func TestQueryStatsOfRules(t *testing.T) {
	p := logs.NewQueryStats("mimir")
	rule := ask{Scope: "mimir", Robot: activity.RobotRuleEvaluation}
	check(t, p, `ts=2026-11-22T18:05:34.1Z caller=compat.go:394 level=info user=team-a msg="query stats" component=ruler query="sum(secret_metric)" query_wall_time_seconds=0.5`, rule)
	check(t, p, frontend(`user_agent=mimir/2.17.0`), rule) // the same, repeated by the frontend that a remote ruler asks
	check(t, p, frontend(`user_agent=Grafana/12.4.0 header_fromalert=true`), rule)
}

func TestQueryStatsOfCortexAndJSON(t *testing.T) {
	p := logs.NewQueryStats("cortex")
	check(t, p, `level=info ts=2026-11-22T18:05:34Z caller=handler.go:280 org_id=7 msg="query stats" component=query-frontend method=POST path=/prometheus/api/v1/query_range `+
		`X-Dashboard-Uid=abc X-Panel-Id=1 status_code=200 user_agent=Grafana/11.0 param_query=up`,
		ask{Scope: "cortex", Tenant: "7", Robot: activity.RobotGrafana, Query: "up"})
	check(t, p, `{"caller":"handler.go:414","component":"query-frontend","level":"info","msg":"query stats","param_query":"rate(x[5m])","path":"/prometheus/api/v1/query_range",`+
		`"status_code":200,"ts":"2026-11-22T18:05:34.5Z","user":"a|b","header_x_grafana_user":""}`,
		ask{Scope: "cortex", Tenant: "a|b", Query: "rate(x[5m])"})
}

func TestQueryStatsThatRanNothing(t *testing.T) {
	p := logs.NewQueryStats("mimir")
	check(t, p, strings.Replace(frontend(""), "status_code=200", "status_code=400", 1))
	check(t, p, strings.Replace(frontend(""), "/api/v1/query", "/api/v1/labels", 1))
	check(t, p, strings.Replace(frontend(""), "status_code=200", "status_code=422", 1), ask{Scope: "mimir", Tenant: "team-a", Query: `up{a="b"}`})
}

func TestQueryStatsForeignAndBroken(t *testing.T) {
	p := logs.NewQueryStats("mimir")
	foreign(t, p, "", "   ", `level=info ts=2026-11-22T18:05:34Z msg="module started" module=ruler`, `not a log line`,
		`ts=2026-11-22T18:05:34Z msg="query stats" component=querier`,
		`ts=2026-11-22T18:05:34Z msg="they say \"query stats\""`,
		`{"msg":"other","note":"query stats"}`)
	broken(t, p,
		frontend(`header_x_grafana_user="alice`),                                                 // cut off
		strings.Replace(frontend(""), "ts=2026-11-22T18:05:34Z", "ts=yesterday", 1),              //
		strings.Replace(frontend(""), "ts=2026-11-22T18:05:34Z ", "", 1),                         //
		strings.Replace(frontend(""), "status_code=200", "status_code=ok", 1),                    //
		`ts=2026-11-22T18:05:34Z msg="query stats" component=query-frontend user=alice`,          // no path
		`{"msg":"query stats","ts":"2026-11-22T18:05:34Z","component":"query-frontend","path":1`, //
		frontend("\n")+"x",
	)
}

func TestQueryStatsInAnyOrder(t *testing.T) {
	words := []string{`msg="query stats"`, `param_query="a b"`, "component=query-frontend", "path=/api/v1/query", "user=t", "header_x_grafana_user=alice", "ts=2026-11-22T18:05:34Z"}
	for i := range words {
		line := strings.Join(append(append([]string{}, words[i:]...), words[:i]...), " ")
		check(t, logs.NewQueryStats("m"), line, ask{Login: "alice", Scope: "m/grafana", Tenant: "t", Query: "a b"})
	}
}

// slow is a line of Thanos' query-frontend.
func slow(user, addr, dashboard, took string) string {
	return `level=info ts=2026-11-22T17:59:22.3Z caller=handler.go:228 org_id=team-a msg="slow query detected" method=GET host=example.com path=/api/v1/query ` +
		`remote_user=` + user + ` remote_addr=` + addr + ` ` + took + ` grafana_dashboard_uid=` + dashboard + ` grafana_panel_id=- trace_id=- param_query=up`
}

func TestThanosSlowQueries(t *testing.T) {
	p := logs.NewThanosSlowQueries("thanos")
	check(t, p, slow("alice", "10.0.0.7:1234", "-", "time_taken_ms=3"), ask{Login: "alice", Scope: "thanos", Tenant: "team-a", Query: "up"})
	check(t, p, slow("", "10.0.0.7:1234", "-", "time_taken_ms=3"), ask{Addr: "10.0.0.7", Scope: "thanos", Tenant: "team-a", Query: "up"})
	check(t, p, slow("", "[2001:db8::1]:1234", "-", "time_taken=1.5s"), ask{Addr: "2001:db8::1", Scope: "thanos", Tenant: "team-a", Query: "up"})
	check(t, p, slow("alice", "10.0.0.7:1234", "abc", "time_taken_ms=3"), ask{Scope: "thanos", Tenant: "team-a", Robot: activity.RobotGrafana, Query: "up"})
	foreign(t, p, "", `level=info ts=2026-11-22T17:59:22Z msg="starting query frontend"`, strings.Replace(slow("", "10.0.0.7:1", "-", ""), "slow query detected", "query stats", 1))
	broken(t, p, slow("alice", "10.0.0.7:1", "-", ""), slow("alice", "10.0.0.7:1", "-", "time_taken_ms=soon"), slow("alice", "10.0.0.7:1", "-", "time_taken_ms=-1"),
		slow("alice", "10.0.0.7:1", `"a`, "time_taken_ms=3"), strings.Replace(slow("alice", "10.0.0.7:1", "-", "time_taken_ms=3"), "path=/api/v1/query", "", 1),
		strings.Replace(slow("alice", "10.0.0.7:1", "-", "time_taken_ms=3"), "ts=2026-11-22T17:59:22.3Z", "", 1))
}

// TestSlowLogsCoverOnlyWhatTheyShow: under a threshold a day without quick queries is not known to be whole.
func TestSlowLogsCoverOnlyWhatTheyShow(t *testing.T) {
	for took, want := range map[string]activity.Class{
		"time_taken_ms=50": activity.ClassAny, "time_taken_ms=51": activity.ClassSome, "time_taken=5.1s": activity.ClassSome, "time_taken=2.2µs": activity.ClassAny,
	} {
		if _, l, err := parse(t, logs.NewThanosSlowQueries("s"), slow("", "10.0.0.7:1", "-", took)); err != nil || l.Class != want {
			t.Errorf("%s: %+v, %v", took, l, err)
		}
	}
	for took, want := range map[string]activity.Class{"0.050": activity.ClassAny, "5.001": activity.ClassSome} {
		if _, l, err := parse(t, logs.NewVictoriaMetricsSlowQueries("s"), vmSlow(`"10.0.0.7:1"`, took, `"/api/v1/query?query=up"`)); err != nil || l.Class != want {
			t.Errorf("%s: %+v, %v", took, l, err)
		}
	}
}
