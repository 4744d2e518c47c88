package store

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

func randomDays(rnd *rand.Rand, n int) []activity.Day {
	var days []activity.Day
	for range n {
		at := time.Date(2026, 3, 1, rnd.IntN(24), 0, 0, rnd.IntN(1e9), time.UTC)
		d := activity.Day{
			Date: activity.DateOf(at), Source: "s", Kind: []activity.Kind{activity.KindView, activity.KindQuery}[rnd.IntN(2)], Scope: "org:1",
			Subject: strconv.Itoa(rnd.IntN(30)), Detail: []string{"", "saved"}[rnd.IntN(2)], Robot: []string{"", activity.RobotKiosk}[rnd.IntN(2)],
			Actor: activity.ActorID(rnd.IntN(4)), Tenant: []string{"", "t"}[rnd.IntN(2)], Count: 1 + rnd.Int64N(5),
			First: at.Add(-time.Duration(rnd.IntN(3e9)) * 1000), Last: at.Add(time.Duration(rnd.IntN(3e9)) * 1000), Hours: rnd.Uint32N(1 << 24),
		}
		if rnd.IntN(3) == 0 {
			d.Actor, d.Retired, d.Team, d.TeamReason, d.TeamAuthor = 0, true, "payments", "member", activity.Tri(rnd.IntN(3))
		}
		days = append(days, d)
	}
	return days
}

func sorted(days []activity.Day) []activity.Day {
	slices.SortFunc(days, func(a, b activity.Day) int { return cmpDays(a, b) })
	return days
}

func cmpDays(a, b activity.Day) int {
	text := func(d activity.Day) string {
		return string(d.Kind) + "|" + d.Subject + "|" + d.Detail + "|" + d.Robot + "|" + strconv.Itoa(int(d.Actor)) + "|" + d.Tenant + "|" + d.Team + strconv.Itoa(int(d.TeamAuthor))
	}
	if text(a) < text(b) {
		return -1
	}
	return 1
}

// TestBlocksKeepDays: what is folded, written and read is what was there, summed.
func TestBlocksKeepDays(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		days := randomDays(rnd, 200+int(seed)*100)
		if seed%3 == 0 { // keys that do not fit into a word
			days[0].Actor = 1 << 62
		}
		f := Fold("s", days)
		var in dayReader
		for _, part := range []*Folded{f, Fold("s", days[:50])} { // the second block is added to the first
			err := part.byDate(func(date activity.Date, rows []foldedRow) error { return in.block(date, "s", part.encode(date, rows)) })
			if err != nil {
				t.Fatal(err)
			}
		}
		in.flush()
		want := activity.Fold(append(slices.Clone(days), days[:50]...))
		if diff := cmp.Diff(sorted(want), sorted(in.days)); diff != "" {
			t.Fatalf("seed %d:\n%s", seed, diff)
		}
	}
}

