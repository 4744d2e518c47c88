package lines_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/kube"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
)

// onePod is a cluster of one container, whose log is as long as it is.
type onePod struct{ log []byte }

func (p *onePod) pod() kube.Pod {
	return kube.Pod{UID: "uid", Name: "a", Created: noon, Containers: []kube.Container{{Name: "c", Current: &kube.Instance{ID: "life", Started: noon}}}}
}

func (p *onePod) Pods(context.Context, string, string) ([]kube.Pod, error) {
	return []kube.Pod{p.pod()}, nil
}

func (p *onePod) Pod(context.Context, string, string) (kube.Pod, bool, error) {
	return p.pod(), true, nil
}

func (p *onePod) WatchPods(context.Context, string, string, func(kube.Pod)) error { return nil }

func (p *onePod) Log(context.Context, string, string, string, kube.LogOptions) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(p.log)), nil
}

// read returns the lines that are new, and how many can't be read.
func (p *onePod) read(t *testing.T, cursors map[string][]byte) (text []string, bad int) {
	t.Helper()
	pods := &lines.Pods{API: p, Namespace: "n", MaxLine: 256}
	tails, err := pods.Open(t.Context(), lines.Resume{Now: noon.Add(time.Hour), Cursors: cursors, Digest: digest})
	if err != nil {
		t.Fatal(err)
	}
	for {
		item, err := tails[0].Next(t.Context())
		var malformed *lines.Malformed
		switch {
		case errors.As(err, &malformed):
			bad++
		case err != nil:
			c, failed := tails[0].Cursor()
			if failed != nil {
				t.Fatal(failed)
			}
			if len(c) > 0 {
				cursors[tails[0].Name()] = c
			}
			return text, bad
		case item.Gap != nil:
			t.Fatalf("a gap in a log that only grew: %s", item.Gap.Why)
		default:
			text = append(text, item.Time.Format(time.RFC3339Nano)+" "+string(item.Text))
		}
	}
}

// FuzzPodLog holds two runs over a log that grew in between to one run over all of it, whatever is in it. What a clock that was set back
// by a minute hides is known not to be read.
func FuzzPodLog(f *testing.F) {
	const at = "2026-11-20T12:00:00.5Z "
	f.Add([]byte(at+"one\n"+at+"one\n"+at+"two\n"), 25)
	f.Add([]byte(at+"one\n"+strings.Repeat("x", 400)+"\nno time\n2026-11-20T12:00:01Z two\r\n"), 40)
	f.Add([]byte("2026-11-20T12:00:00.9Z late\n"+at+"early\n2026-11-20T12:00:01Z \n"), 60)
	f.Add([]byte("unable to retrieve container logs for containerd://x\n"+at+"\x00\xff\n"), 10)
	f.Fuzz(func(t *testing.T, log []byte, cut int) {
		if bytes.Contains(log, []byte("unable to retrieve")) || bytes.Contains(log, []byte("failed to try")) {
			log = bytes.ReplaceAll(log, []byte("u"), []byte("f"))
			log = bytes.ReplaceAll(log, []byte("ed to"), []byte("x"))
		}
		whole := &onePod{log}
		want, wantBad := whole.read(t, map[string][]byte{})
		last := time.Time{}
		for _, l := range want {
			stamp, _, _ := strings.Cut(l, " ")
			if now, err := time.Parse(time.RFC3339Nano, stamp); err == nil {
				if now.Before(last.Add(-time.Second)) {
					t.Skip("a clock that was set back")
				}
				last = now
			}
		}
		cursors := map[string][]byte{}
		got, bad := (&onePod{log[:max(0, min(cut, len(log)))]}).read(t, cursors)
		more, moreBad := whole.read(t, cursors)
		if diff := cmp.Diff(want, append(got, more...)); diff != "" {
			t.Errorf("(-one run +two)\n%s", diff)
		}
		if bad+moreBad != wantBad {
			t.Errorf("%d and %d lines can't be read in two runs, %d in one", bad, moreBad, wantBad)
		}
	})
}
