package main

import (
	"fmt"
	"strings"
	"testing"
)

// aliased is a list of n aliases of name.
func aliased(name string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat("*"+name+", ", n), ", ") + "]"
}

// doubling is entries of teams that each merge the one before nine times over: the last would be merged 9^levels times.
func doubling(levels int) string {
	var b strings.Builder
	b.WriteString("teams:\n  - &a0 {name: a, members: [b]}\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "  - &a%d {<<: %s}\n", i, aliased(fmt.Sprintf("a%d", i-1), 9))
	}
	return b.String()
}

// TestConfigBombs: a small file that stands for a huge one is refused before anything is made of it.
func TestConfigBombs(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"merges of merges":  {doubling(18), "bomb.yaml:2: aliases repeat more than 1000000 values"},
		"aliases of a list": {"teams:\n  - &t {name: a, members: [" + strings.Repeat("b, ", 20_000) + "b]}\n" + strings.Repeat("  - *t\n", 20_000), "bomb.yaml:2: aliases repeat more than 1000000 values"},
		"a list in itself":  {"teams: &a [*a]\n", "bomb.yaml:1: teams[0] must be keys with values, found a list"},
		"a merge in itself": {"teams:\n  - &a\n    <<: *a\n", "bomb.yaml:3: teams[0] is merged more than 20 deep"},
		"laughs":            {"x: &a [lol]\ny: &b " + aliased("a", 9) + "\nteams: " + aliased("b", 9) + "\n", `bomb.yaml:1: unknown key "x"`},
		"deep brackets":     {"teams: " + strings.Repeat("[", 100_000), "bomb.yaml: not readable as YAML: exceeded max depth of 10000"},
		"deep indentation":  {strings.Repeat("- ", 100_000), "bomb.yaml: not readable as YAML: exceeded max depth of 10000"},
		"deep blocks":       {"teams: " + strings.Repeat("{a: ", 100_000), "bomb.yaml: not readable as YAML: exceeded max depth of 10000"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseFile("bomb.yaml", []byte(tt.text))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || !strings.Contains(err.Error(), "\nhint: ") || exitCode(err) != exitUsage {
				t.Errorf("error is %v", err)
			}
		})
	}
}
