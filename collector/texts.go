package collector

import (
	"context"
	"encoding/hex"
	"sync"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// asked is what a query's text is, in texts.
type asked struct{ Fingerprint, Variant string }

// ask returns the query that a text is. Each text is parsed once, ever: the store knows it again by its hash.
func (f *folder) ask(text string) asked {
	if a, ok := f.answers[text]; ok {
		return a
	}
	digest := f.Key.Text(text)
	a, ok := f.stored.find(digest)
	if !ok {
		q := f.Fingerprint(text)
		a = asked{q.Fingerprint, q.Variant}
		f.stored.add(digest, a)
		if a.Fingerprint != "" {
			f.parsing = append(f.parsing, store.Text{Digest: digest, Fingerprint: a.Fingerprint, Variant: a.Variant})
			f.asked = append(f.asked, q)
		}
	}
	if f.glancer == nil { // else glances are remembered, and a text hardly ever comes here again
		if len(f.answers) >= maxAnswers {
			f.answers = nil
		}
		if f.answers == nil {
			f.answers = map[string]asked{}
		}
		f.answers[text] = a
	}
	return a
}

// maxAnswers bounds the texts whose answers are at hand.
const maxAnswers = 1 << 14

// storedTexts are the texts that were parsed by earlier runs, read when the first text is asked for, and by this one. It is safe
// for concurrent use.
type storedTexts struct {
	mu      sync.Mutex
	load    func(yield func(store.Text)) error // nil once it was called
	answers map[activity.Digest]answer
	most    int // answers that are kept
}

// answer is asked in few bytes, and without pointers: there may be a million.
type answer struct {
	fingerprint [8]byte
	variant     [4]byte
	hasVariant  bool
}

func newStoredTexts(ctx context.Context, c *Config) *storedTexts {
	return &storedTexts{most: c.budget().texts, load: func(yield func(store.Text)) error { return c.Store.Texts(ctx, c.Profile, yield) }}
}

// find returns the query that a text is. If texts can't be looked up they are parsed: the commit will meet what ails the store.
func (s *storedTexts) find(digest activity.Digest) (asked, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.load != nil {
		s.answers = map[activity.Digest]answer{}
		_ = s.load(func(t store.Text) { s.keep(t.Digest, asked{t.Fingerprint, t.Variant}) })
		s.load = nil
	}
	a, ok := s.answers[digest]
	if !ok {
		return asked{}, false
	}
	q := asked{Fingerprint: hex.EncodeToString(a.fingerprint[:])}
	if a.hasVariant {
		q.Variant = hex.EncodeToString(a.variant[:])
	}
	return q, true
}

func (s *storedTexts) add(digest activity.Digest, a asked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(digest, a)
}

// keep leaves out what is no query, no fingerprint of ours, or too much: it is parsed again.
func (s *storedTexts) keep(digest activity.Digest, q asked) {
	if len(s.answers) >= s.most {
		return
	}
	var a answer
	fingerprint, err := hex.DecodeString(q.Fingerprint)
	variant, err2 := hex.DecodeString(q.Variant)
	if err != nil || err2 != nil || copy(a.fingerprint[:], fingerprint) < 8 || len(fingerprint) != 8 || len(variant) != 0 && copy(a.variant[:], variant) < 4 {
		return
	}
	a.hasVariant = len(variant) > 0
	s.answers[digest] = a
}
