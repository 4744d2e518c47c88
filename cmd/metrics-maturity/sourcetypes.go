package main

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/grafana"
	"github.com/metrics-maturity/metrics-maturity/prom"
	"github.com/metrics-maturity/metrics-maturity/prom/logs"
)

// Types of sources that this version reads.
const (
	typeGrafanaLog           = "grafana-log"
	typeGrafanaUsageInsights = "grafana-usage-insights"
	typePrometheusQueryLog   = "prometheus-query-log"
	typeMimirQueryStats      = "mimir-query-stats"
	typeThanosQueryLog       = "thanos-query-log"
	typeVictoriaMetricsLog   = "victoriametrics-log"
	typeVMAuthLog            = "vmauth-log"
	typeNginxLog             = "nginx-log"
	typeGrafanaAPI           = "grafana-api"
	typePrometheusAPI        = "prometheus-api"
	typeRulesGit             = "rules-git"
	typeRulesKubernetes      = "rules-kubernetes"
)

// sourceType is what is known of a type of sources before any is opened.
type sourceType struct {
	fields []string        // what it may say beside name, type and, for a log, where its lines are
	class  activity.Class  // what its coverage is taken from
	gives  []activity.Kind // what it can show

	// log returns how to read a log's lines, of the source of that name; nil for what is no log. Where the lines come from (files,
	// loki, kubernetes) is the same for all logs.
	log func(source string) logFormat
}

// logFormat is how the lines of one log are read.
type logFormat struct {
	collector.Parser
	joiner  collector.Joiner // nil if each line is an act of its own
	refuses func(error) bool // see collector.Source
	filter  lines.Filter     // what a server that holds the lines may leave out
	tally   func(at time.Time, n int64, b *activity.Batch) activity.Line
}

// sourceTypes is the list of what can be read: to add a type is to add an entry.
func sourceTypes() map[string]sourceType {
	return map[string]sourceType{
		typeGrafanaLog: {class: activity.ClassView, log: grafanaLog, gives: []activity.Kind{
			activity.KindView, activity.KindQuery, activity.KindShare, activity.KindOpen, activity.KindEdit,
			activity.KindRule, activity.KindAnnotation, activity.KindSilence, activity.KindComment,
		}},
		typeGrafanaUsageInsights: {class: activity.ClassView, log: usageInsights, gives: []activity.Kind{activity.KindView, activity.KindQuery}},
		typePrometheusQueryLog:   queryLog(prometheusQueryLog),
		typeMimirQueryStats:      queryLog(mimirQueryStats),
		typeThanosQueryLog:       queryLog(thanosQueryLog),
		typeVictoriaMetricsLog:   queryLog(victoriaMetricsLog),
		typeVMAuthLog:            queryLog(vmauthLog),
		typeNginxLog:             queryLog(nginxLog),
		typeGrafanaAPI: {class: activity.ClassAny, gives: []activity.Kind{activity.KindEdit, activity.KindRule, activity.KindAnnotation},
			fields: []string{"url", "token_file", "basic_auth", "tls", "headers", "timeout", "retries"}},
		typePrometheusAPI: {class: activity.ClassAny, gives: []activity.Kind{activity.KindRule, activity.KindMetric}, fields: append(slices.Clone(httpKeys), "rules_from")},
		typeRulesGit: {class: activity.ClassAny, gives: []activity.Kind{activity.KindRule, activity.KindMetric, activity.KindGoal},
			fields: []string{"repository", "credentials_file", "ssh_key_file", "ref", "paths"}},
		typeRulesKubernetes: {class: activity.ClassAny, gives: []activity.Kind{activity.KindRule}, fields: []string{"kubernetes"}},
	}
}

func grafanaLog(string) logFormat {
	p := grafana.NewRequestLog()
	return logFormat{
		Parser: p, joiner: p, filter: lines.Filter{Contains: "Request Completed"},
		refuses: func(err error) bool { return errors.Is(err, grafana.ErrTerminalFormat) },
	}
}

func prometheusQueryLog(source string) logFormat {
	p := prom.NewQueryLog(source)
	return logFormat{Parser: p, filter: lines.Filter{Contains: "httpRequest", Tally: "ruleGroup"}, tally: p.Tally}
}

// queryLog is the type of a log that tells who asked a database, in whose lines a Grafana may be known by its address alone.
func queryLog(log func(source string) logFormat) sourceType {
	return sourceType{class: activity.ClassAny, log: log, gives: []activity.Kind{activity.KindQuery}, fields: []string{"grafana_clients"}}
}

func usageInsights(string) logFormat {
	return logFormat{Parser: grafana.NewUsageInsights(), filter: lines.Filter{Contains: "eventName"}}
}

func mimirQueryStats(source string) logFormat {
	return logFormat{Parser: logs.NewQueryStats(source), filter: lines.Filter{Contains: "query stats"}}
}

func thanosQueryLog(source string) logFormat {
	return logFormat{Parser: logs.NewThanosSlowQueries(source), filter: lines.Filter{Contains: "slow query detected"}}
}

func victoriaMetricsLog(source string) logFormat {
	return logFormat{Parser: logs.NewVictoriaMetricsSlowQueries(source), filter: lines.Filter{Contains: "slow query according to"}}
}

func vmauthLog(source string) logFormat {
	return logFormat{Parser: logs.NewVMAuth(source), filter: lines.Filter{Contains: "access_log "}}
}

func nginxLog(source string) logFormat {
	return logFormat{Parser: logs.NewNginx(source), filter: lines.Filter{Contains: "/api/v1/"}}
}

// transports are where the lines of a log can be: a source names exactly one.
var transports = []string{"files", "loki", "kubernetes"}

// takes lists what a source of the type may say.
func (t sourceType) takes() []string {
	if t.log == nil {
		return t.fields
	}
	return slices.Concat(transports, t.fields)
}

// typeNames are the names of the types, sorted.
func typeNames() []string { return slices.Sorted(maps.Keys(sourceTypes())) }
