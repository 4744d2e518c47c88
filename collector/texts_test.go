package collector

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// textStore is a store of texts alone.
type textStore struct {
	block store.TextBlock
	looks int
}

func (s *textStore) texts(most int, parse func(string) activity.Query) *texts {
	return &texts{
		load: func() ([]store.TextBlock, bool, error) {
			if s.block.Len() > most {
				return nil, false, nil
			}
			return []store.TextBlock{s.block}, true, nil
		},
		find: func(_ context.Context, digests []activity.Digest) (map[activity.Digest]store.Text, error) {
			s.looks++
			found := map[activity.Digest]store.Text{}
			for _, d := range digests {
				if t, ok := s.block.Find(d); ok {
					found[d] = t
				}
			}
			return found, nil
		},
		parse: parse, key: activity.NewKey([]byte("k")), most: most, fresh: map[activity.Digest]*freshText{},
	}
}

// commit asks about texts as a batch does, and stores what was parsed.
func (s *textStore) commit(t *testing.T, known *texts, asking ...string) []asked {
	t.Helper()
	half := len(asking) / 2
	sheets := []*sheet{{texts: asking[:half]}, {texts: asking[half:]}}
	var working sync.WaitGroup
	for _, s := range sheets {
		working.Go(func() { known.answer(s) })
	}
	working.Wait()
	if err := known.answerAll(t.Context(), sheets); err != nil {
		t.Fatal(err)
	}
	parsed := append(sheets[0].parsed, sheets[1].parsed...)
	s.block = s.block.Merge(store.NewTextBlock(parsed))
	known.committed(parsed)
	return append(sheets[0].answers, sheets[1].answers...)
}

// TestTextsAreParsedOnce: a text is parsed once, ever, whether what is known is kept in memory or left to the store.
func TestTextsAreParsedOnce(t *testing.T) {
	for name, most := range map[string]int{"all are kept": 1000, "they become too many": 150, "none is kept": 0} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			parsed := map[string]int{}
			parse := func(text string) activity.Query {
				mu.Lock()
				defer mu.Unlock()
				parsed[text]++
				return activity.Query{Fingerprint: fmt.Sprintf("%016s", text), Variant: "00ff00ff"}
			}
			var s textStore
			for range 3 { // runs
				known := s.texts(most, parse)
				for batch := range 4 {
					var asking []string
					for i := range 100 {
						asking = append(asking, fmt.Sprint(1000+batch*50+i))
					}
					asking = append(asking, asking...) // another file asks the same
					for i, a := range s.commit(t, known, asking...) {
						if want := (asked{fmt.Sprintf("%016s", asking[i]), "00ff00ff"}); a != want {
							t.Fatalf("%s is %v", asking[i], a)
						}
					}
				}
			}
			for text, n := range parsed {
				if n != 1 {
					t.Fatalf("%s was parsed %d times", text, n)
				}
			}
			if len(parsed) != 250 || (s.looks > 0) != (most < 250) {
				t.Errorf("%d texts were parsed, and %d times the store was asked", len(parsed), s.looks)
			}
		})
	}
}

// TestTextsOfNoQuery: what is no query is not kept, however much of it there is.
func TestTextsOfNoQuery(t *testing.T) {
	var s textStore
	known := s.texts(10, func(string) activity.Query { return activity.Query{} })
	if got := s.commit(t, known, "# 1", "# 2"); got[0] != (asked{}) || len(known.fresh) != 0 || s.block.Len() != 0 {
		t.Errorf("%v, %d are kept", got, len(known.fresh))
	}
}

// TestTextsThatCantBeRead: they are parsed; a commit that has to look them up fails.
func TestTextsThatCantBeRead(t *testing.T) {
	var s textStore
	known := s.texts(10, func(text string) activity.Query { return activity.Query{Fingerprint: "0123456789abcdef"} })
	broken := errors.New("the disk is gone")
	known.load = func() ([]store.TextBlock, bool, error) { return nil, false, broken }
	if got := s.commit(t, known, "up", "up"); got[1].Fingerprint != "0123456789abcdef" {
		t.Error(got)
	}
	known.spilled, known.blocks = true, nil
	known.find = func(context.Context, []activity.Digest) (map[activity.Digest]store.Text, error) { return nil, broken }
	if err := known.answerAll(t.Context(), []*sheet{{texts: []string{"down"}}}); !errors.Is(err, broken) {
		t.Error(err)
	}
}
