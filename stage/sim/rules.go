package sim

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// rulesTree is the work tree of the rules repository.
type rulesTree struct {
	files map[string]*ruleFile
	style int // how expressions are laid out; reformatting changes it
	notes int // comments changed so far
}

// ruleFile is a file of rules or, if it has goals, of goals.
type ruleFile struct {
	team     string
	resource bool // a PrometheusRule resource rather than a plain rule file
	rules    []rule
	goals    []goal
}

type rule struct {
	record, alert string
	expr          string  // an alert's without its threshold
	threshold     float64 // of an alert: it fires above
}

type goal struct {
	name, query, start, due, result string
}

// metric is a metric that a team makes: a recording rule.
type metric struct {
	name, expr, question string
}

// alertOf is an alert that every team has, and the question to ask before changing it.
type alertOf struct {
	name, question string
	threshold      float64
}

func alertsOf(t *team) []alertOf {
	n, title := t.name, title(t.name)
	return []alertOf{
		{title + "ErrorsHigh", "sum(rate(" + n + "_errors_total[5m])) / sum(rate(" + n + "_requests_total[5m]))", 0.02},
		{title + "Slow", "histogram_quantile(0.99, sum by (le) (rate(" + n + "_request_duration_seconds_bucket[5m])))", 0.8},
		{title + "QueueDeep", "max by (queue) (" + n + "_queue_depth)", 1000},
	}
}

// questions are what a team is curious about.
func questions(t *team) []string {
	n := t.name
	return []string{
		"sum by (handler) (rate(" + n + "_requests_total[5m]))",
		"topk(5, sum by (pod) (rate(" + n + "_errors_total{code=~\"5..\"}[10m])))",
		"max(" + n + "_queue_depth)",
		"sum(increase(" + n + "_requests_total{handler=\"/api/v2\"}[1d]))",
		"avg by (instance) (" + n + "_open_connections)",
		n + ":requests:rate5m",
	}
}

func projectQuestion(t *team, p *project) string {
	return "histogram_quantile(0.95, sum by (le) (rate(" + t.name + "_" + p.noun + "_duration_seconds_bucket[1d])))"
}

// newMetric names the next metric of a team that was missing until now.
func (t *team) newMetric() metric {
	what := []string{"refund", "login", "lookup", "export", "webhook", "retry", "cache", "batch", "upload", "notify", "session", "report"}
	n := t.made
	t.made++
	thing := what[n%len(what)]
	if n >= len(what) {
		thing += strconv.Itoa(n/len(what) + 1)
	}
	raw := t.name + "_" + thing
	m := metric{name: t.name + ":" + thing + "_failures:ratio_rate5m", expr: "sum(rate(" + raw + "_failures_total[5m])) / sum(rate(" + raw + "_total[5m]))"}
	if n%3 == 1 {
		m = metric{name: t.name + ":" + thing + "_duration:p95", expr: "histogram_quantile(0.95, sum by (le) (rate(" + raw + "_duration_seconds_bucket[5m])))"}
	}
	m.question = "max_over_time(" + m.name + "[1h])"
	return m
}

func (r *rulesTree) file(t *team, name string) *ruleFile {
	path := t.name + "/" + name
	f := r.files[path]
	if f == nil {
		f = &ruleFile{team: t.name, resource: t.index%2 == 1 && name != "goals.yaml"}
		r.files[path] = f
	}
	return f
}

// found gives a team the rules that everybody starts with.
func (r *rulesTree) found(t *team) {
	f := r.file(t, "slo.yaml")
	f.rules = append(f.rules, rule{record: t.name + ":requests:rate5m", expr: "sum(rate(" + t.name + "_requests_total[5m]))"})
	for _, a := range alertsOf(t) {
		f.rules = append(f.rules, rule{alert: a.name, expr: a.question, threshold: a.threshold})
	}
}

func (r *rulesTree) record(t *team, m metric) {
	f := r.file(t, "recording.yaml")
	f.rules = append(f.rules, rule{record: m.name, expr: m.expr})
}

