package owner

import "github.com/metrics-maturity/metrics-maturity/collector/activity"

// A question passes several logs on its way: a proxy's, a query-frontend's, that of the database. It is one question, and the log
// nearest to whoever asked tells most of who that was. So what a log further on tells is left out
//
//   - where it names the same person or address as one before it, or nobody, at the same time (passedOn);
//   - where it names the address of the proxy itself. That address is learned as a Grafana's is (see learn.go): it asks whatever
//     the proxy's own log shows. Of days of which that log shows nothing it counts.

// station is how far from who asks a source's log is written; 0 is no log of a database's.
func station(sourceType string) int {
	switch sourceType {
	case "nginx-log":
		return 1
	case "vmauth-log":
		return 2
	case "thanos-query-log": // of a query-frontend, which may stand before a Prometheus
		return 3
	case typeQueryLog, "mimir-query-stats", "victoriametrics-log":
		return 4
	}
	return 0
}

// stations returns how far on each source is, if a question can pass two of them, else nil.
func (b *Book) stations() map[string]int {
	at, different := map[string]int{}, map[int]bool{}
	for source, t := range b.config.Types {
		if n := station(t); n > 0 {
			at[source], different[n] = n, true
		}
	}
	if len(different) < 2 {
		return nil
	}
	return at
}

// toldOnTheWay finds, by their place in days, the questions that a log nearer to who asked tells too. learned are known Grafanas.
func (b *Book) toldOnTheWay(days []activity.Day, learned map[client]bool) map[int]told {
	at := b.stations()
	if at == nil {
		return nil
	}
	var asked []int
	for i := range days {
		if d := &days[i]; d.Kind == activity.KindQuery && d.Robot == "" && d.Subject != "" && at[d.Source] > 0 {
			asked = append(asked, i)
		}
	}
	out := b.passedOn(days, asked, at)
	for proxy, relays := range b.relays(days, asked, at) {
		shown := map[activity.Date]bool{}
		for i := range days {
			if days[i].Source == proxy && days[i].Kind == activity.KindQuery {
				shown[days[i].Date] = true
			}
		}
		for _, i := range asked {
			d := &days[i]
			if c := (client{d.Source, d.Actor}); relays[c] && !learned[c] && shown[d.Date] {
				out[i] = told{again: d.Count}
			}
		}
	}
	return out
}

// relays returns the addresses of proxies, by the source that is the proxy's own log.
func (b *Book) relays(days []activity.Day, asked []int, at map[string]int) map[string]map[client]bool {
	byProxy := map[string]map[question]*times{}
	for _, i := range asked {
		d := &days[i]
		questions := byProxy[d.Source]
		if questions == nil {
			questions = map[question]*times{}
			byProxy[d.Source] = questions
		}
		q := question{d.Subject, d.Date}
		if questions[q] == nil {
			questions[q] = &times{}
		}
		questions[q].add(d)
	}
	out := map[string]map[client]bool{}
	for proxy, questions := range byProxy {
		behind := func(source string) bool { return at[source] > at[proxy] }
		out[proxy] = b.learn(days, nil, map[string]map[question]*times{proxy: questions}, behind)
	}
	return out
}

// passedOn sets aside what names the same person or address as a row of a log before it, or nobody. Each row explains as many
// questions of each other source as it counts.
func (b *Book) passedOn(days []activity.Day, asked []int, at map[string]int) map[int]told {
	byQuestion := map[question][]int{}
	for _, i := range asked {
		q := question{days[i].Subject, days[i].Date}
		byQuestion[q] = append(byQuestion[q], i)
	}
	for _, rows := range byQuestion {
		inOrder(days, rows)
	}
	out := map[int]told{}
	used := map[explains]int64{}
	for q, rows := range byQuestion {
		for _, i := range rows {
			d, t := &days[i], told{}
			for date := q.date - 1; date <= q.date+1; date++ { // asked at midnight
				for _, front := range byQuestion[question{q.fingerprint, date}] {
					f, e := &days[front], explains{front, d.Source}
					if at[f.Source] >= at[d.Source] || d.Actor != 0 && d.Actor != f.Actor || !overlap(d, f) {
						continue
					}
					n := min(d.Count-t.again, f.Count-used[e])
					t.again += n
					used[e] += n
				}
			}
			if t.again > 0 {
				out[i] = t
			}
		}
	}
	return out
}

// overlap reports whether two rows may tell of one time.
func overlap(d, e *activity.Day) bool {
	return !d.First.After(e.Last.Add(slack)) && !d.Last.Before(e.First.Add(-slack))
}
