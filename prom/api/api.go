// Package api reads what a server with Prometheus' HTTP API has loaded and holds: its rules and the names of its metrics, by
// snapshots. Prometheus, Thanos, Mimir and VictoriaMetrics answer alike; Mimir's ruler can be asked for what is configured instead.
//
// No such server says when a rule or metric came to be. So each snapshot is compared with the last, and what is new is dated by the
// snapshot that showed it first. The first snapshot, and the first after a gap, only says how things are: it is no act of anybody.
// Who made a change is not known; git tells, where it is read too.
//
// What is remembered between snapshots is in the fetcher's cursor: names of metrics as they are, of rules hashes of their expressions
// (see rules.Memory).
package api

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/prom/rules"
)

// RulesFrom is where rules are asked for.
type RulesFrom string

// The places.
const (
	RulesLoaded RulesFrom = "prometheus" // /api/v1/rules: what is loaded and evaluated
	RulesMimir  RulesFrom = "mimir"      // /config/v1/rules of Mimir's ruler: what the tenant has configured
	RulesNone   RulesFrom = "none"       // the server has no rules
)

// API is one server. It implements the collector's Fetcher.
type API struct {
	Source          string            // name of the source: the scope of what it tells
	HTTP            httpclient.Config // URL is that under which /api/v1 is; the tenant, if there is one, is that of the events
	RulesFrom       RulesFrom         // empty is RulesLoaded
	KeepAnnotations []string          // names of the annotations that owner rules use
	Selectors       []string          // of owner rules: whether the server has metrics of each is told

	Location *time.Location   // whose days coverage speaks of; nil is UTC
	Now      func() time.Time // nil is time.Now
	Logger   *slog.Logger     // nil is silent
}

const (
	// gap is how long after a snapshot the next one still tells when a change was made, to what a week is judged by: a job that
	// does not run on weekends makes none.
	gap = 4 * 24 * time.Hour
	// forgotten is how long a metric must have been gone to be new again.
	forgotten = 400
)

// Fetch takes a snapshot, compares it with the one in cursor, and saves what is new with the snapshot.
func (a *API) Fetch(ctx context.Context, cursor []byte, save func(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error) error {
	last, err := parseSnapshot(cursor, a.HTTP.URL+" "+a.HTTP.Tenant)
	if err != nil {
		return err
	}
	s, err := a.server()
	if err != nil {
		return err
	}
	defer s.client.CloseIdleConnections()
	now := a.now()
	loaded, err := s.loaded(ctx, a.RulesFrom)
	if err != nil {
		return err
	}
	names, err := s.names(ctx, last.At, now)
	if err != nil {
		return err
	}
	types, err := s.types(ctx)
	if err != nil {
		return err
	}
	selections, err := s.selections(ctx, a.Selectors, now)
	if err != nil {
		return err
	}
	baseline := last.At.IsZero() || now.Sub(last.At) > gap
	covered := last.covers(now, baseline)
	var b activity.Batch
	for _, selection := range selections {
		selection.Scope = a.Source
		b.Selections = append(b.Selections, selection)
	}
	a.compareRules(last, loaded, now, baseline, &b)
	a.compareNames(last, names, types, now, baseline, &b)
	last.At = now.UTC()
	data, err := last.encode()
	if err != nil {
		return err
	}
	return save(b, data, covered)
}

// server returns the server with a client of its own.
func (a *API) server() (*server, error) {
	config := a.HTTP
	config.Logger = a.logger()
	client, err := httpclient.New(config)
	if err != nil {
		return nil, err
	}
	return &server{url: strings.TrimRight(a.HTTP.URL, "/"), client: client, log: config.Logger.With("source", a.Source)}, nil
}

func (a *API) now() time.Time { return activity.Now(a.Now, a.Location) }

func (a *API) logger() *slog.Logger {
	if a.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return a.Logger
}

// compareRules adds what became of the rules since the last snapshot, and puts them into it.
func (a *API) compareRules(last *snapshot, loaded []rules.Loaded, now time.Time, baseline bool, b *activity.Batch) {
	at := now
	switch emptied := len(loaded) == 0 && len(last.Rules.Rules) > 0; {
	case !emptied:
		last.Emptied = time.Time{}
	case last.Emptied.IsZero():
		// More likely a server that lost its rules for a while than somebody who removed them all.
		last.Emptied = now.UTC()
		a.logger().Warn("the server has no rules any more: they count as removed if the next look finds none either", "source", a.Source)
		return
	default:
		at, last.Emptied = last.Emptied, time.Time{}
	}
	events, facts := last.Rules.Look(at.UTC(), a.Source, loaded, a.KeepAnnotations)
	b.Rules = append(b.Rules, facts...)
	if baseline {
		return
	}
	for _, e := range events {
		e.Tenant = a.HTTP.Tenant
		b.Events = append(b.Events, e)
	}
}

// compareNames adds the metrics that were never seen before, and puts all into the snapshot.
func (a *API) compareNames(last *snapshot, names []string, types map[string]string, now time.Time, baseline bool, b *activity.Batch) {
	recorded := last.Rules.Recorded()
	today := activity.DateOf(now)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		_, known := last.Names[name]
		last.Names[name] = today
		if known || baseline || alerts(name) {
			continue
		}
		detail := typeOf(name, types)
		if recorded[name] {
			detail = detailRecorded
		}
		b.Events = append(b.Events, activity.Event{Time: now.UTC(), Kind: activity.KindMetric, Scope: a.Source, Subject: name, Detail: detail, Tenant: a.HTTP.Tenant})
	}
	for name, seen := range last.Names {
		if today-seen > forgotten {
			delete(last.Names, name)
		}
	}
}

// alerts reports whether a metric is one that Prometheus makes of the state of alerts.
func alerts(name string) bool { return name == "ALERTS" || name == "ALERTS_FOR_STATE" }

// detailRecorded is the detail of a new metric that a recording rule makes; of others it is the type that their exporter declares.
const detailRecorded = "recorded"
