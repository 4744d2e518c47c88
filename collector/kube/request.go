package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

var (
	errRedirect = errors.New("it answers with a redirect to another server")
	errStalled  = errors.New("it did not answer in time")
)

// build makes the HTTP request.
func (r *request) build(ctx context.Context, base *url.URL) (*http.Request, error) {
	u := base.JoinPath(r.path)
	u.RawQuery = r.query.Encode()
	method := r.method
	if method == "" {
		method = http.MethodGet
	}
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	accept := r.accept
	if accept == "" {
		accept = "application/json"
	}
	req.Header.Set("Accept", accept)
	return req, nil
}

// guard cancels a request that takes too long.
type guard struct {
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

func newGuard(cancel context.CancelCauseFunc, after time.Duration) *guard {
	return &guard{cancel: cancel, timer: time.AfterFunc(after, func() { cancel(errStalled) })}
}

func (g *guard) stop() {
	g.timer.Stop()
	g.cancel(nil)
}

// guarded is the body of an answer under a guard. That of a stream may lie there unread for as long as its reader likes: only the time
// in which the server sends nothing counts.
type guarded struct {
	io.ReadCloser
	guard  *guard
	ctx    context.Context
	stream bool
}

func (b *guarded) Read(p []byte) (int, error) {
	if b.stream {
		b.guard.timer.Reset(stallTimeout)
		defer b.guard.timer.Stop()
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (b *guarded) Close() error {
	err := b.ReadCloser.Close()
	b.guard.stop()
	return err
}
