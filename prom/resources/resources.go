// Package resources reads rules from the PrometheusRule resources of a Kubernetes cluster, of which the Prometheus Operator makes rule
// files, by snapshots.
//
// The cluster keeps no history. So each snapshot is compared with the last (see rules.Memory); the first one, and the first after a
// gap, only says how things are and is no act of anybody. When a resource was written is known from its managedFields, and so is the
// program that wrote it, but never the person. A program at which somebody sits (kubectl, k9s, a web page) stands for a person whom
// nobody knows; any other one (Argo CD, Flux, Helm, an operator) only brings what was decided elsewhere: its acts are a robot's,
// reason "provisioning", and the git repository that it reads tells whose they were. kubectl in a pipeline looks like a person.
//
// A rule's place is "<namespace>/<name>" of its resource, as if that were the path of a file: the owner rule paths: ["payments/**"]
// means a namespace. Labels and annotations of a resource that say whose it is count for all of its rules that do not say so
// themselves.
package resources

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/kube"
	"github.com/metrics-maturity/metrics-maturity/prom/rules"
)

// gap is how long after a snapshot the next one still tells when a change was made; as for prom/api.
const gap = 4 * 24 * time.Hour

// owning are the labels and annotations by which resources commonly say whose they are.
var owning = []string{"team", "support_group", "service"}

// Lister lists resources; *kube.Client is one.
type Lister interface {
	PrometheusRules(ctx context.Context, namespace, selector string) ([]kube.PrometheusRule, error)
}

// Cluster reads the resources of one cluster. It implements the collector's Fetcher.
type Cluster struct {
	Source    string // name of the source: the scope of what it tells
	API       Lister
	Place     string   // tells clusters apart: a snapshot of another one is not compared with
	Namespace string   // kube.AllNamespaces for all
	Selector  string   // of labels; empty for all
	Labels    []string // names of the labels that owner rules use
	// KeepAnnotations are the names of the annotations that owner rules use.
	KeepAnnotations []string

	Location *time.Location   // whose days coverage speaks of; nil is UTC
	Now      func() time.Time // nil is time.Now
	Logger   *slog.Logger     // nil is silent
}

// snapshot is what is remembered between two reads.
type snapshot struct {
	Version int          `json:"version"`
	Place   string       `json:"place"`
	At      time.Time    `json:"at"`
	Rules   rules.Memory `json:"rules"`
}

const snapshotVersion = 1

