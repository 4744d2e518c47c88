package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Types of sources that this version reads.
const (
	typeGrafanaLog         = "grafana-log"
	typePrometheusQueryLog = "prometheus-query-log"
	typeRulesGit           = "rules-git"
)

// sourceConfig is one entry of sources:, with its paths resolved.
type sourceConfig struct {
	Name, Type     string
	Files          []string
	GrafanaClients []netip.Prefix
	Repository     string
	Ref            string
	Paths          []string
}

func resolveSources(path string, files []sourceFile) ([]sourceConfig, error) {
	var sources []sourceConfig
	first := map[string]int{}
	for i, f := range files {
		line := max(f.Name.Line, f.Type.Line)
		at := fmt.Sprintf("%s:%d: sources[%d]", path, line, i)
		if f.Name.Text == "" {
			return nil, usageErrorf("%s has no name\nhint: give it one that no other source has; it becomes a label of metrics", at)
		}
		at += fmt.Sprintf(" (%s)", f.Name.Text)
		if strings.ContainsFunc(f.Name.Text, isControl) {
			return nil, usageErrorf("%s:%d: sources[%d]: the name %q holds a control character\nhint: names are shown in terminals and pages: keep them plain", path, line, i, f.Name.Text)
		}
		if j, twice := first[f.Name.Text]; twice {
			return nil, usageErrorf("%s: sources[%d] has the same name\nhint: names of sources must differ: days and cursors are kept by name", at, j)
		}
		first[f.Name.Text] = i
		s, err := resolveSource(path, at, f)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}

func resolveSource(path, at string, f sourceFile) (sourceConfig, error) {
	s := sourceConfig{Name: f.Name.Text, Type: f.Type.Text}
	allowed, err := fieldsOf(at, s.Type)
	if err != nil {
		return s, err
	}
	for _, field := range f.given() {
		if slices.Contains(allowed, field) {
			continue
		}
		if field == "loki" || field == "kubernetes" {
			return s, usageErrorf("%s: this version can't read from %s\nhint: name log files under files:", at, field)
		}
		return s, usageErrorf("%s: a source of type %s has no %s\nhint: it takes %s", at, s.Type, field, strings.Join(allowed, ", "))
	}
	if s.Type == typeRulesGit {
		return s.withRepository(path, at, f)
	}
	if len(f.Files) == 0 {
		return s, usageErrorf("%s has no files\nhint: name them as a list of patterns, as in files: [\"logs/*.log*\"]", at)
	}
	for _, w := range f.Files {
		pattern := relative(filepath.Dir(path), w.Text)
		if w.Text == "" || !doublestar.ValidatePathPattern(pattern) {
			return s, usageErrorf("%s:%d: sources (%s): %q is not a file pattern\nhint: close every [ and {, as in logs/*.{log,log.gz}", path, w.Line, s.Name, w.Text)
		}
		s.Files = append(s.Files, pattern)
	}
	s.GrafanaClients, err = prefixes(path, fmt.Sprintf("grafana_clients of source %s", s.Name), f.GrafanaClients)
	return s, err
}

func (s sourceConfig) withRepository(path, at string, f sourceFile) (sourceConfig, error) {
	if f.Repository.Text == "" {
		return s, usageErrorf("%s has no repository\nhint: name a folder or an address that git can clone", at)
	}
	s.Repository, s.Ref = f.Repository.Text, f.Ref.Text
	if !strings.Contains(s.Repository, ":") { // neither https://host/path nor git@host:path
		s.Repository = relative(filepath.Dir(path), s.Repository)
	}
	if strings.HasPrefix(s.Repository, "-") || strings.HasPrefix(s.Ref, "-") {
		return s, usageErrorf("%s: repository and ref can't start with a dash", at)
	}
	for _, w := range f.Paths {
		if !doublestar.ValidatePattern(w.Text) {
			return s, usageErrorf("%s:%d: sources (%s): %q is not a path pattern\nhint: close every [ and {, as in **/*.{yml,yaml}", path, w.Line, s.Name, w.Text)
		}
		s.Paths = append(s.Paths, w.Text)
	}
	return s, nil
}

// fieldsOf lists what a source of a type may say.
func fieldsOf(at, kind string) ([]string, error) {
	now := map[string][]string{
		typeGrafanaLog:         {"files"},
		typePrometheusQueryLog: {"files", "grafana_clients"},
		typeRulesGit:           {"repository", "ref", "paths"},
	}
	if fields, ok := now[kind]; ok {
		return fields, nil
	}
	types := []string{typeGrafanaLog, typePrometheusQueryLog, typeRulesGit}
	switch kind {
	case "":
		return nil, usageErrorf("%s has no type\nhint: known are %s", at, strings.Join(types, ", "))
	case "grafana-usage-insights", "mimir-query-stats", "grafana-api", "prometheus-api":
		return nil, usageErrorf("%s: this version can't read sources of type %s\nhint: remove this source; %s can be read", at, kind, strings.Join(types, ", "))
	}
	return nil, usageErrorf("%s: unknown type %q\nhint: %s", at, kind, suggest(kind, types))
}

// given lists the fields that are set, beside name and type.
func (f sourceFile) given() []string {
	var set []string
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"files", f.Files != nil},
		{"loki", f.Loki != nil},
		{"kubernetes", f.Kubernetes != nil},
		{"url", f.URL.Line > 0},
		{"token_file", f.TokenFile.Line > 0},
		{"grafana_clients", f.GrafanaClients != nil},
		{"repository", f.Repository.Line > 0},
		{"ref", f.Ref.Line > 0},
		{"paths", f.Paths != nil},
	} {
		if field.set {
			set = append(set, field.name)
		}
	}
	return set
}

func grafanaClients(sources []sourceConfig) map[string][]netip.Prefix {
	clients := map[string][]netip.Prefix{}
	for _, s := range sources {
		if s.GrafanaClients != nil {
			clients[s.Name] = s.GrafanaClients
		}
	}
	return clients
}

// prefixes reads networks; an address alone is a network of one.
func prefixes(path, of string, words []word) ([]netip.Prefix, error) {
	var nets []netip.Prefix
	for _, w := range words {
		net, err := netip.ParsePrefix(w.Text)
		if err != nil {
			addr, err := netip.ParseAddr(w.Text)
			if err != nil {
				return nil, usageErrorf("%s:%d: %s: %q is not a network\nhint: write it as 10.1.2.0/24 or 10.1.2.3", path, w.Line, of, w.Text)
			}
			net = netip.PrefixFrom(addr, addr.BitLen())
		}
		low := 8
		if net.Addr().Is6() && !net.Addr().Is4In6() {
			low = 32
		}
		if net.Bits() < low {
			return nil, usageErrorf("%s:%d: %s: %s is too wide\nhint: addresses are kept as hashes of their networks from /8 (IPv6: /32) on", path, w.Line, of, w.Text)
		}
		nets = append(nets, net.Masked())
	}
	return nets, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
