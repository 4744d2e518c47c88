package inventory

import (
	"regexp"
	"strings"
)

// variables are a dashboard's.
type variables struct {
	sources map[string]string   // those that choose a data source: its type
	values  map[string][]string // those whose values are known
	queries []variableQuery
}

// variableQuery is what a variable asks for its values.
type variableQuery struct {
	text string
	place
}

// readVariables reads templating.list, or variables of the second schema.
func readVariables(model map[string]any) variables {
	v := variables{sources: map[string]string{}, values: map[string][]string{}}
	templating, _ := model["templating"].(map[string]any)
	list, _ := templating["list"].([]any)
	if second, ok := model["variables"].([]any); ok {
		list = append(list, second...)
	}
	for _, item := range list {
		o, _ := item.(map[string]any)
		kind, _ := o["type"].(string)
		if spec, ok := o["spec"].(map[string]any); ok {
			kind, _ = o["kind"].(string) // QueryVariable, DatasourceVariable
			kind = strings.ToLower(strings.TrimSuffix(kind, "Variable"))
			o = spec
		}
		v.read(kind, o)
	}
	return v
}

func (v *variables) read(kind string, o map[string]any) {
	name, _ := o["name"].(string)
	switch kind {
	case "datasource":
		plugin, _ := o["pluginId"].(string)
		if plugin == "" {
			plugin, _ = o["query"].(string)
		}
		v.sources[name] = plugin
		return
	case "query":
		if text, at := variableText(o); text != "" {
			v.queries = append(v.queries, variableQuery{text, at})
		}
	}
	var values []string
	add := func(value any) {
		switch value := value.(type) {
		case string:
			values = append(values, value)
		case []any:
			for _, one := range value {
				if s, ok := one.(string); ok {
					values = append(values, s)
				}
			}
		}
	}
	if current, ok := o["current"].(map[string]any); ok {
		add(current["value"])
	}
	if options, ok := o["options"].([]any); ok {
		for _, item := range options {
			if option, ok := item.(map[string]any); ok {
				add(option["value"])
			}
		}
	}
	if text, ok := o["query"].(string); ok && (kind == "custom" || kind == "constant" || kind == "textbox") {
		for one := range strings.SplitSeq(text, ",") { // "key : value" in custom ones
			_, value, found := strings.Cut(one, " : ")
			if !found {
				value = one
			}
			values = append(values, strings.TrimSpace(value))
		}
	}
	v.values[name] = namesOnly(values)
}

// variableText returns what a variable asks: a text, an object with it, or a query of the second schema.
func variableText(o map[string]any) (string, place) {
	at := place{}.within(o)
	switch q := o["query"].(type) {
	case string:
		return q, at
	case map[string]any:
		at = at.within(q)
		if spec, ok := q["spec"].(map[string]any); ok {
			if kind, _ := q["kind"].(string); at.kind == "" && kind != "DataQuery" {
				at.kind = kind
			}
			q = spec
		}
		for _, key := range []string{"query", "expr", "__legacyStringValue"} {
			if text, ok := q[key].(string); ok && text != "" {
				return text, at
			}
		}
	}
	text, _ := o["definition"].(string)
	return text, at
}

// namePart is what may stand in the name of a metric.
var namePart = regexp.MustCompile(`^[a-zA-Z0-9_:]+$`)

// maxValues bounds how many values of a variable are tried.
const maxValues = 50

func namesOnly(values []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, v := range values {
		if namePart.MatchString(v) && !seen[v] && len(out) < maxValues {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// quoted is what stands in quotes or in brackets: matcher values and ranges, where variables are no names.
var quoted = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`|\\[\\[\\w+(?::\\w+)?\\]\\]|\\[[^\\[\\]]*\\]")

var variable = regexp.MustCompile(`\$(\w+)|\$\{(\w+)(?:[.:][^}]*)?\}|\[\[(\w+)(?::\w+)?\]\]`)

// maxVariants bounds how many texts one is made into.
const maxVariants = 100

// variants returns text itself, or the texts that the known values of the variables outside of quotes and ranges make of it.
func (v variables) variants(text string) []string {
	out := []string{text}
	for range 4 { // a name is rarely made of more variables than this
		name, written := v.named(out[0])
		if name == "" {
			break
		}
		var next []string
		for _, t := range out {
			for _, value := range v.values[name] {
				if len(next) < maxVariants {
					next = append(next, strings.ReplaceAll(t, written, value))
				}
			}
		}
		out = next
	}
	return out
}

// named returns the first variable of known values that stands outside of quotes and ranges, and how it is written.
func (v variables) named(text string) (name, written string) {
	bare := quoted.ReplaceAllStringFunc(text, func(part string) string {
		if strings.HasPrefix(part, "[[") {
			return part
		}
		return strings.Repeat(" ", len(part))
	})
	for _, m := range variable.FindAllStringSubmatch(bare, -1) {
		if name := m[1] + m[2] + m[3]; len(v.values[name]) > 0 {
			return name, m[0]
		}
	}
	return "", ""
}
