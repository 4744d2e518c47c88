// Package export turns assessments into Prometheus metrics, and brings them to where people look: one Collector for a scrape, a
// Pushgateway, remote write, a file, and the history as OpenMetrics. The names and labels are a contract that dashboards and
// alerts rely on; whichever way they go, the series are the same, and those of a team that is no more end.
package export

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// Snapshot is everything that is exported at one moment. The zero Snapshot, before the first assessment, exports
// the build alone.
type Snapshot struct {
	Assessments []stage.Assessment
	Assessed    time.Time            // when; zero before the first time
	KnownSince  map[string]time.Time // by team: when its first assessment was exported
	Criteria    []Criterion
	Sources     []Source
	Events      []EventTotal
	Location    *time.Location // in which an assessment's dates begin; nil means UTC
	Build       Build
	Reload      *Reload     // nil where the configuration is read once
	Dashboards  *Dashboards // nil unless asked for
}

// Reload is how reading the configuration again went.
type Reload struct {
	Successful  bool      // the last time
	LastSuccess time.Time // when it was last read without fault
}

// Criterion is where the lines are drawn for one criterion.
type Criterion struct {
	Name         string
	Enter, Leave float64
}

// Source is how reading a source goes.
type Source struct {
	activity.SourceStatus
	CoveredRatio *float64 // share of the recent days that were really read, 0..1; nil if nothing can be said
}

// EventTotal counts the events of a source, as judged when they were collected.
type EventTotal struct {
	Source  string
	Kind    activity.Kind
	Outcome activity.Outcome
	Count   int64
}

// Build says what is running.
type Build struct {
	Version, Revision, GoVersion string
}

// Collector exports the latest snapshot.
type Collector struct {
	latest func() Snapshot
	d      descs
	boards boardDescs
}

// NewCollector returns a collector that calls latest at every scrape; latest must be safe for concurrent use.
func NewCollector(latest func() Snapshot) *Collector {
	return &Collector{latest: latest, d: newDescs(), boards: newBoardDescs()}
}

// descs are the metrics of the contract.
type descs struct {
	stage, stageInfo, confidence, previous, since, assessable, known *prometheus.Desc
	value, enter, leave, foundation                                  *prometheus.Desc
	events, malformed, up, lastSuccess, covered, build, assessed     *prometheus.Desc
	reloaded, lastReload                                             *prometheus.Desc
}

