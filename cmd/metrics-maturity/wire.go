package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/grafana/inventory"
	"github.com/metrics-maturity/metrics-maturity/prom"
	"github.com/metrics-maturity/metrics-maturity/prom/api"
	"github.com/metrics-maturity/metrics-maturity/prom/resources"
	"github.com/metrics-maturity/metrics-maturity/prom/rules"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// makeKey is the command that makes a hash key, for the hint to those who have none.
func makeKey(file string) string {
	return fmt.Sprintf("head -c 32 /dev/urandom | base64 > %[1]s && chmod 600 %[1]s", file)
}

// minKeyLength is below what a key could be guessed.
const minKeyLength = 16

// hashKey reads the key that hashes people's names, and those which did so formerly.
func (c *config) hashKey() (activity.Key, error) {
	key, err := c.currentKey()
	if err != nil {
		return key, err
	}
	var former []activity.Key
	for _, file := range c.Privacy.OldHashKeyFiles {
		k, err := readKey("old hash key file", file)
		if err != nil {
			return key, err
		}
		former = append(former, k)
	}
	return key.After(former...), nil
}

// currentKey reads the key from the environment, else from its file.
func (c *config) currentKey() (activity.Key, error) {
	if c.Privacy.HashKey != "" {
		return newKey(envHashKey, []byte(c.Privacy.HashKey))
	}
	file := c.Privacy.HashKeyFile
	if file == "" {
		return activity.Key{}, usageErrorf("%s: no hash key: privacy.hash_key_file is not set\nhint: make one: %s\n"+
			"hint: and name it: privacy: {hash_key_file: key}", c.Path, makeKey(filepath.Join(filepath.Dir(c.Path), "key")))
	}
	return readKey("hash key file", file)
}

func readKey(what, file string) (activity.Key, error) {
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && what != "hash key file":
		return activity.Key{}, usageErrorf("%s %s does not exist\nhint: put it back, or leave it out of privacy.old_hash_key_files if nobody in the store is hashed with it any more", what, file)
	case errors.Is(err, fs.ErrNotExist):
		return activity.Key{}, usageErrorf("%s %s does not exist\nhint: make it: %s", what, file, makeKey(file))
	case err != nil:
		return activity.Key{}, usageErrorf("%s: %w\nhint: let this user read it", what, err)
	}
	return newKey(what+" "+file, bytes.TrimSpace(text))
}

func newKey(where string, secret []byte) (activity.Key, error) {
	if len(secret) < minKeyLength {
		return activity.Key{}, usageErrorf("%s is too short: %d bytes, at least %d are needed\nhint: make a new one: %s", where, len(secret), minKeyLength, makeKey("key"))
	}
	return activity.NewKey(secret), nil
}

// desk is an opened configuration: what every command that touches data works with.
type desk struct {
	*config
	key      activity.Key
	store    *store.Store
	readOnly bool         // nothing is to be written to the store
	lease    *store.Lease // of the work that is done; nil for none
	log      *slog.Logger
}

// openDesk opens the store of c. A command that only reads does not create one.
func openDesk(ctx context.Context, c *config, readOnly bool, log *slog.Logger) (*desk, error) {
	key, err := c.hashKey()
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, c.StoreURL, store.Options{Key: key, Timezone: c.Owner.Location.String(), ReadOnly: readOnly, PasswordFile: c.StoreFile, Cache: c.Memory.cache()})
	switch {
	case errors.Is(err, store.ErrKey), errors.Is(err, store.ErrTimezone), errors.Is(err, store.ErrMissing), errors.Is(err, store.ErrVersion):
		return nil, asUsage(err)
	case err != nil:
		return nil, err
	}
	return &desk{config: c, key: s.Key(), store: s, readOnly: readOnly, log: log}, nil
}

// close keeps err, and else reports what closing said.
func (d *desk) close(err *error) {
	*err = errors.Join(*err, d.store.Close())
}

// owners returns the owner rules with what is known of Grafana's teams, and with the teams that Grafana has, that rules name by a
// label, or that CODEOWNERS files name (teams_from). Teams that are typed out win.
func (d *desk) owners(ctx context.Context) (owner.Config, activity.Facts, error) {
	return d.ownersBy(ctx, d.store.Facts)
}

// ownersToCollect is owners without what is known of queries, if no team claims metrics: then it does not tell whose an act is.
func (d *desk) ownersToCollect(ctx context.Context) (owner.Config, activity.Facts, error) {
	if len(d.Owner.Selectors()) == 0 {
		return d.ownersBy(ctx, d.store.FactsButQueries)
	}
	return d.owners(ctx)
}

// loader reads facts from the store, those of actors for digests only.
type loader func(ctx context.Context, digests []activity.Digest) (activity.Facts, error)

func (d *desk) ownersBy(ctx context.Context, load loader) (owner.Config, activity.Facts, error) {
	memberships, err := d.store.Memberships(ctx)
	if err != nil {
		return d.Owner, activity.Facts{}, err
	}
	o := d.Owner.WithGrafanaTeams(memberships, d.TeamsFrom.FromGrafana)
	facts, err := load(ctx, o.Digests(d.key))
	if err != nil {
		return o, facts, err
	}
	o = o.WithRuleLabels(d.TeamsFrom.RuleLabels, facts.Rules)
	if d.TeamsFrom.FromCodeowners {
		o = o.WithCodeowners(facts.Codeowners)
	}
	return o, facts, nil
}

