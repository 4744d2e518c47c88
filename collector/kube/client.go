// Package kube asks a Kubernetes API server for the few things that this project needs of a cluster: pods and their logs,
// PrometheusRule resources, and a Lease.
//
// Of client-go it uses what is hard to get right: kubeconfig files, a pod's own service account with its token that changes,
// client certificates, exec plugins, proxies. The resources are decoded into small types of its own, because client-go's
// typed clients bring every API of Kubernetes with them: 26 MB of program instead of 5.
//
// Nothing that the API server says in words gets into an error: its messages name users.
package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	requestTimeout = 30 * time.Second // of an attempt, but for logs and watches
	stallTimeout   = time.Minute      // without a byte of a log, after which it is given up
	defaultTries   = 6                // of requests that may be repeated
	firstPause     = 500 * time.Millisecond
	maxPause       = 30 * time.Second // whatever the server asks for
	maxAnswer      = 64 << 20         // bytes of an answer that is decoded at once
	pageSize       = "500"            // resources in an answer to a list
)

// Config says which API server to ask, and as whom.
type Config struct {
	// Kubeconfig is a file. Empty: the service account of the pod that this runs in; outside of a cluster, the files that
	// KUBECONFIG names, or ~/.kube/config.
	Kubeconfig string
	Timeout    time.Duration // of an attempt, but for logs and watches; 0: 30 s
	Tries      int           // of requests that may be repeated, in all; 0: 6
	Logger     *slog.Logger  // told of attempts that are repeated; nil: nothing is logged
}

// Client asks one API server. It is safe for concurrent use.
type Client struct {
	file    string
	timeout time.Duration
	tries   int
	log     *slog.Logger
	pause   func(ctx context.Context, d time.Duration) error

	mu   sync.Mutex
	base *url.URL // of the API server; nil until it is known
	http *http.Client
}

// New returns a client. The configuration is read with the first request, and with one that the server refuses: a token may have
// been renewed.
func New(c Config) *Client {
	log := c.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Client{file: c.Kubeconfig, timeout: cmp.Or(c.Timeout, requestTimeout), tries: cmp.Or(c.Tries, defaultTries), log: log, pause: sleep}
}

// server returns how to reach the API server, as of now if anew is set.
func (c *Client) server(anew bool) (*http.Client, *url.URL, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base != nil && !anew {
		return c.http, c.base, nil
	}
	cfg, err := restConfig(c.file)
	if err != nil {
		return nil, nil, err
	}
	cfg.UserAgent = "metrics-maturity"
	secured := cfg.CAFile != "" || len(cfg.CAData) > 0 || cfg.Insecure
	base, _, err := rest.DefaultServerURL(cfg.Host, "", schema.GroupVersion{}, secured)
	if err != nil {
		return nil, nil, errors.New("kubernetes: the address of the API server can't be read\nhint: check clusters[].cluster.server in the kubeconfig")
	}
	h, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("kubernetes: credentials can't be used: %w\nhint: check certificates and token files in the kubeconfig", err)
	}
	h.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if req.URL.Host != base.Host || req.URL.Scheme != base.Scheme || len(via) > 3 {
			return errRedirect // the credentials are for this server alone
		}
		return nil
	}
	c.http, c.base = h, base
	return h, base, nil
}

func restConfig(file string) (*rest.Config, error) {
	if file == "" {
		cfg, err := rest.InClusterConfig()
		if err == nil {
			return cfg, nil
		}
		if !errors.Is(err, rest.ErrNotInCluster) {
			return nil, fmt.Errorf("kubernetes: the pod's service account can't be used: %w\nhint: set automountServiceAccountToken: true in the pod's spec", err)
		}
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.WarnIfAllMissing = false
	rules.ExplicitPath = file
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, errors.New("kubernetes: not in a cluster, and no kubeconfig found\nhint: run it in a pod with a service account, or name a file under kubernetes: {kubeconfig: ...}")
	}
	if err != nil {
		return nil, fmt.Errorf("kubernetes: the kubeconfig can't be used: %w\nhint: check it with: kubectl config view --kubeconfig FILE", err)
	}
	return cfg, nil
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// request is one that is made of the API server.
type request struct {
	verb     string // as RBAC calls it: get, list, watch, create, update
	resource string // as RBAC calls it: pods, pods/log
	group    string // its API group; empty for the core
	where    string // for people: namespace, name
	method   string // GET if empty
	path     string
	query    url.Values
	body     any // sent as JSON
	accept   string
	stream   bool // the body is read as it comes, for as long as it takes
}

// get asks for a resource or a list, decoded into out.
func (c *Client) get(ctx context.Context, r request, out any) error {
	for attempt := 1; ; attempt++ {
		resp, err := c.do(ctx, r)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		resp.Body.Close()
		switch {
		case err != nil && attempt < c.tries && ctx.Err() == nil: // the server went away in the middle of its answer
			if err := c.pause(ctx, pauseAfter(attempt, nil)); err != nil {
				return err
			}
			continue
		case err != nil:
			return r.failed(err)
		case len(body) > maxAnswer:
			return r.answered(resp, "the answer has more than %d bytes\nhint: narrow it with a selector", maxAnswer)
		}
		if err := json.Unmarshal(body, out); err != nil {
			return r.answered(resp, "the answer is not what an API server sends\nhint: does the address lead to a Kubernetes API server?")
		}
		return nil
	}
}

// do makes a request, as often as it takes for the server to answer it, within bounds. It returns answers of success alone; their
// body is the caller's to close.
func (c *Client) do(ctx context.Context, r request) (*http.Response, error) {
	if _, _, err := c.server(false); err != nil {
		return nil, err
	}
	var renewed bool
	for attempt := 1; ; attempt++ {
		resp, err := c.once(ctx, r)
		if err == nil && resp.StatusCode < 300 {
			return resp, nil
		}
		if err != nil && (ctx.Err() != nil || errors.Is(err, errRedirect)) {
			return nil, r.failed(err)
		}
		again := err != nil || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500
		if err == nil && resp.StatusCode == http.StatusUnauthorized && !renewed {
			// The file may hold a newer token.
			_, _, err := c.server(true)
			again, renewed = err == nil, true
		}
		if !again || attempt == c.tries {
			if err != nil {
				return nil, r.failed(err)
			}
			return nil, r.refused(resp)
		}
		wait := pauseAfter(attempt, resp)
		c.log.Debug("kubernetes: asking again", "resource", r.resource, "attempt", attempt, "pause", wait)
		if resp != nil {
			resp.Body.Close()
		}
		if err := c.pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// once makes one attempt.
func (c *Client) once(ctx context.Context, r request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	guard := newGuard(cancel, c.timeout)
	client, base, err := c.server(false)
	if err != nil {
		guard.stop()
		return nil, err
	}
	req, err := r.build(ctx, base)
	if err != nil {
		guard.stop()
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		guard.stop()
		return nil, err
	}
	if r.stream {
		guard.timer.Stop()
	}
	resp.Body = &guarded{ReadCloser: resp.Body, guard: guard, ctx: ctx, stream: r.stream}
	return resp, nil
}

// pauseAfter is how long to wait after a failed attempt: what the server asks for, else longer each time.
func pauseAfter(attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
			return min(time.Duration(seconds)*time.Second, maxPause)
		}
	}
	d := min(firstPause<<(attempt-1), maxPause)
	return d/2 + rand.N(d/2)
}
