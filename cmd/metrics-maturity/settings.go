package main

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/viper"

	"github.com/metrics-maturity/metrics-maturity/stage"
)

// envPrefix starts the names of the environment variables that are settings.
const envPrefix = "METRICS_MATURITY"

// envHashKey holds the hash key itself, for those who have no file to put it in. It has no key in the file, because
// a secret has no place there.
const envHashKey = envPrefix + "_PRIVACY_HASH_KEY"

// defaults are the settings that are single values, and what they are if nobody sets them.
func defaults() map[string]string {
	return map[string]string{
		"timezone":                "UTC",
		"store.url":               "sqlite:maturity.db",
		"store.password_file":     "",
		"lease.name":              "",
		"lease.namespace":         "",
		"lease.wait":              "",
		"lease.kubeconfig":        "",
		"privacy.hash_key_file":   "",
		"privacy.actor_retention": "100d",
		"privacy.min_team_size":   "4",
		"export.pushgateway":      "",
		"export.remote_write.url": "",
		"export.textfile":         "",
		"serve.listen":            ":9095",
		"serve.interval":          "1h",
		"serve.web_config":        "",
		"serve.grafana_url":       "",
		"export.dashboards.limit": "0",
	}
}

// settings are the single values: from flags, else the environment, else the file, else the defaults.
type settings struct {
	path  string // of the file
	viper *viper.Viper
	over  overrides
	lines map[string]int // by key: where the file sets it
}

// newSettings reads text, a configuration that parseFile accepted as f.
func newSettings(path string, text []byte, f *file, o overrides) (*settings, error) {
	v := viper.New()
	for key, value := range defaults() {
		v.SetDefault(key, value)
	}
	if !o.alone {
		v.SetEnvPrefix(envPrefix)
		v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
		v.AutomaticEnv()
	}
	for key, flag := range o.flags {
		if err := v.BindPFlag(key, flag); err != nil {
			return nil, fmt.Errorf("flag --%s: %w", flag.Name, err)
		}
	}
	v.SetConfigType("yaml")
	if err := v.ReadConfig(bytes.NewReader(text)); err != nil {
		return nil, usageErrorf("%s: %w", path, err)
	}
	lines := map[string]int{
		"timezone":                f.Timezone.Line,
		"store.url":               f.Store.URL.Line,
		"store.password_file":     f.Store.PasswordFile.Line,
		"lease.name":              f.Lease.Name.Line,
		"lease.namespace":         f.Lease.Namespace.Line,
		"lease.wait":              f.Lease.Wait.Line,
		"lease.kubeconfig":        f.Lease.Kubeconfig.Line,
		"privacy.hash_key_file":   f.Privacy.HashKeyFile.Line,
		"privacy.actor_retention": f.Privacy.ActorRetention.Line,
		"privacy.min_team_size":   f.Privacy.MinTeamSize.Line,
		"export.pushgateway":      f.Export.Pushgateway.URL.Line,
		"export.remote_write.url": f.Export.RemoteWrite.URL.Line,
		"export.textfile":         f.Export.Textfile.Line,
		"serve.listen":            f.Serve.Listen.Line,
		"serve.interval":          f.Serve.Interval.Line,
		"serve.web_config":        f.Serve.WebConfig.Line,
		"serve.grafana_url":       f.Serve.GrafanaURL.Line,
		"export.dashboards.limit": f.Export.Dashboards.Limit.Line,
	}
	return &settings{path: path, viper: v, over: o, lines: lines}, nil
}

// env reads a variable of the environment, if that counts.
func (s *settings) env(name string) string {
	if s.over.alone {
		return ""
	}
	return strings.TrimSpace(os.Getenv(name))
}

func (s *settings) text(key string) string { return strings.TrimSpace(s.viper.GetString(key)) }

// file is a path, which is relative to the configuration file wherever it was set.
func (s *settings) file(key string) string { return relative(filepath.Dir(s.path), s.text(key)) }

// duration reads a duration as Prometheus writes them.
func (s *settings) duration(key string) (time.Duration, error) {
	d, err := parseDuration(s.text(key))
	if err != nil {
		return 0, usageErrorf("%s: %w", s.where(key), err)
	}
	return d, nil
}

// address reads where a browser finds a server; empty if it is not set.
func (s *settings) address(key string) (string, error) {
	text := s.text(key)
	u, err := url.Parse(text)
	if text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		return "", usageErrorf("%s: not the address of a server\nhint: write it as https://grafana.example, without user, password and query", s.where(key))
	}
	return text, nil
}

func (s *settings) whole(key string) (int, error) {
	n, err := strconv.Atoi(s.text(key))
	if err != nil || n < 1 {
		return 0, usageErrorf("%s: %q is not a whole number above 0\nhint: write it as 4", s.where(key), s.text(key))
	}
	return n, nil
}

// where says which of the places a value was taken from.
func (s *settings) where(key string) string {
	if flag, ok := s.over.flags[key]; ok && flag.Changed {
		return "--" + flag.Name
	}
	if name := envName(key); s.env(name) != "" {
		return name
	}
	return fmt.Sprintf("%s:%d: %s", s.path, s.lines[key], key)
}

func envName(key string) string {
	return envPrefix + "_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// checkEnvironment refuses variables that look like settings and are none: a typing error there would otherwise be
// a setting that silently does nothing. Kubernetes adds variables for a service called metrics-maturity to every pod
// beside it; those are left alone.
func checkEnvironment(environ []string) error {
	kubernetes := regexp.MustCompile(`(_SERVICE_HOST|_SERVICE_PORT(_.*)?|_PORT(_[0-9]+_[A-Z]+(_.*)?)?)$`)
	known := []string{envHashKey, envConfig}
	for key := range defaults() {
		known = append(known, envName(key))
	}
	for name := range stage.DefaultCriteria().ByName {
		for _, key := range []string{"enter", "leave", "window"} {
			known = append(known, envName("stages."+name+"."+key))
		}
	}
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix+"_") || slices.Contains(known, name) || kubernetes.MatchString(name) {
			continue
		}
		return usageErrorf("unknown environment variable %s\nhint: %s", name, suggest(name, known))
	}
	return nil
}

// parseDuration reads a duration as Prometheus writes them.
func parseDuration(text string) (time.Duration, error) {
	d, err := model.ParseDuration(text)
	if err != nil || d == 0 {
		return 0, fmt.Errorf("%q is not a duration\nhint: write a number and a unit, as Prometheus does: 100d, 8w, 1h30m", text)
	}
	return time.Duration(d), nil
}

// relative resolves path, as written in a file of the folder dir.
func relative(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
