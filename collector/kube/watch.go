package kube

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"
)

const (
	// watchFor is how long a watch is asked for: it begins anew where it ended.
	watchFor = 5 * time.Minute
	// watchPause is how long to wait after a watch that failed.
	watchPause = 10 * time.Second
)

// WatchPods calls changed with every pod that a label selector matches, and then whenever one of them changes, until ctx ends. It goes on
// over everything that passes; the error says why it never can.
func (c *Client) WatchPods(ctx context.Context, namespace, selector string, changed func(Pod)) error {
	for version := ""; ; {
		began := time.Now()
		var err error
		listed := version != ""
		if !listed {
			r := request{verb: "list", resource: "pods", where: "in namespace " + namespace, path: podsPath(namespace)}
			version, err = list(ctx, c, r, selector, func(p *podJSON) { changed(p.pod()) }, func() {})
		} else {
			version, err = c.watch(ctx, namespace, selector, version, changed)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case IsStatus(err, http.StatusForbidden), IsStatus(err, http.StatusUnauthorized), IsStatus(err, http.StatusNotFound):
			return err
		case err != nil, listed && time.Since(began) < time.Second: // a server that ends every watch at once is not to be pestered
			if err := c.pause(ctx, watchPause); err != nil {
				return err
			}
		}
	}
}

// watch follows changes from a version on. It returns the version to go on from; empty if that is too old and pods must be listed anew.
func (c *Client) watch(ctx context.Context, namespace, selector, version string, changed func(Pod)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, watchFor+c.timeout)
	defer cancel()
	resp, err := c.do(ctx, request{verb: "watch", resource: "pods", where: "in namespace " + namespace, path: podsPath(namespace), stream: true, query: url.Values{
		"watch": {"true"}, "resourceVersion": {version}, "labelSelector": {selector}, "allowWatchBookmarks": {"true"}, "timeoutSeconds": {"300"},
	}})
	if IsStatus(err, http.StatusGone) {
		return "", nil
	}
	if err != nil {
		return version, err
	}
	defer resp.Body.Close()
	resp.Body.(*guarded).stream = false // a watch may be silent for as long as it lasts
	events := json.NewDecoder(resp.Body)
	for {
		var e struct {
			Type   string          `json:"type"`
			Object json.RawMessage `json:"object"`
		}
		if err := events.Decode(&e); err != nil {
			// It ended, as every watch does, or broke off: either way nothing is known to be missed.
			return version, ignoreEnd(err)
		}
		if e.Type == "ERROR" { // mostly that the version is too old
			return "", nil
		}
		var p podJSON
		if err := json.Unmarshal(e.Object, &p); err != nil {
			return "", nil
		}
		version = p.Metadata.Version
		if e.Type != "BOOKMARK" {
			pod := p.pod()
			pod.Gone = e.Type == "DELETED"
			changed(pod)
		}
	}
}

// ignoreEnd takes the end of a watch for no error.
func ignoreEnd(err error) error {
	var broken *json.SyntaxError
	if errors.As(err, &broken) {
		return err
	}
	return nil
}