// buildSources makes a source for the collector out of each configured one. This is the list of what can be read. Snapshots are of now.
func (d *desk) buildSources(log *slog.Logger, now func() time.Time) []collector.Source {
	var sources []collector.Source
	for _, s := range d.Sources {
		log := log.With("source", s.Name)
		src := collector.Source{Name: s.Name}
		if kind := sourceTypes()[s.Type]; kind.log != nil {
			format := kind.log(s.Name)
			src.Parser, src.Joiner, src.Refuses, src.Tally = format.Parser, format.joiner, format.refuses, format.tally
			src.Files, src.Lines = s.transport(format.filter, log)
		}
		switch s.Type {
		case typeGrafanaAPI:
			src.Fetcher = &inventory.Inventory{
				Source: s.Name, HTTP: s.HTTP, Fingerprint: prom.NewFingerprinter(nil).Query, Diff: ruleChange, Key: d.key,
				KeepAnnotations: d.Owner.AnnotationNames(), Location: d.Owner.Location, Logger: log, Now: now,
			}
		case typePrometheusAPI:
			src.Fetcher = &api.API{
				Source: s.Name, HTTP: s.HTTP, RulesFrom: s.RulesFrom, KeepAnnotations: d.Owner.AnnotationNames(), Selectors: d.Owner.Selectors(),
				Location: d.Owner.Location, Logger: log, Now: now,
			}
		case typeRulesKubernetes:
			k := s.Kubernetes
			src.Fetcher = &resources.Cluster{
				Source: s.Name, API: k.client(log), Place: k.Kubeconfig, Namespace: k.Namespace, Selector: k.Selector,
				Labels: d.ruleLabelNames(), KeepAnnotations: d.Owner.AnnotationNames(), Location: d.Owner.Location, Logger: log, Now: now,
			}
		case typeRulesGit:
			src.Fetcher = &rules.Git{
				Source: s.Name, Repository: s.Repository, CredentialsFile: s.CredentialsFile, SSHKeyFile: s.SSHKeyFile, Ref: s.Ref, Paths: s.Paths, CacheDir: d.cacheDir(),
				Automation: d.Owner.Automation.Authors, KeepAnnotations: d.Owner.AnnotationNames(), Teams: d.teamNames(), Logger: log, Now: now,
			}
		}
		sources = append(sources, src)
	}
	return sources
}

// ruleLabelNames are the labels of rules by which owner rules tell whose they are.
func (c *config) ruleLabelNames() []string {
	names := slices.Clone(c.TeamsFrom.RuleLabels)
	for _, t := range c.Owner.Teams {
		names = slices.AppendSeq(names, maps.Keys(t.RuleLabels))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// teamNames are the names of the teams that are typed out.
func (c *config) teamNames() []string {
	names := make([]string, len(c.Owner.Teams))
	for i, t := range c.Owner.Teams {
		names[i] = t.Name
	}
	return names
}

// ruleChange says how two expressions of a rule differ.
func ruleChange(before, after string) string {
	switch prom.Diff(before, after) {
	case prom.SameExpr:
		return ""
	case prom.ThresholdOnly:
		return activity.RuleThresholdChanged
	}
	return activity.RuleExprChanged
}

// transport returns where the lines of a log are: files, or something else.
func (s sourceConfig) transport(filter lines.Filter, log *slog.Logger) (*lines.Files, collector.Transport) {
	if l := s.Loki; l != nil {
		return nil, &lines.Loki{HTTP: l.Config, Query: l.Query, Lookback: l.Lookback, Overlap: l.Overlap, Filter: filter, Logger: log}
	}
	if k := s.Kubernetes; k != nil {
		return nil, &lines.Pods{
			API: k.client(log), Namespace: k.Namespace, Selector: k.Selector, Container: k.Container, Logger: log,
		}
	}
	return &lines.Files{Patterns: s.Files, Logger: log}, nil
}

// cacheDir holds clones of repositories: beside the store if that is a file, else with the user's caches. It may be lost at any time.
func (c *config) cacheDir() string {
	if path, ok := strings.CutPrefix(c.StoreURL, "sqlite:"); ok {
		return path + ".repositories"
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "metrics-maturity.repositories")
}

// stageSources tells the assessment what each source could have shown.
func (c *config) stageSources() []stage.Source {
	var sources []stage.Source
	for _, s := range c.Sources {
		kind := sourceTypes()[s.Type]
		sources = append(sources, stage.Source{Name: s.Name, Type: s.Type, Class: kind.class, Gives: kind.gives})
	}
	return sources
}

// sourceTypes maps names of sources to their types.
func (c *config) sourceTypes() map[string]string {
	types := make(map[string]string, len(c.Sources))
	for _, s := range c.Sources {
		types[s.Name] = s.Type
	}
	return types
}
