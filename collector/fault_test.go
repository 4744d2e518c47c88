package collector_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// view is a line of one view.
func view(at time.Time, who, what string) string {
	return fmt.Sprintf("%s %s - %s\n", at.Format(time.RFC3339), who, what)
}

// views are n lines, a while apart.
func views(at time.Time, n int, apart time.Duration) []string {
	var all []string
	for i := range n {
		all = append(all, view(at.Add(time.Duration(i)*apart), []string{"alice", "bob"}[i%2], fmt.Sprint("d", i%3)))
	}
	return all
}

// rotate moves a log on as logrotate does: a.log to a.log.1, that to a.log.2.gz, and so on; a new one is begun.
func (r *run) rotate(t *testing.T, kept int) {
	t.Helper()
	path := func(i int) string {
		switch i {
		case 0:
			return filepath.Join(r.dir, "a.log")
		case 1:
			return filepath.Join(r.dir, "a.log.1")
		}
		return filepath.Join(r.dir, fmt.Sprintf("a.log.%d.gz", i))
	}
	for i := kept; i >= 0; i-- {
		text, err := os.ReadFile(path(i))
		if err != nil {
			continue
		}
		if i == 1 { // delaycompress
			var z bytes.Buffer
			w := gzip.NewWriter(&z)
			if _, err := w.Write(text); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			text = z.Bytes()
		}
		if err := os.WriteFile(path(i+1), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path(i)); err != nil {
			t.Fatal(err)
		}
	}
	r.write(t, "a.log", "")
}

