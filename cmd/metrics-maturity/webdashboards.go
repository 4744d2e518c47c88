package main

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// boardsView is the page of dashboards.
type boardsView struct {
	Counts        map[string]int
	Rows          []dashboardReport
	Total, Found  int
	Page, Pages   int
	Before, After string // links to the parts beside; empty if there are none
	Query         listQuery
	Heads         []head
	Live          bool
}

const (
	boardsPage = 1000 // dashboards on one page
	everyBoard = 1 << 30
)

// States are the values that a dashboard's state may have.
func (boardsView) States() []string {
	return []string{boardViewed, boardNotViewed, boardNew, boardUnknown}
}

// boards is the page for a query: q, state, sort, order and page.
func (s *site) boards(values url.Values, size int) boardsView {
	v := boardsView{Counts: s.Usage.counts(), Query: newListQuery(values, "views_30d", "q", "state"), Total: len(s.Usage.Dashboards)}
	for _, d := range s.Usage.Dashboards {
		if v.Query.acceptsBoard(d) {
			v.Rows = append(v.Rows, d)
		}
	}
	v.Query.sortBoards(v.Rows)
	v.Found, v.Page, v.Pages = len(v.Rows), 1, max(1, (len(v.Rows)+size-1)/size)
	if n, err := strconv.Atoi(values.Get("page")); err == nil {
		v.Page = min(max(n, 1), v.Pages)
	}
	v.Rows = v.Rows[min((v.Page-1)*size, len(v.Rows)):min(v.Page*size, len(v.Rows))]
	if v.Page > 1 {
		v.Before = v.Query.link(v.Query.Sort, v.Query.Descending, v.Page-1)
	}
	if v.Page < v.Pages {
		v.After = v.Query.link(v.Query.Sort, v.Query.Descending, v.Page+1)
	}
	v.Live = len(v.Rows) == v.Total
	v.Heads = v.Query.heads([]head{
		{Key: "name", Label: "Dashboard"}, {Key: "folder", Label: "Folder"}, {Key: "owner", Label: "Owner"}, {Key: "state", Label: "State"},
		{Key: "views_30d", Label: "Views, 30 days", Num: true}, {Key: "views_90d", Label: "Views, 90 days", Num: true}, {Key: "people", Label: "People", Num: true}, {Key: "teams", Label: "Teams", Num: true},
		{Key: "automated", Label: "By robots", Num: true}, {Key: "last_viewed", Label: "Last looked at"},
	})
	return v
}

func (q listQuery) acceptsBoard(d dashboardReport) bool {
	if want := q.Get("state"); want != "" && want != d.State {
		return false
	}
	text := strings.ToLower(q.Get("q"))
	for _, field := range append([]string{d.Title, d.UID, d.Folder}, d.Owners...) {
		if strings.Contains(strings.ToLower(field), text) {
			return true
		}
	}
	return false
}

func (q listQuery) sortBoards(rows []dashboardReport) {
	compare := map[string]func(x, y dashboardReport) int{
		"name": func(x, y dashboardReport) int {
			return strings.Compare(strings.ToLower(x.Name()), strings.ToLower(y.Name()))
		},
		"folder":    func(x, y dashboardReport) int { return strings.Compare(x.Folder, y.Folder) },
		"owner":     func(x, y dashboardReport) int { return slices.Compare(x.Owners, y.Owners) },
		"state":     func(x, y dashboardReport) int { return strings.Compare(x.State, y.State) },
		"views_30d": func(x, y dashboardReport) int { return cmp.Compare(x.Views30d, y.Views30d) },
		"views_90d": func(x, y dashboardReport) int { return cmp.Compare(x.Views90d, y.Views90d) },
		"people":    func(x, y dashboardReport) int { return knownFirst(q, x.People90d, y.People90d) },
		"teams":     func(x, y dashboardReport) int { return cmp.Compare(len(x.Teams90d), len(y.Teams90d)) },
		"automated": func(x, y dashboardReport) int { return cmp.Compare(x.Automated90d, y.Automated90d) },
		"last_viewed": func(x, y dashboardReport) int {
			return knownFirst(q, x.LastViewed, y.LastViewed)
		},
	}[q.Sort]
	if compare == nil {
		return
	}
	slices.SortStableFunc(rows, func(x, y dashboardReport) int {
		if q.Descending {
			return compare(y, x)
		}
		return compare(x, y)
	})
}
