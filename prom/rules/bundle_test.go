package rules

import (
	"context"
	"testing"
	"time"
)

func TestBundleSmoke(t *testing.T) {
	g := &Git{Source: "rules", Repository: cloneBundle(t)}
	var all collected
	start := time.Now()
	if err := g.Fetch(context.Background(), nil, all.save); err != nil {
		t.Fatal(err)
	}
	t.Log("first read", time.Since(start), len(all.batch.Events), len(all.batch.Rules), all.batch.Malformed, len(all.covered), all.saves, len(all.cursor))
	start = time.Now()
	if err := g.Fetch(context.Background(), all.cursor, all.save); err != nil {
		t.Fatal(err)
	}
	t.Log("second read", time.Since(start), len(all.batch.Events))
	n := map[string]int{}
	for _, e := range all.batch.Events {
		n[e.Detail]++
	}
	t.Log(n)
}
