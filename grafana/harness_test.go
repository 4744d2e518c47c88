package grafana

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// readLines returns the lines of a file in testdata.
func readLines(t testing.TB, name string) [][]byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	for line := range bytes.Lines(data) {
		lines = append(lines, bytes.TrimRight(line, "\n"))
	}
	return lines
}

// collect does what the collector does with lines of one source: parse, fingerprint, hold, cut and join.
func collect(t testing.TB, lines ...[]byte) []activity.Event {
	t.Helper()
	l := NewRequestLog()
	var b activity.Batch
	for _, line := range lines {
		if _, err := l.Parse(line, &b); err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
	}
	return finish(l, b.Events)
}

func finish(l *RequestLog, events []activity.Event) []activity.Event {
	type actor struct {
		scope string
		who   activity.Identity
	}
	threads := map[actor][]activity.Event{}
	var out []activity.Event
	for _, e := range events {
		if e.Query != "" {
			e.Subject, e.Query = fingerprint(e.Query), ""
		}
		if e.Step == "" {
			out = append(out, e)
			continue
		}
		k := actor{e.Scope, e.Who}
		threads[k] = append(threads[k], e)
	}
	for _, thread := range threads {
		slices.SortStableFunc(thread, func(a, b activity.Event) int { return a.Time.Compare(b.Time) })
		for len(thread) > 0 {
			n := 1
			for n < len(thread) && thread[n].Time.Sub(thread[n-1].Time) <= l.Window() {
				n++
			}
			out = append(out, l.Join(thread[:n])...)
			thread = thread[n:]
		}
	}
	slices.SortFunc(out, func(a, b activity.Event) int {
		for _, c := range []int{order(a, b), strings.Compare(a.Who.Login, b.Who.Login), strings.Compare(a.Scope, b.Scope)} {
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return out
}

// fingerprint stands for the one of package prom.
func fingerprint(query string) string { return "q:" + query }

// act is what the ground truths know of an event.
type act struct {
	who, kind, subject, detail, robot string
}

func tally(events []activity.Event) map[act]int {
	n := map[act]int{}
	for _, e := range events {
		n[act{e.Who.Login, string(e.Kind), e.Subject, e.Detail, e.Robot}]++
	}
	return n
}

// people leaves out what robots did.
func people(n map[act]int) map[act]int {
	out := map[act]int{}
	for a, count := range n {
		if a.robot == "" {
			out[a] = count
		}
	}
	return out
}

// readTruth decodes a file of JSON lines.
func readTruth[T any](t *testing.T, name string) []T {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []T
	s := bufio.NewScanner(f)
	for s.Scan() {
		var v T
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// diff compares events or tallies.
func diff[T any](want, got T) string {
	if reflect.DeepEqual(want, got) { // most often, and much faster
		return ""
	}
	return cmp.Diff(want, got, cmp.AllowUnexported(act{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }))
}
