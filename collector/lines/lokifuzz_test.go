package lines

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answering is a Loki that answers everything with the same.
type answering struct {
	status int
	body   string
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Status: http.StatusText(a.status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// FuzzLokiAnswers: of whatever a server answers, lines have the times that were asked for, counts are counts, and errors quote nothing.
func FuzzLokiAnswers(f *testing.F) {
	const secret = "somebody@corp.example"
	for _, data := range []string{
		`{"resultType":"streams","result":[{"stream":{"app":"a"},"values":[["1000000000","` + secret + `"],["3600000000000","b"]]}]}`,
		`{"resultType":"streams","result":[{"values":[["` + secret + `","a"]]}]}`, `{"resultType":"streams","result":[{"values":[["1"],[],null]},null]}`,
		`{"resultType":"vector","result":[{"value":[1.5,"12"]}]}`, `{"resultType":"vector","result":[{"value":[1,"NaN"]}]}`, `{"resultType":"vector","result":[{"value":[1,"-3"]}]}`,
		`{"resultType":"vector","result":[{"value":[1,"` + secret + `"]}]}`, `{"resultType":"vector","result":[{},{}]}`,
		`{"resultType":"matrix","result":[{"values":[[900,"3"],[1800,"4"]]}]}`, `{"resultType":"matrix","result":[{"values":[[900,"NaN"]]}]}`,
		`{"resultType":"matrix","result":[{"values":[[1e308,"+Inf"]]}]}`, `[{"app":"a","pod":"b"},null]`, `null`, `"` + secret + `"`,
	} {
		f.Add(200, `{"status":"success","data":`+data+`}`)
	}
	f.Add(200, "<html>"+secret)
	f.Add(400, "parse error at line 1, col 2: "+secret)
	f.Add(400, "max entries limit per query exceeded, limit > max_entries_limit (5000 > 99999999999999999999)")
	f.Add(429, secret)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status/100 == 3 {
			t.Skip("no answer, or one that the client follows")
		}
		a := lokiAPI{client: &http.Client{Transport: answering{status, body}}, base: "http://loki"}
		q, err := parseLogQL(`{app="a"} |= "b"`)
		if err != nil {
			t.Fatal(err)
		}
		const hour = int64(3600e9)
		found, err := a.entries(context.Background(), q, 0, hour, 100)
		quotesNothing(t, err, secret)
		for i, e := range found {
			if e.at < 0 || e.at >= hour || i > 0 && e.at < found[i-1].at {
				t.Errorf("a line of %d, behind %v", e.at, found[:i])
			}
		}
		n, err := a.count(context.Background(), q, 0, hour)
		if quotesNothing(t, err, secret); n < 0 {
			t.Errorf("%d lines are counted", n)
		}
		tallies, err := a.counts(context.Background(), q, 0, hour)
		quotesNothing(t, err, secret)
		for _, c := range tallies {
			if c.step < 0 || c.lines < 0 {
				t.Errorf("%d lines are counted in step %d", c.lines, c.step)
			}
		}
		labels, err := a.series(context.Background(), q.selector, 0, hour)
		quotesNothing(t, err, secret)
		for _, l := range labels {
			if one, err := parseLogQL(q.of(l, map[string]bool{"app": true}).String()); err != nil || one.stages != q.stages {
				t.Errorf("labels %q make the query %q: %v", l, one, err)
			}
		}
	})
}

func quotesNothing(t *testing.T, err error, secret string) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), secret) {
		t.Errorf("the error quotes the answer: %v", err)
	}
}

// FuzzLogQL: a query that can be split is all there in its parts, and is split the same way again.
func FuzzLogQL(f *testing.F) {
	for _, text := range []string{
		`{app="grafana"}`, `{app="}"} |= "x"`, "{app=`}`} != `\\``", `{app="a\"}"} # {comment}`, ` { } | json `, `{`, `{"`, `{"\`, `rate({a="b"}[5m])`, "{a=\"\x00\"}\n|= \"y\"",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := parseLogQL(text)
		if err != nil {
			if !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("no hint: %v", err)
			}
			return
		}
		rest, found := strings.CutPrefix(strings.TrimSpace(text), q.selector)
		if !found || strings.TrimSpace(rest) != q.stages || q.selector[0] != '{' || !strings.HasSuffix(q.selector, "}") {
			t.Errorf("%q is split into %q and %q", text, q.selector, q.stages)
		}
		again, err := parseLogQL(q.String())
		if diff := cmp.Diff(q, again, cmp.AllowUnexported(logQL{})); diff != "" || err != nil {
			t.Errorf("%v: %s", err, diff)
		}
	})
}
