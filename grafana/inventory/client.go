package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/grafana-tools/sdk"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

// orgHeader chooses the organisation of a request by somebody who is in several.
const orgHeader = "X-Grafana-Org-Id"

// client asks one organisation of a Grafana. It is safe for concurrent use.
type client struct {
	base  string
	ask   *http.Client // whose transport is strict
	sdk   *sdk.Client
	notes *notes
}

func newClient(base string, to *http.Client, org int64, n *notes) (*client, error) {
	c := &client{base: strings.TrimSuffix(base, "/"), ask: &http.Client{Transport: strict{to, org}}, notes: n}
	var err error
	c.sdk, err = sdk.NewClient(c.base, "", c.ask)
	return c, err
}

// strict is a transport for which an answer other than 2xx is an error, so that no caller can take one for an answer, or show it.
type strict struct {
	to  *http.Client
	org int64 // 0: the credentials' own
}

// RoundTrip implements http.RoundTripper.
func (s strict) RoundTrip(req *http.Request) (*http.Response, error) {
	one := req.Clone(req.Context())
	one.Header.Del("User-Agent") // the client's own names this project
	if s.org != 0 {
		one.Header.Set(orgHeader, strconv.FormatInt(s.org, 10))
	}
	return httpclient.Do(s.to, one)
}

// get asks for a path, in which every part is escaped, and decodes the answer into v.
func (c *client) get(ctx context.Context, what call, path string, query url.Values, v any) error {
	return c.fetch(ctx, what, path, query, "application/json", v)
}

func (c *client) fetch(ctx context.Context, what call, path string, query url.Values, accept string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return err
	}
	req.URL.RawQuery = query.Encode()
	req.Header.Set("Accept", accept)
	resp, err := c.ask.Do(req)
	if err != nil {
		return c.failed(what, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return decodeError("GET "+path, err)
	}
	return nil
}

// failed is the error of a call that was made, by the SDK or here. A refusal is noted, too.
func (c *client) failed(what call, path string, err error) error {
	if err == nil {
		return nil
	}
	err = httpclient.Cause(err)
	e, ok := errors.AsType[*httpclient.Error](err)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case !ok: // of the SDK, which quotes what it can't decode
		return decodeError("GET "+path, err)
	case refused(err) && what != callTokens:
		c.notes.add(what.refusal("GET "+general(path), e.Status))
	}
	return e
}

// general is a path without what tells one thing of a kind from another, so that each refusal is told once.
func general(path string) string {
	parts := strings.Split(path, "/")
	for i := 2; i < len(parts); i++ {
		switch before := parts[i-1]; {
		case before == "uid", before == "folders", before == "rule", before == "teams" && parts[i] != "search":
			parts[i] = "<" + strings.TrimSuffix(before, "s") + ">"
		}
	}
	return strings.ReplaceAll(strings.Join(parts, "/"), "/uid/<uid>", "/uid/<dashboard>")
}

// plain reports whether a uid can be part of a path as it is. Grafana makes no other ones.
func plain(uid string) bool {
	return uid != "" && uid != "." && uid != ".." && !strings.ContainsAny(uid, "/?#%\\ ")
}

// errUID is a uid that Grafana would not have made.
func errUID(endpoint string) error {
	return &DecodeError{Endpoint: endpoint, Field: "uid", Why: fmt.Sprintf("not of the kind that may stand in %q", "/api/dashboards/uid/<uid>")}
}

// notes are what a reader of the report should know, each once. They are safe for concurrent use.
type notes struct {
	mu    sync.Mutex
	lines []string
	seen  map[string]bool
}

func (n *notes) add(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen == nil {
		n.seen = map[string]bool{}
	}
	if !n.seen[line] {
		n.seen[line] = true
		n.lines = append(n.lines, line)
	}
}
