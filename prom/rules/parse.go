package rules

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

// file is what one version of a file says.
type file struct {
	rules      []rule
	goals      []goal
	held       map[goalID]bool // goals written so that they can't be read: neither changed nor removed
	unreadable *problem        // why nothing at all could be read; nil if it could
	problems   []problem       // what could not be read beside that
}

// problem is something that can't be read, for the log.
type problem struct {
	line int // 0 if not known
	why  string
}

// rule is one rule as written.
type rule struct {
	ruleID
	exprs       []string // one; more if a template's branches each have one
	labels      map[string]string
	annotations map[string]string
	rest        sum // of everything but exprs
	all         sum // of everything: equal content is equal here, but not the reverse, as exprs are compared as written
	seen        *seen
}

// seen is what is known of a rule that an API told of, instead of exprs.
type seen struct {
	sketch  prom.Sketch
	metrics []string
}

// ruleID is what a rule is known by.
type ruleID struct {
	kind activity.RuleKind
	name string
}

type sum [16]byte

// looksLikeRules tells a file that should hold rules or goals from the other YAML files in a repository.
var looksLikeRules = regexp.MustCompile(`(?m)^[ \t-]*["']?(alert|record|groups|goals)["']?[ \t]*:`)

// parseFile reads rules and goals of a file. It never fails: what it can't read is in unreadable and problems.
func parseFile(data []byte) *file {
	text := strings.TrimPrefix(strings.ToValidUTF8(string(data), "\uFFFD"), "\uFEFF")
	if !looksLikeRules.MatchString(text) {
		return &file{}
	}
	docs, err := parseYAML(encodeTemplates(text))
	if err != nil && strings.Contains(text, "{{") {
		// The text may be YAML as it is: templates of Prometheus alone.
		if asWritten, again := parseYAML(text); again == nil {
			docs, err = asWritten, nil
		}
	}
	if err != nil {
		return &file{unreadable: &problem{lineOf(err), err.Error()}}
	}
	f := &file{}
	t := &tree{}
	for _, doc := range docs {
		for _, top := range doc.Content { // a document has one
			t.findGroups(f, top, 0)
			t.goals(f, top)
		}
	}
	if t.err != nil {
		return &file{unreadable: &problem{0, t.err.Error()}}
	}
	return f
}

// findGroups looks for lists of rule groups wherever they are: on top (Prometheus, Mimir, Loki), in spec
// (PrometheusRule), in items (lists of resources), in the values of a chart, or in the text of a ConfigMap.
func (t *tree) findGroups(f *file, n *yaml.Node, depth int) {
	n = t.visit(n, depth)
	if n == nil {
		return
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			t.findGroups(f, item, depth+1)
		}
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			if n.Content[i-1].Value == "groups" {
				for _, g := range t.items(n.Content[i], depth+1) {
					t.group(f, g, depth+2)
				}
				continue
			}
			t.findGroups(f, n.Content[i], depth+1)
		}
	case yaml.ScalarNode:
		// A text within a text is not looked into: depth says that this one is the file's own.
		if t.embedded || !strings.Contains(n.Value, "\n") || !looksLikeRules.MatchString(n.Value) {
			return
		}
		docs, err := parseYAML(encodeTemplates(decodeTemplates(n.Value)))
		if err != nil {
			f.problems = append(f.problems, problem{n.Line, "rules in a text: " + err.Error()})
			return
		}
		t.embedded = true
		for _, doc := range docs {
			for _, top := range doc.Content {
				t.findGroups(f, top, depth+1)
			}
		}
		t.embedded = false
	}
}

// group reads the rules of a group. Its name, interval and place say nothing about a rule; its labels do.
func (t *tree) group(f *file, n *yaml.Node, depth int) {
	pairs := t.pairs(n, depth)
	labels := map[string][]string{}
	for _, p := range pairs {
		if p.key == "labels" {
			t.texts(labels, p.value, depth+1)
		}
	}
	for _, p := range pairs {
		if p.key != "rules" {
			continue
		}
		for _, item := range t.items(p.value, depth+1) {
			if r, ok := t.rule(item, labels, depth+2); ok {
				f.rules = append(f.rules, r)
			}
		}
	}
}

// rule reads one rule. ok is false if n is none, such as a rule that Grafana provisions.
func (t *tree) rule(n *yaml.Node, groupLabels map[string][]string, depth int) (r rule, ok bool) {
	labels := map[string][]string{}
	own := map[string][]string{}
	annotations := map[string][]string{}
	var rest []string // lines that, sorted, are equal for equal rules
	for _, p := range t.pairs(n, depth) {
		text, isText := t.text(p.value, depth+1)
		switch {
		case (p.key == "alert" || p.key == "record") && isText:
			if r.name == "" {
				r.kind, r.name = activity.RuleKind(p.key), oneLine(text)
			}
		case p.key == "expr" && isText:
			r.exprs = append(r.exprs, text)
		case p.key == "labels" && !isText:
			t.texts(own, p.value, depth+1)
		case p.key == "annotations" && !isText:
			t.texts(annotations, p.value, depth+1)
		case (p.key == "for" || p.key == "keep_firing_for") && isText:
			if d := duration(text); d != "" {
				rest = append(rest, p.key+" "+d)
			}
		default:
			h := sha256.New()
			t.flat(h, p.value, depth+1)
			if isText && text == "" {
				continue // labels: with nothing in it
			}
			rest = append(rest, fmt.Sprintf("%q %x", p.key, h.Sum(nil)))
		}
	}
	if r.name == "" {
		return rule{}, false
	}
	maps.Copy(labels, groupLabels)
	maps.Copy(labels, own)
	r.labels, r.annotations = lastOf(labels), lastOf(annotations)
	r.seal(labels, annotations, rest)
	return r, true
}

// seal computes the sums of r. rest is what it has beside labels, annotations and exprs.
func (r *rule) seal(labels, annotations map[string][]string, rest []string) {
	for k, v := range labels {
		rest = append(rest, fmt.Sprintf("label %q %q", k, v))
	}
	for k, v := range annotations {
		rest = append(rest, fmt.Sprintf("annotation %q %q", k, v))
	}
	slices.Sort(rest)
	h := sha256.New()
	for _, line := range rest {
		put(h, line, "\n")
	}
	r.rest = sumOf(h)
	for _, e := range r.exprs {
		put(h, "expr ", e, "\n")
	}
	r.all = sumOf(h)
}

// texts adds the scalar values of a mapping to m; a key that a template's branches repeat has several.
func (t *tree) texts(m map[string][]string, n *yaml.Node, depth int) {
	for _, p := range t.pairs(n, depth) {
		text, isText := t.text(p.value, depth+1)
		if !isText {
			var b strings.Builder
			t.flat(&b, p.value, depth+1)
			text = b.String()
		}
		if key := decodeTemplates(p.key); text != "" {
			m[key] = append(m[key], oneLine(text))
		}
	}
}

// lastOf keeps of each key the value that YAML without templates would.
func lastOf(m map[string][]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = v[len(v)-1]
	}
	return out
}

// duration writes a duration so that equal ones are equal; nothing for none.
func duration(text string) string {
	d, err := model.ParseDuration(text)
	switch {
	case err != nil:
		return oneLine(text)
	case d == 0:
		return ""
	}
	return d.String()
}

func sumOf(h hash.Hash) (s sum) {
	copy(s[:], h.Sum(nil))
	return s
}
