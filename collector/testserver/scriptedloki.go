package testserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// ScriptedLoki imitates as much of Loki as is read from it: pages, limits, filters of lines, counts. A test decides what goes wrong.
type ScriptedLoki struct {
	*httptest.Server
	// Limit and Span are the most lines and nanoseconds of a query.
	Limit int
	Span  int64
	// Before, if set, sees each request; true means that it has answered.
	Before func(w http.ResponseWriter, r *http.Request) bool
	// Lost is a time of which lines are counted and not given.
	Lost int64

	mu      sync.Mutex
	streams map[string]*scriptedStream
	asked   []string
}

type scriptedStream struct {
	labels map[string]string
	lines  []LokiLine
}

// NewScriptedLoki starts one that ends with the test, with Loki's own limits.
func NewScriptedLoki(t testing.TB) *ScriptedLoki {
	t.Helper()
	l := &ScriptedLoki{Limit: 5000, Span: int64(721) * 3600e9, streams: map[string]*scriptedStream{}}
	l.Server = httptest.NewServer(http.HandlerFunc(l.serve))
	t.Cleanup(l.Close)
	return l
}

// Push adds lines to the stream of these labels.
func (l *ScriptedLoki) Push(labels map[string]string, lines []LokiLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := fmt.Sprint(labels)
	if l.streams[key] == nil {
		l.streams[key] = &scriptedStream{labels: labels}
	}
	l.streams[key].lines = append(l.streams[key].lines, lines...)
}

// Asked are the requests so far: path and query.
func (l *ScriptedLoki) Asked() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.asked)
}

func (l *ScriptedLoki) serve(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.asked = append(l.asked, r.URL.Path+" "+r.URL.RawQuery)
	before := l.Before
	l.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch r.URL.Path {
	case "/loki/api/v1/query_range":
		l.lines(w, r)
	case "/loki/api/v1/query":
		l.count(w, r)
	case "/loki/api/v1/series":
		l.series(w, r)
	default:
		http.NotFound(w, r)
	}
}

var (
	scriptedMatcher = regexp.MustCompile(`(\w+)=("(?:[^"\\]|\\.)*")`)
	scriptedFilter  = regexp.MustCompile(`(\|=|!=) ("(?:[^"\\]|\\.)*")`)
	scriptedCount   = regexp.MustCompile(`(?s)^sum\((?:sum by \(\) \()?count_over_time\((.*)\[(\d+)s\]\)\)$`)
)

// matching are the lines of a query from from to to (exclusive), by stream.
func (l *ScriptedLoki) matching(query string, from, to int64) map[string]*scriptedStream {
	selector, stages, _ := strings.Cut(query, "}")
	found := map[string]*scriptedStream{}
	passes := filter(stages)
	for key, s := range l.streams {
		ok := true
		for _, m := range scriptedMatcher.FindAllStringSubmatch(selector, -1) {
			value, err := strconv.Unquote(m[2])
			ok = ok && err == nil && s.labels[m[1]] == value
		}
		if !ok {
			continue
		}
		of := &scriptedStream{labels: s.labels}
		for _, line := range s.lines {
			if line.At >= from && line.At < to && passes(line.Line) {
				of.lines = append(of.lines, line)
			}
		}
		found[key] = of
	}
	return found
}

// filter reads the filters of lines in the stages of a query.
func filter(stages string) func(line string) bool {
	wanted := map[string]bool{}
	for _, f := range scriptedFilter.FindAllStringSubmatch(stages, -1) {
		if text, err := strconv.Unquote(f[2]); err == nil {
			wanted[text] = f[1] == "|="
		}
	}
	return func(line string) bool {
		for text, want := range wanted {
			if strings.Contains(line, text) != want {
				return false
			}
		}
		return true
	}
}

func (l *ScriptedLoki) lines(w http.ResponseWriter, r *http.Request) {
	if m := scriptedCount.FindStringSubmatch(r.FormValue("query")); m != nil {
		l.counts(w, r, m[1])
		return
	}
	from, to, limit := number(r, "start"), number(r, "end"), int(number(r, "limit"))
	switch {
	case limit > l.Limit:
		http.Error(w, fmt.Sprintf("max entries limit per query exceeded, limit > max_entries_limit_per_query (%d > %d)", limit, l.Limit), http.StatusBadRequest)
		return
	case to-from > l.Span:
		http.Error(w, "the query time range exceeds the limit (query length: 960h0m0s, limit: 30d1h)", http.StatusBadRequest)
		return
	}
	type one struct {
		stream string
		line   LokiLine
	}
	var all []one
	streams := l.matching(r.FormValue("query"), from, to)
	for _, key := range slices.Sorted(maps.Keys(streams)) {
		for _, line := range streams[key].lines {
			if line.At != l.Lost || l.Lost == 0 {
				all = append(all, one{key, line})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b one) int { return int(max(-1, min(1, a.line.At-b.line.At))) })
	values := map[string][][2]string{}
	for _, o := range all[:min(len(all), limit)] {
		values[o.stream] = append(values[o.stream], [2]string{strconv.FormatInt(o.line.At, 10), o.line.Line})
	}
	result := []any{}
	for key, v := range values {
		result = append(result, map[string]any{"stream": streams[key].labels, "values": v})
	}
	reply(w, map[string]any{"resultType": "streams", "result": result})
}

func (l *ScriptedLoki) count(w http.ResponseWriter, r *http.Request) {
	m := scriptedCount.FindStringSubmatch(r.FormValue("query"))
	if m == nil {
		http.Error(w, "parse error", http.StatusBadRequest)
		return
	}
	seconds, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil {
		http.Error(w, "parse error", http.StatusBadRequest)
		return
	}
	at := number(r, "time")
	n := 0
	for _, s := range l.matching(m[1], at-seconds*1e9+1, at+1) {
		n += len(s.lines)
	}
	result := []any{}
	if n > 0 {
		result = append(result, map[string]any{"metric": map[string]string{}, "value": []any{float64(at) / 1e9, strconv.Itoa(n)}})
	}
	reply(w, map[string]any{"resultType": "vector", "result": result})
}

// counts answers with the number of lines in each step, which is as long as the range.
func (l *ScriptedLoki) counts(w http.ResponseWriter, r *http.Request, query string) {
	step := number(r, "step") * 1e9
	values := [][2]any{}
	for at := number(r, "start"); at <= number(r, "end"); at += step {
		n := 0
		for _, s := range l.matching(query, at-step+1, at+1) {
			n += len(s.lines)
		}
		if n > 0 {
			values = append(values, [2]any{json.Number(fmt.Sprintf("%d.%03d", at/1e9, at/1e6%1000)), strconv.Itoa(n)})
		}
	}
	reply(w, map[string]any{"resultType": "matrix", "result": []any{map[string]any{"metric": map[string]string{}, "values": values}}})
}

func (l *ScriptedLoki) series(w http.ResponseWriter, r *http.Request) {
	found := []any{}
	for _, s := range l.matching(r.FormValue("match[]"), number(r, "start"), number(r, "end")) {
		if len(s.lines) > 0 {
			found = append(found, s.labels)
		}
	}
	reply(w, found)
}

func number(r *http.Request, name string) int64 {
	n, _ := strconv.ParseInt(r.FormValue(name), 10, 64) // what is no number is 0
	return n
}

func reply(w http.ResponseWriter, data any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data}) // a client that has gone
}
