// Package httpclient makes the *http.Client with which this project talks to servers: Loki, Grafana, Prometheus and its kin, and
// the targets that results are pushed to.
//
// A client speaks to one server and to no other: a request or redirect elsewhere is refused, so that a token never leaves for
// an address that an answer named. Credentials come from files, which are read again for every request. A failed attempt is
// repeated a bounded number of times, with growing pauses. An answer is read whole, up to a limit, before it is handed
// out, so that one which breaks off is a failed attempt like any other.
package httpclient

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/config"
)

// What a Config's zero values stand for.
const (
	DefaultTimeout  = 30 * time.Second
	DefaultRetries  = 6 // pauses of 16 to 31 seconds in all, unless the server asks for others
	DefaultMaxBytes = 64 << 20
)

// Config says how to reach one server. Only URL is required.
type Config struct {
	URL     string            // http or https, without user or password; a path is kept
	Tenant  string            // sent as X-Scope-OrgID: the tenant of Loki, Mimir and Cortex
	Headers map[string]string // sent with every request

	TokenFile    string // holds a bearer token
	Username     string // for basic authentication
	PasswordFile string

	CAFile     string // PEM: whom to trust instead of the system's authorities
	CertFile   string // PEM: the client's certificate and its key
	KeyFile    string
	ServerName string // the name that the server's certificate must have, if not that of URL

	Timeout   time.Duration // of one attempt, from dialing to the end of the answer; 0: DefaultTimeout
	Retries   int           // attempts after the first; 0: DefaultRetries, below 0: none
	MaxBytes  int64         // of one answer, decompressed; 0: DefaultMaxBytes
	UserAgent string
	// RetryPOST says that a POST of the same content may be repeated, as one of remote write may. GET, HEAD, OPTIONS, PUT and
	// DELETE always may.
	RetryPOST bool
	Logger    *slog.Logger // told of each attempt that is repeated, at level debug; nil: nothing is logged
}

// New returns the client that c describes. An error is a mistake in c. Files are not looked at before the first request, so that
// one that turns up later needs no new client.
//
// The client's errors hold an *Error. An answer of any status is no error, as usual; see Do.
func New(c Config) (*http.Client, error) {
	base, err := c.base()
	if err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	switch {
	case c.Retries == 0:
		c.Retries = DefaultRetries
	case c.Retries < 0:
		c.Retries = 0
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	settings := c.settings()
	t := &transport{Config: c, base: base, dial: func() (http.RoundTripper, error) {
		return config.NewRoundTripperFromConfig(settings, base.Host, config.WithUserAgent(c.UserAgent))
	}}
	return &http.Client{Transport: t, CheckRedirect: t.checkRedirect}, nil
}

// base reads the address.
func (c *Config) base() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil: // the error may quote a password
		return nil, errors.New("the url can't be read\nhint: write it as https://host:port")
	case u.User != nil:
		return nil, fmt.Errorf("the url %s holds a user or password\nhint: put them under basic_auth: {username: ..., password_file: ...}", u.Redacted())
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("the url %q is not the address of a server\nhint: write it as https://host:port", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the url holds more than scheme, host and path\nhint: remove what stands from the ? or # on")
	}
	return u, nil
}

func (c *Config) validate() error {
	switch {
	case c.TokenFile != "" && (c.Username != "" || c.PasswordFile != ""):
		return errors.New("both a token and basic_auth are given\nhint: keep the one that the server asks for")
	case c.Username == "" && c.PasswordFile != "":
		return errors.New("basic_auth has a password_file and no username\nhint: add username, or use token_file")
	case c.Username != "" && c.PasswordFile == "":
		return errors.New("basic_auth has a username and no password_file\nhint: put the password into a file of its own, and name that")
	case (c.CertFile == "") != (c.KeyFile == ""):
		return errors.New("tls has one of cert_file and key_file\nhint: give both: the client's certificate and its private key")
	}
	headers := c.settings().HTTPHeaders
	if err := headers.Validate(); err != nil {
		return fmt.Errorf("headers: %w\nhint: credentials go into token_file or basic_auth, the tenant into tenant", err)
	}
	for name, value := range c.Headers {
		if strings.EqualFold(name, "Cookie") || strings.ContainsAny(name, " \t\r\n:") || name == "" || strings.ContainsAny(value, "\r\n\x00") {
			return fmt.Errorf("headers: %q can't be sent\nhint: a header has a plain name and a value of one line; credentials go into token_file or basic_auth", name)
		}
	}
	if strings.ContainsAny(c.Tenant, "\r\n\x00") {
		return errors.New("tenant holds a line break\nhint: it is sent as the header X-Scope-OrgID")
	}
	return nil
}

// settings is what the library needs to know.
func (c *Config) settings() config.HTTPClientConfig {
	s := config.HTTPClientConfig{
		EnableHTTP2: true,
		TLSConfig:   config.TLSConfig{CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile, ServerName: c.ServerName},
		ProxyConfig: config.ProxyConfig{ProxyFromEnvironment: true},
		HTTPHeaders: &config.Headers{Headers: map[string]config.Header{}},
	}
	if c.TokenFile != "" {
		s.Authorization = &config.Authorization{Type: "Bearer", CredentialsFile: c.TokenFile}
	}
	if c.Username != "" {
		s.BasicAuth = &config.BasicAuth{Username: c.Username, PasswordFile: c.PasswordFile}
	}
	for name, value := range c.Headers {
		s.HTTPHeaders.Headers[name] = config.Header{Values: []string{value}}
	}
	if c.Tenant != "" {
		s.HTTPHeaders.Headers["X-Scope-OrgID"] = config.Header{Values: []string{c.Tenant}}
	}
	return s
}

// Do sends req as client.Do does, and takes an answer other than 2xx for an *Error too. Its errors name method, scheme, host and
// path of the request alone: a query may hold what is not for a log.
func Do(client *http.Client, req *http.Request) (*http.Response, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, Cause(err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	resp.Body.Close()
	return nil, StatusError(resp)
}

// Cause returns the *Error in what a client's Do returned, else err without the request's query.
func Cause(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
