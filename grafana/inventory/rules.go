package inventory

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// rule is a Grafana-managed alert or recording rule, in one of its versions.
type rule struct {
	UID        string
	Title      string
	Version    int // 0 where Grafana tells none
	Updated    time.Time
	UpdatedBy  *userRef
	Folder     string // uid
	Queries    []ruleQuery
	Condition  string
	Record     string // the metric that it records; empty for an alert
	Labels     map[string]string
	Notes      map[string]string
	Behaviour  []any // all else that it does: how long it waits, whether it is paused ...
	Provenance string
}

// userRef is somebody by id.
type userRef struct {
	UID string `json:"uid"`
}

// ruleQuery is one query or expression of a rule.
type ruleQuery struct {
	RefID  string         `json:"refId"`
	Source string         `json:"datasourceUid"`
	Model  map[string]any `json:"model"`
}

// rulerNode is how the ruler API writes a rule.
type rulerNode struct {
	For         any               `json:"for"`
	KeepFiring  any               `json:"keep_firing_for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Rule        *struct {
		UID        string      `json:"uid"`
		Title      string      `json:"title"`
		Version    int         `json:"version"`
		Updated    time.Time   `json:"updated"`
		UpdatedBy  *userRef    `json:"updated_by"`
		Folder     string      `json:"namespace_uid"`
		Condition  string      `json:"condition"`
		Data       []ruleQuery `json:"data"`
		NoData     string      `json:"no_data_state"`
		ExecErr    string      `json:"exec_err_state"`
		Paused     bool        `json:"is_paused"`
		Provenance string      `json:"provenance"`
		Record     *struct {
			Metric string `json:"metric"`
		} `json:"record"`
	} `json:"grafana_alert"`
}

func (n rulerNode) rule() (rule, bool) {
	a := n.Rule
	if a == nil || !plain(a.UID) {
		return rule{}, false // a data source's own rule
	}
	r := rule{
		UID: a.UID, Title: a.Title, Version: a.Version, Updated: a.Updated, UpdatedBy: a.UpdatedBy, Folder: a.Folder, Queries: a.Data, Condition: a.Condition,
		Labels: n.Labels, Notes: n.Annotations, Behaviour: []any{n.For, n.KeepFiring, a.NoData, a.ExecErr, a.Paused}, Provenance: a.Provenance,
	}
	if a.Record != nil {
		r.Record = a.Record.Metric
	}
	return r, true
}

// provisioned is how the provisioning API writes a rule: without version and author.
type provisioned struct {
	UID         string            `json:"uid"`
	Title       string            `json:"title"`
	Updated     time.Time         `json:"updated"`
	Folder      string            `json:"folderUID"`
	Condition   string            `json:"condition"`
	Data        []ruleQuery       `json:"data"`
	For         any               `json:"for"`
	KeepFiring  any               `json:"keep_firing_for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	NoData      string            `json:"noDataState"`
	ExecErr     string            `json:"execErrState"`
	Paused      bool              `json:"isPaused"`
	Provenance  string            `json:"provenance"`
	Record      *struct {
		Metric string `json:"metric"`
	} `json:"record"`
}

func (p provisioned) rule() (rule, bool) {
	r := rule{
		UID: p.UID, Title: p.Title, Updated: p.Updated, Folder: p.Folder, Queries: p.Data, Condition: p.Condition, Labels: p.Labels, Notes: p.Annotations,
		Behaviour: []any{p.For, p.KeepFiring, p.NoData, p.ExecErr, p.Paused}, Provenance: p.Provenance,
	}
	if p.Record != nil {
		r.Record = p.Record.Metric
	}
	return r, plain(p.UID)
}

// listRules returns the rules of the organisation.
func (o *orgRun) listRules(ctx context.Context) ([]rule, error) {
	var all []rule
	var byFolder map[string][]struct {
		Rules []rulerNode `json:"rules"`
	}
	err := o.get(ctx, callRules, "/api/ruler/grafana/api/v1/rules", nil, &byFolder)
	if err == nil {
		for _, name := range slices.Sorted(maps.Keys(byFolder)) {
			for _, group := range byFolder[name] {
				for _, n := range group.Rules {
					if r, ok := n.rule(); ok {
						all = append(all, r)
					}
				}
			}
		}
		return all, nil
	}
	if !refused(err) && !absent(err) {
		return nil, err
	}
	var list []provisioned
	if err := o.get(ctx, callRules, "/api/v1/provisioning/alert-rules", nil, &list); err != nil {
		return nil, err
	}
	for _, p := range list {
		if r, ok := p.rule(); ok {
			all = append(all, r)
		}
	}
	return all, nil
}

