package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// LogOptions say which part of a container's log to read.
type LogOptions struct {
	Since    time.Time // lines from this second on; the zero time for all that there are
	Previous bool      // the log of Container.Last
	Follow   bool      // wait for more until the container ends, or the context does
}

// ErrNoLog says that there is no such log: the pod is gone, the container has not begun, or nothing is left of it.
var ErrNoLog = errors.New("there is no such log")

// Log opens the log of a container, each line with its time before it. The caller closes it.
func (c *Client) Log(ctx context.Context, namespace, pod, container string, o LogOptions) (io.ReadCloser, error) {
	q := url.Values{"container": {container}, "timestamps": {"true"}}
	if !o.Since.IsZero() {
		q.Set("sinceTime", o.Since.UTC().Format(time.RFC3339))
	}
	if o.Previous {
		q.Set("previous", "true")
	}
	if o.Follow {
		q.Set("follow", "true")
	}
	resp, err := c.do(ctx, request{verb: "get", resource: "pods/log", where: "of " + pod + "/" + container + " in namespace " + namespace,
		path: podsPath(namespace, pod, "log"), query: q, accept: "*/*", stream: true})
	if IsStatus(err, http.StatusNotFound) || IsStatus(err, http.StatusBadRequest) {
		return nil, ErrNoLog
	}
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
