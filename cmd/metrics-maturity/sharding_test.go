package main

import (
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector"
)

func TestParseShard(t *testing.T) {
	for text, want := range map[string]collector.Shard{"": {}, "1/1": {Index: 0, Count: 1}, "2/3": {Index: 1, Count: 3}, "64/64": {Index: 63, Count: 64}} {
		if got, err := parseShard(text); err != nil || got != want || got.String() != text {
			t.Errorf("shard %q is %+v (%s), %v", text, got, got, err)
		}
	}
	if got, err := parseShard("0/3"); err != nil || got != (collector.Shard{Index: 2, Count: 3}) {
		t.Errorf("counted from 0: %+v, %v", got, err)
	}
	for _, wrong := range []string{"4/3", "1", "/", "a/b", "-1/2", "1/0", "65/65", "/3"} {
		if _, err := parseShard(wrong); err == nil || exitCode(err) != exitUsage {
			t.Errorf("shard %q: %v", wrong, err)
		}
	}
	t.Setenv(envJobIndex, "2")
	if got, err := parseShard("/3"); err != nil || got != (collector.Shard{Index: 2, Count: 3}) {
		t.Errorf("in an Indexed Job: %+v, %v", got, err)
	}
	if _, err := parseShard("/2"); err == nil {
		t.Error("a third pod of two was accepted")
	}
}
