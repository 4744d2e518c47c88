package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/prom/rules"
)

const (
	// groupsAPage is how many groups are asked for at a time: servers that know no pages give all.
	groupsAPage = 500
	// restarts is how often paging begins anew when the rules were changed meanwhile.
	restarts = 3
)

// rulesPage is an answer of /api/v1/rules.
type rulesPage struct {
	Groups []struct {
		File  string     `json:"file"`
		Rules []ruleJSON `json:"rules"`
	} `json:"groups"`
	Next string `json:"groupNextToken"`
}

type ruleJSON struct {
	Type          string            `json:"type"` // recording, alerting
	Name          string            `json:"name"`
	Query         string            `json:"query"`
	Duration      float64           `json:"duration"` // seconds
	KeepFiringFor float64           `json:"keepFiringFor"`
	Labels        map[string]string `json:"labels"`
	Annotations   map[string]string `json:"annotations"`
}

// loaded returns the rules of the server.
func (s *server) loaded(ctx context.Context, from RulesFrom) ([]rules.Loaded, error) {
	switch from {
	case RulesNone:
		return nil, nil
	case RulesMimir:
		return s.configured(ctx)
	}
	for try := 0; ; try++ {
		all, err := s.pages(ctx)
		// A token is refused once the rules that it was given for have changed.
		if try < restarts && httpclient.IsStatus(err, http.StatusBadRequest) {
			continue
		}
		return all, err
	}
}

// pages reads all pages of /api/v1/rules.
func (s *server) pages(ctx context.Context) ([]rules.Loaded, error) {
	const path = "/api/v1/rules"
	var all []rules.Loaded
	query := url.Values{"group_limit": {strconv.Itoa(groupsAPage)}, "exclude_alerts": {"true"}}
	seen := map[string]bool{}
	for {
		var page rulesPage
		if err := s.get(ctx, path, query, &page); err != nil {
			return nil, err
		}
		for _, g := range page.Groups {
			for _, r := range g.Rules {
				if l, ok := r.loaded(g.File); ok {
					all = append(all, l)
				}
			}
		}
		if page.Next == "" {
			return all, nil
		}
		if seen[page.Next] {
			return nil, fmt.Errorf("GET %s%s: the pages of groups go round in a circle", s.url, path)
		}
		seen[page.Next] = true
		query.Set("group_next_token", page.Next)
	}
}

func (r *ruleJSON) loaded(file string) (rules.Loaded, bool) {
	l := rules.Loaded{
		File: file, Name: r.Name, Expr: r.Query, For: duration(r.Duration), KeepFiringFor: duration(r.KeepFiringFor),
		Labels: r.Labels, Annotations: r.Annotations,
	}
	switch r.Type {
	case "recording":
		l.Kind = activity.RuleRecording
	case "alerting":
		l.Kind = activity.RuleAlert
	default:
		return l, false // of a server that knows more than Prometheus
	}
	return l, l.Name != ""
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// configuredGroup is a group as Mimir's ruler keeps it.
type configuredGroup struct {
	Labels map[string]string `yaml:"labels"`
	Rules  []struct {
		Alert         string            `yaml:"alert"`
		Record        string            `yaml:"record"`
		Expr          string            `yaml:"expr"`
		For           model.Duration    `yaml:"for"`
		KeepFiringFor model.Duration    `yaml:"keep_firing_for"`
		Labels        map[string]string `yaml:"labels"`
		Annotations   map[string]string `yaml:"annotations"`
	} `yaml:"rules"`
}

// configured returns the rules that a tenant has configured in Mimir's ruler, by namespace. A tenant without any is answered with 404.
func (s *server) configured(ctx context.Context) ([]rules.Loaded, error) {
	const path = "/config/v1/rules"
	body, err := s.read(ctx, path, nil)
	switch {
	case httpclient.IsStatus(err, http.StatusNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	var namespaces map[string][]configuredGroup
	if yaml.Unmarshal(body, &namespaces) != nil {
		return nil, fmt.Errorf("GET %s%s: the answer is no list of rule groups by namespace\nhint: url is that of Mimir's Prometheus API, as in http://mimir/prometheus", s.url, path)
	}
	var all []rules.Loaded
	for namespace, groups := range namespaces {
		for _, g := range groups {
			for _, r := range g.Rules {
				l := rules.Loaded{
					File: namespace, Kind: activity.RuleRecording, Name: r.Record, Expr: r.Expr, For: time.Duration(r.For),
					KeepFiringFor: time.Duration(r.KeepFiringFor), Labels: merged(g.Labels, r.Labels), Annotations: r.Annotations,
				}
				if r.Alert != "" {
					l.Kind, l.Name = activity.RuleAlert, r.Alert
				}
				if l.Name != "" {
					all = append(all, l)
				}
			}
		}
	}
	return all, nil
}

// merged returns the labels of a rule with those of its group that it does not set itself.
func merged(group, own map[string]string) map[string]string {
	out := make(map[string]string, len(group)+len(own))
	for _, labels := range []map[string]string{group, own} {
		for k, v := range labels {
			out[k] = v
		}
	}
	return out
}
