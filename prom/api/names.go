package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

// overlap is how much of the time before the last snapshot is asked for again: samples arrive late.
const overlap = time.Hour

// names returns the names of the metrics that had samples since the last snapshot, or for as long as a gap may be.
func (s *server) names(ctx context.Context, last, now time.Time) ([]string, error) {
	from := now.Add(-gap)
	if last.After(from) {
		from = last
	}
	var names []string
	err := s.get(ctx, namesPath, url.Values{"start": {seconds(from.Add(-overlap))}, "end": {seconds(now)}}, &names)
	return names, err
}

const namesPath = "/api/v1/label/__name__/values"

// seconds writes a time as the API reads it.
func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// selections tells whether the server had metrics of each selector within a day. A selector that the server does not understand is
// left out.
func (s *server) selections(ctx context.Context, selectors []string, now time.Time) ([]activity.Selection, error) {
	var all []activity.Selection
	for _, selector := range selectors {
		var names []string
		err := s.get(ctx, namesPath, url.Values{
			"match[]": {selector}, "limit": {"1"}, "start": {seconds(now.AddDate(0, 0, -1))}, "end": {seconds(now)},
		}, &names)
		if httpclient.IsStatus(err, http.StatusBadRequest, http.StatusUnprocessableEntity) {
			s.log.Warn("a selector of owner rules is refused", "selector", selector, "error", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, activity.Selection{Seen: now.UTC(), Selector: selector, Found: len(names) > 0})
	}
	return all, nil
}

// types returns the types of metrics, as exporters declare them. Not every server knows them, and nothing depends on them but the
// detail that is shown.
func (s *server) types(ctx context.Context) (map[string]string, error) {
	var metadata map[string][]struct {
		Type string `json:"type"`
	}
	err := s.get(ctx, "/api/v1/metadata", url.Values{"limit_per_metric": {"1"}}, &metadata)
	if httpclient.IsStatus(err, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented) {
		s.log.Info("the types of metrics can't be read", "error", err)
		return nil, nil
	}
	types := make(map[string]string, len(metadata))
	for name, all := range metadata {
		if len(all) > 0 && known[all[0].Type] {
			types[name] = all[0].Type
		}
	}
	return types, err
}

// known are the types that the formats of exposition have. Others are not shown: the text is an exporter's.
var known = map[string]bool{"counter": true, "gauge": true, "histogram": true, "summary": true, "gaugehistogram": true, "info": true, "stateset": true}

// typeOf finds the type of a metric, which a histogram or summary declares for several names at once.
func typeOf(name string, types map[string]string) string {
	if t := types[name]; t != "" {
		return t
	}
	for _, suffix := range [...]string{"_bucket", "_count", "_sum", "_total", "_created", "_info"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && types[base] != "" {
			return types[base]
		}
	}
	return ""
}
