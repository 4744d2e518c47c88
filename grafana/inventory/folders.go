package inventory

import (
	"context"
	"maps"
	"slices"

	"github.com/grafana-tools/sdk"
	"golang.org/x/sync/errgroup"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// maxPage is the most that Grafana's search gives at once.
const maxPage = 5000

// maxNesting is deeper than Grafana lets folders be.
const maxNesting = 16

// folder is one folder, known or asked for.
type folder struct {
	title, parent string
}

// search returns everything of a kind that the credentials may see.
func (o *orgRun) search(ctx context.Context, kind sdk.SearchParamType) ([]sdk.FoundBoard, error) {
	var all []sdk.FoundBoard
	seen := map[string]bool{}
	for page := uint(1); ; page++ {
		found, err := o.sdk.Search(ctx, sdk.SearchType(kind), sdk.SearchLimit(maxPage), sdk.SearchPage(page))
		if err != nil {
			return nil, o.failed(callSearch, "/api/search", err)
		}
		before := len(all)
		for _, f := range found {
			if !plain(f.UID) {
				return nil, errUID("GET /api/search")
			}
			if !seen[f.UID] { // a save meanwhile may move it to the next page
				seen[f.UID] = true
				all = append(all, f)
			}
		}
		if len(found) < maxPage || len(all) == before {
			return all, nil
		}
	}
}

// readFolders saves the folders, and which teams may edit them.
func (o *orgRun) readFolders(ctx context.Context) error {
	found, err := o.search(ctx, sdk.SearchTypeFolder)
	if err != nil {
		return err
	}
	facts := make([]activity.Folder, len(found))
	for i, f := range found {
		o.folders[f.UID] = folder{f.Title, f.FolderUID}
		facts[i] = activity.Folder{Seen: o.now, Scope: o.scope, UID: f.UID, Title: f.Title, Parent: f.FolderUID}
	}
	if err := o.readEditors(ctx, facts); err != nil && !refused(err) {
		return err
	}
	uids := slices.Sorted(maps.Keys(o.folders))
	for _, uid := range o.known.Folders {
		if _, still := o.folders[uid]; !still {
			facts = append(facts, activity.Folder{Seen: o.now, Scope: o.scope, UID: uid, Removed: true})
		}
	}
	o.known.Folders = uids
	return o.keep(activity.Batch{Folders: facts})
}

// canEdit is the least permission on a folder that lets a team change what is in it: 1 is View, 2 Edit, 4 Admin.
const canEdit = 2

// readEditors asks who may edit each folder. A folder in another has mostly no permissions of its own: those around it hold.
func (o *orgRun) readEditors(ctx context.Context, folders []activity.Folder) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.limit())
	for i := range folders {
		f := &folders[i]
		g.Go(func() error {
			var entries []struct {
				Team       string `json:"team"`
				Permission int    `json:"permission"`
				Inherited  bool   `json:"inherited"`
			}
			err := o.get(ctx, callPermissions, "/api/folders/"+f.UID+"/permissions", nil, &entries)
			if absent(err) {
				return nil
			}
			for _, e := range entries {
				if e.Team != "" && e.Permission >= canEdit && !e.Inherited && !slices.Contains(f.Editors, e.Team) {
					f.Editors = append(f.Editors, e.Team)
				}
			}
			slices.Sort(f.Editors)
			return err // the first refusal ends it: rights on permissions are of a role
		})
	}
	return g.Wait()
}

// climb returns the uids and titles of a folder and those around it, innermost first. What the search did not list is asked for.
func (o *orgRun) climb(ctx context.Context, uid, title string) ([]string, error) {
	var out []string
	for depth := 0; uid != "" && depth < maxNesting && !slices.Contains(out, uid); depth++ {
		f, known := o.folders[uid]
		if !known && plain(uid) {
			if err := o.readFolder(ctx, uid); err != nil && !refused(err) && !absent(err) {
				return nil, err
			}
			f = o.folders[uid]
		}
		if f.title == "" {
			f.title = title
		}
		out = append(out, uid)
		if f.title != "" {
			out = append(out, f.title)
		}
		uid, title = f.parent, ""
	}
	return out, nil
}

// readFolder asks for one folder. What can't be told is remembered too, so that it is asked for once.
func (o *orgRun) readFolder(ctx context.Context, uid string) error {
	o.folders[uid] = folder{}
	var f struct {
		Title     string `json:"title"`
		ParentUID string `json:"parentUid"`
	}
	if err := o.get(ctx, callFolder, "/api/folders/"+uid, nil, &f); err != nil {
		return err
	}
	o.folders[uid] = folder{f.Title, f.ParentUID}
	return nil
}
