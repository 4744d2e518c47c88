package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// meaning is what a rule does, in the parts that its changes are told by.
type meaning struct {
	exprs  []string // queries and expressions, each with the name that the others call it
	limits string   // what values are compared with
	other  string
}

// meaning reads a version of a rule. How often it is evaluated, where it is shown and how its editor looks mean nothing.
func (r rule) meaning() meaning {
	var m meaning
	var limits []any
	for _, q := range r.Queries {
		model := q.Model
		if isExpression(q.Source) {
			var found []any
			model, found = withoutLimits(model)
			limits = append(limits, found...)
		}
		text, isText := model["expr"].(string)
		if !isText {
			text, isText = model["expression"].(string)
			if kind, _ := model["type"].(string); kind != "math" {
				isText = false
			}
		}
		if !isText {
			text = compact(meaningful(model))
		}
		m.exprs = append(m.exprs, q.RefID+"\x00"+q.Source+"\x00"+text)
	}
	m.limits = compact(limits)
	m.other = compact([]any{r.Title, r.Record, r.Condition, r.Labels, r.Notes, r.Behaviour})
	return m
}

// meaningful is a query's model without what Grafana adds to each.
func meaningful(model map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range model {
		switch key {
		case "intervalMs", "maxDataPoints", "refId", "hide", "datasource", "legendFormat", "editorMode", "range", "instant", "format", "key":
		default:
			out[key] = value
		}
	}
	return out
}

// withoutLimits takes the numbers that a threshold or a classic condition compares with out of an expression.
func withoutLimits(model map[string]any) (rest map[string]any, limits []any) {
	conditions, _ := model["conditions"].([]any)
	if len(conditions) == 0 {
		return model, nil
	}
	rest = map[string]any{}
	for key, value := range model {
		rest[key] = value
	}
	var kept []any
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		one := map[string]any{}
		for key, value := range condition {
			if evaluator, ok := value.(map[string]any); ok && (key == "evaluator" || key == "unloadEvaluator") {
				limits = append(limits, evaluator["params"])
				value = evaluator["type"]
			}
			// Who reduces, and over which query, is written in full by the editor and left out by scripts.
			if key == "evaluator" || key == "query" || key == "reducer" || key == "operator" {
				one[key] = value
			}
		}
		kept = append(kept, one)
	}
	rest["conditions"] = kept
	return rest, limits
}

// change tells what was changed between two versions of a rule; "" is nothing that means anything.
func (o *orgRun) change(before, after rule) string {
	was, is := before.meaning(), after.meaning()
	detail := ""
	if len(was.exprs) != len(is.exprs) {
		return activity.RuleExprChanged
	}
	for i := range was.exprs {
		a, b := strings.SplitN(was.exprs[i], "\x00", 3), strings.SplitN(is.exprs[i], "\x00", 3)
		if a[0] != b[0] || a[1] != b[1] {
			return activity.RuleExprChanged
		}
		switch d := o.Diff(a[2], b[2]); d {
		case activity.RuleExprChanged:
			return d
		case activity.RuleThresholdChanged:
			detail = d
		}
	}
	switch {
	case detail != "":
		return detail
	case was.limits != is.limits:
		return activity.RuleThresholdChanged
	case was.other != is.other:
		return activity.RuleOtherChanged
	}
	return ""
}

// remember is what is kept of a rule until it is read again.
func (o *orgRun) remember(r rule, fact activity.Rule) *ruleCursor {
	m := r.meaning()
	return &ruleCursor{
		Version: r.Version, Kind: string(fact.Kind), Name: fact.Name,
		Expr: o.digest(m.exprs...), Limits: o.digest(m.limits), Other: o.digest(m.other),
		Fact: o.digest(append(slices.Clone(fact.Folders), compact([]any{fact.Metrics, fact.Labels, fact.Annotations}))...),
	}
}

// changeOf tells what was changed since a rule was remembered. A threshold within an expression can't be told from the rest of it.
func (c *ruleCursor) changeOf(now *ruleCursor) string {
	switch {
	case c.Expr != now.Expr:
		return activity.RuleExprChanged
	case c.Limits != now.Limits:
		return activity.RuleThresholdChanged
	case c.Other != now.Other:
		return activity.RuleOtherChanged
	}
	return ""
}

// ruleEvents returns what was done to a rule since it was remembered as before, nil if it is new.
func (o *orgRun) ruleEvents(ctx context.Context, r rule, before, now *ruleCursor) ([]activity.Event, error) {
	if o.known.RulesRead.IsZero() || before != nil && before.Version == now.Version && before.changeOf(now) == "" {
		return nil, nil // the baseline, or only its folder has another name
	}
	if r.Version > 0 {
		versions, err := o.ruleVersions(ctx, r.UID)
		if err == nil && len(versions) > 0 {
			return o.versionEvents(versions, before), nil
		}
		if err != nil && !refused(err) && !absent(err) {
			return nil, err
		}
	}
	// No versions are told, as by Grafana 11.4 and earlier: there is the difference to what is remembered.
	if o.now.Sub(o.known.RulesRead) > gap {
		return nil, nil
	}
	detail := activity.RuleAdded
	if before != nil {
		detail = before.changeOf(now)
	}
	if detail == "" {
		return nil, nil
	}
	return []activity.Event{o.ruleEvent(r, detail)}, nil
}

// ruleVersions returns all versions of a rule that Grafana keeps, oldest first.
func (o *orgRun) ruleVersions(ctx context.Context, uid string) ([]rule, error) {
	var nodes []rulerNode
	if err := o.get(ctx, callHistory, fmt.Sprintf("/api/ruler/grafana/api/v1/rule/%s/versions", uid), nil, &nodes); err != nil {
		return nil, err
	}
	var versions []rule
	for _, n := range nodes {
		if r, ok := n.rule(); ok {
			versions = append(versions, r)
		}
	}
	slices.SortFunc(versions, func(a, b rule) int { return a.Version - b.Version })
	return versions, nil
}

// versionEvents compares each version with the one before it.
func (o *orgRun) versionEvents(versions []rule, before *ruleCursor) []activity.Event {
	var events []activity.Event
	for i, v := range versions {
		since := time.Time{}
		if before == nil {
			since = o.known.RulesRead.Add(-clockSkew)
		}
		if before != nil && v.Version <= before.Version || v.Updated.Before(since) {
			continue
		}
		detail := activity.RuleAdded
		switch {
		case i > 0:
			detail = o.change(versions[i-1], v)
		case v.Version > 1:
			detail = activity.RuleOtherChanged // the version before it is kept no longer
		}
		if detail != "" {
			events = append(events, o.ruleEvent(v, detail))
		}
	}
	return events
}

// ruleEvent is an act on a rule, in the version that it made.
func (o *orgRun) ruleEvent(r rule, detail string) activity.Event {
	_, name := r.name()
	e := activity.Event{Time: r.Updated, Kind: activity.KindRule, Scope: o.scope, Subject: name, Detail: detail}
	if e.Time.IsZero() || e.Time.After(o.now) {
		e.Time = o.now
	}
	if r.UpdatedBy != nil {
		e.Who, e.Robot = author(o.users.login(r.UpdatedBy.UID))
	}
	if r.Provenance == "file" || r.Provenance != "" && e.Who.IsZero() {
		e.Robot = activity.RobotProvisioning
	}
	return e
}
