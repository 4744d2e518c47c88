package lines

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

// lokiAPI asks a Loki.
type lokiAPI struct {
	client *http.Client
	base   string
}

// entry is one line that Loki has.
type entry struct {
	at   int64 // nanoseconds since 1970
	line string
	hash uint64
}

// What Loki refuses to do in one request, so that less has to be asked for.
var (
	errSpan  = errors.New("the time asked for is too long, or has too much in it")
	errLimit = errors.New("more lines are asked for than Loki gives at once")
)

// refusal is an answer that says to ask for less.
type refusal struct {
	why   error // errSpan or errLimit
	limit int   // of errLimit: how many lines Loki gives at once, 0 if it does not say
	cause error
}

func (r *refusal) Error() string   { return r.cause.Error() }
func (r *refusal) Unwrap() []error { return []error{r.why, r.cause} }

// entries are the lines of a query from from to to (exclusive), the first limit of them in order of time.
func (a *lokiAPI) entries(ctx context.Context, q logQL, from, to int64, limit int) ([]entry, error) {
	var streams []struct {
		Values [][2]string `json:"values"`
	}
	err := a.get(ctx, "/loki/api/v1/query_range", url.Values{
		"query": {q.String()}, "start": {strconv.FormatInt(from, 10)}, "end": {strconv.FormatInt(to, 10)},
		"limit": {strconv.Itoa(limit)}, "direction": {"forward"},
	}, "streams", &streams)
	if err != nil {
		return nil, err
	}
	var found []entry
	for _, s := range streams {
		for _, v := range s.Values {
			at, err := strconv.ParseInt(v[0], 10, 64)
			if err != nil || at < from || at >= to {
				return nil, a.rubbish("query_range", "lines of another time than was asked for")
			}
			found = append(found, entry{at: at, line: v[1]})
		}
	}
	slices.SortStableFunc(found, func(x, y entry) int { return cmp.Compare(x.at, y.at) })
	return found, nil
}

// count is the number of lines of a query from from to to (exclusive), which are whole seconds apart.
func (a *lokiAPI) count(ctx context.Context, q logQL, from, to int64) (int64, error) {
	var samples []struct {
		Value [2]json.RawMessage `json:"value"`
	}
	// A range ends with its time, and begins behind the time that it goes back to.
	err := a.get(ctx, "/loki/api/v1/query", url.Values{"query": {q.count((to - from) / 1e9)}, "time": {strconv.FormatInt(to-1, 10)}}, "vector", &samples)
	if err != nil || len(samples) == 0 {
		return 0, err
	}
	_, n, err := sample(samples[0].Value)
	if err != nil || len(samples) > 1 {
		return 0, a.rubbish("query", "something else than one number")
	}
	return n, nil
}

// counts are the numbers of lines of a query from from to to (exclusive), step by step; steps without any may be missing. from is the
// beginning of a step, to is whole seconds behind it.
func (a *lokiAPI) counts(ctx context.Context, q logQL, from, to int64) ([]tally, error) {
	var found []tally
	whole := to - to%tallyStep
	if whole > from {
		var series []struct {
			Values [][2]json.RawMessage `json:"values"`
		}
		err := a.get(ctx, "/loki/api/v1/query_range", url.Values{
			"query": {q.count(tallyStep / 1e9)}, "step": {strconv.FormatInt(tallyStep/1e9, 10)},
			"start": {strconv.FormatInt(from+tallyStep-1, 10)}, "end": {strconv.FormatInt(whole, 10)},
		}, "matrix", &series)
		if err != nil {
			return nil, err
		}
		for _, s := range series {
			for _, v := range s.Values {
				at, n, err := sample(v)
				if err != nil {
					return nil, a.rubbish("query_range", err.Error())
				}
				// A sample stands for the step that ends with it. A Loki that moves times to multiples of the step begins one earlier.
				if step := (at - 1) / tallyStep; step >= from/tallyStep {
					found = append(found, tally{step, n})
				}
			}
		}
		from = whole
	}
	if to == from {
		return found, nil
	}
	n, err := a.count(ctx, q, from, to)
	return append(found, tally{from / tallyStep, n}), err
}

