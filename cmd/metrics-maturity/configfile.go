package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file is the configuration as it is written. Lists and maps are read from here, because viper lowercases the keys
// of maps and splits them at dots; single settings are read through viper, so that the environment and flags can
// override them (see settings).
type file struct {
	Timezone   word                `yaml:"timezone"`
	Store      storeFile           `yaml:"store"`
	Lease      leaseFile           `yaml:"lease"`
	Sources    []sourceFile        `yaml:"sources"`
	Teams      []teamFile          `yaml:"teams"`
	TeamsFrom  []word              `yaml:"teams_from"`
	Automation automationFile      `yaml:"automation"`
	Stages     map[string]ruleFile `yaml:"stages"`
	Privacy    privacyFile         `yaml:"privacy"`
	Export     exportFile          `yaml:"export"`
	Serve      serveFile           `yaml:"serve"`
}

type storeFile struct {
	URL          word `yaml:"url"`
	PasswordFile word `yaml:"password_file"`
}

type sourceFile struct {
	Name           word            `yaml:"name"`
	Type           word            `yaml:"type"`
	Files          []word          `yaml:"files"`
	Loki           *lokiFile       `yaml:"loki"`
	Kubernetes     *kubernetesFile `yaml:"kubernetes"`
	httpFile       `yaml:",inline"`
	GrafanaClients []word `yaml:"grafana_clients"`
	RulesFrom      word   `yaml:"rules_from"`
	Repository     word   `yaml:"repository"`
	Credentials    word   `yaml:"credentials_file"`
	SSHKey         word   `yaml:"ssh_key_file"`
	Ref            word   `yaml:"ref"`
	Paths          []word `yaml:"paths"`
}

type lokiFile struct {
	httpFile `yaml:",inline"`
	Query    word `yaml:"query"`
	Lookback word `yaml:"lookback"`
	Overlap  word `yaml:"overlap"`
}

type leaseFile struct {
	Name       word `yaml:"name"`
	Namespace  word `yaml:"namespace"`
	Wait       word `yaml:"wait"`
	Kubeconfig word `yaml:"kubeconfig"`
}

type kubernetesFile struct {
	Namespace  word `yaml:"namespace"`
	Selector   word `yaml:"selector"`
	Container  word `yaml:"container"`
	Kubeconfig word `yaml:"kubeconfig"`
	Timeout    word `yaml:"timeout"`
}

type teamFile struct {
	Name         word           `yaml:"name"`
	Members      []memberFile   `yaml:"members"`
	Authors      []word         `yaml:"authors"`
	GrafanaTeams []word         `yaml:"grafana_teams"`
	Folders      []word         `yaml:"folders"`
	Dashboards   []word         `yaml:"dashboards"`
	Rules        ownedRulesFile `yaml:"rules"`
	Metrics      []word         `yaml:"metrics"`
	Clients      []word         `yaml:"clients"`
	Tenants      []word         `yaml:"tenants"`
}

// memberFile is a login alone, or one with the dates between which it belongs to the team.
type memberFile struct {
	Login word `yaml:"login"`
	From  word `yaml:"from"`
	To    word `yaml:"to"`
}

// UnmarshalYAML reads either form.
func (m *memberFile) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&m.Login)
	}
	type plain memberFile // without this method
	return n.Decode((*plain)(m))
}

type ownedRulesFile struct {
	Paths       []word          `yaml:"paths"`
	Labels      map[string]word `yaml:"labels"`
	Annotations map[string]word `yaml:"annotations"`
}

type automationFile struct {
	Logins  []word `yaml:"logins"`
	Authors []word `yaml:"authors"`
	Clients []word `yaml:"clients"`
}

type ruleFile struct {
	Enter  word `yaml:"enter"`
	Leave  word `yaml:"leave"`
	Window word `yaml:"window"`
}

type privacyFile struct {
	HashKeyFile     word   `yaml:"hash_key_file"`
	OldHashKeyFiles []word `yaml:"old_hash_key_files"`
	ActorRetention  word   `yaml:"actor_retention"`
	MinTeamSize     word   `yaml:"min_team_size"`
}

