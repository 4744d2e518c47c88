package store_test

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// TestActorsAreMigrated: whoever an older version stored is found by the same hashes, and is who they were.
func TestActorsAreMigrated(t *testing.T) { onEach(t, actorsAreMigrated) }

func actorsAreMigrated(t *testing.T, empty func(*testing.T) string) {
	target := empty(t)
	actors := []store.Actor{
		actorOf(activity.Identity{Login: "alice"}),
		actorOf(activity.Identity{Name: "Bob B", Email: "bob@corp.example"}),
		actorOf(activity.Identity{Addr: netip.MustParseAddr("10.1.2.3")}),
		actorOf(activity.Identity{Addr: netip.MustParseAddr("2001:db8::1")}),
	}
	var digests []activity.Digest
	for _, a := range actors {
		digests = append(digests, a.Digests...)
	}
	s, err := store.Open(t.Context(), target, options())
	if err != nil {
		t.Fatal(err)
	}
	ids := actorIDs(t, s, actors...)
	before, err := s.Facts(t.Context(), digests)
	if err != nil {
		t.Fatal(err)
	}
	// The hash that each client has is of both addresses.
	if both := slices.Sorted(slices.Values(ids[2:])); !slices.Equal(before.Actors[key.Client()], both) {
		t.Fatalf("%v are clients, want %v", before.Actors[key.Client()], both)
	}
	if err := s.Downgrade(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, target)
	after, err := s.Facts(t.Context(), digests)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Actors, after.Actors); diff != "" {
		t.Error(diff)
	}
	if now := actorIDs(t, s, actors...); !slices.Equal(now, ids) {
		t.Errorf("actors %v are %v now", ids, now)
	}
	// What lies where the hashes stood before would outlive the people.
	if !strings.HasPrefix(target, "sqlite:") {
		return
	}
	last := actors[2].Digests[len(actors[2].Digests)-1]
	if n := bytes.Count(contents(t, target), []byte(last.String())); n != 1 {
		t.Errorf("the hash of an address is in the file %d times", n)
	}
}