func TestBlocksKeepQueries(t *testing.T) {
	want := []activity.Query{
		{Fingerprint: "0123456789abcdef"},
		{Fingerprint: "a", Metrics: []string{}},
		{Fingerprint: "b", Variant: "01020304", Metrics: []string{"up", "x"}, Matchers: []activity.Matcher{{Name: "job", Op: "=~", Value: "x"}, {Name: "job", Op: "=", Value: ""}}},
	}
	var got []activity.Query
	if err := decodeQueries(encodeQueries(want), func(q activity.Query) { got = append(got, q) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTextsAreKnownUnderTheirProfile(t *testing.T) {
	s, err := Open(t.Context(), "sqlite:"+t.TempDir()+"/s.db", Options{Key: activity.NewKey([]byte("k")), Timezone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	known := func(profile string) (texts []Text) {
		t.Helper()
		blocks, all, err := s.Texts(t.Context(), profile, 1000)
		if err != nil || !all {
			t.Fatal(err, all)
		}
		for _, b := range blocks {
			for ; len(b) > 0; b = b[textSize:] {
				texts = append(texts, textOf(b[:textSize]))
			}
		}
		return texts
	}
	key := activity.NewKey([]byte("k"))
	var want []Text
	var version Fence
	for i := range 30 { // more blocks than stay apart
		x := Text{Digest: key.Text(strconv.Itoa(i)), Fingerprint: "00112233445566" + strconv.Itoa(10+i), Variant: []string{"", "aabbccdd"}[i%2]}
		want = append(want, x)
		if version, err = s.Save(t.Context(), Commit{Source: "s", Fence: version, Profile: "p", Texts: []Text{x, {Fingerprint: "no fingerprint"}}}); err != nil {
			t.Fatal(err)
		}
	}
	got := known("p")
	slices.SortFunc(got, func(a, b Text) int { return slices.Index(want, a) - slices.Index(want, b) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Save(t.Context(), Commit{Source: "s", Fence: version, Profile: "q", Texts: want[:1]}); err != nil {
		t.Fatal(err)
	}
	if len(known("p")) != 0 || len(known("q")) != 1 {
		t.Error("texts of another profile are known")
	}
}

// FuzzBlock: a damaged block is an error, or some rows, which are written and read as the same.
func FuzzBlock(f *testing.F) {
	for seed := range uint64(6) {
		days := Fold("s", randomDays(rand.New(rand.NewPCG(seed, 1)), int(seed*seed)))
		_ = days.byDate(func(date activity.Date, rows []foldedRow) error {
			f.Add(days.encode(date, rows))
			return nil
		})
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		const date = 20_000
		got := NewFolded("s")
		if got.decode(date, block) != nil {
			return
		}
		got.order()
		if len(got.rows) == 0 {
			return
		}
		again := NewFolded("s")
		if err := again.decode(date, got.encode(date, got.rows)); err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		again.order()
		if diff := cmp.Diff(got.all(nil), again.all(nil)); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzQueries: the same of what is kept of queries.
func FuzzQueries(f *testing.F) {
	f.Add(encodeQueries([]activity.Query{{Fingerprint: "a", Metrics: []string{"up"}}}))
	f.Add(encodeQueries([]activity.Query{{Fingerprint: "0123456789abcdef", Metrics: []string{"down", "up"}, Variant: "v"}, {}}))
	f.Add(encodeQueries(nil))
	read := func(block []byte) (all []activity.Query, err error) {
		err = decodeQueries(block, func(q activity.Query) { all = append(all, q) })
		return all, err
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		got, err := read(block)
		if err != nil {
			return
		}
		again, err := read(encodeQueries(got))
		if diff := cmp.Diff(got, again); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

func BenchmarkBlock(b *testing.B) {
	days := Fold("s", randomDays(rand.New(rand.NewPCG(1, 1)), 20000))
	b.ReportAllocs()
	for b.Loop() {
		_ = days.byDate(func(date activity.Date, rows []foldedRow) error {
			return NewFolded("s").decode(date, days.encode(date, rows))
		})
	}
}

// TestTextBlock: each text is found, and no other; blocks that older versions wrote as texts came are read too.
func TestTextBlock(t *testing.T) {
	key := activity.NewKey([]byte("k"))
	for _, n := range []int{0, 1, 2, 3, 1000} {
		var texts []Text
		var unsorted []byte
		for i := range n {
			x := Text{Digest: key.Text(strconv.Itoa(i)), Fingerprint: "00112233445566ff"}
			texts, unsorted = append(texts, x, x), x.append(unsorted)
		}
		for _, b := range []TextBlock{NewTextBlock(texts), sortTexts(unsorted), NewTextBlock(texts[:n/2*2]).Merge(NewTextBlock(texts[n/2*2:]))} {
			if b.Len() != n {
				t.Fatalf("%d of %d", b.Len(), n)
			}
			for i := range n {
				if got, ok := b.Find(texts[2*i].Digest); !ok || got != texts[2*i] {
					t.Fatalf("%d of %d: %v %v", i, n, got, ok)
				}
			}
			for _, d := range []activity.Digest{{}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, key.Text("x")} {
				if got, ok := b.Find(d); ok {
					t.Fatalf("%v is in a block of %d", got, n)
				}
			}
		}
	}
}

// FuzzTextBlock: digests that are nothing like chance are found too.
func FuzzTextBlock(f *testing.F) {
	f.Add([]byte("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb"))
	f.Fuzz(func(t *testing.T, digests []byte) {
		var texts []Text
		for len(digests) >= 16 {
			texts, digests = append(texts, Text{Digest: activity.Digest(digests[:16]), Fingerprint: "00112233445566ff"}), digests[16:]
		}
		b := NewTextBlock(texts)
		for _, x := range texts {
			if got, ok := b.Find(x.Digest); !ok || got != x {
				t.Fatal(x)
			}
		}
	})
}