type exportFile struct {
	Pushgateway pushgatewayFile `yaml:"pushgateway"`
	RemoteWrite remoteWriteFile `yaml:"remote_write"`
	Textfile    word            `yaml:"textfile"`
	Dashboards  dashboardsFile  `yaml:"dashboards"`
}

type dashboardsFile struct {
	Limit word `yaml:"limit"`
}

// pushgatewayFile is an address alone, or one with what is needed to reach it.
type pushgatewayFile struct {
	httpFile `yaml:",inline"`
	Job      word            `yaml:"job"`
	Labels   map[string]word `yaml:"labels"`
}

// UnmarshalYAML reads either form.
func (p *pushgatewayFile) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&p.URL)
	}
	type plain pushgatewayFile // without this method
	return n.Decode((*plain)(p))
}

type remoteWriteFile struct {
	httpFile `yaml:",inline"`
	Labels   map[string]word `yaml:"labels"`
}

type serveFile struct {
	Listen     word `yaml:"listen"`
	Interval   word `yaml:"interval"`
	WebConfig  word `yaml:"web_config"`
	GrafanaURL word `yaml:"grafana_url"`
}

// word is a single value of the file as written, with the line that a complaint about it names.
type word struct {
	Text string
	Line int
}

// UnmarshalYAML keeps the text whatever YAML takes it for: a login may be 007, a label value true.
func (w *word) UnmarshalYAML(n *yaml.Node) error { //nolint:unparam // as yaml.Unmarshaler says
	w.Text, w.Line = n.Value, n.Line
	return nil
}

// parseFile reads a configuration strictly: every key must be known. path is for messages.
func parseFile(path string, text []byte) (*file, error) {
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, unreadable(path, err)
	}
	f := &file{}
	if doc.Kind == 0 { // empty, or nothing but comments
		return f, nil
	}
	s := &shape{path: path}
	if err := s.check(&doc, reflect.TypeFor[file](), "", ""); err != nil {
		return nil, err
	}
	if err := doc.Decode(f); err != nil {
		return nil, unreadable(path, err)
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, usageErrorf("%s: more than one YAML document\nhint: put everything into one, without a line of ---", path)
	}
	return f, nil
}

// unreadable says of an error of the YAML parser where it is, the way other messages do.
func unreadable(path string, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if line, what, ok := strings.Cut(strings.TrimPrefix(text, "line "), ": "); ok && strings.HasPrefix(text, "line ") {
		path, text = path+":"+line, what
	}
	return usageErrorf("%s: not readable as YAML: %s\nhint: check indentation, quotes and brackets there", path, text)
}

// shape compares a document with the types that it is to be decoded into, and says of the first difference where it is.
type shape struct {
	path    string
	merges  int // that the value being looked at lies in
	aliases int // the same
	shared  int // values that aliases have led to
}

// maxShared is how many values aliases may lead to: thousands of teams that share hundreds of entries. Lists of lists of aliases would have no end.
const maxShared = 1_000_000

// check walks n, which stands at key (dotted) in a thing called name, if it has one.
func (s *shape) check(n *yaml.Node, t reflect.Type, key, name string) error {
	if n.Kind == yaml.AliasNode {
		s.aliases++
		defer func() { s.aliases-- }()
		n = n.Alias
	}
	if s.aliases > 0 {
		s.shared++
	}
	if s.shared > maxShared {
		return usageErrorf("%s:%d: aliases repeat more than %d values\nhint: share less: name a value where it is used, rather than lists of aliases of aliases", s.path, n.Line, maxShared)
	}
	if n.Kind == yaml.DocumentNode {
		return s.check(n.Content[0], t, key, name)
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil // "teams:" with nothing after it is as good as left out
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[word]():
		if n.Kind != yaml.ScalarNode {
			return s.wrong(n, key, name, "a single value")
		}
		return nil
	case n.Kind == yaml.ScalarNode && (t == reflect.TypeFor[memberFile]() || t == reflect.TypeFor[pushgatewayFile]()):
		return nil
	case t.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return s.wrong(n, key, name, "a list")
		}
		for i, item := range n.Content {
			if err := s.check(item, t.Elem(), fmt.Sprintf("%s[%d]", key, i), nameOf(item, name)); err != nil {
				return err
			}
		}
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return s.wrong(n, key, name, "keys with values")
	}
	return s.checkKeys(n, t, key, name)
}

