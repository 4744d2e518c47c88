package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"
)

// What a log of an organisation holds. The mix is that of logs seen: six of ten queries are rule evaluations; of the rest most are
// panels of dashboards, asked again and again, and one in eight is a question that nobody asked before.
const (
	ruleTexts, panelTexts = 5000, 20000
	people, dashboards    = 3000, 4000
	logDays               = 7
)

// began is recent: acts from before the retention would be forgotten at once, which is other work.
var began = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3*logDays)

// generator writes lines of one kind of log.
type generator struct {
	*rand.Rand
	w     *bufio.Writer
	n     int64
	limit int64
}

// generate writes a log of about size bytes: "q2" and "q3" are Prometheus's query log of 2.x and 3.x, "graf" is Grafana's
// request log. The same seed gives the same lines; shift moves them by days.
func generate(path, kind string, size int64, shift int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	g := generator{Rand: rand.New(rand.NewPCG(7, 11)), w: bufio.NewWriterSize(f, 1<<20), limit: size}
	from := began.AddDate(0, 0, shift)
	if kind == "graf" {
		g.requests(from)
	} else {
		g.queries(from, kind == "q3")
	}
	if err := g.w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func (g *generator) printf(format string, args ...any) {
	n, _ := fmt.Fprintf(g.w, format, args...)
	g.n += int64(n)
}

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

func (g *generator) metric() string {
	return pick(g, "http", "grpc", "node", "kube_pod", "go", "kafka", "pg", "nginx", "etcd", "payments", "checkout", "search") + "_" +
		pick(g, "requests", "cpu_usage_seconds", "memory_working_set_bytes", "consumer_lag", "errors", "queue_length", "latency_seconds", "open_fds", "orders") +
		pick(g, "_total", "_bucket", "_sum", "_count", "", "")
}

func (g *generator) label() string {
	return pick(g, "namespace", "job", "instance", "pod", "container", "code", "method", "cluster", "service", "route", "team")
}

func (g *generator) selector() string {
	var b strings.Builder
	b.WriteString(g.metric() + "{")
	for i := range 1 + g.IntN(3) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(g.label() + pick(g, "=", "=", "=~", "!~") + `"` + pick(g, "payments", "checkout", "prod-eu-1", "kube-system", "frontend.*", `worker-[0-9]+\\d`, "5..") + strconv.Itoa(g.IntN(60)) + `"`)
	}
	return b.String() + "}"
}

// query is a question in PromQL.
func (g *generator) query() string {
	leaf := func() string {
		window := pick(g, "1m", "5m", "15m", "1h")
		switch g.IntN(5) {
		case 0:
			return g.selector()
		case 1:
			return "histogram_quantile(0.9" + strconv.Itoa(g.IntN(10)) + ", sum by (le, " + g.label() + ") (rate(" + g.selector() + "[" + window + "])))"
		}
		return pick(g, "sum", "avg", "max", "count") + pick(g, "", " by ("+g.label()+", "+g.label()+")", " without ("+g.label()+")") +
			" (" + pick(g, "rate", "irate", "increase") + "(" + g.selector() + "[" + window + "]))"
	}
	q := leaf()
	for g.IntN(4) == 0 {
		q += pick(g, " / ", " + ", " - ", " * ", "\n  > ") + leaf()
	}
	if g.IntN(5) == 0 {
		q += " > " + strconv.Itoa(g.IntN(1000))
	}
	return q
}

func (g *generator) quoted() string { return strconv.Quote(g.query()) }

func (g *generator) number(most float64) string {
	return strconv.FormatFloat(float64(int64(g.Float64()*most*1e9))/1e9, 'g', -1, 64)
}

func (g *generator) stats(v3 bool) string {
	s := `"stats":{"timings":{"evalTotalTime":` + g.number(0.01) + `,"resultSortTime":0,"queryPreparationTime":` + g.number(0.001) + `,"innerEvalTime":` + g.number(0.01) +
		`,"execQueueTime":` + g.number(0.00005) + `,"execTotalTime":` + g.number(0.01) + `},"samples":{"totalQueryableSamples":` + strconv.Itoa(g.IntN(50000))
	if v3 {
		s += `,"samplesRead":` + strconv.Itoa(g.IntN(50000)) + `,"seriesTouched":` + strconv.Itoa(g.IntN(500))
	}
	return s + `,"peakSamples":` + strconv.Itoa(g.IntN(5000)) + "}}"
}