// Fetch takes a snapshot, compares it with the one in cursor, and saves what is new with the snapshot.
func (c *Cluster) Fetch(ctx context.Context, cursor []byte, save func(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error) error {
	last, err := c.last(cursor)
	if err != nil {
		return err
	}
	listed, err := c.API.PrometheusRules(ctx, c.Namespace, c.Selector)
	if err != nil {
		return err
	}
	now := c.now()
	baseline := last.At.IsZero() || now.Sub(last.At) > gap
	var b activity.Batch
	var loaded []rules.Loaded
	writers := map[string]kube.PrometheusRule{}
	for _, r := range listed {
		found, bad := c.rulesOf(r)
		loaded, b.Malformed = append(loaded, found...), b.Malformed+bad
		writers[c.Source+":"+fileOf(r)] = r
	}
	events, facts := last.Rules.Look(now.UTC(), c.Source, loaded, c.KeepAnnotations)
	for _, f := range facts {
		f.From = written(writers[f.Scope], last.At, f.From)
		b.Rules = append(b.Rules, f)
	}
	for _, e := range events {
		if baseline {
			break
		}
		w := writers[e.Scope]
		e.Time = written(w, last.At, e.Time)
		if w.Manager != "" && !interactive(w.Manager) {
			e.Robot = activity.RobotProvisioning
		}
		b.Events = append(b.Events, e)
	}
	covered := c.covers(last.At, now, baseline)
	last.At = now.UTC()
	data, err := json.Marshal(last)
	if err != nil {
		return fmt.Errorf("snapshot of PrometheusRule resources: %w", err)
	}
	return save(b, data, covered)
}

// last decodes a snapshot; one of another place has seen nothing of this one.
func (c *Cluster) last(cursor []byte) (*snapshot, error) {
	place := strings.Join([]string{c.Place, c.Namespace, c.Selector}, "\n")
	fresh := &snapshot{Version: snapshotVersion, Place: place}
	if len(cursor) == 0 {
		return fresh, nil
	}
	s := &snapshot{}
	if err := json.Unmarshal(cursor, s); err != nil || s.Version != snapshotVersion {
		return nil, fmt.Errorf("the snapshot of PrometheusRule resources can't be read\nhint: was the store written by a newer version?")
	}
	if s.Place != place {
		return fresh, nil
	}
	return s, nil
}

func (c *Cluster) now() time.Time { return activity.Now(c.Now, c.Location) }

// covers returns the days that a snapshot covers: those since the last one, or today alone.
func (c *Cluster) covers(last, now time.Time, baseline bool) (days []activity.CoveredDay) {
	today := activity.DateOf(now)
	from := today
	if !baseline {
		from = min(today, activity.DateOf(last.In(now.Location()))+1)
	}
	for d := from; d <= today; d++ {
		days = append(days, activity.CoveredDay{Source: c.Source, Class: activity.ClassAny, Date: d})
	}
	return days
}

// fileOf is what a resource is called where other sources have a file.
func fileOf(r kube.PrometheusRule) string { return r.Namespace + "/" + r.Name }

// written is when a resource was written, if that explains what a snapshot found: else when it was found.
func written(r kube.PrometheusRule, last, found time.Time) time.Time {
	if r.Written.After(last) && r.Written.Before(found) && !last.IsZero() {
		return r.Written.UTC()
	}
	return found
}

// interactive reports whether a person sits at a program, as far as the name tells that it gives itself.
func interactive(manager string) bool {
	m := strings.ToLower(manager)
	return slices.Contains([]string{"oc", "k9s", "node-fetch", "lens", "openlens", "headlamp", "rancher", "mozilla"}, m) || m == "kubectl" || strings.HasPrefix(m, "kubectl-")
}

// specJSON is the spec of a resource.
type specJSON struct {
	Groups []struct {
		Labels map[string]string `json:"labels"`
		Rules  []ruleJSON        `json:"rules"`
	} `json:"groups"`
}

type ruleJSON struct {
	Record        string            `json:"record"`
	Alert         string            `json:"alert"`
	Expr          expr              `json:"expr"`
	For           string            `json:"for"`
	KeepFiringFor string            `json:"keep_firing_for"`
	Labels        map[string]string `json:"labels"`
	Annotations   map[string]string `json:"annotations"`
}

// expr is an expression, which may be written as a number.
type expr string

// UnmarshalJSON reads either form.
func (e *expr) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*e = expr(s)
		return nil
	}
	var n json.Number
	err := json.Unmarshal(data, &n)
	*e = expr(n)
	return err
}

// rulesOf returns the rules of a resource, and how many things in it can't be read.
func (c *Cluster) rulesOf(r kube.PrometheusRule) (found []rules.Loaded, bad int64) {
	var spec specJSON
	if err := json.Unmarshal(r.Spec, &spec); err != nil {
		if c.Logger != nil {
			c.Logger.Warn("a PrometheusRule can't be read", "source", c.Source, "resource", fileOf(r))
		}
		return nil, 1
	}
	labels := pick(r.Labels, append(slices.Clone(owning), c.Labels...))
	annotations := pick(r.Annotations, append(slices.Clone(owning), c.KeepAnnotations...))
	for _, g := range spec.Groups {
		for _, j := range g.Rules {
			l := rules.Loaded{
				File: fileOf(r), Kind: activity.RuleRecording, Name: j.Record, Expr: string(j.Expr), For: duration(j.For), KeepFiringFor: duration(j.KeepFiringFor),
				Labels: over(labels, g.Labels, j.Labels), Annotations: over(annotations, j.Annotations),
			}
			if j.Alert != "" {
				l.Kind, l.Name = activity.RuleAlert, j.Alert
			}
			if l.Name == "" || l.Expr == "" {
				bad++
				continue
			}
			found = append(found, l)
		}
	}
	return found, bad
}

// duration reads a duration as Prometheus writes them; one that is none is the operator's to refuse.
func duration(text string) time.Duration {
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0
	}
	return time.Duration(d)
}

// pick returns what a map has under the names.
func pick(from map[string]string, names []string) map[string]string {
	out := map[string]string{}
	for _, name := range names {
		if v, ok := from[name]; ok {
			out[name] = v
		}
	}
	return out
}

// over merges maps: a later one wins.
func over(maps ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}
