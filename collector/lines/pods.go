package lines

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/kube"
)

// PodAPI is what the logs of pods are read from; *kube.Client is one.
type PodAPI interface {
	// Pods lists the pods that a label selector matches.
	Pods(ctx context.Context, namespace, selector string) ([]kube.Pod, error)
	// Pod reads one pod, and reports false if there is none of that name.
	Pod(ctx context.Context, namespace, name string) (kube.Pod, bool, error)
	// Log opens a log; kube.ErrNoLog if there is none.
	Log(ctx context.Context, namespace, pod, container string, o kube.LogOptions) (io.ReadCloser, error)
	// WatchPods calls changed with each pod, and again with those that change, until ctx ends.
	WatchPods(ctx context.Context, namespace, selector string, changed func(kube.Pod)) error
}

// Pods reads the logs of pods through the Kubernetes API: one Tail for each container.
//
// The API gives less than the node has: of a container the file that is being written, and of the life before its last restart
// what is left. What the kubelet has rotated away, and what a deleted pod wrote last, can't be read. So a run
// reads up to now, the next one goes on behind the last line, and where that line is gone lines are missing: this is a Gap, from
// when the log was read last to the first line that is there. A Gap is also:
//
//   - a pod that was deleted, from when it was read last until now. A pod that is being deleted is read until its containers
//     have ended, if that does not take longer than 45 seconds: then nothing of it is missing;
//   - a container that was restarted more than once, for the lives of which nothing is left;
//   - a container that began after the last run and whose first line is more than a minute younger than it is.
//
// What was there before the source was read for the first time is no Gap: those days were not covered.
//
// The API can only be asked for lines from a second on. The cursor is the last line, known by its time and a keyed hash, and by
// how many equal ones of that time were read; everything behind it in the log is new, whatever time it has.
// A clock that is set back by more than 10 seconds hides lines until it has caught up.
type Pods struct {
	API       PodAPI
	Namespace string
	Selector  string // of labels; empty: every pod
	// Container names the container to read. Empty: the one that the pod's annotation kubectl.kubernetes.io/default-container
	// names, else all but the proxies of service meshes.
	Container string
	Logger    *slog.Logger // nil: nothing is logged
	MaxLine   int          // bytes; 0: DefaultMaxLine
}

// proxies are containers that service meshes add to pods.
var proxies = []string{"istio-proxy", "linkerd-proxy"}

// podPrefix begins the names of cursors.
const podPrefix = "pod/"

// podCursor is how far the log of one container was read.
type podCursor struct {
	Namespace string    `json:"namespace"`
	Pod       string    `json:"pod"`
	UID       string    `json:"uid"`
	Container string    `json:"container"`
	Life      string    `json:"life,omitempty"`  // the container's ID while it lived that life
	Time      time.Time `json:"time,omitzero"`   // of the last line
	Sum       uint64    `json:"sum,omitempty"`   // digest of the last line
	Nth       int       `json:"nth,omitempty"`   // of the lines with that time and digest; 0: the line is gone, go on behind Time
	Bad       int       `json:"bad,omitempty"`   // lines behind it that can't be read, and were told of
	Seen      time.Time `json:"seen"`            // when everything that there was had been read
	Ended     bool      `json:"ended,omitempty"` // and nothing can come any more
}

func (c *podCursor) name() string {
	return podPrefix + c.Namespace + "/" + c.Pod + "/" + c.Container + "/" + c.UID
}

// reached is up to when everything was read: nothing that is missing is older. now, if nothing was read yet.
func (c *podCursor) reached(now time.Time) time.Time {
	switch {
	case c.Time.After(c.Seen):
		return c.Time
	case c.Seen.IsZero():
		return now
	}
	return c.Seen
}

