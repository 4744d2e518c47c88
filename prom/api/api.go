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
	"net/http"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
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
	Source      string       // name of the source: the scope of what it tells
	URL         string       // under which /api/v1 is, without a slash at its end
	Client      *http.Client // see package httpclient
	Tenant      string       // whose rules and metrics these are, if the server has tenants
	RulesFrom   RulesFrom    // empty is RulesLoaded
	Annotations []string     // names of the annotations that owner rules use

	Location *time.Location // whose days coverage speaks of
	Now      func() time.Time
	Logger   *slog.Logger
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
	last, err := parseSnapshot(cursor, a.URL+" "+a.Tenant)
	if err != nil {
		return err
	}
	now := a.Now()
	loaded, err := a.loaded(ctx)
	if err != nil {
		return err
	}
	names, err := a.names(ctx, last.At, now)
	if err != nil {
		return err
	}
	types, err := a.types(ctx)
	if err != nil {
		return err
	}
	baseline := last.At.IsZero() || now.Sub(last.At) > gap
	today := activity.DateOf(now.In(a.Location))
	covered := last.covers(today, baseline, a.Location)
	var b activity.Batch
	a.compareRules(last, loaded, now, baseline, &b)
	a.compareNames(last, names, types, now, baseline, &b)
	last.At = now
	data, err := last.encode()
	if err != nil {
		return err
	}
	return save(b, data, covered)
}

// compareRules adds what became of the rules since the last snapshot, and puts them into it.
func (a *API) compareRules(last *snapshot, loaded []rules.Loaded, now time.Time, baseline bool, b *activity.Batch) {
	at := now
	switch emptied := len(loaded) == 0 && len(last.Rules.Rules) > 0; {
	case !emptied:
		last.Emptied = time.Time{}
	case last.Emptied.IsZero():
		// More likely a server that lost its rules for a while than somebody who removed them all.
		last.Emptied = now
		a.Logger.Warn("the server has no rules any more: they count as removed if the next look finds none either", "source", a.Source)
		return
	default:
		at, last.Emptied = last.Emptied, time.Time{}
	}
	events, facts := last.Rules.Look(at, a.Source, loaded, a.Annotations)
	b.Rules = append(b.Rules, facts...)
	if baseline {
		return
	}
	for _, e := range events {
		e.Tenant = a.Tenant
		b.Events = append(b.Events, e)
	}
}

// compareNames adds the metrics that were never seen before, and puts all into the snapshot.
func (a *API) compareNames(last *snapshot, names []string, types map[string]string, now time.Time, baseline bool, b *activity.Batch) {
	recorded := last.Rules.Recorded()
	today := activity.DateOf(now.In(a.Location))
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
		b.Events = append(b.Events, activity.Event{Time: now, Kind: activity.KindMetric, Scope: a.Source, Subject: name, Detail: detail, Tenant: a.Tenant})
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
