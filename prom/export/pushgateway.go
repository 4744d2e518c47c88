package export

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	dto "github.com/prometheus/client_model/go"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

// Pushgateway replaces one group of a Pushgateway, whole, with every push: what is not pushed any more is gone. A group for each
// team would outlive its team.
type Pushgateway struct {
	URL    string // without the path of a group
	Group  Group
	Client *http.Client
}

// Group is the grouping key: two organisations that push to one gateway need two.
type Group struct {
	Job    string            `json:"job"`
	Labels map[string]string `json:"labels,omitempty"`
}

// Push replaces the group with families. Groups that memory knows of from before, under another key, are deleted.
func (p Pushgateway) Push(ctx context.Context, families []*dto.MetricFamily, memory Memory) error {
	state, err := memory.Load(ctx)
	if err != nil {
		return err
	}
	var groups []Group
	if len(state) > 0 {
		if err := json.Unmarshal(state, &groups); err != nil {
			return fmt.Errorf("what was pushed last can't be read: %w", err)
		}
	}
	stale := groups[:0:0]
	for _, g := range groups {
		if !g.equal(p.Group) {
			stale = append(stale, g)
		}
	}
	if err := remember(ctx, memory, state, append(stale, p.Group)); err != nil {
		return err
	}
	pusher := p.pusher(ctx, p.Group).Gatherer(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil }))
	if err := pusher.PushContext(ctx); err != nil {
		return err
	}
	for _, g := range stale {
		if err := p.pusher(ctx, g).Delete(); err != nil {
			return fmt.Errorf("the group of before, of job %q, is still there: %w", g.Job, err)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	return remember(ctx, memory, nil, []Group{p.Group})
}

// remember keeps groups, unless known says that they are.
func remember(ctx context.Context, memory Memory, known []byte, groups []Group) error {
	state, err := json.Marshal(groups)
	if err != nil || bytes.Equal(state, known) {
		return err
	}
	return memory.Save(ctx, state)
}

func (p Pushgateway) pusher(ctx context.Context, g Group) *push.Pusher {
	pusher := push.New(p.URL, g.Job).Client(doer{ctx, p.Client})
	for name, value := range g.Labels {
		pusher.Grouping(name, value)
	}
	return pusher
}

func (g Group) equal(o Group) bool { return g.Job == o.Job && maps.Equal(g.Labels, o.Labels) }

// doer sends the library's requests. The library would quote the body of an answer that it did not expect, and deletes without
// a context.
type doer struct {
	ctx    context.Context
	client *http.Client
}

// Do implements push.HTTPDoer.
func (d doer) Do(req *http.Request) (*http.Response, error) {
	return httpclient.Do(d.client, req.WithContext(d.ctx))
}
