package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// mix is of how many lines in a thousand a query log is made, each kind spread over the day in its own way.
type mix struct {
	rules   int // evaluations of rules, as many in each hour
	panels  int // of dashboards, asked by Grafana
	scripts int // the same texts, asked from a team's network
	adHoc   int // questions that nobody asked before: three of five by Grafana, the rest from a team's network
}

// usual is that of an organisation: more than half are rules, nearly all else are panels, and each of its people asks 20 new
// questions a day.
var usual = mix{rules: 600, panels: 360, scripts: 38, adHoc: 2}

func (m mix) asked() int { return m.panels + m.scripts + m.adHoc }

// spread is what an hour has of a day's lines: rules are evaluated around the clock, people are at the office.
func spread(day int64, m mix, hour int) perHour {
	asked := float64(day) * float64(office[hour]) / 1000 / 1000
	return perHour{
		rules: day * int64(m.rules) / 1000 / int64(len(office)), asked: int64(asked * float64(m.asked())),
	}
}

// perHour is how many lines of an hour are evaluations of rules, and how many others.
type perHour struct{ rules, asked int64 }

// statistics are a few of what Prometheus adds to a line, as they are of no account here.
func statistics(r *rand.Rand) []string {
	seconds := func(most float64) string { return strconv.FormatFloat(r.Float64()*most, 'f', 9, 64) }
	all := make([]string, 512)
	for i := range all {
		all[i] = `","step":` + strconv.Itoa(pick(r, 15, 30, 60)) + `},"stats":{"timings":{"evalTotalTime":` + seconds(0.01) + `,"resultSortTime":0,"queryPreparationTime":` + seconds(0.001) +
			`,"innerEvalTime":` + seconds(0.01) + `,"execQueueTime":` + seconds(0.00005) + `,"execTotalTime":` + seconds(0.01) +
			`},"samples":{"totalQueryableSamples":` + strconv.Itoa(r.IntN(50000)) + `,"samplesRead":` + strconv.Itoa(r.IntN(50000)) + `,"peakSamples":` + strconv.Itoa(r.IntN(5000)) +
			`}},"spanID":"0000000000000000",`
	}
	return all
}

// queryLog writes an hour of a Prometheus's log, as 3.x writes it.
func (m *maker) queryLog(w *lineWriter, begin time.Time, n perHour) {
	total := n.rules + n.asked
	if total == 0 {
		return
	}
	panels := rand.NewZipf(w.Rand, 1.1, 50, uint64(len(m.org.panels)/environments-1))
	stats, moments := statistics(w.Rand), newMoments(begin, total)
	for range total {
		moments.next(w.Rand)
		var text, origin string
		if w.Int64N(total) < n.rules {
			rule := w.IntN(len(m.org.rules))
			text = m.org.rules[rule]
			origin = `"ruleGroup":{"file":"/etc/prometheus/rules/monitoring-` + teamName(rule%teams) + `.yaml","name":"` + teamName(rule%teams) + `.rules"}}`
		} else {
			text, origin = m.question(w, panels)
		}
		w.put(`{"time":"`)
		w.line = moments.append(w.line, moments.hour, moments.at, 9)
		w.put(`","level":"INFO","source":"engine.go:729","msg":"promql query logged","params":{"end":"`)
		w.line = moments.append(w.line, moments.hour, moments.at, 3)
		w.put(`","query":`, text, `,"start":"`)
		w.line = moments.append(w.line, moments.before, moments.at, 3)
		w.put(stats[w.IntN(len(stats))], origin)
		w.end()
	}
}

// question is the quoted text of a query that was asked by the API, and who asked it.
func (m *maker) question(w *lineWriter, panels *rand.Zipf) (text, origin string) {
	client := fmt.Sprintf("10.9.0.%d", 1+w.IntN(grafanas))
	kind := w.IntN(m.mix.asked())
	if kind < m.mix.adHoc {
		w.made.NewTexts++
		team := w.IntN(teams)
		if w.IntN(5) > 2 {
			client = address(team, w.IntN(addressesPerTeam))
		}
		text = strconv.Quote(adHocQuestion(w.Rand, team))
	} else {
		panel := m.popular(panels)
		text = m.org.panels[panel*environments+min(w.IntN(2*environments)/2, w.IntN(environments))]
		if kind < m.mix.adHoc+m.mix.scripts {
			client = address(panel/panelsPerBoard%teams, w.IntN(addressesPerTeam))
		}
	}
	return text, `"httpRequest":{"clientIP":"` + client + `","method":"POST","path":"/api/v1/query_range"}}`
}

// popular is the number of a panel, some more often than others, with the popular ones spread over the boards.
func (m *maker) popular(panels *rand.Zipf) int {
	const stride = 7919 // a prime that shares no factor with the number of panels
	return int(panels.Uint64() * stride % uint64(len(m.org.panels)/environments))
}
