package collector

import (
	"context"
	"sync"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// maxTextBytes bounds the texts that a folder remembers.
const maxTextBytes = 32 << 20

// question is what an event needs to know of a query's text.
type question struct{ Fingerprint, Variant string }

// textCache remembers which query a text was.
type textCache struct {
	questions map[string]question
	bytes     int
	asked     map[question]bool // whose facts are stored, or about to be
}

func (c *textCache) bound() {
	if c.questions == nil || c.bytes > maxTextBytes {
		c.questions, c.bytes = map[string]question{}, 0
	}
	if c.asked == nil || len(c.asked) > maxRemembered {
		c.asked = map[question]bool{}
	}
}

// ask returns the query that a text is. Each text is parsed once, ever: the store knows it again by its hash.
func (f *folder) ask(text string) question {
	q, ok := f.texts.questions[text]
	if ok {
		return q
	}
	digest := f.Key.Text(text)
	if q, ok = f.stored.find(digest); !ok {
		parsed := f.Fingerprint(text)
		q = question{parsed.Fingerprint, parsed.Variant}
		if q.Fingerprint != "" {
			f.parsing = append(f.parsing, store.Text{Digest: digest, Fingerprint: q.Fingerprint, Variant: q.Variant})
			if !f.texts.asked[q] {
				f.texts.asked[q] = true
				f.asked = append(f.asked, parsed)
			}
		}
	}
	f.texts.questions[text] = q
	f.texts.bytes += len(text)
	return q
}

// storedTexts are the texts that earlier runs have parsed, read when the first text is asked for. It is safe for concurrent use.
type storedTexts struct {
	once      sync.Once
	load      func(yield func(store.Text)) error
	questions map[activity.Digest]question
	err       error
}

func newStoredTexts(ctx context.Context, c *Config) *storedTexts {
	return &storedTexts{load: func(yield func(store.Text)) error { return c.Store.Texts(ctx, c.Profile, yield) }}
}

// find returns the query that a text is. One that can't be looked up is parsed: the commit will meet what ails the store.
func (s *storedTexts) find(digest activity.Digest) (question, bool) {
	s.once.Do(func() {
		s.questions = map[activity.Digest]question{}
		s.err = s.load(func(t store.Text) { s.questions[t.Digest] = question{t.Fingerprint, t.Variant} })
	})
	q, ok := s.questions[digest]
	return q, ok
}
