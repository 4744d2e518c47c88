package lines

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/kube"
)

const (
	// podOverlap is how much is read again, so that the last line is found though clocks are set.
	podOverlap = 10 * time.Second
	// podFollow is how long a container that is being ended is waited for.
	podFollow = 45 * time.Second
	// podMercy is how much later than it should a pod may be gone: one that stays on after that is stuck.
	podMercy = 5 * time.Second
	// podSilence is how long a container may take to its first line.
	podSilence = time.Minute
	// podReopen is how often a log that breaks off is opened again without a new line.
	podReopen = 3
)

// podTail reads the log of one container: of the life before the last restart first, if that was not read yet.
type podTail struct {
	pods      *Pods
	pod       kube.Pod
	container kube.Container
	now       time.Time
	since     time.Time // when the source was read last; zero if this is the first time
	only      time.Time // if set, nothing older is of interest, and nothing to come: a sample is taken
	digest    func([]byte) uint64
	log       *slog.Logger
	maxLine   int

	cursor podCursor
	known  bool  // the cursor was saved by an earlier run
	denied *bool // this service account may read no log: said once for all containers

	begun    bool
	lives    []life // to be read
	in       *podLog
	gaps     []*Gap   // to be returned before the next line
	line     *podLine // to be returned
	failures int      // to read on, since the last line
	err      error
}

// life is one life of a container.
type life struct {
	kube.Instance
	previous bool // the one before the last restart
}

// Name implements Tail.
func (t *podTail) Name() string { return t.cursor.name() }

// Cursor implements Tail.
func (t *podTail) Cursor() ([]byte, error) {
	if !t.known && t.cursor.Life == "" {
		return nil, nil // nothing of it is there yet
	}
	return json.Marshal(&t.cursor)
}

// Close implements Tail.
func (t *podTail) Close() error {
	t.shut()
	return nil
}

// shut ends reading the log that is open.
func (t *podTail) shut() {
	if t.in != nil {
		t.in.close()
		t.in = nil
	}
}

// Next implements Tail.
func (t *podTail) Next(ctx context.Context) (Item, error) {
	if !t.begun {
		t.begun = true
		t.plan()
	}
	for {
		if len(t.gaps) > 0 {
			gap := t.gaps[0]
			t.gaps = t.gaps[1:]
			return Item{Gap: gap}, nil
		}
		if l := t.line; l != nil {
			t.take(*l)
			t.line = nil
			return Item{Text: l.text, Time: l.at}, nil
		}
		if t.err != nil {
			return Item{}, t.err
		}
		if t.in == nil {
			t.err = t.open(ctx)
			continue
		}
		line, err := t.in.next()
		var bad *Malformed
		switch {
		case err == nil:
			t.failures, t.line = 0, &line
		case errors.As(err, &bad):
			t.cursor.Bad++
			return Item{}, bad
		default:
			t.err = t.ended(ctx, err)
		}
	}
}

// plan decides which lives are to be read, and tells of those that are lost.
func (t *podTail) plan() {
	c, at := t.container, &t.cursor
	t.lives = nil
	if c.Last != nil {
		t.lives = append(t.lives, life{*c.Last, true})
	}
	if c.Current != nil {
		t.lives = append(t.lives, life{*c.Current, false})
	}
	i := slices.IndexFunc(t.lives, func(l life) bool { return l.ID == at.Life })
	if i >= 0 {
		t.lives = t.lives[i:]
		return
	}
	lost := t.known && at.Life != "" && !at.Ended || !t.known && t.isNew(t.pod.Created) && c.Restarts >= len(t.lives) && c.Restarts > 0
	if !lost {
		return
	}
	from, to := at.reached(t.now), t.now
	if !t.known {
		from = t.pod.Created
	}
	if len(t.lives) > 0 && t.lives[0].Started.Before(to) {
		to = t.lives[0].Started
	}
	t.lose(from, to, "the container was restarted, and nothing is left of what it wrote before\nhint: collect more often, or read from Loki")
	at.Life, at.Nth = "", 0
}

// isNew reports whether something began after the source was read last: then all of it was to be read.
func (t *podTail) isNew(began time.Time) bool { return !t.since.IsZero() && began.After(t.since) }

// lose tells that lines are missing.
func (t *podTail) lose(from, to time.Time, why string) {
	if !to.After(from) {
		to = from.Add(1)
	}
	t.gaps = append(t.gaps, &Gap{From: from, To: to, Why: why})
}

// open opens the log of the next life. It returns io.EOF if there is none.
func (t *podTail) open(ctx context.Context) error {
	if len(t.lives) == 0 {
		return t.finish()
	}
	l := t.lives[0]
	o := kube.LogOptions{Previous: l.previous, Follow: t.following(l), Since: t.only}
	if !t.cursor.Time.IsZero() {
		o.Since = t.cursor.Time.Add(-podOverlap)
	}
	logCtx, cancel := ctx, context.CancelFunc(func() {})
	if o.Follow {
		logCtx, cancel = context.WithTimeout(ctx, min(podFollow, t.pod.Deadline.Sub(t.now)+podMercy))
	}
	body, err := t.pods.API.Log(logCtx, t.pods.Namespace, t.pod.Name, t.container.Name, o)
	switch {
	case errors.Is(err, kube.ErrNoLog):
		cancel()
		return t.missing(ctx)
	case err != nil:
		cancel()
		return t.refused(err)
	}
	is, err := t.present(ctx, l)
	if err != nil || is == replaced {
		cancel()
		return errors.Join(err, body.Close())
	}
	t.in = newPodLog(t, l, body, cancel)
	t.log.Debug("log to read", "stream", t.Name(), "from", t.cursor.Time, "previous", l.previous, "follow", o.Follow)
	return nil
}