// sample reads a time, in nanoseconds since 1970, and a number of lines.
func sample(v [2]json.RawMessage) (at, n int64, err error) {
	seconds, err := strconv.ParseFloat(string(v[0]), 64)
	if err != nil || seconds < 0 || seconds > 1e11 {
		return 0, 0, errors.New("a sample without a time")
	}
	text, err := strconv.Unquote(string(v[1]))
	if err != nil {
		return 0, 0, errors.New("a sample without a value")
	}
	lines, err := strconv.ParseFloat(text, 64)
	if err != nil || !(lines >= 0 && lines <= 1e15) { // NaN is neither
		return 0, 0, errors.New("a sample that is no number of lines")
	}
	return int64(math.Round(seconds*1000)) * 1e6, int64(lines), nil
}

// series are the labels of the streams that may have lines from from to to (exclusive).
func (a *lokiAPI) series(ctx context.Context, selector string, from, to int64) ([]map[string]string, error) {
	var labels []map[string]string
	err := a.get(ctx, "/loki/api/v1/series", url.Values{"match[]": {selector}, "start": {strconv.FormatInt(from, 10)}, "end": {strconv.FormatInt(to, 10)}}, "", &labels)
	return labels, err
}

// get reads the result of an answer, which is of a type where results have one.
func (a *lokiAPI) get(ctx context.Context, path string, query url.Values, kind string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return httpclient.Cause(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode/100 != 2:
		return lokiRefusal(httpclient.StatusError(resp), string(body))
	}
	var answer struct {
		Status string          `json:"status"`
		Data   json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Status != "success" {
		return a.rubbish(path, "no JSON of Loki's")
	}
	if kind != "" {
		var data struct {
			ResultType string          `json:"resultType"`
			Result     json.RawMessage `json:"result"`
		}
		if json.Unmarshal(answer.Data, &data) != nil || data.ResultType != kind {
			return a.rubbish(path, "a result of another type than "+kind)
		}
		answer.Data = data.Result
	}
	if json.Unmarshal(answer.Data, into) != nil {
		return a.rubbish(path, "a result that can't be read")
	}
	return nil
}

// rubbish is the error for an answer that Loki would not give. It quotes nothing of it.
func (a *lokiAPI) rubbish(path, what string) error {
	return &httpclient.Error{
		Request: "GET " + a.base + path, Step: httpclient.StepContent, Tries: 1,
		Why: "the answer holds " + what, Hint: "check url: something else than Loki may listen there",
	}
}

var limitText = regexp.MustCompile(`\(\d+ > (\d+)\)`)

// lokiRefusal says what Loki means. Of the text of its answer nothing is shown: it quotes the query.
func lokiRefusal(e *httpclient.Error, text string) error {
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
	}
	switch {
	case has("no org id"):
		e.Why, e.Hint = "Loki serves several tenants and was told none", "set tenant: it is sent as X-Scope-OrgID"
	case has("max entries limit"):
		r := &refusal{why: errLimit, cause: e}
		if m := limitText.FindStringSubmatch(text); m != nil {
			r.limit, _ = strconv.Atoi(m[1]) // digits; beyond an int it is no limit
		}
		return r
	case e.Status == http.StatusBadRequest && has("parse error", "syntax error"):
		e.Why, e.Hint = "Loki can't read the query", "try it in Grafana's Explore; it must be one of log lines, with its own filters only"
	case has("range exceeds the limit", "too many bytes", "max number of chunks", "maximum of series", "too many series", "too many chunks"),
		e.Status == http.StatusGatewayTimeout, e.Status == http.StatusInternalServerError && has("context deadline", "timeout"):
		return &refusal{why: errSpan, cause: e}
	}
	return e
}
