package logs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom/logs"
)

// vmSlow is a line of VictoriaMetrics.
func vmSlow(addr, seconds, uri string) string {
	return "2026-11-22T17:57:40.546Z\twarn\tVictoriaMetrics@v1.150.0/app/vmselect/main.go:167\t" +
		`slow query according to -search.logSlowQueryDuration=1µs: remoteAddr=` + addr + `, duration=` + seconds + ` seconds; requestURI: ` + uri
}

func TestVictoriaMetricsSlowQueries(t *testing.T) {
	p := logs.NewVictoriaMetricsSlowQueries("vm")
	check(t, p, vmSlow(`"10.0.0.7:1"`, "0.001", `"/api/v1/query?query=up"`), ask{Addr: "10.0.0.7", Scope: "vm", Query: "up"})
	check(t, p, vmSlow(`"10.0.0.1:1, X-Forwarded-For: 10.0.0.7, 10.0.0.2"`, "0.001", `"/select/42:3/prometheus/api/v1/query?time=1&query=a+%2B+b"`),
		ask{Addr: "10.0.0.7", Scope: "vm", Tenant: "42:3", Query: "a + b"})
	check(t, p, vmSlow(`"10.0.0.7:1"`, "0.001", `"/select/multitenant/prometheus/api/v1/query?query=up"`), ask{Addr: "10.0.0.7", Scope: "vm", Query: "up"})
	check(t, p, vmSlow(`"10.0.0.7:1"`, "0.001", `"/api/v1/labels?query=up"`))
	check(t, p, `{"ts":"2026-11-22T17:57:40.546+01:00","level":"warn","caller":"main.go:167","msg":"slow query according to -search.logSlowQueryDuration=1s: `+
		`remoteAddr=\"10.0.0.7:1\", duration=1.200 seconds; requestURI: \"/api/v1/query?query=up\""}`, ask{Addr: "10.0.0.7", Scope: "vm", Query: "up"})
	foreign(t, p, "", "2026-11-22T17:57:40.546Z\tinfo\tmain.go:1\tstarted", "2026-11-22T17:57:40.546Z\tinfo\tmain.go:1\t\"slow query according to -search.logSlowQueryDuration=1s\"")
	broken(t, p, vmSlow(`"10.0.0.7:1`, "0.001", ``), vmSlow(`"10.0.0.7:1"`, "a while", `"/api/v1/query?query=up"`), vmSlow(`"10.0.0.7:1"`, "0.001", `"/api/v1/query?query=secret_metric`),
		vmSlow(`"10.0.0.7:1"`, "NaN", `"/x"`), "yesterday"+vmSlow(`"10.0.0.7:1"`, "0.001", `"/x"`), strings.ReplaceAll(vmSlow(`"10.0.0.7:1"`, "0.001", `"/x"`), "\t", " "),
		`{"ts":"2026-11-22T17:57:40Z","msg":"slow query according to -search.logSlowQueryDuration=1s`)
}

// access is a line of vmauth.
func access(uri, status, agent, referer, user string) string {
	return "2026-11-22T17:58:10.673Z\tinfo\tVictoriaMetrics@v1.150.0/app/vmauth/auth_config.go:134\t" + fmt.Sprintf(
		`access_log request_host="127.0.0.1:18427" request_uri=%q status_code=%s remote_addr="10.0.0.1:43446, X-Forwarded-For: 10.0.0.7" user_agent=%q referer=%q duration_ms=3 username=%q`,
		uri, status, agent, referer, user)
}

func TestVMAuth(t *testing.T) {
	p := logs.NewVMAuth("vmauth")
	const up = "/api/v1/query?query=up"
	check(t, p, access(up, "200", "curl/8", "", "alice"), ask{Login: "alice", Scope: "vmauth", Query: "up"})
	check(t, p, access(up, "200", "curl/8", "", "unauthorized"), ask{Addr: "10.0.0.7", Scope: "vmauth", Query: "up"})
	check(t, p, access("/select/7/prometheus"+up, "200", "curl/8", "", "alice"), ask{Login: "alice", Scope: "vmauth", Tenant: "7", Query: "up"})
	// The account is Grafana's data source's: it names nobody.
	check(t, p, access(up, "200", "Grafana/12.4.0", "", "team-payments"), ask{Scope: "vmauth", Robot: activity.RobotGrafana, Query: "up"})
	check(t, p, access(up, "200", "Mozilla/5.0", "https://grafana/sub/d/abc/x?orgId=1", "alice"), ask{Scope: "vmauth", Robot: activity.RobotGrafana, Query: "up"})
	check(t, p, access(up, "401", "curl/8", "", "unauthorized"))
	check(t, p, access("/api/v1/write", "204", "vmagent", "", "agent"))
	check(t, p, strings.Replace(access(up, "200", "curl/8", "", "unauthorized"), "remote_addr=", "client_ip=", 1), ask{Addr: "10.0.0.7", Scope: "vmauth", Query: "up"})
	foreign(t, p, "", "2026-11-22T17:58:10.673Z\tinfo\tmain.go:1\tcan't write access_log of alice")
	broken(t, p, access("", "200", "", "", "alice"), access(up, "fine", "", "", "alice"), strings.TrimSuffix(access(up, "200", "", "", "alice"), `"`),
		strings.Replace(access(up, "200", "", "", "alice"), "2026", "MMXXVI", 1))
}