func (r *run) append(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(r.dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// whole is what one run over all lines stores.
func whole(t *testing.T, text []string) []string {
	t.Helper()
	r := newRun(t)
	r.write(t, "a.log", strings.Join(text, ""))
	r.mustCollect(t)
	return r.days(t)
}

// TestManyRotationsBetweenRuns: a collector that comes back after two rotations, or after a month of them, misses nothing that is still there and
// counts nothing again.
func TestManyRotationsBetweenRuns(t *testing.T) {
	for name, days := range map[string]int{"twice": 2, "a month": 30} {
		t.Run(name, func(t *testing.T) {
			text := views(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 60*(days+1), 24*time.Minute)
			r := newRun(t)
			r.write(t, "a.log", strings.Join(text[:30], ""))
			r.mustCollect(t) // within the first day
			r.append(t, "a.log", strings.Join(text[30:60], ""))
			for i := range days {
				r.rotate(t, days+1)
				r.append(t, "a.log", strings.Join(text[60*(i+1):60*(i+2)], ""))
			}
			for range 2 {
				r.mustCollect(t)
				if diff := gocmp.Diff(whole(t, text), r.days(t)); diff != "" {
					t.Fatal(diff)
				}
			}
		})
	}
}

// TestDeliveredTwice: a log that turns up again under another name, whole or in part, plain or compressed, is counted once.
func TestDeliveredTwice(t *testing.T) {
	text := views(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 300, time.Minute)
	r := newRun(t)
	r.write(t, "a.log", strings.Join(text[:200], ""))
	r.write(t, "backup-of-a.log", strings.Join(text[:200], ""))
	r.mustCollect(t)
	r.append(t, "a.log", strings.Join(text[200:], ""))
	r.write(t, "half.log", strings.Join(text[:100], ""))
	r.mustCollect(t)
	r.rotate(t, 1)
	r.write(t, "again.log", strings.Join(text, ""))
	r.mustCollect(t)
	if diff := gocmp.Diff(whole(t, text), r.days(t)); diff != "" {
		t.Error(diff)
	}
}

// TestOutOfOrder: lines in any order, hours apart, make the same days.
func TestOutOfOrder(t *testing.T) {
	text := views(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 500, 7*time.Minute)
	shuffled := append([]string(nil), text...)
	rand.New(rand.NewPCG(1, 3)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if diff := gocmp.Diff(whole(t, text), whole(t, shuffled)); diff != "" {
		t.Error(diff)
	}
}

// TestTimesThatCannotBe: a line from far ahead covers no day that has not come, and counts as one that can't be read.
func TestTimesThatCannotBe(t *testing.T) {
	r := newRun(t)
	r.write(t, "a.log", view(r.now.Add(-time.Hour), "alice", "d1")+view(r.now.Add(40*time.Hour), "alice", "d1")+view(r.now.AddDate(50, 0, 0), "alice", "d1")+
		view(time.Unix(0, 0), "alice", "d1")+view(r.now.Add(35*time.Hour), "alice", "d1"))
	if sum := r.mustCollect(t); sum.Malformed != 3 {
		t.Errorf("%d lines are malformed, want 3", sum.Malformed)
	}
	s := r.store(t)
	defer closeStore(t, s)
	covered, err := s.Coverage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range covered {
		if c.Date > activity.DateOf(r.now)+1 {
			t.Errorf("a day is covered that has not come: %v", c)
		}
	}
}

// TestClockJumps: a machine whose clock was set back does not take the lines of the present for ones of the future: it reads nothing until
// the clock is right again. One that was ahead for a run reads as ever.
func TestClockJumps(t *testing.T) {
	text := views(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 300, time.Hour)
	r := newRun(t)
	r.now = time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC)
	r.write(t, "a.log", strings.Join(text[:96], ""))
	r.mustCollect(t)
	r.append(t, "a.log", strings.Join(text[96:200], ""))
	r.now = time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)
	sum, err := r.collect(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if failure := sum.Sources[0].Err; failure == nil || !strings.Contains(failure.Error(), "hint: set the clock") {
		t.Errorf("a clock that was set back gave %v", failure)
	}
	r.now = time.Date(2036, 3, 11, 0, 0, 0, 0, time.UTC)
	r.mustCollect(t)
	r.append(t, "a.log", strings.Join(text[200:], ""))
	r.now = time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)
	if sum := r.mustCollect(t); sum.Malformed != 0 {
		t.Errorf("%d lines were lost", sum.Malformed)
	}
	if diff := gocmp.Diff(whole(t, text), r.days(t)); diff != "" {
		t.Error(diff)
	}
}

// TestWeeksOfClockChange: on days of 23 and of 25 hours each line falls into its civil hour, whatever the batches.
func TestWeeksOfClockChange(t *testing.T) {
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	for _, sunday := range []string{"2026-03-29", "2026-10-25"} {
		t.Run(sunday, func(t *testing.T) {
			begin, err := time.ParseInLocation(time.DateOnly, sunday, stockholm)
			if err != nil {
				t.Fatal(err)
			}
			begin = begin.AddDate(0, 0, -6)
			r := newRun(t)
			r.location, r.now, r.batch = stockholm, begin.AddDate(0, 1, 0), 7
			want := map[activity.Date]uint32{}
			counts := map[activity.Date]int64{}
			var text strings.Builder
			for at := begin; at.Before(begin.AddDate(0, 0, 8)); at = at.Add(20 * time.Minute) {
				text.WriteString(view(at.UTC(), "alice", "d1"))
				local := at.In(stockholm)
				want[activity.DateOf(local)] |= 1 << local.Hour()
				counts[activity.DateOf(local)]++
			}
			r.write(t, "a.log", text.String())
			r.mustCollect(t)
			s := r.store(t)
			defer closeStore(t, s)
			days, err := s.Days(t.Context(), 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(days) != len(want) {
				t.Errorf("%d days, want %d", len(days), len(want))
			}
			for _, d := range days {
				if d.Hours != want[d.Date] || d.Count != counts[d.Date] {
					t.Errorf("%s: %d lines in hours %b, want %d in %b", d.Date, d.Count, d.Hours, counts[d.Date], want[d.Date])
				}
			}
			change, err := activity.ParseDate(sunday)
			if err != nil {
				t.Fatal(err)
			}
			if n := counts[change]; n != 23*3 && n != 25*3 {
				t.Errorf("the clocks are not changed on %s: %d lines", sunday, n)
			}
		})
	}
}

// TestTruncatedUnderTheReader: a log that is cut short between two batches, as copytruncate does, loses nothing that was read and
// counts nothing again; what is written after it is read.
func TestTruncatedUnderTheReader(t *testing.T) {
	text := views(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 400, time.Minute)
	r := newRun(t)
	r.batch = 50
	r.write(t, "a.log", strings.Join(text[:200], ""))
	truncated := false
	r.progress = func(collector.Progress) {
		if truncated {
			return
		}
		truncated = true
		if err := os.Truncate(filepath.Join(r.dir, "a.log"), 0); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.collect(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	if !truncated {
		t.Fatal("nothing was committed before the end")
	}
	r.progress = nil
	got := func() (n int64) {
		s := r.store(t)
		defer closeStore(t, s)
		days, err := s.Days(t.Context(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range days {
			n += d.Count
		}
		return n
	}
	read := got()
	if read < 50 || read > 200 {
		t.Errorf("%d of 200 lines were counted", read)
	}
	r.append(t, "a.log", strings.Join(text[200:], ""))
	r.mustCollect(t)
	if after := got(); after != read+200 {
		t.Errorf("%d lines are counted after 200 new ones, %d before", after, read)
	}
}

// TestDamagedPosition: what is no position is said, and nothing is read instead, which would be counted again.
func TestDamagedPosition(t *testing.T) {
	for name, value := range map[string]string{"no JSON": "\x00rubbish", "none": "null", "empty": "{}", "another's": `{"id":"x","offset":5,"head_len":5,"tail_len":5}`} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			text := views(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 20, time.Minute)
			r.write(t, "a.log", strings.Join(text, ""))
			r.mustCollect(t)
			s := r.store(t)
			p, err := s.Progress(t.Context(), "toy")
			if err != nil || len(p.Cursors) != 1 {
				t.Fatalf("%v %v", p.Cursors, err)
			}
			for id := range p.Cursors {
				if _, err := s.Save(t.Context(), store.Commit{Source: "toy", Fence: p.Fence, Cursors: map[string][]byte{id: []byte(value)}}); err != nil {
					t.Fatal(err)
				}
			}
			closeStore(t, s)
			if _, err := r.collect(t, t.Context()); err == nil || !strings.Contains(err.Error(), "stored position") || !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("got %v", err)
			}
			if diff := gocmp.Diff(whole(t, text), r.days(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
