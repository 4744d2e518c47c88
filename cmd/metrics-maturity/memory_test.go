package main

import (
	"strings"
	"testing"
)

func TestMemoryFlag(t *testing.T) {
	for text, want := range map[string]string{"256MiB": "256MiB", "1GiB": "1GiB", "1048576KiB": "1GiB", "100000001": "100000001"} {
		var m memory
		if err := m.Set(text); err != nil || m.String() != want {
			t.Errorf("%q: %v, %v, want %v", text, m, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "it is no size", "-1GiB": "it is no size", "1GB": "it is no size", "9223372036854775807GiB": "it is no size", "1MiB": "at least 64MiB", "63MiB": "at least 64MiB",
	} {
		var m memory
		if err := m.Set(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
