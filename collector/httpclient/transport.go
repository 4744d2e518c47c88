package httpclient

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	// maxAsked is the longest pause that a server may ask for: a run has other sources to read.
	maxAsked     = time.Minute
	maxRedirects = 5
)

// transport sends requests to one server, repeats them, and reads answers whole.
type transport struct {
	Config
	base *url.URL
	dial func() (http.RoundTripper, error)

	mu   sync.Mutex
	next http.RoundTripper // nil until the files that it needs could be read
}

// RoundTrip makes attempts until one is answered well enough, or must not be repeated.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !t.ours(req.URL) {
		closeBody(req)
		return nil, &Error{Request: nameOf(req), Step: StepRefused, Why: "not sent: the configured server is " + t.base.Scheme + "://" + t.base.Host, Tries: 1}
	}
	for try := 1; ; try++ {
		resp, err := t.attempt(req, try)
		if req.Context().Err() != nil {
			return resp, err
		}
		wait, again := t.pause(req, try, resp, err)
		if !again {
			return resp, err
		}
		t.Logger.Debug("request is repeated", "request", nameOf(req), "after", wait, "error", reason(resp, err))
		if err := sleep(req.Context(), wait); err != nil {
			return nil, err
		}
		if req, err = replay(req); err != nil {
			return nil, err
		}
	}
}

// CloseIdleConnections ends connections that wait for the next request.
func (t *transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// ours reports whether an address is of the configured server.
func (t *transport) ours(u *url.URL) bool {
	return u.Scheme == t.base.Scheme && strings.EqualFold(u.Host, t.base.Host)
}

// checkRedirect follows within the server, and as long as the request stays what it was.
func (t *transport) checkRedirect(req *http.Request, via []*http.Request) error {
	e := &Error{Request: nameOf(via[0]), Step: StepRefused, Tries: 1}
	switch {
	case !t.ours(req.URL):
		e.Why = fmt.Sprintf("redirected to %s://%s, which is not followed", req.URL.Scheme, req.URL.Host)
		e.Hint = "a login page may stand in between; if the server has moved, write its new address into url"
	case req.Method != via[0].Method:
		e.Why, e.Hint = "redirected in a way that would drop what is sent", "write the address that it leads to into url"
	case len(via) > maxRedirects:
		e.Why, e.Hint = "redirected too often", "check url"
	default:
		return nil
	}
	return e
}

// attempt sends req once, and reads the answer whole.
func (t *transport) attempt(req *http.Request, try int) (*http.Response, error) {
	next, err := t.roundTripper()
	if err != nil {
		closeBody(req)
		return nil, t.failed(req, err, try)
	}
	ctx, cancel := context.WithTimeout(req.Context(), t.Timeout)
	defer cancel()
	one := req.Clone(ctx)
	if one.Header.Get("Accept-Encoding") == "" {
		one.Header.Set("Accept-Encoding", "gzip")
	}
	resp, err := next.RoundTrip(one)
	if err != nil {
		return nil, t.failed(req, err, try)
	}
	text, err := t.readAll(resp)
	if err != nil {
		return nil, t.failed(req, err, try)
	}
	resp.Body = &body{Reader: bytes.NewReader(text), tries: try}
	resp.ContentLength, resp.Request = int64(len(text)), req
	return resp, nil
}

// failed is what is returned for an attempt without an answer: the caller's own end, else an *Error.
func (t *transport) failed(req *http.Request, err error, try int) error {
	if ctxErr := req.Context().Err(); ctxErr != nil {
		return ctxErr
	}
	e := failure(req, err)
	e.Tries = try
	return e
}

// roundTripper reads the files that connections need, once this works.
func (t *transport) roundTripper() (http.RoundTripper, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == nil {
		next, err := t.dial()
		if err != nil {
			return nil, err
		}
		t.next = next
	}
	return t.next, nil
}

// body is an answer that was read.
type body struct {
	*bytes.Reader
	tries int
}

func (b *body) Close() error { return nil }

// readAll reads an answer up to the limit.
func (t *transport) readAll(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	src := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(src)
		switch {
		case errors.Is(err, io.EOF): // no body, as of a HEAD
			return nil, nil
		case err != nil:
			return nil, err
		}
		src = z
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
		resp.Uncompressed = true
	}
	text, err := io.ReadAll(io.LimitReader(src, t.MaxBytes+1))
	if err == nil && int64(len(text)) > t.MaxBytes {
		return nil, &Error{
			Request: nameOf(resp.Request), Step: StepSize, Why: fmt.Sprintf("the answer is larger than %d bytes", t.MaxBytes),
			Hint: "something else than the expected server may listen there",
		}
	}
	return text, err
}

// pause tells whether to make another attempt, and after how long.
func (t *transport) pause(req *http.Request, try int, resp *http.Response, err error) (time.Duration, bool) {
	if try > t.Retries || !t.repeatable(req) {
		return 0, false
	}
	wait := min(maxPause, firstPause<<min(try-1, 10))
	wait = wait/2 + rand.N(wait/2) // clients that failed together do not come back together
	if err != nil {
		e, ok := errors.AsType[*Error](err)
		return wait, ok && e.mayPass() && (e.Step != StepTimeout || try == 1) // what takes too long twice will a third time
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, 529:
	default:
		return 0, false
	}
	if asked := retryAfter(resp.Header.Get("Retry-After"), time.Now()); asked > maxAsked {
		return 0, false
	} else if asked > 0 {
		wait = asked
	}
	return wait, true
}

// repeatable reports whether the same request may be sent again.
func (t *transport) repeatable(req *http.Request) bool {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	return req.Method == http.MethodPost && t.RetryPOST
}

// retryAfter reads the header of that name: seconds, or a date. 0 if it asks for nothing.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(0, min(seconds, 1<<30))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// replay is the request once more, with its body from the beginning.
func replay(req *http.Request) (*http.Request, error) {
	if req.GetBody == nil {
		return req, nil
	}
	b, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	again.Body = b
	return again, nil
}

func reason(resp *http.Response, err error) string {
	if err == nil {
		err = StatusError(resp)
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // nothing was read of it
	}
}