func (g *generator) queries(at time.Time, v3 bool) {
	var rules, panels []string
	for range ruleTexts {
		rules = append(rules, g.quoted())
	}
	for range panelTexts {
		panels = append(panels, g.quoted())
	}
	common, clients := rand.NewZipf(g.Rand, 1.1, 10, panelTexts-1), rand.NewZipf(g.Rand, 1.2, 5, 199)
	step := time.Duration(logDays * 24 * int64(time.Hour) / (g.limit / 700))
	end := at.AddDate(0, 0, logDays)
	for n := 0; g.n < g.limit; n++ {
		if at.Add(step).Before(end) {
			at = at.Add(step)
		}
		rule := g.IntN(10) < 6
		text, origin := "", ""
		if rule {
			text = rules[n%len(rules)]
			group := pick(g, "infra", "slo", "payments", "kubernetes")
			origin = `"ruleGroup":{"file":"/etc/prometheus/rules/` + group + `.yaml","name":"` + group + `.rules"}`
		} else {
			text = panels[common.Uint64()]
			if g.IntN(8) == 0 {
				text = strconv.Quote(g.query() + " # " + strconv.Itoa(g.IntN(1e6)))
			}
			c := clients.Uint64()
			origin = fmt.Sprintf(`"httpRequest":{"clientIP":"10.%d.%d.%d","method":"POST","path":"/api/v1/query_range"}`, c%7, c/7, c+1)
		}
		const milliseconds = "2006-01-02T15:04:05.000Z"
		params := `"params":{"end":"` + at.Format(milliseconds) + `","query":` + text + `,"start":"` + at.Add(-time.Hour).Format(milliseconds) + `","step":15}`
		switch {
		case v3:
			g.printf(`{"time":"%s","level":"INFO","source":"engine.go:1125","msg":"promql query logged",%s,%s,%s}`+"\n", at.Format(time.RFC3339Nano), params, g.stats(true), origin)
		case rule:
			g.printf(`{%s,%s,%s,"ts":"%s"}`+"\n", params, origin, g.stats(false), at.Format(milliseconds))
		default:
			g.printf(`{%s,%s,%s,"ts":"%s"}`+"\n", origin, params, g.stats(false), at.Format(milliseconds))
		}
	}
}

// requests are those of people who open dashboards, of panels that refresh, of pages that load, and of monitoring.
func (g *generator) requests(at time.Time) {
	who, what := rand.NewZipf(g.Rand, 1.1, 50, people-1), rand.NewZipf(g.Rand, 1.1, 30, dashboards-1)
	step := time.Duration(logDays * 24 * int64(time.Hour) / (g.limit / 330))
	end := at.AddDate(0, 0, logDays)
	for g.n < g.limit {
		if at.Add(step).Before(end) {
			at = at.Add(step)
		}
		user, uid := who.Uint64(), "uid"+strconv.FormatUint(what.Uint64()*2654435761%1e9, 36)
		method, path, handler := "GET", "/api/annotations", "/api/annotations"
		referer := "http://grafana.example.com/d/" + uid + "/overview"
		if g.IntN(2) == 0 {
			referer = `"` + referer + `?orgId=1&from=now-1h&to=now"`
		}
		switch n := g.IntN(100); {
		case n < 20:
			path, handler = "/api/dashboards/uid/"+uid, "/api/dashboards/uid/:uid"
		case n < 60:
			method, path, handler = "POST", "/api/ds/query", "/api/ds/query"
		case n < 75:
			path, handler, referer = "/metrics", "/metrics", ""
		case n < 85:
			path, handler = "/api/live/ws", "/api/live/ws"
		}
		g.printf(`logger=context userId=%d orgId=1 uname=user%04d t=%s level=info msg="Request Completed" method=%s path=%s status=200 remote_addr=10.%d.2.3 time_ms=%d duration=%dms size=%d referer=%s handler=%s status_source=server`+"\n",
			user+1, user, at.Format(time.RFC3339Nano), method, path, user%200, g.IntN(300), g.IntN(300), g.IntN(50000), referer, handler)
	}
}