// following reports whether the log of a life is read until the container has ended, because nobody can read it then.
func (t *podTail) following(l life) bool {
	return t.pod.Going && t.now.Before(t.pod.Deadline.Add(podMercy)) && !l.previous && l.Ended.IsZero() && t.only.IsZero()
}

// refused is the error of a log that can't be opened. Where no log may be read, one container says so for all.
func (t *podTail) refused(err error) error {
	if !kube.IsStatus(err, http.StatusForbidden) {
		return err
	}
	if *t.denied {
		return io.EOF
	}
	*t.denied = true
	return err
}

// presence is what became of a life since the pods were listed.
type presence int

const (
	there    presence = iota // as it was
	over                     // it has ended
	replaced                 // the container was restarted; the plan was made anew
	deleted                  // the pod is gone
)

// present tells what became of a life: its container may have been restarted since the pods were listed, and the log that was opened
// is then another one's. An ID that is the same before and after was it in between.
func (t *podTail) present(ctx context.Context, l life) (presence, error) {
	pod, is, err := t.pods.API.Pod(ctx, t.pods.Namespace, t.pod.Name)
	if err != nil {
		return there, t.refused(err)
	}
	i := slices.IndexFunc(pod.Containers, func(c kube.Container) bool { return c.Name == t.container.Name })
	if !is || pod.UID != t.pod.UID || i < 0 {
		return deleted, nil
	}
	now := pod.Containers[i]
	same := now.Current
	if l.previous {
		same = now.Last
	}
	switch {
	case same != nil && same.ID == l.ID && same.Ended.IsZero():
		return there, nil
	case same != nil && same.ID == l.ID:
		return over, nil
	}
	if t.failures++; t.failures > podReopen {
		return there, fmt.Errorf("container %s of pod %s is restarted faster than its log can be read\nhint: see why with: kubectl describe pod -n %s %s", t.container.Name, t.pod.Name, t.pods.Namespace, t.pod.Name)
	}
	t.pod, t.container = pod, now
	t.plan()
	return replaced, nil
}

// missing is for a life without a log: the pod was deleted since it was listed, or the kubelet has removed what was left.
func (t *podTail) missing(ctx context.Context) error {
	l, c := t.lives[0], &t.cursor
	is, err := t.present(ctx, l)
	if err != nil || is == replaced {
		return err
	}
	t.lives = t.lives[1:]
	switch {
	case l.ID == c.Life && !c.Ended:
		t.lose(c.reached(t.now), t.now, lostLog)
	case l.ID != c.Life && t.isNew(l.Started):
		t.lose(l.Started, t.now, lostLog)
	}
	c.Life, c.Nth, c.Ended = l.ID, 0, is == deleted
	return nil
}

const lostLog = "the log can't be read any more: what was written after it was read last is lost\nhint: collect more often, or read from Loki"

// ended is for the end of a log, or for one that breaks off.
func (t *podTail) ended(ctx context.Context, err error) error {
	l, following := t.lives[0], t.following(t.lives[0])
	gone := t.in.unreadable
	t.shut()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case following && errors.Is(err, context.DeadlineExceeded):
		return t.finish()
	case gone:
		return t.missing(ctx)
	case !errors.Is(err, io.EOF):
		if t.failures++; t.failures > podReopen {
			return fmt.Errorf("the log of %s in pod %s breaks off: %w\nhint: the next run goes on from here", t.container.Name, t.pod.Name, err)
		}
		return nil // opened again, behind the last line
	}
	t.cursor.Ended = t.pod.Done
	if following { // or the API server went away in peace
		is, err := t.present(ctx, l)
		if err != nil || is == replaced {
			return err
		}
		t.cursor.Ended = is != there
	}
	if t.cursor.Life != l.ID {
		t.cursor.Nth = 0 // the life has no line yet: the last one that was read is not to be found in it
	}
	t.cursor.Life = l.ID
	t.lives = t.lives[1:]
	return nil
}

// finish is the good end: everything that there was when the pods were listed has been read.
func (t *podTail) finish() error {
	t.cursor.Seen = t.now
	return io.EOF
}

// take moves the cursor behind a line.
func (t *podTail) take(l podLine) {
	t.cursor.Life, t.cursor.Time, t.cursor.Sum, t.cursor.Nth, t.cursor.Ended = l.life, l.at, l.sum, l.nth, false
	t.cursor.Bad, t.known = 0, true
}

// unreadable reports whether the kubelet answers with a complaint in the place of a log.
func unreadable(line []byte) bool {
	return strings.HasPrefix(string(line), "unable to retrieve container logs for ") || strings.HasPrefix(string(line), "failed to try resolving symlinks in path ")
}
