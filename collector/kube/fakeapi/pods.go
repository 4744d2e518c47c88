package fakeapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Pod is a pod of the cluster.
type Pod struct {
	server     *Server
	Namespace  string
	Name, UID  string
	Labels     map[string]string
	Default    string // annotation kubectl.kubernetes.io/default-container
	created    time.Time
	going      bool
	containers []*container
}

type container struct {
	name     string
	restarts int
	id       int // of the present life
	waiting  bool
	started  time.Time
	ended    time.Time
	log      []string // lines with their times, of the file that is not rotated
	last     *container
}

// lives counts containers, so that no ID comes twice.
func (c *container) runtimeID(p *Pod) string {
	return fmt.Sprintf("containerd://%s-%s-%d", p.UID, c.name, c.id)
}

// Deadline is by when pods that are being deleted will be gone: later than any test's time.
func Deadline() time.Time { return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) }

// AddPod starts a pod with containers that begin at a time.
func (s *Server) AddPod(namespace, name string, labels map[string]string, started time.Time, containers ...string) *Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	version := s.change()
	p := &Pod{server: s, Namespace: namespace, Name: name, UID: "uid-" + name + "-" + version, Labels: labels, created: started}
	for _, c := range containers {
		p.containers = append(p.containers, &container{name: c, started: started})
	}
	s.pods = append(s.pods, p)
	return p
}

func (p *Pod) container(name string) *container {
	return p.containers[slices.IndexFunc(p.containers, func(c *container) bool { return c.name == name })]
}

func (p *Pod) do(f func()) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	f()
	p.server.change()
}

// Log writes a line at a time. Without a newline at its end it is a piece that the container has not ended yet.
func (p *Pod) Log(container string, at time.Time, lines ...string) {
	p.do(func() {
		c := p.container(container)
		for _, l := range lines {
			c.log = append(c.log, at.UTC().Format("2006-01-02T15:04:05.000000000Z07:00")+" "+l)
		}
	})
}

// Raw puts text into the log as the kubelet does that has no log.
func (p *Pod) Raw(container, text string) {
	p.do(func() { c := p.container(container); c.log = append(c.log, text) })
}

// Rotate lets the kubelet begin another file: what was logged can't be read any more.
func (p *Pod) Rotate(container string) {
	p.do(func() { p.container(container).log = nil })
}

// Restart ends the container and starts it again. Of its lives before, only the last is kept.
func (p *Pod) Restart(container string, at time.Time) {
	p.do(func() {
		c := p.container(container)
		c.end(at)
		c.begin(at)
	})
}

// Crash ends the container; it waits to be started again.
func (p *Pod) Crash(container string, at time.Time) {
	p.do(func() { c := p.container(container); c.end(at); c.waiting, c.log = true, nil })
}

// Recover starts a container that crashed.
func (p *Pod) Recover(container string, at time.Time) {
	p.do(func() { p.container(container).begin(at) })
}

// Forget lets the kubelet remove what is left of the container's last life.
func (p *Pod) Forget(container string) {
	p.do(func() { p.container(container).last = nil })
}

func (c *container) end(at time.Time) {
	last := *c
	last.ended, last.last = at, nil
	c.last = &last
}

func (c *container) begin(at time.Time) {
	c.restarts++
	c.id++
	c.waiting, c.started, c.log = false, at, nil
}

// Terminate begins to delete the pod, and Delete ends that: its logs are gone.
func (p *Pod) Terminate() { p.do(func() { p.going = true }) }

// Delete removes the pod.
func (p *Pod) Delete() {
	p.do(func() {
		p.going = true
		p.server.pods = slices.DeleteFunc(p.server.pods, func(o *Pod) bool { return o == p })
	})
}

// object is the pod as JSON. The caller holds the server's lock.
func (p *Pod) object() map[string]any {
	meta := map[string]any{"name": p.Name, "namespace": p.Namespace, "uid": p.UID, "labels": p.Labels, "creationTimestamp": stamp(p.created)}
	if p.Default != "" {
		meta["annotations"] = map[string]string{"kubectl.kubernetes.io/default-container": p.Default}
	}
	if p.going {
		meta["deletionTimestamp"], meta["deletionGracePeriodSeconds"] = stamp(Deadline()), 30
	}
	var spec, status []any
	for _, c := range p.containers {
		spec = append(spec, map[string]any{"name": c.name, "image": "example"})
		one := map[string]any{"name": c.name, "restartCount": c.restarts, "containerID": c.runtimeID(p)}
		switch {
		case c.waiting:
			one["state"] = map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff"}}
		case !c.ended.IsZero():
			one["state"] = p.terminated(c)
		default:
			one["state"] = map[string]any{"running": map[string]any{"startedAt": stamp(c.started)}}
		}
		if c.last != nil {
			one["lastState"] = p.terminated(c.last)
		}
		status = append(status, one)
	}
	return map[string]any{"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": map[string]any{"containers": spec},
		"status": map[string]any{"phase": "Running", "containerStatuses": status}}
}

