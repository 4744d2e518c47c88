package collector_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// toyParser reads "RFC3339 who step subject"; a step of "-" is a whole act.
type toyParser struct{}

func (toyParser) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	f := strings.Fields(string(line))
	if len(f) != 4 {
		return activity.Line{}, errors.New("not four words")
	}
	at, err := time.Parse(time.RFC3339Nano, f[0])
	if err != nil {
		return activity.Line{}, err
	}
	e := activity.Event{Time: at, Kind: activity.KindView, Scope: "org:1", Subject: f[3], Step: f[2], Who: activity.Identity{Login: f[1]}}
	if e.Step == "-" {
		e.Step = ""
	}
	b.Events = append(b.Events, e)
	return activity.Line{Time: at, Class: activity.ClassView}, nil
}

// toyJoiner makes one act of an "a" and the next "b" of its subject, and an act of its own of what has no partner.
type toyJoiner struct{}

func (toyJoiner) Window() time.Duration { return time.Minute }

func (toyJoiner) Join(parts []activity.Event) []activity.Event {
	var out []activity.Event
	used := map[int]bool{}
	for i, p := range parts {
		if used[i] {
			continue
		}
		p.Detail = "lone " + p.Step
		for j := i + 1; p.Step == "a" && j < len(parts); j++ {
			if !used[j] && parts[j].Step == "b" && parts[j].Subject == p.Subject && parts[j].Time.Sub(p.Time) <= time.Minute {
				used[j], p.Detail = true, "pair"
				break
			}
		}
		p.Step = ""
		out = append(out, p)
	}
	return out
}

// toyJudge counts people's acts.
type toyJudge struct{}

func (toyJudge) Learn(activity.ActorID, []activity.Digest) {}
func (toyJudge) LearnQuery(activity.Query)                 {}
func (toyJudge) LearnRule(activity.Rule)                   {}
func (toyJudge) LearnDashboard(activity.Dashboard)         {}
func (toyJudge) Outcome(*activity.Day) (activity.Outcome, activity.Basis) {
	return activity.Counted, activity.ByActor
}

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// onEach runs a test on every database. empty makes a new store's address.
func onEach(t *testing.T, test func(t *testing.T, empty func() string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(t, func() string { return "sqlite:" + filepath.Join(t.TempDir(), "s.db") })
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, func() string { return testserver.PostgresDatabase(t) })
	})
}

func sorted(all []string) []string {
	slices.Sort(all)
	return all
}

type run struct {
	dir   string
	batch int
	log   bytes.Buffer
	now   time.Time
	lines collector.Transport // instead of the files in dir
	tally func(time.Time, int64, *activity.Batch) activity.Line

	retention time.Duration
	location  *time.Location
	progress  func(collector.Progress)
}

func newRun(t *testing.T) *run {
	t.Helper()
	return &run{dir: t.TempDir(), now: now, retention: 10 * 365 * 24 * time.Hour, location: time.UTC}
}

