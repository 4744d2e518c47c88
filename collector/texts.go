package collector

import (
	"context"
	"sync"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// ask returns the query that a text is. Each text is parsed once, ever: the store knows it again by its hash.
func (f *folder) ask(e *activity.Event) *activity.Asked {
	a := e.Asked
	if a == nil {
		a = f.parsed.Asked([]byte(e.Query))
	}
	if a.Known {
		return a
	}
	a.Known = true
	digest := f.Key.Text(a.Text)
	q, ok := f.stored.find(digest)
	if !ok {
		parsed := f.Fingerprint(a.Text)
		q = question{parsed.Fingerprint, parsed.Variant}
		f.stored.add(digest, q)
		if q.Fingerprint != "" {
			f.parsing = append(f.parsing, store.Text{Digest: digest, Fingerprint: q.Fingerprint, Variant: q.Variant})
			f.asked = append(f.asked, parsed)
		}
	}
	a.Fingerprint, a.Variant = q.Fingerprint, q.Variant
	a.Name, a.Names = f.days.NameID(a.Fingerprint), f.days.Names
	return a
}

// question is what is needed of a query whose facts are stored.
type question struct{ Fingerprint, Variant string }

// storedTexts are the texts that were parsed by earlier runs, read when the first text is asked for, and by this one. It is safe
// for concurrent use.
type storedTexts struct {
	mu        sync.Mutex
	load      func(yield func(store.Text)) error // nil once it was called
	questions map[activity.Digest]question
}

func newStoredTexts(ctx context.Context, c *Config) *storedTexts {
	return &storedTexts{load: func(yield func(store.Text)) error { return c.Store.Texts(ctx, c.Profile, yield) }}
}

// find returns the query that a text is. If texts can't be looked up they are parsed: the commit will meet what ails the store.
func (s *storedTexts) find(digest activity.Digest) (question, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.load != nil {
		s.questions = map[activity.Digest]question{}
		_ = s.load(func(t store.Text) { s.questions[t.Digest] = question{t.Fingerprint, t.Variant} })
		s.load = nil
	}
	q, ok := s.questions[digest]
	return q, ok
}

func (s *storedTexts) add(digest activity.Digest, q question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.questions[digest] = q
}
