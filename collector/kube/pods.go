package kube

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"slices"
	"time"
)

// Pod is what is needed of a pod to read its logs.
type Pod struct {
	UID, Name  string
	Default    string // the container that its annotation kubectl.kubernetes.io/default-container names
	Containers []Container
	Created    time.Time
	Going      bool      // it is being deleted
	Deadline   time.Time // by when, if it is
	Done       bool      // all its containers have ended for good
	Gone       bool      // it was deleted; only a watch tells so
}

// Container is one container of a pod, without those that only prepare it.
type Container struct {
	Name     string
	Restarts int       // how often it was restarted so far
	Current  *Instance // that runs, or ended and is not replaced yet; nil while it waits to be started
	Last     *Instance // before that; nil if there is none, or nothing is left of it
}

// Instance is one life of a container.
type Instance struct {
	ID      string // "containerd://..."; it never comes again
	Started time.Time
	Ended   time.Time // zero while it runs
}

// podJSON is a pod as the API server sends it.
type podJSON struct {
	Metadata struct {
		Name        string            `json:"name"`
		UID         string            `json:"uid"`
		Version     string            `json:"resourceVersion"`
		Annotations map[string]string `json:"annotations"`
		Created     time.Time         `json:"creationTimestamp"`
		Deletion    *time.Time        `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		Containers []specJSON `json:"containers"`
		Init       []specJSON `json:"initContainers"`
	} `json:"spec"`
	Status struct {
		Phase      string       `json:"phase"`
		Containers []statusJSON `json:"containerStatuses"`
		Init       []statusJSON `json:"initContainerStatuses"`
	} `json:"status"`
}

type specJSON struct {
	Name          string `json:"name"`
	RestartPolicy string `json:"restartPolicy"`
}

type statusJSON struct {
	Name     string    `json:"name"`
	ID       string    `json:"containerID"`
	Restarts int       `json:"restartCount"`
	State    stateJSON `json:"state"`
	Last     stateJSON `json:"lastState"`
}

type stateJSON struct {
	Running *struct {
		Started time.Time `json:"startedAt"`
	} `json:"running"`
	Terminated *struct {
		ID       string    `json:"containerID"`
		Started  time.Time `json:"startedAt"`
		Finished time.Time `json:"finishedAt"`
	} `json:"terminated"`
}

func (p *podJSON) pod() Pod {
	out := Pod{UID: p.Metadata.UID, Name: p.Metadata.Name, Default: p.Metadata.Annotations["kubectl.kubernetes.io/default-container"],
		Created: p.Metadata.Created, Done: p.Status.Phase == "Succeeded" || p.Status.Phase == "Failed"}
	if p.Metadata.Deletion != nil {
		out.Going, out.Deadline = true, *p.Metadata.Deletion
	}
	for _, c := range p.Spec.Containers {
		out.Containers = append(out.Containers, container(c.Name, p.Status.Containers))
	}
	for _, c := range p.Spec.Init {
		if c.RestartPolicy == "Always" { // a sidecar: it runs beside the others
			out.Containers = append(out.Containers, container(c.Name, p.Status.Init))
		}
	}
	return out
}

func container(name string, all []statusJSON) Container {
	c := Container{Name: name}
	i := slices.IndexFunc(all, func(s statusJSON) bool { return s.Name == name })
	if i < 0 {
		return c // not scheduled yet
	}
	s := all[i]
	c.Restarts, c.Last = s.Restarts, s.Last.instance(s.ID)
	c.Current = s.State.instance(s.ID)
	if c.Last != nil && s.Last.Terminated.ID == "" {
		c.Last = nil // the kubelet knows nothing of it any more
	}
	return c
}

func (s *stateJSON) instance(id string) *Instance {
	switch {
	case s.Running != nil:
		return &Instance{ID: id, Started: s.Running.Started}
	case s.Terminated != nil:
		if s.Terminated.ID != "" {
			id = s.Terminated.ID
		}
		return &Instance{ID: id, Started: s.Terminated.Started, Ended: s.Terminated.Finished}
	}
	return nil
}

// Pods lists the pods of a namespace that a label selector matches, in the order of their names.
func (c *Client) Pods(ctx context.Context, namespace, selector string) (pods []Pod, err error) {
	r := request{verb: "list", resource: "pods", where: "in namespace " + namespace, path: podsPath(namespace)}
	_, err = list(ctx, c, r, selector, func(p *podJSON) { pods = append(pods, p.pod()) }, func() { pods = nil })
	return pods, err
}

// Pod reads one pod; it reports false if there is none of that name any more.
func (c *Client) Pod(ctx context.Context, namespace, name string) (Pod, bool, error) {
	var p podJSON
	err := c.get(ctx, request{verb: "get", resource: "pods", where: name + " in namespace " + namespace, path: podsPath(namespace, name)}, &p)
	if IsStatus(err, http.StatusNotFound) {
		return Pod{}, false, nil
	}
	return p.pod(), err == nil, err
}

func podsPath(namespace string, more ...string) string {
	return path.Join(append([]string{"api/v1/namespaces", namespace, "pods"}, more...)...)
}

// list calls yield for every resource of all pages. If the server forgets what it was about to list, all begins anew: reset is
// called. version is what a watch goes on from.
func list[T any](ctx context.Context, c *Client, r request, selector string, yield func(*T), reset func()) (version string, err error) {
	const restarts = 3
	var page struct {
		Metadata struct {
			Version  string `json:"resourceVersion"`
			Continue string `json:"continue"`
		} `json:"metadata"`
		Items []T `json:"items"`
	}
	for begun := 0; ; {
		r.query = url.Values{"limit": {pageSize}}
		if selector != "" {
			r.query.Set("labelSelector", selector)
		}
		if page.Metadata.Continue != "" {
			r.query.Set("continue", page.Metadata.Continue)
		}
		page.Items, page.Metadata.Continue = nil, ""
		err := c.get(ctx, r, &page)
		if IsStatus(err, http.StatusGone) && begun < restarts {
			begun++
			reset()
			continue
		}
		if err != nil {
			return "", err
		}
		for i := range page.Items {
			yield(&page.Items[i])
		}
		if page.Metadata.Continue == "" {
			return page.Metadata.Version, nil
		}
	}
}
