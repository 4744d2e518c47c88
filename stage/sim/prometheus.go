package sim

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Where queries come from in the simulated network.
const grafanaAddr = "10.9.0.12"

// queryLog writes Prometheus' query log (3.13 and later): what Grafana asked for panels and Explore, what people
// asked from their own machines, and a sample of the rule evaluations, which in a real log are nearly all of it.
type queryLog struct {
	w    *world
	d    dice
	file *rotated
	err  error
}

func (w *world) writePrometheus(dir string) error {
	q := &queryLog{w: w, d: w.dice("query log"), file: &rotated{
		dir: filepath.Join(dir, LogFolder), name: "query.log", last: w.End - 7,
		out: func(day activity.Date) bool { return w.out(prometheusSource, day) },
	}}
	next := w.at(0, 0)
	for _, a := range w.acts {
		for ; next.Before(a.at); next = next.Add(3 * time.Hour) {
			q.evaluate(next)
		}
		q.act(a)
	}
	if q.err != nil {
		return q.err
	}
	return q.file.rotate()
}

// evaluate writes the evaluation of one team's rules.
func (q *queryLog) evaluate(at time.Time) {
	t := q.w.teams[q.d.IntN(len(q.w.teams))]
	if week := int(activity.DateOf(at)-q.w.start) / 7; week < t.formed || week >= t.dissolved {
		return
	}
	group := `"ruleGroup":{"file":"/etc/prometheus/rules/` + t.name + `-slo.yaml","name":"` + t.name + `"}`
	for i, a := range alertsOf(t) {
		q.line(at.Add(time.Duration(i)*300*time.Microsecond+203*time.Microsecond), a.question+" > "+strconv.FormatFloat(a.threshold, 'f', -1, 64), 0, group)
	}
}

// act writes what Prometheus saw of an act.
func (q *queryLog) act(a act) {
	switch a.kind {
	case openBoard, clickBoard, kioskBoard, playBoard, followBoard, kioskRefresh, refreshBoard:
		team := strings.TrimPrefix(a.board.folder, "f-")
		shown := []string{
			"sum(rate(" + team + "_requests_total[1m0s]))", "sum by (code) (rate(" + team + "_errors_total[1m0s]))",
			"max(" + team + "_queue_depth)", "avg(" + team + "_open_connections)",
		}
		if a.kind == kioskRefresh || a.kind == refreshBoard {
			shown = shown[:1]
		}
		for i := range min(a.board.panels, len(shown)) {
			q.ask(a.at.Add(1500*time.Millisecond+time.Duration(i)*20*time.Millisecond), shown[i], grafanaAddr, "POST", true)
		}
	case openExplore, followQuery:
		q.ask(a.at.Add(2300*time.Millisecond), a.text, grafanaAddr, "POST", true)
		q.ask(a.at.Add(2301*time.Millisecond), a.text, grafanaAddr, "POST", false)
	case runQuery:
		q.ask(a.at.Add(150*time.Millisecond), a.text, grafanaAddr, "POST", true)
		q.ask(a.at.Add(151*time.Millisecond), a.text, grafanaAddr, "POST", false)
	case askPrometheus:
		addr := a.who.addr(int(activity.DateOf(a.at) - q.w.start))
		q.ask(a.at, a.text, addr, "GET", q.d.chance(0.4))
	}
}

func (q *queryLog) ask(at time.Time, query, addr, method string, ranged bool) {
	path, step := "query", 0
	if ranged {
		path, step = "query_range", 15
	}
	q.line(at, query, step, `"httpRequest":{"clientIP":"`+addr+`","method":"`+method+`","path":"/api/v1/`+path+`"}`)
}

func (q *queryLog) line(at time.Time, query string, step int, origin string) {
	if q.err != nil {
		return
	}
	took := q.d.between(0.00002, 0.004)
	samples := int64(q.d.IntN(4000))
	q.err = q.file.add(at, func(b []byte) []byte {
		end := at.UTC()
		start := end
		if step > 0 {
			start = end.Add(-time.Hour)
		}
		b = append(b, `{"time":"`...)
		b = end.AppendFormat(b, time.RFC3339Nano)
		b = append(b, `","level":"INFO","source":"engine.go:729","msg":"promql query logged","params":{"end":"`...)
		b = end.AppendFormat(b, "2006-01-02T15:04:05.000Z")
		b = append(b, `","query":`...)
		b = strconv.AppendQuote(b, query)
		b = append(b, `,"start":"`...)
		b = start.AppendFormat(b, "2006-01-02T15:04:05.000Z")
		b = append(b, `","step":`...)
		b = strconv.AppendInt(b, int64(step), 10)
		b = append(b, `},"stats":{"timings":{"evalTotalTime":`...)
		for i, part := range []struct {
			key   string
			share float64
		}{
			{"", 0.9}, {`,"resultSortTime":`, 0}, {`,"queryPreparationTime":`, 0.1}, {`,"innerEvalTime":`, 0.8},
			{`,"execQueueTime":`, 0.2}, {`,"execTotalTime":`, 1},
		} {
			b = append(b, part.key...)
			if i == 1 {
				b = append(b, '0')
				continue
			}
			b = strconv.AppendFloat(b, math.Round(took*part.share*1e9)/1e9, 'f', -1, 64)
		}
		b = append(b, `},"samples":{"totalQueryableSamples":`...)
		b = strconv.AppendInt(b, samples, 10)
		b = append(b, `,"samplesRead":`...)
		b = strconv.AppendInt(b, samples, 10)
		b = append(b, `,"peakSamples":`...)
		b = strconv.AppendInt(b, 1+samples/4, 10)
		b = append(b, `}},"spanID":"0000000000000000","traceID":"00000000000000000000000000000000",`...)
		b = append(b, origin...)
		return append(b, '}')
	})
}
