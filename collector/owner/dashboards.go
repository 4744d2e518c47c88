package owner

import (
	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Dashboard is what the facts of a book tell of a dashboard.
type Dashboard struct {
	Title   string        // empty if unknown
	Folder  string        // title, else uid, of the innermost folder; empty if unknown
	Since   activity.Date // the first day on which a fact knew it; 0 if none does
	Removed bool          // it was there and is not any more
	Teams   []string      // that own it
}

// Dashboard returns what is known of the dashboard of a uid, as of the last fact.
func (b *Book) Dashboard(scope, uid string) Dashboard {
	b.mu.Lock()
	defer b.mu.Unlock()
	var d Dashboard
	if seen := whole(b.dashboards[place{scope, uid}]); len(seen) > 0 {
		last := seen[len(seen)-1]
		d.Since, d.Removed, d.Title = b.dateOf(seen[0].Seen), last.Removed, last.Title
		if len(last.Folders) > 0 {
			d.Folder = last.Folders[0]
			if f := b.inventory.folders[place{scope, d.Folder}]; f.Title != "" {
				d.Folder = f.Title
			}
		}
	}
	spans := b.cached(subjectKey{class: classDashboard, scope: scope, name: uid})
	d.Teams = b.names(spans[len(spans)-1].owners)
	return d
}

func (b *Book) names(teams []int) []string {
	var names []string
	for _, i := range teams {
		names = append(names, b.config.Teams[i].Name)
	}
	return names
}

// ByNumber reports whether a log knows a dashboard by its number alone, of which no uid is known.
func ByNumber(uid string) bool { return byNumber(uid) }