func (r *rulesTree) alertOn(t *team, m metric) {
	f := r.file(t, "recording.yaml")
	f.rules = append(f.rules, rule{alert: title(t.name) + "Odd" + strconv.Itoa(len(f.rules)), expr: m.name, threshold: 0.1})
}

// threshold multiplies the threshold of one of the alerts that every team has.
func (r *rulesTree) threshold(t *team, alert int, factor float64) {
	a := &r.file(t, "slo.yaml").rules[1+alert]
	old := a.threshold
	a.threshold = math.Round(a.threshold*factor*1e4) / 1e4
	if first := alertsOf(t)[alert].threshold; a.threshold == old || a.threshold > 100*first || a.threshold < first/100 {
		a.threshold = first // back to where it began
		if a.threshold == old {
			a.threshold = 2 * first
		}
	}
}

func (r *rulesTree) goal(t *team, g goal) {
	f := r.file(t, "goals.yaml")
	f.goals = append(f.goals, g)
}

func (r *rulesTree) result(t *team, name string) {
	for i, g := range r.file(t, "goals.yaml").goals {
		if g.name == name {
			r.file(t, "goals.yaml").goals[i].result = "p95 at " + strconv.Itoa(60+len(name)) + " % of the baseline"
		}
	}
}

func (r *rulesTree) reformat() { r.style++ }

// touch changes a comment in every file: what bots do.
func (r *rulesTree) touch() { r.notes++ }

// paths lists the files in order.
func (r *rulesTree) paths() []string { return slices.Sorted(maps.Keys(r.files)) }

// render writes a file as it lies in the repository.
func (r *rulesTree) render(f *ruleFile) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# rules of team %s, schema %d\n", f.team, r.notes)
	if len(f.goals) > 0 {
		b.WriteString("goals:\n")
		for _, g := range f.goals {
			fmt.Fprintf(&b, "  - team: %s\n    name: %s\n    query: %s\n    baseline: p95 today\n    target: half of it\n    start: %s\n    due: %s\n",
				f.team, g.name, quoteYAML(g.query), g.start, g.due)
			if g.result != "" {
				fmt.Fprintf(&b, "    result: %s\n", quoteYAML(g.result))
			}
		}
		return b.String()
	}
	indent := ""
	if f.resource {
		fmt.Fprintf(&b, "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: %s\n  namespace: %s\nspec:\n", f.team, f.team)
		indent = "  "
	}
	fmt.Fprintf(&b, "%sgroups:\n%s  - name: %s\n%s    rules:\n", indent, indent, f.team, indent)
	for _, rule := range f.rules {
		r.renderRule(&b, rule, f.team, indent+"      ")
	}
	return b.String()
}

func (r *rulesTree) renderRule(b *strings.Builder, rule rule, team, indent string) {
	expr := rule.expr
	if rule.alert != "" {
		expr += " > " + strconv.FormatFloat(rule.threshold, 'f', -1, 64)
		fmt.Fprintf(b, "%s- alert: %s\n", indent, rule.alert)
	} else {
		fmt.Fprintf(b, "%s- record: %s\n", indent, rule.record)
	}
	switch r.style % 3 {
	case 0:
		fmt.Fprintf(b, "%s  expr: %s\n", indent, quoteYAML(expr))
	case 1:
		fmt.Fprintf(b, "%s  expr: |\n%s    %s\n", indent, indent, strings.ReplaceAll(expr, " / ", "\n"+indent+"    /\n"+indent+"    "))
	default:
		fmt.Fprintf(b, "%s  expr: >-\n%s    %s\n", indent, indent, expr)
	}
	if rule.alert != "" {
		fmt.Fprintf(b, "%s  for: 10m\n", indent)
	}
	fmt.Fprintf(b, "%s  labels:\n%s    team: %s\n", indent, indent, team)
	if rule.alert != "" {
		fmt.Fprintf(b, "%s    severity: %s\n", indent, cmp.Or(map[bool]string{true: "page"}[strings.HasSuffix(rule.alert, "High")], "ticket"))
	}
}

func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
