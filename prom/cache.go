package prom

import (
	"sync"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// How much a cache holds in each of its two generations, and the longest text that it holds.
const (
	cacheEntries = 8192
	cacheBytes   = 8 << 20
	cacheText    = maxParsed // longer ones aren't parsed, so nothing is saved
)

// cache remembers what was computed for the texts seen lately. It has two generations: when the young one is full, it
// takes the place of the old one, so that a text in use survives and memory stays bounded.
type cache struct {
	mu         sync.Mutex
	young, old map[string]*entry
	bytes      int // of the texts in young
}

type entry struct {
	once  sync.Once
	query activity.Query
}

func newCache() *cache { return &cache{young: make(map[string]*entry)} }

// query returns what compute makes of text. While a text is remembered, compute is called once for it, however many
// ask at the same time.
func (c *cache) query(text string, compute func(string) activity.Query) activity.Query {
	if len(text) > cacheText {
		return compute(text)
	}
	e := c.entry(text)
	e.once.Do(func() { e.query = compute(text) })
	return e.query
}

func (c *cache) entry(text string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.young[text]; ok {
		return e
	}
	e, ok := c.old[text]
	if !ok {
		e = new(entry)
	}
	if len(c.young) >= cacheEntries || c.bytes+len(text) > cacheBytes {
		c.young, c.old, c.bytes = make(map[string]*entry), c.young, 0
	}
	c.young[text] = e
	c.bytes += len(text)
	return e
}
