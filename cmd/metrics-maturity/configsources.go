package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/prom/api"
)

// lokiConfig is a source whose lines are in Loki.
type lokiConfig struct {
	httpclient.Config
	Query             string
	Lookback, Overlap time.Duration
}

// sourceConfig is one entry of sources:, with its paths resolved.
type sourceConfig struct {
	Name, Type     string
	Files          []string // of a log, one of Files, Loki and Kubernetes
	Loki           *lokiConfig
	Kubernetes     *kubernetesConfig
	GrafanaClients []netip.Prefix
	HTTP           httpclient.Config // of an API
	RulesFrom      api.RulesFrom     // of typePrometheusAPI
	Repository     string
	// CredentialsFile has the line https://user:token@host, as git's store of credentials has; SSHKeyFile a private key.
	CredentialsFile, SSHKeyFile string
	Ref                         string
	Paths                       []string
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
		s, err := resolveSource(path, line, at, f)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}

func resolveSource(path string, line int, at string, f sourceFile) (sourceConfig, error) {
	s := sourceConfig{Name: f.Name.Text, Type: f.Type.Text}
	kind, err := typeOf(at, s.Type)
	if err != nil {
		return s, err
	}
	allowed := kind.takes()
	for _, field := range f.given() {
		if !slices.Contains(allowed, field) {
			return s, usageErrorf("%s: a source of type %s has no %s\nhint: it takes %s", at, s.Type, field, strings.Join(allowed, ", "))
		}
	}
	if kind.log != nil {
		if s, err = s.withLines(path, line, at, f); err != nil {
			return s, err
		}
	}
	switch s.Type {
	case typeRulesGit:
		return s.withRepository(path, at, f)
	case typePrometheusAPI:
		return s.withPrometheus(path, line, f)
	case typeRulesKubernetes:
		s.Kubernetes, err = resolveResources(path, line, "source "+s.Name, f.Kubernetes)
		return s, err
	case typeGrafanaAPI:
		s.HTTP, err = resolveHTTP(path, line, "source "+s.Name, f.httpFile)
		return s, err
	}
	s.GrafanaClients, err = prefixes(path, fmt.Sprintf("grafana_clients of source %s", s.Name), f.GrafanaClients)
	return s, err
}

func (s sourceConfig) withPrometheus(path string, line int, f sourceFile) (sourceConfig, error) {
	var err error
	if s.HTTP, err = resolveHTTP(path, line, "source "+s.Name, f.httpFile); err != nil {
		return s, err
	}
	s.RulesFrom = api.RulesFrom(f.RulesFrom.Text)
	known := []string{string(api.RulesLoaded), string(api.RulesMimir), string(api.RulesNone)}
	if f.RulesFrom.Line > 0 && !slices.Contains(known, f.RulesFrom.Text) {
		return s, usageErrorf("%s:%d: rules_from of source %s: %q is no place to ask for rules\nhint: %s", path, f.RulesFrom.Line, s.Name, f.RulesFrom.Text, suggest(f.RulesFrom.Text, known))
	}
	return s, nil
}

// withLines reads where the lines of a log are.
func (s sourceConfig) withLines(path string, line int, at string, f sourceFile) (sourceConfig, error) {
	named := slices.DeleteFunc(f.given(), func(field string) bool { return !slices.Contains(transports, field) })
	switch {
	case len(named) == 0, len(named) == 1 && named[0] == "files" && len(f.Files) == 0:
		return s, usageErrorf("%s has no files\nhint: name them as a list of patterns, as in files: [\"logs/*.log*\"], or say where else the lines are: loki or kubernetes", at)
	case len(named) > 1:
		return s, usageErrorf("%s has both %s\nhint: a log is read from one place: make a source of each", at, strings.Join(named, " and "))
	}
	var err error
	switch named[0] {
	case "loki":
		s.Loki, err = resolveLoki(path, line, fmt.Sprintf("loki of source %s", s.Name), f.Loki)
	case "kubernetes":
		s.Kubernetes, err = resolveKubernetes(path, line, fmt.Sprintf("kubernetes of source %s", s.Name), f.Kubernetes)
	default:
		s.Files, err = filePatterns(path, s.Name, f.Files)
	}
	return s, err
}

func filePatterns(path, source string, words []word) ([]string, error) {
	var patterns []string
	for _, w := range words {
		pattern := relative(filepath.Dir(path), w.Text)
		if w.Text == "" || !doublestar.ValidatePathPattern(pattern) {
			return nil, usageErrorf("%s:%d: sources (%s): %q is not a file pattern\nhint: close every [ and {, as in logs/*.{log,log.gz}", path, w.Line, source, w.Text)
		}
		patterns = append(patterns, pattern)
	}
	return patterns, nil
}

func resolveLoki(path string, line int, of string, f *lokiFile) (*lokiConfig, error) {
	c := &lokiConfig{Query: f.Query.Text}
	var err error
	if c.Config, err = resolveHTTP(path, line, of, f.httpFile); err != nil {
		return nil, err
	}
	if err := lines.CheckLogQL(f.Query.Text); err != nil {
		return nil, usageErrorf("%s:%d: query of %s: %w", path, max(line, f.Query.Line), of, err)
	}
	for _, d := range []struct {
		name string
		word word
		into *time.Duration
	}{{"lookback", f.Lookback, &c.Lookback}, {"overlap", f.Overlap, &c.Overlap}} {
		if d.word.Line == 0 {
			continue
		}
		if *d.into, err = parseDuration(d.word.Text); err != nil {
			return nil, usageErrorf("%s:%d: %s of %s: %w", path, d.word.Line, d.name, of, err)
		}
	}
	return c, nil
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
	for _, file := range []struct {
		key  string
		word word
		to   *string
	}{{"credentials_file", f.Credentials, &s.CredentialsFile}, {"ssh_key_file", f.SSHKey, &s.SSHKeyFile}} {
		if file.word.Line == 0 {
			continue
		}
		if !strings.Contains(s.Repository, ":") {
			return s, usageErrorf("%s:%d: sources (%s): %s is for a repository that is a URL\nhint: leave it out for a folder", path, file.word.Line, s.Name, file.key)
		}
		*file.to = relative(filepath.Dir(path), file.word.Text)
	}
	for _, w := range f.Paths {
		if !doublestar.ValidatePattern(w.Text) {
			return s, usageErrorf("%s:%d: sources (%s): %q is not a path pattern\nhint: close every [ and {, as in **/*.{yml,yaml}", path, w.Line, s.Name, w.Text)
		}
		s.Paths = append(s.Paths, w.Text)
	}
	return s, nil
}

// typeOf finds the type of a source.
func typeOf(at, name string) (sourceType, error) {
	if kind, ok := sourceTypes()[name]; ok {
		return kind, nil
	}
	types := typeNames()
	if name == "" {
		return sourceType{}, usageErrorf("%s has no type\nhint: known are %s", at, strings.Join(types, ", "))
	}
	return sourceType{}, usageErrorf("%s: unknown type %q\nhint: %s", at, name, suggest(name, types))
}

// given lists the fields that are set, beside name and type.
func (f sourceFile) given() []string {
	set := f.httpFile.given()
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"files", f.Files != nil},
		{"loki", f.Loki != nil},
		{"kubernetes", f.Kubernetes != nil},
		{"grafana_clients", f.GrafanaClients != nil},
		{"rules_from", f.RulesFrom.Line > 0},
		{"repository", f.Repository.Line > 0},
		{"credentials_file", f.Credentials.Line > 0},
		{"ssh_key_file", f.SSHKey.Line > 0},
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