func (r *run) store(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(r.dir, "s.db"), store.Options{Key: activity.NewKey([]byte("k")), Timezone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func (r *run) collect(t *testing.T, ctx context.Context) (collector.Summary, error) {
	t.Helper()
	s := r.store(t)
	defer closeStore(t, s)
	logger := slog.New(slog.NewTextHandler(&r.log, nil))
	source := collector.Source{Name: "toy", Parser: toyParser{}, Joiner: toyJoiner{}, Lines: r.lines, Tally: r.tally}
	if r.lines == nil {
		source.Files = &lines.Files{Patterns: []string{filepath.Join(r.dir, "*.log*")}, Logger: logger}
	}
	return r.collectFrom(ctx, s, source)
}

func (r *run) collectFrom(ctx context.Context, s *store.Store, source collector.Source) (collector.Summary, error) {
	return collector.Run(ctx, collector.Config{
		Store: s, Key: activity.NewKey([]byte("k")), Location: r.location, Judge: toyJudge{}, Logger: slog.New(slog.NewTextHandler(&r.log, nil)), BatchLines: r.batch, Retention: r.retention,
		Progress: r.progress,
		Now:      func() time.Time { return r.now }, Fingerprint: func(text string) activity.Query { return activity.Query{Fingerprint: text} },
		Sources: []collector.Source{source},
	})
}

func (r *run) mustCollect(t *testing.T) collector.SourceSummary {
	t.Helper()
	sum, err := r.collect(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if sum.Sources[0].Err != nil {
		t.Fatal(sum.Sources[0].Err)
	}
	return sum.Sources[0]
}

func (r *run) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// days is what is stored, by subject and detail; actors are told apart but not named.
func (r *run) days(t *testing.T) []string {
	t.Helper()
	s := r.store(t)
	defer closeStore(t, s)
	days, err := s.Days(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	people := map[activity.ActorID]bool{}
	var out []string
	for _, d := range days {
		people[d.Actor] = true
		out = append(out, fmt.Sprintf("%s %s %q x%d %s-%s %x", d.Date, d.Subject, d.Detail, d.Count, d.First.Format(time.RFC3339Nano), d.Last.Format(time.RFC3339Nano), d.Hours))
	}
	slices.Sort(out)
	return append(out, fmt.Sprint(len(people), " actors"))
}

func TestCollectCountsOnce(t *testing.T) {
	r := newRun(t)
	r.write(t, "a.log", "2026-03-02T09:00:00Z alice - d1\n2026-03-02T09:00:01Z bob - d1\nrubbish\n2026-03-02T10:00:00Z alice a d2\n2026-03-02T10:00:02Z alice b d2\n2099-01-01T00:00:00Z alice - d1\n")
	sum := r.mustCollect(t)
	if sum.Lines != 6 || sum.Malformed != 2 {
		t.Errorf("%+v", sum)
	}
	if text := r.log.String(); !strings.Contains(text, "a.log") || !strings.Contains(text, "offset=") || strings.Count(text, "line can't be read") != 1 {
		t.Errorf("log:\n%s", text)
	}
	want := []string{
		`2026-03-02 d1 "" x1 2026-03-02T09:00:00Z-2026-03-02T09:00:00Z 200`,
		`2026-03-02 d1 "" x1 2026-03-02T09:00:01Z-2026-03-02T09:00:01Z 200`,
		`2026-03-02 d2 "pair" x1 2026-03-02T10:00:00Z-2026-03-02T10:00:00Z 400`,
		"2 actors",
	}
	for range 3 {
		if diff := gocmp.Diff(want, r.days(t)); diff != "" {
			t.Fatal(diff)
		}
		r.mustCollect(t)
	}
	s := r.store(t)
	defer closeStore(t, s)
	totals, err := s.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]store.EventTotal{{Source: "toy", Kind: activity.KindView, Outcome: activity.Counted, Count: 3}}, totals); diff != "" {
		t.Error(diff)
	}
}

// TestOrderDoesNotMatter is the promise of held.go: whatever the batches, the files (rotated, or of two replicas), the order in which
// they turn up and the interruptions, the days are those of all lines read at once.
func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			text := randomLines(rnd)
			whole := newRun(t)
			whole.write(t, "a.log", strings.Join(text, ""))
			whole.mustCollect(t)
			want := whole.days(t)

			// Rotated files turn up in any order, over several runs.
			pieces := cut(rnd, text, 1+rnd.IntN(6))
			split := newRun(t)
			for _, i := range rnd.Perm(len(pieces)) {
				split.write(t, fmt.Sprintf("%c.log", 'a'+i), strings.Join(pieces[i], ""))
				split.batch = 1 + rnd.IntN(200)
				split.mustCollect(t)
			}
			if diff := gocmp.Diff(want, split.days(t)); diff != "" {
				t.Errorf("rotated files in another order (-want +got):\n%s", diff)
			}

			// Two replicas' files, read side by side and stopped at will.
			replicas := newRun(t)
			var one, two []string
			for _, l := range text {
				if rnd.IntN(2) == 0 {
					one = append(one, l)
				} else {
					two = append(two, l)
				}
			}
			replicas.write(t, "one.log", strings.Join(one, ""))
			replicas.write(t, "two.log", strings.Join(two, ""))
			for range 5 {
				replicas.batch = 1 + rnd.IntN(100)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Duration(rnd.IntN(3000))*time.Microsecond, cancel)
				if _, err := replicas.collect(t, ctx); err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				cancel()
			}
			replicas.mustCollect(t)
			if diff := gocmp.Diff(want, replicas.days(t)); diff != "" {
				t.Errorf("two replicas, interrupted (-want +got):\n%s", diff)
			}
		})
	}
}

