package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// onEach runs a test on every database: what a store promises does not depend on it. empty makes a new store's address.
func onEach(t *testing.T, test func(t *testing.T, empty func(*testing.T) string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(t, func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "s.db") })
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, func(t *testing.T) string { return testserver.PostgresDatabase(t) })
	})
}

func openWith(t *testing.T, target string, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), target, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func open(t *testing.T, target string) *store.Store {
	t.Helper()
	return openWith(t, target, options())
}
