package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

// httpFile says how to reach a server: the same keys wherever one has an address. A struct of the configuration that has one embeds
// it, with the tag `yaml:",inline"`, and resolves it with resolveHTTP. Secrets are in files alone.
type httpFile struct {
	URL       word            `yaml:"url"`
	TokenFile word            `yaml:"token_file"`
	BasicAuth *basicAuthFile  `yaml:"basic_auth"`
	TLS       *tlsFile        `yaml:"tls"`
	Headers   map[string]word `yaml:"headers"`
	Tenant    word            `yaml:"tenant"`
	Timeout   word            `yaml:"timeout"`
	Retries   word            `yaml:"retries"`
}

type basicAuthFile struct {
	Username     word `yaml:"username"`
	PasswordFile word `yaml:"password_file"`
}

type tlsFile struct {
	CAFile     word `yaml:"ca_file"`
	CertFile   word `yaml:"cert_file"`
	KeyFile    word `yaml:"key_file"`
	ServerName word `yaml:"server_name"`
}

// maxRetries is beyond what helps: each pause is longer than the one before.
const maxRetries = 20

// httpKeys are the keys of an httpFile.
var httpKeys = []string{"url", "token_file", "basic_auth", "tls", "headers", "tenant", "timeout", "retries"}

// given lists the keys that are set.
func (f *httpFile) given() []string {
	var set []string
	for i, is := range []bool{f.URL.Line > 0, f.TokenFile.Line > 0, f.BasicAuth != nil, f.TLS != nil, f.Headers != nil, f.Tenant.Line > 0, f.Timeout.Line > 0, f.Retries.Line > 0} {
		if is {
			set = append(set, httpKeys[i])
		}
	}
	return set
}

// resolveHTTP reads how to reach a server, with paths resolved. path is the configuration file; of says, in messages, whose server
// it is, and line where that is written.
func resolveHTTP(path string, line int, of string, f httpFile) (httpclient.Config, error) {
	return resolveHTTPAt(path, fmt.Sprintf("%s:%d: %s", path, max(line, f.URL.Line), of), of, f)
}

// resolveHTTPAt is resolveHTTP of a server whose address may stand elsewhere: at says where.
func resolveHTTPAt(path, at, of string, f httpFile) (httpclient.Config, error) {
	dir := filepath.Dir(path)
	if f.URL.Text == "" {
		return httpclient.Config{}, usageErrorf("%s has no url\nhint: write it as url: https://host:port", at)
	}
	c := httpclient.Config{
		URL: strings.TrimRight(f.URL.Text, "/"), Tenant: f.Tenant.Text, TokenFile: relative(dir, f.TokenFile.Text),
		UserAgent: "metrics-maturity/" + readBuild().Version,
	}
	if f.BasicAuth != nil {
		c.Username, c.PasswordFile = f.BasicAuth.Username.Text, relative(dir, f.BasicAuth.PasswordFile.Text)
	}
	if f.TLS != nil {
		c.CAFile, c.CertFile, c.KeyFile = relative(dir, f.TLS.CAFile.Text), relative(dir, f.TLS.CertFile.Text), relative(dir, f.TLS.KeyFile.Text)
		c.ServerName = f.TLS.ServerName.Text
	}
	if len(f.Headers) > 0 {
		c.Headers = map[string]string{}
		for name, value := range f.Headers {
			c.Headers[name] = value.Text
		}
	}
	if f.Timeout.Line > 0 {
		var err error
		if c.Timeout, err = parseDuration(f.Timeout.Text); err != nil {
			return c, usageErrorf("%s:%d: timeout of %s: %w", path, f.Timeout.Line, of, err)
		}
	}
	if f.Retries.Line > 0 {
		n, err := strconv.Atoi(f.Retries.Text)
		if err != nil || n < 0 || n > maxRetries {
			return c, usageErrorf("%s:%d: retries of %s: %q is not a number from 0 to %d\nhint: it is how often a failed request is repeated; %d if left out", path, f.Retries.Line, of, f.Retries.Text, maxRetries, httpclient.DefaultRetries)
		}
		if c.Retries = n; n == 0 {
			c.Retries = -1 // none, and not the default
		}
	}
	if _, err := httpclient.New(c); err != nil {
		return c, usageErrorf("%s: %w", at, err)
	}
	return c, nil
}