// checkKeys walks a mapping: t is a struct, whose keys are known, or a map, whose keys are free.
func (s *shape) checkKeys(n *yaml.Node, t reflect.Type, key, name string) error {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Tag == "!!merge" {
			if err := s.checkMerge(v, t, key, name); err != nil {
				return err
			}
			continue
		}
		if k.Kind != yaml.ScalarNode {
			return usageErrorf("%s:%d: a key in %s is not a plain word", s.path, k.Line, place(key, name))
		}
		if line, twice := seen[k.Value]; twice {
			return usageErrorf("%s:%d: key %q in %s is already on line %d\nhint: keep one of the two",
				s.path, k.Line, k.Value, place(key, name), line)
		}
		seen[k.Value] = k.Line
		of, known := fieldOf(t, k.Value)
		if !known {
			return usageErrorf("%s:%d: unknown key %q in %s\nhint: %s",
				s.path, k.Line, k.Value, place(key, name), suggest(k.Value, keysOf(t)))
		}
		if err := s.check(v, of, join(key, k.Value), name); err != nil {
			return err
		}
	}
	return nil
}

// checkMerge walks what "<<" brings in: one mapping, or a list of them.
func (s *shape) checkMerge(n *yaml.Node, t reflect.Type, key, name string) error {
	const deep = 20 // a mapping may be merged into itself
	if s.merges++; s.merges > deep {
		return usageErrorf("%s:%d: %s is merged more than %d deep\nhint: name the shared values once, and merge them where they are used", s.path, n.Line, place(key, name), deep)
	}
	defer func() { s.merges-- }()
	if n.Kind != yaml.SequenceNode {
		return s.check(n, t, key, name)
	}
	for _, part := range n.Content {
		if err := s.check(part, t, key, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *shape) wrong(n *yaml.Node, key, name, want string) error {
	found := map[yaml.Kind]string{yaml.ScalarNode: "a single value", yaml.SequenceNode: "a list", yaml.MappingNode: "keys with values"}[n.Kind]
	hint := "\nhint: see the example of a configuration in README.md"
	switch {
	case want == "a list" && n.Kind == yaml.ScalarNode:
		hint = "\nhint: write it as a list: put it between [ and ]"
	case key == "teams" || key == "sources":
		hint = fmt.Sprintf("\nhint: start each entry with a dash:\nhint:   %s:\nhint:     - name: ...", key)
	}
	return usageErrorf("%s:%d: %s must be %s, found %s%s", s.path, n.Line, place(key, name), want, found, hint)
}

// nameOf is the value of the key "name" in n, by which a person knows an entry of a list.
func nameOf(n *yaml.Node, outer string) string {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "name" && n.Content[i+1].Kind == yaml.ScalarNode {
			return n.Content[i+1].Value
		}
	}
	return outer
}

func place(key, name string) string {
	switch {
	case key == "":
		return "the configuration"
	case name != "":
		return fmt.Sprintf("%s (%s)", key, name)
	}
	return key
}

func join(key, sub string) string {
	if key == "" {
		return sub
	}
	return key + "." + sub
}

// fieldOf is the type of what stands at key: of a field of a struct, or of the values of a map.
func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	if t.Kind() == reflect.Map {
		return t.Elem(), true
	}
	for f := range t.Fields() {
		if f.Tag.Get("yaml") == key {
			return f.Type, true
		}
		if f.Anonymous {
			if of, known := fieldOf(f.Type, key); known {
				return of, true
			}
		}
	}
	return nil, false
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		if f.Anonymous {
			keys = append(keys, keysOf(f.Type)...)
			continue
		}
		keys = append(keys, f.Tag.Get("yaml"))
	}
	return keys
}

// suggest is the hint for a word that is none of the known ones: the nearest of them, or all.
func suggest(got string, known []string) string {
	best, least := "", max(len(got)/2, 2)+1
	for _, k := range known {
		if d := distance(strings.ToLower(got), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	known = slices.Sorted(slices.Values(known))
	return "known are " + strings.Join(known, ", ")
}

// distance is how many letters must be added, dropped or changed to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
