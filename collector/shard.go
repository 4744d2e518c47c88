package collector

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// MaxShards is how many shards a collection can have at most: the streams of a source fall into so many slices, each of which has a
// fence of its own in the store, whatever the number of shards.
const MaxShards = 64

// Shard is one of Count parts of the work; Index counts from 0. The zero Shard is all of it.
//
// A source whose lines make acts together (Joiner), or that fetches by itself, is read as a whole by one shard: the parts of an act may lie
// in any of its streams. Of others each stream is read by one shard, by the hash of its name, which stays with it.
type Shard struct{ Index, Count int }

// String is "2/4" for the second of four, and empty for the zero Shard.
func (s Shard) String() string {
	if s.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index+1, s.Count)
}

// Of returns what the shard reads of sources: every n-th by name of those that are read as a whole, its slices of the others.
func (s Shard) Of(sources []Source) []Source {
	if s.Count == 0 {
		return sources
	}
	sources = slices.SortedFunc(slices.Values(sources), func(a, b Source) int { return cmp.Compare(a.Name, b.Name) })
	var mine []Source
	wholes := 0
	for _, src := range sources {
		src.Shard = s
		if src.whole() {
			src.Shard = Shard{}
			wholes++
			if (wholes-1)%s.Count != s.Index {
				continue
			}
		}
		mine = append(mine, src)
	}
	return mine
}

// whole reports whether the source can't be divided.
func (s *Source) whole() bool { return s.Fetcher != nil || s.Joiner != nil }

// sliceOf is the slice of a stream, by the name of its cursor.
func sliceOf(name string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(lines.SharedName(name))) // never fails
	return int(h.Sum32() % MaxShards)
}

// reads reports whether a stream is read here.
func (r *reader) reads(name string) bool {
	s := r.source.Shard
	return s.Count == 0 || sliceOf(name)%s.Count == s.Index
}

// fenceOf is what the store must still be like for a commit.
func (r *reader) fenceOf(at position) store.Fence {
	f := store.Fence{}
	if r.source.whole() {
		f[store.Whole] = r.fence[store.Whole]
		return f
	}
	for slice := range at.slices {
		f[slice] = r.fence[slice]
	}
	return f
}
