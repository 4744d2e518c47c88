package collector

import (
	"context"
	"sync"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// asked is what a query's text is, in texts.
type asked struct{ Fingerprint, Variant string }

// sheetTexts is how many texts are answered in one go.
const sheetTexts = 256

// sheet is some texts of a batch with what they are. Only one goroutine works on it at a time.
type sheet struct {
	texts   []string // nil once they are answered
	digests []activity.Digest
	answers []asked

	// What nobody had asked before.
	queries []activity.Query
	parsed  []store.Text
}

// texts are the queries' texts that were parsed by earlier runs, read when the first text is asked for, and by this one: each is parsed
// once, ever. If they are too many to be kept they are looked up in the store, all of a batch at once, when it commits. It is safe for
// concurrent use.
type texts struct {
	load  func() (blocks []store.TextBlock, all bool, err error)
	find  func(context.Context, []activity.Digest) (map[activity.Digest]store.Text, error)
	parse func(text string) activity.Query
	key   activity.Key
	most  int // texts that are kept

	loading sync.Once
	mu      sync.RWMutex
	spilled bool // more than that are known: blocks are nil
	blocks  []store.TextBlock
	fresh   map[activity.Digest]*freshText // that are not committed yet
}

// freshText is a text that is parsed for the first time.
type freshText struct {
	once sync.Once
	asked
}

func newTexts(ctx context.Context, c *Config) *texts {
	most := c.budget().texts
	return &texts{
		load: func() ([]store.TextBlock, bool, error) { return c.Store.Texts(ctx, c.Profile, most) },
		find: func(ctx context.Context, digests []activity.Digest) (map[activity.Digest]store.Text, error) {
			return c.Store.FindTexts(ctx, c.Profile, digests)
		},
		parse: c.Fingerprint, key: c.Key, most: most, fresh: map[activity.Digest]*freshText{},
	}
}

// kept returns what is kept in memory, and whether that is all that is known.
func (t *texts) kept() (blocks []store.TextBlock, all bool) {
	t.loading.Do(func() {
		// If texts can't be read they are parsed: the commit will meet what ails the store.
		if blocks, all, err := t.load(); err == nil {
			t.blocks, t.spilled = blocks, !all
		}
	})
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.blocks, !t.spilled
}

// answer answers a sheet from what is kept, and parses the rest. It does nothing if there is more in the store than is kept.
func (t *texts) answer(s *sheet) {
	blocks, all := t.kept()
	if !all {
		return
	}
	t.fill(s, func(d activity.Digest) (store.Text, bool) {
		for i := len(blocks) - 1; i >= 0; i-- {
			if known, ok := blocks[i].Find(d); ok {
				return known, true
			}
		}
		return store.Text{}, false
	})
}

// answerAll answers what is left of the sheets of a batch.
func (t *texts) answerAll(ctx context.Context, sheets []*sheet) error {
	var open []*sheet
	var digests []activity.Digest
	for _, s := range sheets {
		if s.texts != nil {
			open = append(open, s)
			digests = append(digests, s.hash(t.key)...)
		}
	}
	if len(open) == 0 {
		return nil
	}
	known, err := t.find(ctx, digests)
	if err != nil {
		return err
	}
	var parsing sync.WaitGroup
	for _, s := range open {
		parsing.Go(func() {
			t.fill(s, func(d activity.Digest) (store.Text, bool) {
				text, ok := known[d]
				return text, ok
			})
		})
	}
	parsing.Wait()
	return nil
}

// hash returns the digests of the texts.
func (s *sheet) hash(key activity.Key) []activity.Digest {
	if s.digests == nil {
		s.digests = make([]activity.Digest, len(s.texts))
		for i := range s.texts {
			s.digests[i] = key.Text(s.texts[i])
		}
	}
	return s.digests
}

// fill answers a sheet from what is known, and parses the rest.
func (t *texts) fill(s *sheet, known func(activity.Digest) (store.Text, bool)) {
	s.answers = make([]asked, len(s.texts))
	for i, d := range s.hash(t.key) {
		if k, ok := known(d); ok {
			s.answers[i] = asked{k.Fingerprint, k.Variant}
			continue
		}
		s.answers[i] = t.first(s, d, s.texts[i])
	}
	s.texts, s.digests = nil, nil
}

// first parses a text, unless another sheet was faster.
func (t *texts) first(s *sheet, d activity.Digest, text string) asked {
	t.mu.Lock()
	f := t.fresh[d]
	if f == nil {
		f = &freshText{}
		t.fresh[d] = f
	}
	t.mu.Unlock()
	f.once.Do(func() {
		q := t.parse(text)
		f.asked = asked{q.Fingerprint, q.Variant}
		if q.Fingerprint == "" { // it is no query, and of those there may be any number
			t.mu.Lock()
			delete(t.fresh, d)
			t.mu.Unlock()
			return
		}
		s.queries = append(s.queries, q)
		s.parsed = append(s.parsed, store.Text{Digest: d, Fingerprint: q.Fingerprint, Variant: q.Variant})
	})
	return f.asked
}

// forget drops what was not committed.
func (t *texts) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fresh = map[activity.Digest]*freshText{}
}

// committed keeps texts that the store has now in little memory, or leaves them to the store if they become too many.
func (t *texts) committed(parsed []store.Text) {
	if len(parsed) == 0 {
		return
	}
	added := store.NewTextBlock(parsed)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range parsed {
		delete(t.fresh, parsed[i].Digest)
	}
	if len(t.fresh) == 0 {
		t.fresh = map[activity.Digest]*freshText{} // an empty map keeps the room that it had
	}
	if t.spilled {
		return
	}
	total := added.Len()
	for _, b := range t.blocks {
		total += b.Len()
	}
	if t.spilled = total > t.most; t.spilled {
		t.blocks = nil
		return
	}
	// Others may be searching what there was. Blocks of about one size are merged, so that there are few.
	kept := len(t.blocks)
	for kept > 0 && t.blocks[kept-1].Len() <= 2*added.Len() {
		kept--
		added = added.Merge(t.blocks[kept])
	}
	t.blocks = append(t.blocks[:kept:kept], added)
}
