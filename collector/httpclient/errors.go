package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Step is how far an attempt came before it failed.
type Step string

// The steps of a request, in order.
const (
	StepCredentials Step = "credentials" // a file of the client's: token, password, certificate
	StepRefused     Step = "refused"     // by this client: another server than the configured one
	StepDNS         Step = "dns"
	StepConnect     Step = "connect"
	StepTLS         Step = "tls"
	StepTimeout     Step = "timeout"
	StepAnswer      Step = "answer"  // the connection broke before the answer was whole
	StepSize        Step = "size"    // the answer is larger than allowed
	StepStatus      Step = "status"  // the server answered, and not with 2xx
	StepContent     Step = "content" // it answered with 2xx, and with something else than the caller asked for
)

// Error is a request that failed. It holds neither credentials nor anything of an answer's body.
type Error struct {
	Request string // method, scheme, host and path
	Step    Step
	Status  int    // of StepStatus, else 0
	Tries   int    // attempts that were made
	Why     string // what happened, lower case
	Hint    string // what to do
	Err     error  // the cause; nil for StepStatus
}

// Answered reports whether a server answered at all.
func (e *Error) Answered() bool {
	return e.Step == StepStatus || e.Step == StepContent || e.Step == StepSize
}

func (e *Error) Error() string {
	text := e.Request + ": " + e.Why
	if e.Tries > 1 {
		text += fmt.Sprintf(" (%d attempts)", e.Tries)
	}
	if e.Hint != "" {
		text += "\nhint: " + e.Hint
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// mayPass reports whether another attempt may get an answer.
func (e *Error) mayPass() bool {
	switch e.Step {
	case StepConnect, StepTimeout, StepAnswer:
		return true
	case StepDNS:
		dns, ok := errors.AsType[*net.DNSError](e.Err)
		return ok && !dns.IsNotFound // a name that is unknown is mostly misspelt
	}
	return false
}

// IsStatus reports whether err is an answer with one of the statuses.
func IsStatus(err error, statuses ...int) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	return slices.Contains(statuses, e.Status)
}

// nameOf is what errors call a request.
func nameOf(req *http.Request) string {
	return req.Method + " " + req.URL.Scheme + "://" + req.URL.Host + req.URL.EscapedPath()
}

// hints by status.
var hints = map[int]string{
	http.StatusUnauthorized:        "check token_file or basic_auth: the credentials are missing, wrong or expired; the files are read again for every request",
	http.StatusForbidden:           "the credentials are known and lack the right to do this: give them the role, or the tenant, that it needs",
	http.StatusProxyAuthRequired:   "a proxy stands in between: check the environment variables HTTPS_PROXY and NO_PROXY",
	http.StatusNotFound:            "check url: a path may be missing from it or too much; the server may not offer this",
	http.StatusMethodNotAllowed:    "check url: something else than the expected server may listen there",
	http.StatusTooManyRequests:     "the server limits how much may be asked: it goes on with the next run",
	http.StatusBadGateway:          "what stands before the server can't reach it: see whether it runs",
	http.StatusServiceUnavailable:  "the server is not ready: it goes on with the next run",
	http.StatusGatewayTimeout:      "the server is too slow for what stands before it: raise the timeout there",
	http.StatusInternalServerError: "the server failed: its own log says why",
}

// StatusError is the error for an answer of a client that is none of 2xx.
func StatusError(resp *http.Response) *Error {
	e := &Error{Request: nameOf(resp.Request), Step: StepStatus, Status: resp.StatusCode, Why: fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)), Hint: hints[resp.StatusCode], Tries: 1}
	if b, ok := resp.Body.(*body); ok {
		e.Tries = b.tries
	}
	return e
}

// failure is the error for an attempt that got no answer.
func failure(req *http.Request, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := &Error{Request: nameOf(req), Err: err}
	e.Step, e.Why, e.Hint = explain(err)
	if errors.Is(err, io.EOF) {
		e.Err = io.ErrUnexpectedEOF // a connection that ended must not be taken for the end of what is read
	}
	return e
}

// explain tells what an error of the network means.
func explain(err error) (step Step, why, hint string) {
	var (
		dns  *net.DNSError
		path *fs.PathError
		op   *net.OpError
	)
	switch {
	case errors.As(err, &path):
		return StepCredentials, fmt.Sprintf("file %s can't be read: %v", path.Path, path.Err), "it is named in the configuration: see that it is there and that this user may read it"
	case isTLS(err):
		return explainTLS(err)
	case errors.As(err, &dns) && !dns.IsTimeout:
		return StepDNS, fmt.Sprintf("the name %s can't be resolved", dns.Name), "check url, and whether this machine can resolve the name"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return StepTimeout, "no whole answer in time", "the server is slow or something in between swallows packets: raise timeout if it is only slow"
	case errors.As(err, &op) && op.Op == "dial":
		return StepConnect, "can't connect: " + last(op.Err), "see whether the server runs, and whether this machine may reach its port"
	case strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return StepTLS, "the server speaks http on this port, not https", "write the url with http://, or name the port of https"
	case strings.Contains(err.Error(), "unable to use specified"):
		return StepCredentials, "a file under tls holds no certificate or key that can be used", "ca_file, cert_file and key_file are PEM; cert_file and key_file belong together"
	}
	return StepAnswer, "the connection broke before the answer was whole", "see the server's own log; it goes on with the next run"
}

// last is the innermost message of an error, such as "connection refused".
func last(err error) string {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error()
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

func isTLS(err error) bool {
	var (
		verify  *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid) ||
		strings.Contains(err.Error(), "remote error: tls:")
}

func explainTLS(err error) (step Step, why, hint string) {
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return StepTLS, "the server's certificate is signed by an authority that is not trusted", "name the file of the right authority under tls: {ca_file: ...}"
	case errors.As(err, &host):
		return StepTLS, "the server's certificate is for another name", "use the name that it is for in url, or give it under tls: {server_name: ...}"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return StepTLS, "the server's certificate has expired or is not valid yet", "renew it, or set this machine's clock"
	case errors.As(err, &record):
		return StepTLS, "the server does not speak https on this port", "write the url with http://, or name the port of https"
	}
	return StepTLS, "the TLS handshake failed: " + last(err), "the server may ask for a client certificate: tls: {cert_file: ..., key_file: ...}"
}