// randomLines are a few days of a few people, with pairs close together and far apart, quiet hours, and busy stretches.
func randomLines(rnd *rand.Rand) []string {
	type line struct {
		at   time.Time
		text string
	}
	var all []line
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for range 300 {
		at = at.Add(time.Duration(rnd.IntN(40)) * time.Second)
		if rnd.IntN(30) == 0 {
			at = at.Add(time.Duration(rnd.IntN(8)) * time.Hour)
		}
		who, what := []string{"alice", "bob", "carol"}[rnd.IntN(3)], []string{"d1", "d2"}[rnd.IntN(2)]
		step := []string{"-", "a", "b"}[rnd.IntN(3)]
		all = append(all, line{at, fmt.Sprintf("%s %s %s %s\n", at.Format(time.RFC3339Nano), who, step, what)})
		if step == "a" && rnd.IntN(4) > 0 {
			later := at.Add(time.Duration(rnd.IntN(90)) * time.Second)
			all = append(all, line{later, fmt.Sprintf("%s %s b %s\n", later.Format(time.RFC3339Nano), who, what)})
		}
	}
	slices.SortStableFunc(all, func(a, b line) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	var out []string
	for _, l := range all {
		out = append(out, l.text)
	}
	return out
}

// cut cuts lines into n pieces at random places.
func cut(rnd *rand.Rand, text []string, n int) [][]string {
	at := []int{0, len(text)}
	for range n - 1 {
		at = append(at, rnd.IntN(len(text)))
	}
	slices.Sort(at)
	var out [][]string
	for i := range n {
		if at[i] < at[i+1] {
			out = append(out, text[at[i]:at[i+1]])
		}
	}
	return out
}

func TestHeldActsAreBoundedAndForgotten(t *testing.T) {
	r := newRun(t)
	var b strings.Builder
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for range 20000 { // a robot that never pauses for longer than the window: 6.9 days
		fmt.Fprintf(&b, "%s robot a d1\n", at.Format(time.RFC3339))
		at = at.Add(30 * time.Second)
	}
	r.write(t, "a.log", b.String())
	r.batch = 2000
	r.mustCollect(t)
	s := r.store(t)
	defer closeStore(t, s)
	p, err := s.Progress(t.Context(), "toy")
	if err != nil {
		t.Fatal(err)
	}
	if parts := bytes.Count(p.Held, []byte(`"step"`)); parts > 2*24*60*2+100 {
		t.Errorf("%d parts are held", parts)
	}
}

// TestNobodyIsHeldForLong: the last acts of a log wait for lines that may still come, but not longer than their actors may live.
func TestNobodyIsHeldForLong(t *testing.T) {
	r := newRun(t)
	r.write(t, "a.log", "2026-03-02T09:00:00Z alice a d1\n")
	held := func() int {
		t.Helper()
		r.mustCollect(t)
		s := r.store(t)
		defer closeStore(t, s)
		p, err := s.Progress(t.Context(), "toy")
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(p.Held, []byte(`"step"`))
	}
	if n := held(); n != 1 {
		t.Errorf("%d parts are held, want 1", n)
	}
	r.retention = 100 * 24 * time.Hour
	if n := held(); n != 0 {
		t.Errorf("%d parts are held after the retention, want none", n)
	}
	if got := r.days(t); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

func TestSourceThatFailsSaysSo(t *testing.T) {
	r := newRun(t)
	sum, err := r.collect(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if e := sum.Sources[0].Err; e == nil || !strings.Contains(e.Error(), "*.log*") {
		t.Errorf("an empty glob gave %v", e)
	}
	s := r.store(t)
	defer closeStore(t, s)
	f, err := s.Facts(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Status) != 1 || f.Status[0].Up || f.Status[0].Error == "" {
		t.Errorf("%+v", f.Status)
	}
}

func TestEditedFileMarksCoverage(t *testing.T) {
	r := newRun(t)
	text := "2026-03-02T09:00:00Z alice - d1\n2026-03-02T09:10:00Z bob - d1\n2026-03-02T09:20:00Z bob - d1\n"
	r.write(t, "a.log", text)
	r.mustCollect(t)
	r.write(t, "a.log", strings.Replace(text, "09:20:00Z bob", "09:20:00Z eve", 1))
	sum, err := r.collect(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Sources[0].Notes) == 0 {
		t.Error("nothing was said of a file edited in place")
	}
	if got := r.days(t); len(got) != 3 {
		t.Errorf("counted again: %v", got)
	}
	s := r.store(t)
	defer closeStore(t, s)
	f, err := s.Facts(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Coverage) != 0 {
		t.Errorf("the day still counts as covered: %v", f.Coverage)
	}
}

// TestReplicaReadHoursLater: one replica's file is read when the other's is hours ahead; their lines still make one act.
func TestReplicaReadHoursLater(t *testing.T) {
	r := newRun(t)
	r.write(t, "one.log", "2026-03-02T10:00:00Z alice a d1\n2026-03-02T16:00:00Z bob - d2\n")
	r.mustCollect(t)
	r.write(t, "two.log", "2026-03-02T10:00:20Z alice b d1\n")
	r.mustCollect(t)
	want := []string{
		`2026-03-02 d1 "pair" x1 2026-03-02T10:00:00Z-2026-03-02T10:00:00Z 400`,
		`2026-03-02 d2 "" x1 2026-03-02T16:00:00Z-2026-03-02T16:00:00Z 10000`,
		"2 actors",
	}
	if diff := gocmp.Diff(want, r.days(t)); diff != "" {
		t.Error(diff)
	}
}
