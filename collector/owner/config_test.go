package owner

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// identities are those of the people and networks in testdata/invalid.
var identities = regexp.MustCompile(`(?i)\b(alice|bob|eve)\b|10\.0\.0|2001:|::ffff`)

func TestValidate(t *testing.T) {
	paths, err := filepath.Glob("testdata/invalid/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c := parseOrganisation(t, section(a, "rules.yaml")).rules
		got := map[string]string{"errors": "", "warnings": ""}
		if err := c.Validate(); err != nil {
			got["errors"] = err.Error() + "\n"
		}
		for _, w := range c.Warnings() {
			got["warnings"] += w + "\n"
		}
		for i, f := range a.Files {
			want, ok := got[f.Name]
			if !ok {
				continue
			}
			if *update {
				a.Files[i].Data = []byte(want)
			} else if diff := cmp.Diff(string(f.Data), want); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", path, f.Name, diff)
			}
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, err = New(c, testKey, activity.Facts{})
		if (err != nil) != (got["errors"] != "") {
			t.Errorf("%s: New says %v", path, err)
		}
		// Messages end up in logs: they name people and addresses by position alone.
		for line := range strings.Lines(got["errors"] + got["warnings"]) {
			if secret := identities.FindString(line); secret != "" {
				t.Errorf("%s: message tells %q: %s", path, secret, line)
			}
		}
	}
}

func TestGoldenRulesAreValid(t *testing.T) {
	for _, path := range goldens(t) {
		if err := readGolden(t, path).org.rules.Validate(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestNames(t *testing.T) {
	c := Config{Teams: []Team{
		{Metrics: []string{`{__name__=~"a_.*",env!="test"}`, `b{namespace="x"}`, `{not a selector`}, RuleAnnotations: map[string]string{"team": "a"}},
		{Metrics: []string{`{namespace="y"}`}, RuleAnnotations: map[string]string{"support_group": "b", "team": "b"}},
	}}
	if diff := cmp.Diff([]string{"env", "namespace"}, c.LabelNames()); diff != "" {
		t.Errorf("label names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"support_group", "team"}, c.AnnotationNames()); diff != "" {
		t.Errorf("annotation names (-want +got):\n%s", diff)
	}
}

func TestDigestsAreSortedAndDifferent(t *testing.T) {
	c := Config{Teams: []Team{{Name: "a", Members: []Member{{Login: "alice"}}}, {Name: "b", Members: []Member{{Login: "ALICE"}}, Authors: []string{"alice"}}}}
	got := c.Digests(testKey)
	if len(got) != 5 { // login, author's name, e-mail, local part; and what every network client carries
		t.Errorf("got %d digests, want 5", len(got))
	}
	for i := 1; i < len(got); i++ {
		if got[i-1].String() >= got[i].String() {
			t.Errorf("digest %d is not after the one before", i)
		}
	}
}

func TestCouldMatch(t *testing.T) {
	types := []string{"grafana-log", "grafana-api", "rules-git", "prometheus-api", "prometheus-query-log", "mimir-query-stats"}
	for _, tt := range []struct {
		team   Team
		want   string
		people bool
	}{
		{Team{Members: []Member{{Login: "a"}}}, "grafana-log grafana-api rules-git mimir-query-stats", true},
		{Team{Authors: []string{"a"}}, "rules-git", true},
		{Team{Clients: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, "prometheus-query-log mimir-query-stats", true},
		{Team{Tenants: []string{"a"}}, "prometheus-api prometheus-query-log mimir-query-stats", false},
		{Team{Metrics: []string{"a"}}, "rules-git prometheus-api prometheus-query-log mimir-query-stats", false},
		{Team{RulePaths: []string{"a"}}, "rules-git prometheus-api", false},
		{Team{Folders: []string{"a"}}, "", false},
	} {
		var got []string
		for _, typ := range types {
			if tt.team.CouldMatch(typ) {
				got = append(got, typ)
			}
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" || tt.team.HasPeople() != tt.people {
			t.Errorf("%+v: people %v (-want +got):\n%s", tt.team, tt.team.HasPeople(), diff)
		}
	}
}