func newDescs() descs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("metrics_maturity_"+name, help, labels, nil)
	}
	return descs{
		stage:       desc("team_stage", "Maturity stage of the team, 0 to 6; absent while there is too little data to tell.", "team"),
		stageInfo:   desc("team_stage_info", "Always 1; the labels carry the team's stage and its name.", "team", "stage", "name"),
		confidence:  desc("team_stage_confidence", "Probability that the exported stage is the team's true one, 0 to 1.", "team"),
		previous:    desc("team_stage_previous", "Stage of the team before the present one.", "team"),
		since:       desc("team_stage_since_timestamp_seconds", "Start of the week since which the team is at its stage.", "team"),
		assessable:  desc("team_assessable", "1 if the stage rests on recent data, 0 if it is stale or there is too little data.", "team"),
		known:       desc("team_known_since_timestamp_seconds", "When the team was first assessed, with or without a stage.", "team"),
		value:       desc("team_criterion_value", "What was counted for the team within the criterion's window.", "team", "criterion"),
		enter:       desc("criterion_enter", "Value from which the criterion is met.", "criterion"),
		leave:       desc("criterion_leave", "Value below which the criterion, once met, is lost.", "criterion"),
		foundation:  desc("team_foundation", "1 if the team has the technical foundation, 0 if not; absent if no source can tell.", "team", "foundation"),
		events:      desc("events_total", "Events collected, by outcome as judged when they were collected.", "source", "kind", "outcome"),
		malformed:   desc("malformed_lines_total", "Lines and files that could not be read.", "source"),
		up:          desc("source_up", "1 if the last attempt to read the source succeeded.", "source"),
		lastSuccess: desc("source_last_success_timestamp_seconds", "When the source was last read without an error.", "source"),
		covered:     desc("source_covered_ratio", "Share of the last 56 days, or of the days since the source's first, that were really read.", "source"),
		build:       desc("build_info", "Always 1; the labels say what is running.", "version", "revision", "goversion"),
		assessed:    desc("assessment_timestamp_seconds", "When the teams were assessed: what is said of them is as of then."),
		reloaded:    desc("config_last_reload_successful", "1 if the configuration could be read the last time; 0 if that was refused and the one before is in use."),
		lastReload:  desc("config_last_reload_success_timestamp_seconds", "When the configuration was last read without fault."),
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.d.stage, c.d.stageInfo, c.d.confidence, c.d.previous, c.d.since, c.d.assessable, c.d.known,
		c.d.value, c.d.enter, c.d.leave, c.d.foundation,
		c.d.events, c.d.malformed, c.d.up, c.d.lastSuccess, c.d.covered, c.d.build, c.d.assessed,
		c.d.reloaded, c.d.lastReload,
	} {
		ch <- d
	}
	c.boards.describe(ch)
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.latest()
	if s.Location == nil {
		s.Location = time.UTC
	}
	g := gauges{ch}
	for _, a := range s.Assessments {
		c.team(g, a, s.Location)
		if known, ok := s.KnownSince[a.Team]; ok {
			g.set(c.d.known, seconds(known), a.Team)
		}
	}
	for _, k := range s.Criteria {
		g.set(c.d.enter, k.Enter, k.Name)
		g.set(c.d.leave, k.Leave, k.Name)
	}
	for _, src := range s.Sources {
		g.count(c.d.malformed, src.Malformed, src.Source)
		g.set(c.d.up, number(src.Up), src.Source)
		if !src.LastSuccess.IsZero() {
			g.set(c.d.lastSuccess, seconds(src.LastSuccess), src.Source)
		}
		if src.CoveredRatio != nil {
			g.set(c.d.covered, *src.CoveredRatio, src.Source)
		}
	}
	for _, e := range s.Events {
		g.count(c.d.events, e.Count, e.Source, string(e.Kind), string(e.Outcome))
	}
	if s.Dashboards != nil {
		c.boards.collect(g, s.Dashboards, s.Location)
	}
	if s.Build != (Build{}) {
		g.set(c.d.build, 1, s.Build.Version, s.Build.Revision, s.Build.GoVersion)
	}
	if !s.Assessed.IsZero() {
		g.set(c.d.assessed, seconds(s.Assessed))
	}
	if s.Reload != nil {
		g.set(c.d.reloaded, number(s.Reload.Successful))
		g.set(c.d.lastReload, seconds(s.Reload.LastSuccess))
	}
}

// team exports one team. What is unknown is absent, never zero.
func (c *Collector) team(g gauges, a stage.Assessment, loc *time.Location) {
	g.set(c.d.assessable, number(a.Status == stage.StatusOK), a.Team)
	for _, name := range slices.Sorted(maps.Keys(a.Foundations)) {
		if have := a.Foundations[name]; have != activity.Unknown {
			g.set(c.d.foundation, number(have == activity.Yes), a.Team, name)
		}
	}
	if a.Stage == nil {
		return
	}
	g.set(c.d.stage, float64(*a.Stage), a.Team)
	g.set(c.d.stageInfo, 1, a.Team, strconv.Itoa(*a.Stage), a.StageName)
	if a.Confidence != nil {
		g.set(c.d.confidence, *a.Confidence, a.Team)
	}
	if a.PreviousStage != nil {
		g.set(c.d.previous, float64(*a.PreviousStage), a.Team)
	}
	if a.Since != nil {
		g.set(c.d.since, seconds(a.Since.Start(loc)), a.Team)
	}
	for _, r := range a.Criteria {
		if !r.Known {
			continue
		}
		g.set(c.d.value, float64(r.Value), a.Team, r.Name)
	}
}

// gauges sends metrics to a registry.
type gauges struct {
	ch chan<- prometheus.Metric
}

func (g gauges) set(d *prometheus.Desc, v float64, labels ...string) {
	g.send(d, prometheus.GaugeValue, v, labels)
}

func (g gauges) count(d *prometheus.Desc, n int64, labels ...string) {
	g.send(d, prometheus.CounterValue, float64(n), labels)
}

// send drops nothing: a label that is no UTF-8 fails the scrape with the metric's name.
func (g gauges) send(d *prometheus.Desc, t prometheus.ValueType, v float64, labels []string) {
	m, err := prometheus.NewConstMetric(d, t, v, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(d, err)
	}
	g.ch <- m
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
