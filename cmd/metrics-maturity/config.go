package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/metrics-maturity/metrics-maturity/collector/lease"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// envConfig names the configuration file where --config does not.
const envConfig = envPrefix + "_CONFIG"

// wholeRetention is how long actors must live for different people to be counted as they should: the window in which they are
// counted, and the week that has to end before its count can be kept. With less, somebody may be missed, and nobody is kept longer.
const wholeRetention = 9 * week

// config is a configuration that was found valid: values are parsed, paths are resolved.
type config struct {
	Path      string // of the file
	StoreURL  string
	StoreFile string // holds the password of a PostgreSQL user; empty for none
	Sources   []sourceConfig
	Lease     *lease.Config // the Kubernetes Lease that a run takes; nil for none
	Owner     owner.Config
	TeamsFrom teamsFrom // where teams come from beside those that are typed out
	Criteria  stage.Criteria
	Privacy   privacyConfig
	Export    exportConfig
	Serve     serveConfig
	Memory    memory // that the process may take, of the flag or the environment; 0 for no bound
}

type privacyConfig struct {
	HashKey     string // from the environment; empty: it is in the file
	HashKeyFile string
	// OldHashKeyFiles hold the keys before, newest first: people are still found under them.
	OldHashKeyFiles []string
	ActorRetention  time.Duration
	MinTeamSize     int
}

type serveConfig struct {
	Listen     string
	Interval   time.Duration
	WebConfig  string
	GrafanaURL string // where people find Grafana; empty: where the one grafana-api source does
}

// overrides are what stands above the configuration file.
type overrides struct {
	flags map[string]*pflag.Flag // by the key that they override
	alone bool                   // the environment is left out: a sample organisation is not the user's own
}

// loadConfig reads the file at path, with the environment and flags over it.
func loadConfig(path string, o overrides) (*config, error) {
	if path == "" {
		path = os.Getenv(envConfig)
	}
	if path == "" {
		return nil, usageErrorf("no configuration file given\nhint: name it with --config metrics-maturity.yaml or %s\n"+
			"hint: to look around without one, run: metrics-maturity demo", envConfig)
	}
	text, err := readFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usageErrorf("configuration file %s does not exist\nhint: check the path after --config", path)
	case err != nil:
		return nil, usageErrorf("configuration file: %w\nhint: check that it is a file that this user may read", err)
	}
	if !o.alone {
		if err := checkEnvironment(os.Environ()); err != nil {
			return nil, err
		}
	}
	f, err := parseFile(path, text)
	if err != nil {
		return nil, err
	}
	s, err := newSettings(path, text, f, o)
	if err != nil {
		return nil, err
	}
	return resolve(f, s)
}

// maxConfig is far above what anybody writes or generates: 100,000 teams take some 20 MiB.
const maxConfig = 64 << 20

// readFile reads a regular file: opening a pipe would wait for its writer, and a device has no end.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > maxConfig:
		return nil, fmt.Errorf("%s has %d bytes, more than a configuration may have", path, info.Size())
	}
	return os.ReadFile(path)
}

