package store_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// TestSheetsAreTheDays: days that lie in several blocks, few rows in each, are all in the sheets.
func TestSheetsAreTheDays(t *testing.T) {
	onEach(t, func(t *testing.T, empty func(*testing.T) string) {
		s := open(t, empty(t))
		var fence store.Fence
		for i := range 20 {
			fence = save(t, s, store.Commit{Source: "grafana", Fence: fence, Days: store.Fold("grafana", []activity.Day{
				day("2026-03-02", activity.KindView, fmt.Sprint("d", i%7), activity.ActorID(1+i%3), 1), day("2026-03-03", activity.KindView, "d", 0, int64(1+i)),
			})})
		}
		var got []activity.Day
		err := s.Read(t.Context(), 0, 0, func(r *store.Reading) error {
			return r.Each(func(sheet *activity.Sheet) error {
				for i := range sheet.Rows {
					got = append(got, sheet.Day(&sheet.Rows[i]))
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		want, err := s.Days(t.Context(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		inOrder := func(d, e activity.Day) bool {
			return fmt.Sprint(d.Date, d.Subject, d.Actor) < fmt.Sprint(e.Date, e.Subject, e.Actor)
		}
		if diff := cmp.Diff(want, got, cmpopts.SortSlices(inOrder)); diff != "" {
			t.Error(diff)
		}
	})
}
