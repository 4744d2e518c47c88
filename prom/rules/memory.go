package rules

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

// Loaded is a rule as a server that has loaded it tells of it.
type Loaded struct {
	File                string // rule file or namespace, as the server calls it
	Kind                activity.RuleKind
	Name                string
	Expr                string
	For, KeepFiringFor  time.Duration
	Labels, Annotations map[string]string // the group's labels included
}

// Memory is what is remembered of a server's rules between two looks at them, since no server says when a rule changed. It holds no
// text of an expression. It is written as JSON; the zero Memory has seen nothing.
type Memory struct {
	Rules []remembered `json:"rules,omitempty"`
}

type remembered struct {
	File        string            `json:"file"`
	Kind        activity.RuleKind `json:"kind"`
	Name        string            `json:"name"`
	Sketch      prom.Sketch       `json:"sketch"`
	Rest        []byte            `json:"rest"` // sum of everything but the expression
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Metrics     []string          `json:"metrics,omitempty"`
}

// Look compares the rules of a look at a server with those of the last, as two versions of its files: what moved between files is no
// change. It returns what changed as events at that time, with the facts that are new, and remembers the rules. scope is what
// files are in, as in "prom" for "prom:payments.yml"; keep names the annotations that owner rules use.
func (m *Memory) Look(at time.Time, scope string, loaded []Loaded, keep []string) ([]activity.Event, []activity.Rule) {
	k := &facts{fingerprints: prom.NewFingerprinter(nil), annotations: toKeep(keep), repository: scope}
	before := m.versions()
	m.Rules = make([]remembered, 0, len(loaded))
	for i := range loaded {
		m.Rules = append(m.Rules, loaded[i].remember(k))
	}
	after := m.versions()
	var events []activity.Event
	for _, ch := range diffRules(before, after) {
		events = append(events, activity.Event{Time: at, Kind: activity.KindRule, Scope: k.scope(ch.path), Subject: ch.name, Detail: ch.detail})
	}
	return events, k.ruleFacts(at, before, after)
}

// Recorded are the names of the metrics that the remembered rules record.
func (m *Memory) Recorded() map[string]bool {
	names := map[string]bool{}
	for _, r := range m.Rules {
		if r.Kind == activity.RuleRecording {
			names[r.Name] = true
		}
	}
	return names
}

// remember reduces a rule to what is kept of it.
func (l *Loaded) remember(k *facts) remembered {
	var sealed rule
	var rest []string
	for name, d := range map[string]time.Duration{"for": l.For, "keep_firing_for": l.KeepFiringFor} {
		if d != 0 {
			rest = append(rest, name+" "+d.String())
		}
	}
	sealed.seal(lists(l.Labels), lists(l.Annotations), rest)
	return remembered{
		File: l.File, Kind: l.Kind, Name: oneLine(l.Name), Sketch: prom.SketchOf(l.Expr), Rest: sealed.rest[:],
		Labels: impersonal(l.Labels), Annotations: k.kept(l.Annotations), Metrics: k.fingerprints.Query(l.Expr).Metrics,
	}
}

func lists(texts map[string]string) map[string][]string {
	out := make(map[string][]string, len(texts))
	for k, v := range texts {
		out[k] = []string{v}
	}
	return out
}

// versions are the remembered files, in order of their names.
func (m *Memory) versions() []version {
	files := map[string]*file{}
	for i := range m.Rules {
		r := &m.Rules[i]
		if files[r.File] == nil {
			files[r.File] = &file{}
		}
		files[r.File].rules = append(files[r.File].rules, r.rule())
	}
	var out []version
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out = append(out, version{name, files[name]})
	}
	return out
}

func (m *remembered) rule() rule {
	r := rule{
		ruleID: ruleID{m.Kind, m.Name}, labels: m.Labels, annotations: m.Annotations, seen: &seen{m.Sketch, m.Metrics},
	}
	copy(r.rest[:], m.Rest)
	r.all = m.sum()
	return r
}

// sum is equal for rules that mean the same.
func (m *remembered) sum() sum {
	h := sha256.New()
	form := m.Sketch.Form
	if form == 0 {
		form = m.Sketch.Tokens
	}
	_, _ = fmt.Fprintf(h, "%x %x", m.Rest, form)
	return sumOf(h)
}
