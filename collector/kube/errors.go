package kube

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Error is an answer of the API server that is no success, or none at all.
type Error struct {
	Status int    // of HTTP; 0 if there was no answer
	Reason string // as the API server calls it: Forbidden, Expired; empty if it did not say
	text   string
	err    error
}

func (e *Error) Error() string { return e.text }
func (e *Error) Unwrap() error { return e.err }

// IsStatus reports whether err is an answer with an HTTP status.
func IsStatus(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == status
}

// errorf is an error about the request: "kubernetes: list pods in namespace x: ...".
func (r *request) errorf(format string, args ...any) *Error {
	return &Error{text: r.name() + ": " + fmt.Sprintf(format, args...)}
}

// answered is the error of a request whose answer is of no use.
func (r *request) answered(resp *http.Response, format string, args ...any) *Error {
	e := r.errorf(format, args...)
	e.Status = resp.StatusCode
	return e
}

func (r *request) name() string {
	return fmt.Sprintf("kubernetes: %s %s %s", r.verb, r.resource, r.where)
}

// failed is the error of a request without an answer.
func (r *request) failed(err error) *Error {
	var e *Error
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &invalid):
		e = r.errorf("the API server's certificate is not trusted\nhint: check certificate-authority in the kubeconfig, and the server's name and this machine's clock")
	case errors.Is(err, errStalled):
		e = r.errorf("%v\nhint: is the API server overloaded? the next run goes on from here", err)
	case errors.Is(err, errRedirect):
		e = r.errorf("%v\nhint: name the API server itself in the kubeconfig", errRedirect)
	default:
		e = r.errorf("%v\nhint: can the API server be reached from here? the next run goes on from here", cause(err))
	}
	e.err = err
	return e
}

// cause leaves out what net/http puts before an error: the URL.
func cause(err error) error {
	var u interface{ Unwrap() error }
	if errors.As(err, &u) && u.Unwrap() != nil {
		return u.Unwrap()
	}
	return err
}

// refused is the error of an answer that is no success. It closes the body, and takes nothing but the reason from it.
func (r *request) refused(resp *http.Response) *Error {
	defer resp.Body.Close()
	var status struct {
		Reason string `json:"reason"`
	}
	// A proxy in between does not answer in JSON, and names no reason.
	_ = json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&status)
	if !isWord(status.Reason) {
		status.Reason = ""
	}
	e := r.answered(resp, "%d %s%s", resp.StatusCode, http.StatusText(resp.StatusCode), r.hint(resp.StatusCode))
	e.Reason = status.Reason
	return e
}

func (r *request) hint(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return ", the API server does not know these credentials\nhint: has the token expired? in a pod the service account's token is read again by itself; with a kubeconfig, log in again"
	case http.StatusForbidden:
		return fmt.Sprintf("\nhint: allow it in a Role (ClusterRole for all namespaces) bound to the service account: {apiGroups: [%q], resources: [%s], verbs: [%s]}", r.group, r.resource, r.verb)
	case http.StatusNotFound:
		if r.group != "" {
			return fmt.Sprintf("\nhint: does the cluster have resources of %s? else remove this source", r.group)
		}
		return "\nhint: does it still exist? and does the address lead to a Kubernetes API server?"
	case http.StatusGone:
		return ", what was listed has expired\nhint: the next run lists it anew"
	case http.StatusTooManyRequests:
		return ", the API server asks for less\nhint: the next run goes on from here"
	}
	return "\nhint: the next run goes on from here"
}

// isWord reports whether s is one of the API's own words: letters alone.
func isWord(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(s) < 64
}
