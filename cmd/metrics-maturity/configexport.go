package main

import (
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/prometheus/common/model"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/prom/export"
)

// exportConfig says where results are brought to, beside /metrics.
type exportConfig struct {
	Textfile    string             // for a node exporter; empty for nowhere
	Pushgateway *pushgatewayConfig // nil for none
	RemoteWrite *remoteWriteConfig // nil for none

	DashboardLimit int // so many dashboards get metrics of their own; 0 for none
}

type pushgatewayConfig struct {
	Client httpclient.Config
	Group  export.Group
}

type remoteWriteConfig struct {
	Client httpclient.Config
	Labels map[string]string // added to every series
}

// defaultJob is the job of a Pushgateway's group.
const defaultJob = "metrics_maturity"

func resolveExport(s *settings, f exportFile) (exportConfig, error) {
	c := exportConfig{Textfile: s.file("export.textfile")}
	var err error
	if c.Pushgateway, err = resolvePushgateway(s, f.Pushgateway); err != nil {
		return c, err
	}
	if c.RemoteWrite, err = resolveRemoteWrite(s, f.RemoteWrite); err != nil {
		return c, err
	}
	if s.text("export.dashboards.limit") != "0" {
		c.DashboardLimit, err = s.whole("export.dashboards.limit")
	}
	return c, err
}

func resolvePushgateway(s *settings, f pushgatewayFile) (*pushgatewayConfig, error) {
	const key = "export.pushgateway"
	client, err := exportClient(s, key, key, &f.httpFile, f.Job.Line > 0 || f.Labels != nil)
	if client == nil || err != nil {
		return nil, err
	}
	c := &pushgatewayConfig{Client: *client, Group: export.Group{Job: defaultJob}}
	if f.Job.Text != "" {
		c.Group.Job = f.Job.Text
	}
	c.Group.Labels, err = resolveLabels(s, key, f.Labels)
	return c, err
}

func resolveRemoteWrite(s *settings, f remoteWriteFile) (*remoteWriteConfig, error) {
	const key = "export.remote_write"
	client, err := exportClient(s, key, key+".url", &f.httpFile, f.Labels != nil)
	if client == nil || err != nil {
		return nil, err
	}
	client.RetryPOST = true // a receiver takes the same samples twice
	if u, err := url.Parse(client.URL); err == nil && u.Path == "" {
		return nil, usageErrorf("%s: %q has no path\nhint: write the whole of it, as in http://prometheus:9090/api/v1/write", s.where(key+".url"), client.URL)
	}
	labels, err := resolveLabels(s, key, f.Labels)
	return &remoteWriteConfig{Client: *client, Labels: labels}, err
}

// exportClient says how to reach the target under key, whose address is the setting urlKey; nil if nothing of it is set.
func exportClient(s *settings, key, urlKey string, f *httpFile, more bool) (*httpclient.Config, error) {
	if address := s.text(urlKey); address != "" {
		f.URL.Text = address
	}
	if f.URL.Text == "" && !more && (len(f.given()) == 0 || f.URL.Line > 0 && len(f.given()) == 1) {
		return nil, nil
	}
	at := s.where(urlKey)
	if f.URL.Text == "" {
		at = s.path + ": " + key
	}
	c, err := resolveHTTPAt(s.path, at, key, *f)
	return &c, err
}

// ownLabels are those that the exported metrics have themselves.
var ownLabels = []string{"team", "stage", "name", "criterion", "foundation", "source", "kind", "outcome", "version", "revision", "goversion", "scope", "uid", "title", "folder", "state"}

// resolveLabels reads labels that are added to everything that is exported.
func resolveLabels(s *settings, key string, words map[string]word) (map[string]string, error) {
	var labels map[string]string
	for _, name := range slices.Sorted(maps.Keys(words)) {
		w := words[name]
		if err := checkLabel(name, w.Text); err != nil {
			return nil, usageErrorf("%s:%d: %s.labels: %w", s.path, w.Line, key, err)
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[name] = w.Text
	}
	return labels, nil
}

func checkLabel(name, value string) error {
	switch {
	case !model.LegacyValidation.IsValidLabelName(name) || len(name) > 1 && name[:2] == "__":
		return fmt.Errorf("%q is not the name of a label\nhint: letters, digits and underscores, as in cluster", name)
	case slices.Contains(ownLabels, name):
		return fmt.Errorf("the metrics have a label %q of their own\nhint: choose another name", name)
	case value == "" || !model.LabelValue(value).IsValid():
		return fmt.Errorf("%q is not the value of a label\nhint: give %s a value, or leave it out", value, name)
	}
	return nil
}