// Open implements collector.Transport.
func (p *Pods) Open(ctx context.Context, from Resume) ([]Tail, error) {
	pods, err := p.API.Pods(ctx, p.Namespace, p.Selector)
	if err != nil {
		return nil, err
	}
	if !from.Since.IsZero() {
		from.Cursors = nil
	}
	saved, last, err := p.load(from.Cursors)
	if err != nil {
		return nil, err
	}
	var tails []Tail
	var failed error
	denied := new(bool)
	for _, pod := range pods {
		chosen, err := p.choose(pod)
		failed = errors.Join(failed, err)
		for _, c := range chosen {
			t := p.tail(from, pod, c)
			if known, ok := saved[t.cursor.name()]; ok {
				t.cursor, t.known = known, true
				delete(saved, t.cursor.name())
			}
			t.since, t.denied = last, denied
			tails = append(tails, t)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(saved)) {
		t, err := p.gone(ctx, from, saved[name])
		failed = errors.Join(failed, err)
		if t != nil {
			tails = append(tails, t)
		}
	}
	if len(pods) == 0 {
		failed = errors.Join(failed, fmt.Errorf("no pod in namespace %s matches the selector %q\nhint: try it: kubectl get pods -n %s -l '%s'", p.Namespace, p.Selector, p.Namespace, p.Selector))
	}
	return tails, failed
}

// load decodes the cursors of the namespace. last is when any of them was read last: what began later was never there before.
func (p *Pods) load(cursors map[string][]byte) (saved map[string]podCursor, last time.Time, err error) {
	saved = map[string]podCursor{}
	for name, value := range cursors {
		if !strings.HasPrefix(name, podPrefix+p.Namespace+"/") {
			continue
		}
		var c podCursor
		if err := json.Unmarshal(value, &c); err != nil || c.name() != name {
			return nil, last, BadCursor(name)
		}
		saved[name] = c
		if c.Seen.After(last) {
			last = c.Seen
		}
	}
	return saved, last, nil
}

// choose returns the containers of a pod that are to be read.
func (p *Pods) choose(pod kube.Pod) ([]kube.Container, error) {
	only := func(name string) []kube.Container {
		return slices.DeleteFunc(slices.Clone(pod.Containers), func(c kube.Container) bool { return c.Name != name })
	}
	if p.Container == "" {
		if chosen := only(pod.Default); len(chosen) > 0 {
			return chosen, nil
		}
		return slices.DeleteFunc(slices.Clone(pod.Containers), func(c kube.Container) bool { return slices.Contains(proxies, c.Name) }), nil
	}
	chosen := only(p.Container)
	if len(chosen) > 0 {
		return chosen, nil
	}
	var names []string
	for _, c := range pod.Containers {
		names = append(names, c.Name)
	}
	return nil, fmt.Errorf("pod %s has no container %s\nhint: it has %s: name one of them under container:, or narrow the selector", pod.Name, p.Container, strings.Join(names, ", "))
}

// tail begins to read a container.
func (p *Pods) tail(from Resume, pod kube.Pod, c kube.Container) *podTail {
	t := &podTail{
		pods: p, pod: pod, container: c, now: from.Now, only: from.Since, digest: from.Digest, log: p.Logger, maxLine: p.MaxLine,
		cursor: podCursor{Namespace: p.Namespace, Pod: pod.Name, UID: pod.UID, Container: c.Name},
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.maxLine <= 0 {
		t.maxLine = DefaultMaxLine
	}
	return t
}

// gone returns what is left to say of a container whose pod is not listed any more; nil if the pod is there, and only not selected.
func (p *Pods) gone(ctx context.Context, from Resume, c podCursor) (Tail, error) {
	pod, there, err := p.API.Pod(ctx, c.Namespace, c.Pod)
	if err != nil || there && pod.UID == c.UID {
		return nil, err
	}
	t := &goneTail{name: c.name(), cursor: from.Cursors[c.name()]}
	if !c.Ended {
		t.gap = &Gap{From: c.reached(from.Now), To: from.Now.Add(1), Why: "the pod was deleted: what it wrote after it was read last is lost\nhint: collect more often, keep serve running, or read from Loki"}
	}
	return t, nil
}

// Watch calls wake whenever a log should be read now because it can't be read later: a pod is being deleted, or a container was
// restarted, whose next restart would take away what it wrote before. It returns when ctx ends, or if pods can't be watched.
func (p *Pods) Watch(ctx context.Context, wake func()) error {
	type state struct {
		going    bool
		restarts int
	}
	seen := map[string]state{}
	return p.API.WatchPods(ctx, p.Namespace, p.Selector, func(pod kube.Pod) {
		now := state{going: pod.Going}
		for _, c := range pod.Containers {
			now.restarts += c.Restarts
		}
		was, known := seen[pod.UID]
		seen[pod.UID] = now
		if pod.Gone {
			delete(seen, pod.UID)
			return
		}
		if now.going && !was.going || known && now.restarts > was.restarts {
			wake()
		}
	})
}

// goneTail tells of a container that is gone, once.
type goneTail struct {
	name   string
	cursor []byte
	gap    *Gap
}

func (t *goneTail) Name() string            { return t.name }
func (t *goneTail) Cursor() ([]byte, error) { return t.cursor, nil }
func (t *goneTail) Close() error            { return nil }

// Next implements Tail.
func (t *goneTail) Next(context.Context) (Item, error) {
	gap := t.gap
	t.gap, t.cursor = nil, nil
	if gap == nil {
		return Item{}, io.EOF
	}
	return Item{Gap: gap}, nil
}
