package collector

import (
	"context"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// fetchCursor names the one cursor of a fetcher.
const fetchCursor = "fetch"

// noter is a fetcher that has something to say of what it read, such as what it lacks the rights to see.
type noter interface {
	// Notes returns what a reader of the report should know of the last Fetch.
	Notes() []string
}

// fetch lets the source read by itself; each batch commits with the cursor that it reached.
func (r *reader) fetch(ctx context.Context, cursor []byte) error {
	f := r.folders[0]
	if n, ok := r.source.Fetcher.(noter); ok {
		defer func() { r.sum.Notes = append(r.sum.Notes, n.Notes()...) }()
	}
	return r.source.Fetcher.Fetch(ctx, cursor, func(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error {
		f.add(&b)
		f.bad += b.Malformed
		for _, d := range covered {
			d.Source = r.source.Name
			f.covered[d] = true
			if d.Class == activity.ClassView {
				d.Class = activity.ClassAny
				f.covered[d] = true
			}
		}
		return r.commit(ctx, position{cursors: map[string][]byte{fetchCursor: cursor}, done: true})
	})
}