func TestNginxCombined(t *testing.T) {
	p := logs.NewNginx("nginx")
	line := func(user, asked, status, agent string) string {
		return `10.0.0.7 - ` + user + ` [22/Nov/2026:18:39:32 +0100] "` + asked + `" ` + status + ` 818 "-" "` + agent + `"`
	}
	check(t, p, line("-", "GET /api/v1/query?query=up HTTP/1.1", "200", "curl/8"), ask{Addr: "10.0.0.7", Scope: "nginx", Query: "up"})
	check(t, p, line("alice", "GET /prom/api/v1/query_range?query=up&step=15 HTTP/2.0", "200", "curl/8"), ask{Login: "alice", Scope: "nginx", Query: "up"})
	check(t, p, line(`al\x22ice b`, "GET /api/v1/query?query=up HTTP/1.1", "200", "curl/8"), ask{Login: `al"ice b`, Scope: "nginx", Query: "up"})
	// Somebody asked; what is not logged.
	check(t, p, line("alice", "POST /api/v1/query HTTP/1.1", "200", "curl/8"), ask{Login: "alice", Scope: "nginx"})
	check(t, p, line("-", "POST /api/v1/query HTTP/1.1", "200", "Thanos/0.40"), ask{Scope: "nginx", Robot: activity.RobotRuleEvaluation})
	// ingress-nginx writes more behind it.
	check(t, p, line("-", "GET /api/v1/query?query=up HTTP/1.1", "200", "curl/8")+` 512 0.003 [mon-prom-9090] [] 10.0.0.9:9090 818 0.003 200 abc`, ask{Addr: "10.0.0.7", Scope: "nginx", Query: "up"})
	check(t, p, line("-", "GET /graph HTTP/1.1", "200", "Mozilla/5.0"))
	check(t, p, line("-", "GET /api/v1/query?query=up HTTP/1.1", "403", "curl/8"))
	check(t, p, line("-", "GET /api/v1/query?query=up HTTP/1.1", "499", "curl/8"), ask{Addr: "10.0.0.7", Scope: "nginx", Query: "up"})
	foreign(t, p, "", `2026/11/22 17:39:32 [error] 7#7: *1 connect() failed`, `I1122 17:39:32.000000       7 controller.go:1] "reload"`)
	broken(t, p, line("alice", "GET /api/v1/query?query=secret_metric HTTP/1.1", "fine", "curl/8"), strings.Replace(line("alice", "GET /x HTTP/1.1", "200", ""), "22/Nov/2026", "today", 1),
		`10.0.0.7 "GET /api/v1/query?query=secret_metric HTTP/1.1" 200`, `10.0.0.7 - alice [22/Nov/2026:18:39:32 +0100] "GET /api HTTP/1.1`)
}

func TestNginxJSON(t *testing.T) {
	p := logs.NewNginx("nginx")
	line := func(more string) string {
		return `{"time_iso8601":"2026-11-22T17:39:32+00:00","remote_addr":"10.0.0.7","status":"200",` + more + `}`
	}
	const up = `"request_uri":"/api/v1/query?query=up"`
	check(t, p, line(up), ask{Addr: "10.0.0.7", Scope: "nginx", Query: "up"})
	check(t, p, line(up+`,"http_x_scope_orgid":"team-a","remote_user":"alice"`), ask{Login: "alice", Scope: "nginx", Tenant: "team-a", Query: "up"})
	check(t, p, line(up+`,"http_x_auth_request_user":"alice","remote_user":"-"`), ask{Login: "alice", Scope: "nginx", Query: "up"})
	check(t, p, line(up+`,"http_x_auth_request_user":"alice","remote_user":""`), ask{Login: "alice", Scope: "nginx", Query: "up"})
	check(t, p, line(up+`,"http_user_agent":"Grafana/12.4.0","http_x_grafana_user":"alice","http_x_dashboard_uid":""`), ask{Login: "alice", Scope: "nginx/grafana", Query: "up"})
	check(t, p, line(up+`,"http_user_agent":"Grafana/12.4.0","http_x_grafana_user":"alice","http_x_dashboard_uid":"abc"`), ask{Scope: "nginx", Robot: activity.RobotGrafana, Query: "up"})
	check(t, p, line(up+`,"http_fromalert":"true"`), ask{Scope: "nginx", Robot: activity.RobotRuleEvaluation})
	check(t, p, line(up+`,"http_x_forwarded_for":"10.9.9.9, 10.0.0.7"`), ask{Addr: "10.9.9.9", Scope: "nginx", Query: "up"})
	check(t, p, line(`"request":"POST /api/v1/query HTTP/1.1","request_body":"time=1&query=a%2Bb"`), ask{Addr: "10.0.0.7", Scope: "nginx", Query: "a+b"})
	check(t, p, line(`"uri":"/api/v1/query","args":"query=up"`), ask{Addr: "10.0.0.7", Scope: "nginx", Query: "up"})
	check(t, p, strings.Replace(line(up), `"time_iso8601":"2026-11-22T17:39:32+00:00"`, `"msec":"1795369172.123"`, 1), ask{Addr: "10.0.0.7", Scope: "nginx", Query: "up"})
	check(t, p, strings.Replace(line(up), `"time_iso8601":"2026-11-22T17:39:32+00:00"`, `"time_local":"22/Nov/2026:17:39:32 +0000"`, 1), ask{Addr: "10.0.0.7", Scope: "nginx", Query: "up"})
	broken(t, p, line(`"http_user_agent":"alice"`), line(up)[:40], `{"request_uri":"/api/v1/query?query=secret_metric"}`, `{"a":`, `{"time_iso8601":"2026-11-22T17:39:32Z","request_uri":"/x","status":"\x22alice"}`,
		strings.Replace(line(up), `"200"`, `"fine"`, 1), strings.Replace(line(up), `2026-11-22T17`, `NaN`, 1))
}