// readRules saves the rules that have changed, and who changed what.
func (o *orgRun) readRules(ctx context.Context) error {
	all, err := o.listRules(ctx)
	if absent(err) {
		return nil // alerting is off
	}
	if err != nil {
		return err
	}
	var (
		batch activity.Batch
		mu    sync.Mutex
	)
	now := make(map[string]*ruleCursor, len(all))
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(o.limit())
	for _, r := range all {
		folders, err := o.climb(ctx, r.Folder, "")
		if err != nil {
			return err
		}
		fact := o.fact(r, folders)
		known := o.remember(r, fact)
		before := o.known.Rules[r.UID]
		now[r.UID] = known
		if before != nil && *before == *known {
			continue
		}
		g.Go(func() error {
			events, err := o.ruleEvents(within, r, before, known)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			batch.Events = append(batch.Events, events...)
			batch.Rules = append(batch.Rules, fact)
			if before != nil && (before.Name != known.Name || before.Kind != known.Kind) {
				batch.Rules = append(batch.Rules, activity.Rule{From: fact.From, Scope: o.scope, Kind: activity.RuleKind(before.Kind), Name: before.Name, UID: r.UID, Removed: true})
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	o.removed(now, &batch)
	o.known.Rules, o.known.RulesRead = now, o.now
	return o.keep(batch)
}

// removed tells of the rules that are there no longer. Who removed them no API tells.
func (o *orgRun) removed(now map[string]*ruleCursor, batch *activity.Batch) {
	for _, uid := range slices.Sorted(maps.Keys(o.known.Rules)) {
		if _, still := now[uid]; still {
			continue
		}
		gone := o.known.Rules[uid]
		batch.Rules = append(batch.Rules, activity.Rule{From: o.now, Scope: o.scope, Kind: activity.RuleKind(gone.Kind), Name: gone.Name, UID: uid, Removed: true})
		if o.now.Sub(o.known.RulesRead) <= gap {
			batch.Events = append(batch.Events, activity.Event{Time: o.now, Kind: activity.KindRule, Scope: o.scope, Subject: gone.Name, Detail: activity.RuleRemoved})
		}
	}
}

// name is what a rule is known by: the metric that it records, or its title.
func (r rule) name() (activity.RuleKind, string) {
	if r.Record != "" {
		return activity.RuleRecording, r.Record
	}
	return activity.RuleAlert, r.Title
}

// fact is what is kept of a rule.
func (o *orgRun) fact(r rule, folders []string) activity.Rule {
	kind, name := r.name()
	f := activity.Rule{From: r.Updated, Scope: o.scope, Kind: kind, Name: name, UID: r.UID, Folders: folders, Labels: impersonal(r.Labels, nil), Annotations: impersonal(r.Notes, append([]string{"team", "support_group", "service"}, o.KeepAnnotations...))}
	if f.From.IsZero() {
		f.From = o.now
	}
	f.Metrics = []string{}
	for _, q := range r.Queries {
		if expr, ok := q.Model["expr"].(string); ok && o.isPromQL(q.Source) {
			f.Metrics = append(f.Metrics, o.Fingerprint(expr).Metrics...)
		}
	}
	slices.Sort(f.Metrics)
	f.Metrics = slices.Compact(f.Metrics)
	return f
}

func (o *orgRun) isPromQL(uid string) bool {
	kind := o.sources.byName[uid]
	return kind == "" && !isExpression(uid) || answersPromQL(kind)
}

// isExpression reports whether a query is one of Grafana's own expressions, over the results of others.
func isExpression(source string) bool { return source == "__expr__" || source == "-100" }

// impersonal leaves out what may be somebody's address, and of other names than those that are wanted, unless that is nil.
func impersonal(pairs map[string]string, wanted []string) map[string]string {
	var out map[string]string
	for name, value := range pairs {
		if strings.Contains(value, "@") || wanted != nil && !slices.Contains(wanted, name) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = value
	}
	return out
}
