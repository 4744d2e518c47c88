package kube

import (
	"context"
	"net/http"
	"path"
	"time"
)

// Lease is what a Lease of coordination.k8s.io/v1 says. The zero Lease is one that does not exist.
type Lease struct {
	Version     string // what an update must name, so that of two at once one fails; empty if there is no Lease yet
	Holder      string // empty if nobody holds it
	Duration    time.Duration
	Acquired    time.Time // by the holder's clock
	Renewed     time.Time // by the holder's clock
	Transitions int       // how often the holder changed
}

// microTime is how the API server writes times of Leases.
const microTime = "2006-01-02T15:04:05.000000Z07:00"

type leaseJSON struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		Version   string `json:"resourceVersion,omitempty"`
	} `json:"metadata"`
	Spec struct {
		Holder      string `json:"holderIdentity"`
		Seconds     int    `json:"leaseDurationSeconds,omitempty"`
		Acquired    string `json:"acquireTime,omitempty"`
		Renewed     string `json:"renewTime,omitempty"`
		Transitions int    `json:"leaseTransitions"`
	} `json:"spec"`
}

func (l *leaseJSON) lease() Lease {
	// A time that can't be read is not compared with any clock: only its changes matter.
	acquired, _ := time.Parse(time.RFC3339Nano, l.Spec.Acquired)
	renewed, _ := time.Parse(time.RFC3339Nano, l.Spec.Renewed)
	return Lease{
		Version: l.Metadata.Version, Holder: l.Spec.Holder, Duration: time.Duration(l.Spec.Seconds) * time.Second,
		Acquired: acquired, Renewed: renewed, Transitions: l.Spec.Transitions,
	}
}

// Lease reads a Lease.
func (c *Client) Lease(ctx context.Context, namespace, name string) (Lease, error) {
	var l leaseJSON
	err := c.get(ctx, leaseRequest("get", namespace, name), &l)
	if IsStatus(err, http.StatusNotFound) {
		return Lease{}, nil
	}
	return l.lease(), err
}

// SaveLease creates a Lease, or updates the one of l.Version. It reports false, and changes nothing, if somebody else did so first.
func (c *Client) SaveLease(ctx context.Context, namespace, name string, l Lease) (Lease, bool, error) {
	var j leaseJSON
	j.APIVersion, j.Kind = "coordination.k8s.io/v1", "Lease"
	j.Metadata.Name, j.Metadata.Namespace, j.Metadata.Version = name, namespace, l.Version
	j.Spec.Holder, j.Spec.Seconds, j.Spec.Transitions = l.Holder, int(l.Duration/time.Second), l.Transitions
	j.Spec.Acquired, j.Spec.Renewed = l.Acquired.UTC().Format(microTime), l.Renewed.UTC().Format(microTime)
	r := leaseRequest("update", namespace, name)
	r.method = http.MethodPut
	if l.Version == "" {
		r = leaseRequest("create", namespace, "")
		r.method = http.MethodPost
	}
	r.body = &j
	// A repeated attempt can't do harm: the first, if it was carried out, has changed the version that this one names.
	err := c.get(ctx, r, &j)
	if IsStatus(err, http.StatusConflict) || l.Version != "" && IsStatus(err, http.StatusNotFound) {
		return Lease{}, false, nil
	}
	return j.lease(), err == nil, err
}

func leaseRequest(verb, namespace, name string) request {
	return request{verb: verb, resource: "leases", group: "coordination.k8s.io", where: name + " in namespace " + namespace,
		path: path.Join("apis/coordination.k8s.io/v1/namespaces", namespace, "leases", name)}
}
