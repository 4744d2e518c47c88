package lines_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/kube"
	"github.com/metrics-maturity/metrics-maturity/collector/kube/fakeapi"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// podReader reads pods as the collector does, and keeps what it would commit.
type podReader struct {
	*lines.Pods
	cursors map[string][]byte
	lines   []string
	gaps    []string
	bad     int
}

func readerOf(t *testing.T, s *fakeapi.Server) *podReader {
	t.Helper()
	client := kube.New(kube.Config{Kubeconfig: s.Kubeconfig(t, "")})
	return &podReader{Pods: &lines.Pods{API: client, Namespace: "mimir", Selector: "app=grafana", MaxLine: 4096}, cursors: map[string][]byte{}}
}

func digest(line []byte) uint64 {
	h := fnv.New64a()
	h.Write(line)
	return h.Sum64()
}

// run reads until the end, or up to so many items if limit is not 0; the rest is for a later run, as after a kill.
func (r *podReader) run(t *testing.T, now time.Time, limit int) error {
	t.Helper()
	tails, failed := r.Open(t.Context(), lines.Resume{Now: now, Cursors: r.cursors, Digest: digest})
	commit := func() {
		for _, tail := range tails {
			c, err := tail.Cursor()
			if err != nil {
				t.Fatal(err)
			}
			if r.cursors[tail.Name()] = c; len(c) == 0 {
				delete(r.cursors, tail.Name())
			}
		}
	}
	for _, tail := range tails {
		for {
			if limit--; limit == 0 {
				commit()
				return failed
			}
			item, err := tail.Next(t.Context())
			var bad *lines.Malformed
			switch {
			case err == nil && item.Gap != nil:
				why, _, _ := strings.Cut(item.Gap.Why, ":")
				r.gaps = append(r.gaps, fmt.Sprintf("%s-%s %s", item.Gap.From.UTC().Format("15:04:05"), item.Gap.To.UTC().Format("15:04:05"), why))
			case err == nil:
				r.lines = append(r.lines, string(item.Text))
			case errors.As(err, &bad):
				r.bad++
			default:
				if !errors.Is(err, io.EOF) {
					failed = errors.Join(failed, err)
				}
			}
			if err != nil && bad == nil {
				break
			}
		}
	}
	commit()
	for _, tail := range tails {
		if err := tail.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return failed
}

// want runs to the end and compares what was read since the last call.
func (r *podReader) want(t *testing.T, now time.Time, text []string, gaps ...string) {
	t.Helper()
	if err := r.run(t, now, 0); err != nil {
		t.Errorf("at %s: %v", now.Format(time.TimeOnly), err)
	}
	slices.Sort(r.lines)
	if diff := cmp.Diff(text, r.lines); diff != "" {
		t.Errorf("at %s: lines (-want +got):\n%s", now.Format(time.TimeOnly), diff)
	}
	if diff := cmp.Diff(gaps, r.gaps); diff != "" {
		t.Errorf("at %s: gaps (-want +got):\n%s", now.Format(time.TimeOnly), diff)
	}
	r.lines, r.gaps = nil, nil
}

func after(d time.Duration) time.Time { return noon.Add(d) }

func grafana(s *fakeapi.Server, name string, started time.Time) *fakeapi.Pod {
	return s.AddPod("mimir", name, map[string]string{"app": "grafana"}, started, "grafana")
}

func TestPodsReadsEachLineOnce(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	p := grafana(s, "a", noon)
	p.Log("grafana", after(time.Second), "one", "two", "two")
	p.Log("grafana", after(2*time.Second), "three")
	r.want(t, after(time.Minute), []string{"one", "three", "two", "two"})
	r.want(t, after(2*time.Minute), nil)
	p.Log("grafana", after(2*time.Second), "three", "four") // the same time as the last line, one of them the same line
	p.Log("grafana", after(2*time.Second-time.Millisecond), "earlier")
	r.want(t, after(3*time.Minute), []string{"earlier", "four", "three"})
	r.want(t, after(4*time.Minute), nil)
}

// TestPodsSilentAfterARestart: a life that has no line yet when it is first read is no log that was rotated.
func TestPodsSilentAfterARestart(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	p := grafana(s, "a", noon)
	p.Log("grafana", after(time.Second), "one")
	r.want(t, after(time.Minute), []string{"one"})
	p.Log("grafana", after(90*time.Second), "two")
	p.Restart("grafana", after(100*time.Second))
	r.want(t, after(2*time.Minute), []string{"two"})
	r.want(t, after(3*time.Minute), nil)
	p.Log("grafana", after(4*time.Minute), "three")
	r.want(t, after(5*time.Minute), []string{"three"})
	p.Rotate("grafana")
	p.Log("grafana", after(6*time.Minute), "four")
	r.want(t, after(7*time.Minute), []string{"four"}, "12:05:00-12:06:00 the kubelet rotated the log")
}

func TestPodsGoOnWhereverTheyAreKilled(t *testing.T) {
	s := fakeapi.New(t)
	a, b := grafana(s, "a", noon), grafana(s, "b", noon)
	var want []string
	for i := range 60 {
		text := fmt.Sprintf("line %d", i%7) // lines repeat, several at a time
		a.Log("grafana", after(time.Duration(i/9)*time.Second), text)
		b.Log("grafana", after(time.Duration(i/4)*time.Millisecond), text)
		want = append(want, text, text)
	}
	slices.Sort(want)
	for limit := 2; limit < 140; limit += 3 {
		r := readerOf(t, s)
		for range 140/(limit-1) + 3 {
			if err := r.run(t, after(time.Hour), limit); err != nil {
				t.Fatal(err)
			}
		}
		r.want(t, after(2*time.Hour), want)
	}
}

func TestPodsRotation(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	p := grafana(s, "a", noon)
	p.Log("grafana", after(time.Second), "one")
	p.Rotate("grafana")
	p.Log("grafana", after(time.Hour), "two")
	r.want(t, after(2*time.Hour), []string{"two"}) // what was before the first run is not missed
	p.Log("grafana", after(150*time.Minute), "lost")
	p.Rotate("grafana")
	p.Log("grafana", after(170*time.Minute), "three")
	r.want(t, after(3*time.Hour), []string{"three"}, "14:00:00-14:50:00 the kubelet rotated the log")
	p.Rotate("grafana")
	r.want(t, after(4*time.Hour), nil, "15:00:00-16:00:00 the kubelet rotated the log")
	r.want(t, after(5*time.Hour), nil)
	p.Log("grafana", after(6*time.Hour), "four")
	r.want(t, after(7*time.Hour), []string{"four"})
}

func TestPodsRestart(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	p := grafana(s, "a", noon)
	p.Log("grafana", after(time.Second), "one")
	r.want(t, after(time.Minute), []string{"one"})
	p.Log("grafana", after(2*time.Minute), "two")
	p.Restart("grafana", after(3*time.Minute))
	p.Log("grafana", after(4*time.Minute), "three")
	r.want(t, after(time.Hour), []string{"three", "two"})
	p.Log("grafana", after(61*time.Minute), "four")
	p.Crash("grafana", after(62*time.Minute))
	r.want(t, after(63*time.Minute), []string{"four"})
	p.Recover("grafana", after(64*time.Minute))
	p.Log("grafana", after(64*time.Minute), "five")
	r.want(t, after(2*time.Hour), []string{"five"})
	// Restarted twice: of the life in between nothing is left, and who knows what the first one still wrote.
	p.Log("grafana", after(121*time.Minute), "lost")
	p.Restart("grafana", after(130*time.Minute))
	p.Log("grafana", after(131*time.Minute), "six")
	p.Restart("grafana", after(140*time.Minute))
	p.Log("grafana", after(141*time.Minute), "seven")
	r.want(t, after(3*time.Hour), []string{"seven", "six"}, "14:00:00-14:10:00 the container was restarted, and nothing is left of what it wrote before\nhint")
	r.want(t, after(4*time.Hour), nil)
	// What was left of the last life was removed.
	p.Restart("grafana", after(250*time.Minute))
	p.Forget("grafana")
	p.Log("grafana", after(251*time.Minute), "eight")
	r.want(t, after(5*time.Hour), []string{"eight"}, "16:00:00-16:10:00 the container was restarted, and nothing is left of what it wrote before\nhint")
}

func TestPodsRestartWhileTheLogIsOpened(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	p := grafana(s, "a", noon)
	p.Log("grafana", after(time.Second), "one")
	r.want(t, after(time.Minute), []string{"one"})
	p.Log("grafana", after(2*time.Minute), "two")
	restarted := false
	s.Hook(func(_ http.ResponseWriter, req *http.Request) bool {
		if strings.HasSuffix(req.URL.Path, "/log") && !restarted { // after it was listed
			restarted = true
			p.Restart("grafana", after(3*time.Minute))
			p.Log("grafana", after(4*time.Minute), "three")
		}
		return false
	})
	r.want(t, after(time.Hour), []string{"three", "two"})
	r.want(t, after(2*time.Hour), nil)
}

func TestPodsTwoReplicasReplaced(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	old := []*fakeapi.Pod{grafana(s, "a", noon), grafana(s, "b", noon)}
	for i, p := range old {
		p.Log("grafana", after(time.Second), fmt.Sprint("one ", i))
	}
	r.want(t, after(time.Minute), []string{"one 0", "one 1"})
	// A rolling restart finds the reader at work: the first replica is gone, the second one is about to be.
	old[0].Log("grafana", after(2*time.Minute), "lost")
	old[0].Delete()
	grafana(s, "c", after(3*time.Minute)).Log("grafana", after(3*time.Minute), "two c")
	old[1].Log("grafana", after(3*time.Minute), "two 1")
	old[1].Terminate()
	asked := make(chan struct{})
	s.Hook(func(_ http.ResponseWriter, req *http.Request) bool {
		if req.URL.Query().Get("follow") == "true" {
			close(asked)
		}
		return false
	})
	go func() {
		<-asked
		old[1].Log("grafana", after(4*time.Minute), "last words")
		grafana(s, "d", after(4*time.Minute)).Log("grafana", after(4*time.Minute), "two d")
		old[1].Delete()
	}()
	r.want(t, after(5*time.Minute), []string{"last words", "two 1", "two c"}, "12:01:00-12:05:00 the pod was deleted")
	r.want(t, after(6*time.Minute), []string{"two d"})
	r.want(t, after(7*time.Minute), nil)
	if len(r.cursors) != 2 {
		t.Errorf("%d cursors are kept, want those of the two pods that are there", len(r.cursors))
	}
}

func TestPodsNewContainerRotatedBeforeItWasRead(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	grafana(s, "a", noon).Log("grafana", after(time.Second), "one")
	r.want(t, after(time.Minute), []string{"one"})
	b := grafana(s, "b", after(10*time.Minute))
	b.Log("grafana", after(30*time.Minute), "two")
	b.Restart("grafana", after(31*time.Minute))
	b.Log("grafana", after(31*time.Minute), "three")
	r.want(t, after(time.Hour), []string{"three", "two"}, "12:10:00-12:30:00 the container began earlier than its log does")
	c := grafana(s, "c", after(70*time.Minute))
	for range 3 {
		c.Restart("grafana", after(80*time.Minute))
	}
	r.want(t, after(2*time.Hour), nil, "13:10:00-13:20:00 the container was restarted, and nothing is left of what it wrote before\nhint")
	r.want(t, after(3*time.Hour), nil)
}

func TestPodsContainers(t *testing.T) {
	for name, c := range map[string]struct {
		container, annotated string
		want                 []string
		fails                string
	}{
		"all but proxies":      {"", "", []string{"of app", "of config"}, ""},
		"named":                {"istio-proxy", "", []string{"of istio-proxy"}, ""},
		"annotated":            {"", "app", []string{"of app"}, ""},
		"wrongly annotated":    {"", "gone", []string{"of app", "of config"}, ""},
		"named over annotated": {"config", "app", []string{"of config"}, ""},
		"unknown":              {"web", "", nil, "pod a has no container web\nhint: it has app, istio-proxy, config: name one of them under container:, or narrow the selector"},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakeapi.New(t)
			r := readerOf(t, s)
			r.Container = c.container
			p := s.AddPod("mimir", "a", map[string]string{"app": "grafana"}, noon, "app", "istio-proxy", "config")
			p.Default = c.annotated
			for _, name := range []string{"app", "istio-proxy", "config"} {
				p.Log(name, noon, "of "+name)
			}
			err := r.run(t, after(time.Minute), 0)
			if got := fmt.Sprint(err); c.fails != "" && got != c.fails || c.fails == "" && err != nil {
				t.Errorf("error %v, want %q", err, c.fails)
			}
			slices.Sort(r.lines)
			if diff := cmp.Diff(c.want, r.lines); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPodsLinesThatCantBeRead(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	p := grafana(s, "a", noon)
	p.Log("grafana", noon, "one", strings.Repeat("x", 9000), "two\r")
	p.Raw("grafana", "no time at all")
	p.Log("grafana", after(time.Second), "half a li\x00") // the container has not ended it
	r.want(t, after(time.Minute), []string{"one", "two"})
	r.want(t, after(2*time.Minute), nil)
	if r.bad != 2 {
		t.Errorf("%d lines could not be read, want 2, each once", r.bad)
	}
	p.Raw("grafana", "ne\x00")
	p.Restart("grafana", after(time.Minute)) // the end of the container ends it
	r.want(t, after(3*time.Minute), []string{"half a line"})
	if r.bad != 2 {
		t.Errorf("%d lines could not be read, want 2, each once", r.bad)
	}
}

func TestPodsLogOfWhichTheKubeletHasNothing(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	p := grafana(s, "a", noon)
	p.Log("grafana", noon, "one")
	r.want(t, after(time.Minute), []string{"one"})
	p.Rotate("grafana")
	p.Raw("grafana", "unable to retrieve container logs for containerd://4711")
	p.Restart("grafana", after(2*time.Minute))
	p.Log("grafana", after(2*time.Minute), "two")
	r.want(t, after(3*time.Minute), []string{"two"}, "12:01:00-12:03:00 the log can't be read any more")
	r.want(t, after(4*time.Minute), nil)
}

func TestPodsRefused(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	if err := r.run(t, noon, 0); err == nil || !strings.Contains(err.Error(), `no pod in namespace mimir matches the selector "app=grafana"`) {
		t.Errorf("without a pod: %v", err)
	}
	for _, name := range []string{"a", "b", "c"} {
		grafana(s, name, noon).Log("grafana", noon, name)
	}
	s.Deny("get", "pods/log", true)
	err := r.run(t, noon, 0)
	if want := "kubernetes: get pods/log of a/grafana in namespace mimir: 403 Forbidden\n" +
		`hint: allow it in a Role (ClusterRole for all namespaces) bound to the service account: {apiGroups: [""], resources: [pods/log], verbs: [get]}`; fmt.Sprint(err) != want {
		t.Errorf("got %v\nwant %s, once", err, want)
	}
	s.Deny("get", "pods/log", false)
	r.want(t, after(time.Minute), []string{"a", "b", "c"})
}

// TestPodsServerAway lets the API server break off in the middle of logs and go away between requests.
func TestPodsServerAway(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	p := grafana(s, "a", noon)
	var want []string
	for i := range 2000 {
		text := fmt.Sprintf("line %04d", i)
		p.Log("grafana", after(time.Duration(i)*time.Millisecond), text)
		want = append(want, text)
	}
	asked := 0
	s.Hook(func(w http.ResponseWriter, req *http.Request) bool {
		if _, cut := w.(*cutWriter); cut || !strings.HasSuffix(req.URL.Path, "/log") {
			return false
		}
		switch asked++; asked {
		case 1:
			fakeapi.Refuse(w, http.StatusTooManyRequests, "TooManyRequests", 1)
			return true
		case 2:
			fakeapi.Refuse(w, http.StatusInternalServerError, "InternalError", 0)
			return true
		case 3, 4:
			s.ServeHTTP(&cutWriter{ResponseWriter: w, left: 10000 * asked}, req)
			panic(http.ErrAbortHandler)
		}
		return false
	})
	r.want(t, after(time.Hour), want)
	if asked != 5 {
		t.Errorf("the log was asked for %d times, want 5", asked)
	}
}

// cutWriter lets so many bytes through.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return 0, io.ErrShortWrite
	}
	w.left -= len(p)
	return w.ResponseWriter.Write(p)
}

// TestPodsRotatedInTheFirstRun: the log breaks off and is rotated before it is read on. What is missing then is not older than what was read.
func TestPodsRotatedInTheFirstRun(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	p := grafana(s, "a", noon)
	for i := range 500 {
		p.Log("grafana", after(time.Duration(i)*time.Millisecond), fmt.Sprintf("line %d", i))
	}
	asked := 0
	s.Hook(func(w http.ResponseWriter, req *http.Request) bool {
		if _, cut := w.(*cutWriter); cut || !strings.HasSuffix(req.URL.Path, "/log") {
			return false
		}
		if asked++; asked == 1 {
			s.ServeHTTP(&cutWriter{ResponseWriter: w, left: 8000}, req)
			p.Rotate("grafana")
			p.Log("grafana", after(2*time.Minute), "later")
			panic(http.ErrAbortHandler)
		}
		return false
	})
	if err := r.run(t, after(time.Hour), 0); err != nil {
		t.Fatal(err)
	}
	if len(r.gaps) != 1 || !strings.HasPrefix(r.gaps[0], "12:00:00-12:02:00 ") || r.lines[len(r.lines)-1] != "later" {
		t.Errorf("gaps %v, last line %s", r.gaps, r.lines[len(r.lines)-1])
	}
}

// TestPodsStuck: a pod that can't be deleted is not waited for in each run.
func TestPodsStuck(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	p := grafana(s, "a", noon)
	p.Log("grafana", noon, "one")
	p.Terminate()
	r.want(t, fakeapi.Deadline().Add(time.Minute), []string{"one"})
	for _, asked := range s.Requests() {
		if strings.Contains(asked, "follow") {
			t.Errorf("it is waited for: %s", asked)
		}
	}
}

func TestPodsStopped(t *testing.T) {
	s := fakeapi.New(t)
	r := readerOf(t, s)
	grafana(s, "a", noon).Terminate() // followed, and never ends
	tails, err := r.Open(t.Context(), lines.Resume{Now: noon, Digest: digest})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := tails[0].Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
	if err := tails[0].Close(); err != nil {
		t.Error(err)
	}
}
