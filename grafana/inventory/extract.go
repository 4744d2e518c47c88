package inventory

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// maxDepth bounds how deep a dashboard's JSON is followed: rows in tabs in rows are some 20 deep.
const maxDepth = 100

// extractor finds the metrics that a dashboard uses, whatever the types of its panels: everything with an expression that stands
// in it, in rows, library panels, annotations and variables.
type extractor struct {
	fingerprint func(string) activity.Query
	sources     dataSources
	library     library

	vars    variables
	metrics map[string]bool
	used    map[string]int // library panels, with their versions
	texts   int            // that were parsed
}

// maxTexts bounds how many texts are parsed of one dashboard.
const maxTexts = 10_000

// read returns the names of metrics, sorted and never nil, and the library panels with the versions that were read.
func (x *extractor) read(raw []byte) ([]string, map[string]int, error) {
	var model map[string]any
	if err := json.Unmarshal(raw, &model); err != nil {
		return nil, nil, err
	}
	x.metrics, x.used = map[string]bool{}, map[string]int{}
	x.vars = readVariables(model)
	for _, v := range x.vars.queries {
		x.variable(v)
	}
	x.walk(model, place{}, 0)
	metrics := slices.Sorted(maps.Keys(x.metrics))
	if metrics == nil {
		metrics = []string{}
	}
	if len(x.used) == 0 {
		x.used = nil
	}
	return metrics, x.used, nil
}

// place is what an expression inherits from where it stands.
type place struct {
	source any    // as written
	kind   string // type of the data source, if it is written beside the query
}

// walk looks for expressions in v.
func (x *extractor) walk(v any, at place, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			x.walk(item, at, depth+1)
		}
	case map[string]any:
		at = at.within(v)
		if expr, ok := v["expr"].(string); ok && x.isPromQL(at) {
			x.expr(expr)
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			item := v[key]
			switch key {
			case "templating", "variables", "options", "fieldConfig":
			case "libraryPanel":
				x.shared(item, depth)
			default:
				x.walk(item, at, depth+1)
			}
		}
	}
}

// within is the place of what stands in an object.
func (p place) within(o map[string]any) place {
	if source, ok := o["datasource"]; ok {
		if text, _ := source.(string); source != nil && text != mixed {
			p = place{source: source}
		} else {
			p = place{}
		}
		if m, ok := source.(map[string]any); ok && m["uid"] == mixed {
			p = place{}
		}
	}
	// The second schema writes {kind: DataQuery, group: prometheus, spec: ...}, its first draft {kind: prometheus, spec: ...}.
	kind, _ := o["kind"].(string)
	group, _ := o["group"].(string)
	if spec, ok := o["spec"].(map[string]any); ok {
		_, asks := spec["expr"]
		switch {
		case kind == "DataQuery" && group != "":
			p.kind = group
		case asks && kind != "":
			p.kind = kind
		}
	}
	return p
}

// mixed stands where each query names its own data source.
const mixed = "-- Mixed --"

// shared looks into a library panel, each once.
func (x *extractor) shared(v any, depth int) {
	ref, _ := v.(map[string]any)
	uid, _ := ref["uid"].(string)
	if _, seen := x.used[uid]; seen {
		return
	}
	if p, ok := x.library[uid]; ok {
		x.used[uid] = p.version
		x.walk(p.model, place{}, depth+1)
	}
}

// isPromQL reports whether what stands at a place asks a data source that answers PromQL. What nobody knows may: it has an
// expression, which few others have.
func (x *extractor) isPromQL(at place) bool {
	if at.kind != "" {
		return answersPromQL(at.kind)
	}
	kind := x.kindOf(at.source)
	return kind == "" || answersPromQL(kind)
}

// kindOf returns the type of a data source as it is written: {type, uid}, {name}, a uid or name, a variable, or nothing. "" is
// unknown.
func (x *extractor) kindOf(source any) string {
	switch s := source.(type) {
	case nil:
		return x.sources.standard
	case string:
		if name, ok := variableName(s); ok {
			return x.vars.sources[name]
		}
		if s == "default" {
			return x.sources.standard
		}
		return x.sources.byName[s]
	case map[string]any:
		for _, key := range []string{"uid", "name"} {
			if text, ok := s[key].(string); ok && text != "" {
				if kind := x.kindOf(text); kind != "" {
					return kind
				}
			}
		}
		kind, _ := s["type"].(string)
		return kind
	}
	return ""
}

// expr adds the metrics of an expression. Where a variable stands for a name or a part of one, those that its values make count.
func (x *extractor) expr(text string) {
	for _, t := range x.vars.variants(text) {
		if x.texts++; x.texts > maxTexts {
			return
		}
		for _, name := range x.fingerprint(t).Metrics {
			if !strings.ContainsAny(name, "$[{") {
				x.metrics[name] = true
			}
		}
	}
}

// labelValues is a variable that lists the values of a label, of the series that a selector names.
var labelValues = regexp.MustCompile(`(?s)^\s*label_values\s*\((.*),[^,{}]*\)\s*$`)

// queryResult is a variable that lists what a query gives.
var queryResult = regexp.MustCompile(`(?s)^\s*query_result\s*\((.*)\)\s*$`)

// variable adds the metrics that a variable asks for.
func (x *extractor) variable(v variableQuery) {
	if !x.isPromQL(v.place) {
		return
	}
	text := v.text
	switch {
	case strings.HasPrefix(strings.TrimSpace(text), "label_names"), strings.HasPrefix(strings.TrimSpace(text), "metrics("):
		return
	case labelValues.MatchString(text):
		text = labelValues.FindStringSubmatch(text)[1]
	case strings.HasPrefix(strings.TrimSpace(text), "label_values"):
		return // of all series
	case queryResult.MatchString(text):
		text = queryResult.FindStringSubmatch(text)[1]
	}
	x.expr(text)
}

// variableName reads a text that is a variable alone: $name, ${name}, ${name:raw} or [[name]].
func variableName(text string) (string, bool) {
	m := wholeVariable.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return m[1] + m[2] + m[3], true
}

var wholeVariable = regexp.MustCompile(`^(?:\$(\w+)|\$\{(\w+)(?:[.:][^}]*)?\}|\[\[(\w+)(?::\w+)?\]\])$`)

// compact is JSON without white space, with keys in order.
func compact(v any) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return ""
	}
	return strings.TrimSpace(out.String())
}