// resolve turns what is written into what is meant.
func resolve(f *file, s *settings) (*config, error) {
	c := &config{Path: s.path}
	location, err := time.LoadLocation(s.text("timezone"))
	if err != nil || s.text("timezone") == "Local" {
		return nil, usageErrorf("%s: %q is not a timezone\nhint: write it as in Europe/Stockholm or UTC", s.where("timezone"), s.text("timezone"))
	}
	if c.StoreURL, err = storeURL(s); err != nil {
		return nil, err
	}
	c.StoreFile = s.file("store.password_file")
	if c.StoreFile != "" && strings.HasPrefix(c.StoreURL, "sqlite:") {
		return nil, usageErrorf("%s: a file of SQLite has no password\nhint: leave it out, or store in PostgreSQL: postgres://user@host/database", s.where("store.password_file"))
	}
	if c.Export, err = resolveExport(s, f.Export); err != nil {
		return nil, err
	}
	if c.Privacy.ActorRetention, err = s.duration("privacy.actor_retention"); err != nil {
		return nil, err
	}
	if c.Privacy.ActorRetention < 24*time.Hour {
		return nil, usageErrorf("%s: %q is too short\nhint: at least 1d; 9w or more lets different people be counted over 8 weeks", s.where("privacy.actor_retention"), s.text("privacy.actor_retention"))
	}
	if c.Privacy.MinTeamSize, err = s.whole("privacy.min_team_size"); err != nil {
		return nil, err
	}
	c.Privacy.HashKey = s.env(envHashKey)
	c.Privacy.HashKeyFile = s.file("privacy.hash_key_file")
	for i, w := range f.Privacy.OldHashKeyFiles {
		if w.Text == "" {
			return nil, usageErrorf("%s:%d: privacy.old_hash_key_files[%d] is empty\nhint: name the file of a key that was used before, or leave the entry out", s.path, w.Line, i)
		}
		c.Privacy.OldHashKeyFiles = append(c.Privacy.OldHashKeyFiles, relative(filepath.Dir(s.path), w.Text))
	}
	c.Serve = serveConfig{Listen: s.text("serve.listen"), WebConfig: s.file("serve.web_config")}
	if c.Serve.GrafanaURL, err = s.address("serve.grafana_url"); err != nil {
		return nil, err
	}
	if c.Serve.Interval, err = s.duration("serve.interval"); err != nil {
		return nil, err
	}
	if c.Lease, err = resolveLease(s); err != nil {
		return nil, err
	}
	if c.Sources, err = resolveSources(s.path, f.Sources); err != nil {
		return nil, err
	}
	if c.Owner, err = resolveOwners(s.path, f); err != nil {
		return nil, err
	}
	c.Owner.Location = location
	c.Owner.GrafanaClients = grafanaClients(c.Sources)
	c.Owner.Types = c.sourceTypes()
	if err := c.Owner.Validate(); err != nil {
		return nil, usageErrorf("%s: %w", s.path, err)
	}
	if c.TeamsFrom, err = resolveTeamsFrom(s.path, f.TeamsFrom, c.Sources); err != nil {
		return nil, err
	}
	if c.Criteria, err = resolveStages(s, f.Stages); err != nil {
		return nil, err
	}
	if len(c.Sources) == 0 {
		return nil, usageErrorf("%s: no sources\nhint: add at least one under sources:, as in\n"+
			"hint:   - {name: grafana, type: grafana-log, files: [\"/var/log/grafana/grafana*.log*\"]}", s.path)
	}
	return c, nil
}

// storeURL is the store's address with its path resolved.
func storeURL(s *settings) (string, error) {
	text := s.text("store.url")
	scheme, rest, _ := strings.Cut(text, ":")
	switch {
	case scheme == "sqlite" && strings.Contains(rest, ":memory:"):
		return "", usageErrorf("%s: a store in memory would forget how far logs were read\nhint: name a file, as in sqlite:maturity.db", s.where("store.url"))
	case scheme == "sqlite" && rest != "":
		return "sqlite:" + relative(filepath.Dir(s.path), strings.TrimPrefix(rest, "//")), nil
	case scheme == "postgres" || scheme == "postgresql":
		if u, err := url.Parse(text); err != nil || u.Host == "" && u.Query().Get("host") == "" || strings.Trim(u.Path, "/") == "" {
			return "", usageErrorf("%s: %q is not the address of a PostgreSQL database\nhint: write it as postgres://user@host:5432/database", s.where("store.url"), withoutPassword(text))
		}
		return text, nil
	}
	return "", usageErrorf("%s: %q is not the address of a store\nhint: write it as sqlite:maturity.db, or as postgres://user@host/database", s.where("store.url"), withoutPassword(text))
}

// withoutPassword keeps a secret in an address out of messages.
func withoutPassword(address string) string {
	if u, err := url.Parse(address); err == nil {
		if u.Query().Has("password") {
			u.RawQuery = ""
		}
		return u.Redacted()
	}
	return "(unreadable)"
}