func (p *Pod) terminated(c *container) map[string]any {
	return map[string]any{"terminated": map[string]any{"containerID": c.runtimeID(p), "startedAt": stamp(c.started), "finishedAt": stamp(c.ended), "exitCode": 1}}
}

func (s *Server) servePods(w http.ResponseWriter, r *http.Request, namespace string, rest []string) {
	if len(rest) == 0 {
		s.listPods(w, r, namespace)
		return
	}
	verb, resource := "get", "pods"
	if len(rest) == 2 {
		resource = "pods/" + rest[1]
	}
	if !s.allow(w, r, verb, resource) {
		return
	}
	s.mu.Lock()
	i := slices.IndexFunc(s.pods, func(p *Pod) bool { return p.Namespace == namespace && p.Name == rest[0] })
	if i < 0 {
		s.mu.Unlock()
		Refuse(w, http.StatusNotFound, "NotFound", 0)
		return
	}
	p := s.pods[i]
	if len(rest) == 1 {
		defer s.mu.Unlock()
		answer(w, p.object())
		return
	}
	s.mu.Unlock()
	p.serveLog(w, r)
}

func (s *Server) listPods(w http.ResponseWriter, r *http.Request, namespace string) {
	if r.URL.Query().Get("watch") == "true" {
		s.watchPods(w, r, namespace)
		return
	}
	if !s.allow(w, r, "list", "pods") {
		return
	}
	var items []any
	s.mu.Lock()
	for _, p := range s.pods {
		if p.Namespace == namespace && selects(r.URL.Query().Get("labelSelector"), p.Labels) {
			items = append(items, p.object())
		}
	}
	s.mu.Unlock()
	s.list(w, r, "PodList", items)
}

// watchPods tells of every pod after each change of the cluster, and of those that were deleted.
func (s *Server) watchPods(w http.ResponseWriter, r *http.Request, namespace string) {
	if !s.allow(w, r, "watch", "pods") {
		return
	}
	known := map[*Pod]string{}
	from := r.URL.Query().Get("resourceVersion")
	for first := true; ; first = false {
		s.mu.Lock()
		if s.expired > 0 {
			s.expired--
			s.mu.Unlock()
			answer(w, map[string]any{"type": "ERROR", "object": map[string]any{"kind": "Status", "code": http.StatusGone, "reason": "Expired"}})
			return
		}
		version, changed := strconv.Itoa(s.version), s.changed
		there := map[*Pod]string{}
		for _, p := range s.pods {
			if p.Namespace != namespace || !selects(r.URL.Query().Get("labelSelector"), p.Labels) {
				continue
			}
			object := p.object()
			text, _ := json.Marshal(object)
			there[p] = string(text)
			object["metadata"].(map[string]any)["resourceVersion"] = version
			if was, ok := known[p]; was != string(text) && (!first || from != version) {
				answer(w, map[string]any{"type": map[bool]string{true: "MODIFIED", false: "ADDED"}[ok], "object": object})
			}
		}
		for p := range known {
			if _, ok := there[p]; !ok {
				answer(w, map[string]any{"type": "DELETED", "object": p.object()})
			}
		}
		known = there
		s.mu.Unlock()
		_ = http.NewResponseController(w).Flush() // what can't be flushed comes later
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// serveLog streams a log as the kubelet does: the present file alone, lines from sinceTime on.
func (p *Pod) serveLog(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, _ := time.Parse(time.RFC3339, q.Get("sinceTime"))
	s := p.server
	s.mu.Lock()
	i := slices.IndexFunc(p.containers, func(c *container) bool { return c.name == q.Get("container") })
	var c *container
	if i >= 0 {
		c = p.containers[i]
		if q.Get("previous") == "true" || c.waiting {
			c = c.last
		}
	}
	if c == nil {
		s.mu.Unlock()
		Refuse(w, http.StatusBadRequest, "BadRequest", 0)
		return
	}
	id, sent := c.id, 0
	w.Header().Set("Content-Type", "text/plain")
	for {
		lines, changed := slices.Clone(c.log[min(sent, len(c.log)):]), s.changed
		over := c.id != id || !slices.Contains(s.pods, p) || !c.ended.IsZero()
		s.mu.Unlock()
		sent += len(lines)
		for _, l := range lines {
			text, at, _ := strings.Cut(l, " ")
			if t, err := time.Parse(time.RFC3339Nano, text); err == nil && t.Before(since) && at != "" {
				continue
			}
			if !strings.HasSuffix(l, "\x00") {
				l += "\n"
			}
			if _, err := io.WriteString(w, strings.TrimSuffix(l, "\x00")); err != nil {
				return
			}
		}
		if q.Get("follow") != "true" || over {
			return
		}
		_ = http.NewResponseController(w).Flush() // what can't be flushed comes later
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
		s.mu.Lock()
	}
}
