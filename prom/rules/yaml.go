package rules

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds on what a document may unfold to: aliases of aliases grow without end, and deep nesting uses up the stack.
const (
	maxDepth = 200
	maxNodes = 500_000

	textPerNode = 64 // bytes of a long text that weigh as much as a node
)

var (
	errDeep  = fmt.Errorf("it is nested more than %d levels deep", maxDepth)
	errLarge = fmt.Errorf("its aliases unfold to more than %d nodes", maxNodes)
)

// tree walks parsed YAML within the bounds. Its methods follow aliases.
type tree struct {
	visited int
	err     error // the first bound that was passed; what was read then is not all

	embedded bool // within the text of a ConfigMap
}

// parseYAML reads all documents of text. Unlike decoding it accepts duplicate keys, which templates leave behind.
func parseYAML(text string) (docs []*yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil { // the YAML library's own trouble with hostile text
			docs, err = nil, fmt.Errorf("yaml: %v", p)
		}
	}()
	if deepFlow(text) {
		return nil, errDeep
	}
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		n := &yaml.Node{}
		if err := d.Decode(n); err != nil {
			if errors.Is(err, io.EOF) {
				return docs, nil
			}
			return nil, err
		}
		docs = append(docs, n)
	}
}

// deepFlow reports brackets nested so deep that parsing them is slow.
func deepFlow(text string) bool {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '[', '{':
			if depth++; depth > 10*maxDepth {
				return true
			}
		case ']', '}', '\n':
			depth = max(depth-1, 0)
		}
	}
	return false
}

// visit resolves aliases and counts n. It returns nil for nothing, or where a bound is passed.
func (t *tree) visit(n *yaml.Node, depth int) *yaml.Node {
	for range maxDepth {
		if n == nil || n.Kind != yaml.AliasNode {
			break
		}
		n = n.Alias
	}
	if n == nil || n.Kind == yaml.AliasNode || t.err != nil {
		return nil
	}
	if t.visited += 1 + len(n.Value)/textPerNode; t.visited > maxNodes {
		t.err = errLarge
		return nil
	}
	if depth > maxDepth {
		t.err = errDeep
		return nil
	}
	return n
}

// pair is a key of a mapping and one of its values.
type pair struct {
	key   string
	line  int
	value *yaml.Node
}

// pairs returns the keys of a mapping in order, those of merge keys (<<) that it does not have itself at the end.
// Duplicate keys are all there.
func (t *tree) pairs(n *yaml.Node, depth int) []pair {
	n = t.visit(n, depth)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var own, merged []pair
	has := map[string]bool{}
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := t.visit(n.Content[i], depth+1)
		if k == nil || k.Kind != yaml.ScalarNode {
			continue
		}
		if k.Tag == "!!merge" || k.Value == "<<" {
			merges = append(merges, n.Content[i+1])
			continue
		}
		has[k.Value] = true
		own = append(own, pair{k.Value, k.Line, n.Content[i+1]})
	}
	for len(merges) > 0 {
		m := t.visit(merges[0], depth+1)
		merges = merges[1:]
		switch {
		case m == nil:
		case m.Kind == yaml.SequenceNode:
			t.visited += len(m.Content)
			merges = append(append([]*yaml.Node(nil), m.Content...), merges...)
		default:
			found := t.pairs(m, depth+1)
			for _, p := range found {
				if !has[p.key] {
					merged = append(merged, p)
				}
			}
			for _, p := range found {
				has[p.key] = true
			}
		}
	}
	return append(own, merged...)
}

// items returns what a sequence holds.
func (t *tree) items(n *yaml.Node, depth int) []*yaml.Node {
	n = t.visit(n, depth)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// text returns a scalar as text, whatever its type: true and "true" are the same. ok is false for anything else.
func (t *tree) text(n *yaml.Node, depth int) (s string, ok bool) {
	n = t.visit(n, depth)
	if n == nil || n.Kind != yaml.ScalarNode {
		return "", false
	}
	if n.Tag == "!!null" {
		return "", true
	}
	return strings.TrimSpace(decodeTemplates(n.Value)), true
}

// flat writes any value to b, which never fails, as one line whose equality means equal content.
func (t *tree) flat(b io.Writer, n *yaml.Node, depth int) {
	n = t.visit(n, depth)
	switch {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		put(b, "{")
		for _, p := range sortedPairs(t.pairs(n, depth)) {
			put(b, strconv.Quote(decodeTemplates(p.key)), ":")
			t.flat(b, p.value, depth+1)
			put(b, ",")
		}
		put(b, "}")
	case n.Kind == yaml.SequenceNode:
		put(b, "[")
		for _, item := range n.Content {
			t.flat(b, item, depth+1)
			put(b, ",")
		}
		put(b, "]")
	case n.Tag == "!!null":
	default:
		put(b, strconv.Quote(oneLine(decodeTemplates(n.Value))))
	}
}

func sortedPairs(pairs []pair) []pair {
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	return pairs
}

// put writes parts to b, a hash or a buffer, neither of which fails.
func put(b io.Writer, parts ...string) {
	for _, p := range parts {
		_, _ = io.WriteString(b, p)
	}
}

// oneLine folds white space: how a text is broken into lines says nothing.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// lineOf finds the line in an error of the YAML library, 0 if it does not say.
func lineOf(err error) int {
	if err == nil || errors.Is(err, errDeep) || errors.Is(err, errLarge) {
		return 0
	}
	var line int
	_, after, found := strings.Cut(err.Error(), "line ")
	if !found {
		return 0
	}
	if _, err := fmt.Sscanf(after, "%d", &line); err != nil {
		return 0
	}
	return line
}
