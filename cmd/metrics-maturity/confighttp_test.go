package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

func TestLokiIsRead(t *testing.T) {
	path := writeConfig(t, `
sources:
  - name: grafana
    type: grafana-log
    loki:
      url: "https://loki:3100/"
      query: '{app="grafana"} |= "context"'
      lookback: 30d
      overlap: 1h
      tenant: team-a
      timeout: 1m
      retries: 2
      headers: {X-Extra: "1"}
      basic_auth: {username: reader, password_file: secrets/password}
      tls: {ca_file: ca.pem, cert_file: /etc/c.pem, key_file: k.pem, server_name: loki.example}
  - {name: q, type: prometheus-query-log, loki: {url: "http://loki:3100/base", query: '{app="prometheus"}', token_file: token, retries: 0}}
`)
	dir := filepath.Dir(path)
	c, err := loadConfig(path, overrides{alone: true})
	if err != nil {
		t.Fatal(err)
	}
	agent := "metrics-maturity/" + readBuild().Version
	want := []*lokiConfig{
		{
			Query: `{app="grafana"} |= "context"`, Lookback: 30 * 24 * time.Hour, Overlap: time.Hour,
			Config: httpclient.Config{
				URL: "https://loki:3100", Tenant: "team-a", Timeout: time.Minute, Retries: 2, Headers: map[string]string{"X-Extra": "1"}, UserAgent: agent,
				Username: "reader", PasswordFile: filepath.Join(dir, "secrets/password"),
				CAFile: filepath.Join(dir, "ca.pem"), CertFile: "/etc/c.pem", KeyFile: filepath.Join(dir, "k.pem"), ServerName: "loki.example",
			},
		},
		{Query: `{app="prometheus"}`, Config: httpclient.Config{URL: "http://loki:3100/base", TokenFile: filepath.Join(dir, "token"), Retries: -1, UserAgent: agent}},
	}
	for i, s := range c.Sources {
		if diff := cmp.Diff(want[i], s.Loki); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.Name, diff)
		}
	}
}
