package inventory

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana-tools/sdk"
	"golang.org/x/sync/errgroup"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// board is a dashboard to read.
type board struct {
	sdk.FoundBoard
	folders []string
	place   string        // digest of title and folders
	token   string        // see boardCursor
	managed bool          // written by a tool, not by people
	before  *boardCursor  // nil if it is new
	moved   bool          // title or folders changed
	read    *boardReading // nil if nothing else has changed
}

// boardReading is what was read of a dashboard.
type boardReading struct {
	version int
	metrics []string
	library map[string]int
	edits   []activity.Event
}

// readBoards saves the dashboards that have changed since they were last read, and who changed them.
func (o *orgRun) readBoards(ctx context.Context) error {
	found, err := o.search(ctx, sdk.SearchTypeDashboard)
	if err != nil {
		return err
	}
	tokens, err := o.readTokens(ctx)
	if err != nil {
		return err
	}
	o.boardUID = make(map[int64]string, len(found))
	var todo []*board
	listed := make(map[string]bool, len(found))
	for _, f := range found {
		listed[f.UID] = true
		o.boardUID[int64(f.ID)] = f.UID
		b := &board{FoundBoard: f, token: tokens[f.UID].token, managed: tokens[f.UID].managed, before: o.known.Boards[f.UID]}
		if b.folders, err = o.climb(ctx, f.FolderUID, f.FolderTitle); err != nil {
			return err
		}
		b.place = o.digest(f.Title, strings.Join(b.folders, "\x00"))
		b.moved = b.before == nil || b.before.Place != b.place
		if b.moved || o.stale(b) {
			todo = append(todo, b)
		}
	}
	for chunk := range slices.Chunk(todo, batchBoards) {
		if err := o.readChunk(ctx, chunk); err != nil {
			return err
		}
	}
	var gone activity.Batch
	for _, uid := range slices.Sorted(maps.Keys(o.known.Boards)) {
		if !listed[uid] {
			delete(o.known.Boards, uid)
			gone.Dashboards = append(gone.Dashboards, activity.Dashboard{Seen: o.now, Scope: o.scope, UID: uid, Removed: true})
		}
	}
	o.known.BoardsRead = o.now
	return o.keep(gone)
}

// stale reports whether a dashboard, or a library panel in it, may have been saved since it was read.
func (o *orgRun) stale(b *board) bool {
	if b.before == nil || b.token == "" || b.token != b.before.Token {
		return true
	}
	for uid, version := range b.before.Library {
		if p, ok := o.library[uid]; ok && p.version != version {
			return true
		}
	}
	return false
}

// readChunk reads dashboards side by side, and saves them together.
func (o *orgRun) readChunk(ctx context.Context, boards []*board) error {
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(o.limit())
	malformed := make([]error, len(boards))
	for i, b := range boards {
		if !o.stale(b) {
			continue
		}
		g.Go(func() error {
			err := o.readBoard(within, b)
			switch {
			case refused(err) || absent(err): // deleted meanwhile, or out of reach
				return nil
			case isDecode(err):
				malformed[i] = err
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var batch activity.Batch
	for i, b := range boards {
		if malformed[i] != nil {
			batch.Malformed++
			o.logger().Warn("dashboard can't be read", "source", o.Source, "error", malformed[i])
			continue
		}
		o.settle(b, &batch)
	}
	return o.keep(batch)
}

// settle adds what was read of a dashboard to the batch, and remembers it.
func (o *orgRun) settle(b *board, batch *activity.Batch) {
	if b.read == nil && o.stale(b) {
		return // it could not be read
	}
	fact := activity.Dashboard{Seen: o.now, Scope: o.scope, UID: b.UID, Title: b.Title, Folders: b.folders}
	known := boardCursor{Place: b.place, Token: b.token}
	changed := b.moved
	if b.before != nil {
		known.Version, known.Library = b.before.Version, b.before.Library
	}
	if r := b.read; r != nil {
		changed = changed || r.version != known.Version || !maps.Equal(r.library, known.Library)
		known.Version, known.Library, fact.Metrics = r.version, r.library, r.metrics
		batch.Events = append(batch.Events, r.edits...)
	}
	if changed {
		batch.Dashboards = append(batch.Dashboards, fact)
	}
	o.known.Boards[b.UID] = &known
}

// readBoard reads a dashboard and, if it was saved since it was read last, its versions.
func (o *orgRun) readBoard(ctx context.Context, b *board) error {
	path := "/api/dashboards/uid/" + b.UID
	raw, meta, err := o.sdk.GetRawDashboardByUID(ctx, b.UID)
	if err != nil {
		return o.failed(callDashboard, path, err)
	}
	x := extractor{fingerprint: o.Fingerprint, sources: o.sources, library: o.library}
	read := &boardReading{version: meta.Version}
	if read.metrics, read.library, err = x.read(raw); err != nil {
		return decodeError("GET "+path, err)
	}
	since, after := 0, time.Time{}
	switch {
	case b.before != nil:
		since = b.before.Version
	case !o.known.BoardsRead.IsZero():
		after = o.known.BoardsRead.Add(-clockSkew)
	default:
		since = meta.Version // the baseline
	}
	if since < meta.Version {
		if read.edits, err = o.readVersions(ctx, b, meta, since, after); err != nil {
			return err
		}
	}
	b.read = read
	return nil
}

// clockSkew is how far this machine's clock and Grafana's may be apart.
const clockSkew = 10 * time.Minute

// token is what the newer API tells of a dashboard without its content.
type token struct {
	token   string
	managed bool
}

// metadataOnly asks for a list without the things themselves; who does not know that answers with them.
const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

// readTokens lists for every dashboard something that changes with each save, so that only what was saved is read. Grafana 11 and earlier
// have no such list: there each dashboard is asked for its version.
func (o *orgRun) readTokens(ctx context.Context) (map[string]token, error) {
	var err error
	if o.boardsPath, err = o.boardAPI(ctx); err != nil || o.boardsPath == "" {
		return nil, err
	}
	tokens := map[string]token{}
	query := url.Values{"limit": {strconv.Itoa(batchBoards)}}
	for {
		var list struct {
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
			Items []resource `json:"items"`
		}
		err := o.fetch(ctx, callTokens, o.boardsPath, query, metadataOnly, &list)
		switch {
		case refused(err), absent(err), isDecode(err):
			return nil, nil // it only saves requests
		case err != nil:
			return nil, err
		}
		for _, item := range list.Items {
			tokens[item.Metadata.Name] = token{item.Metadata.ResourceVersion, item.managed()}
		}
		next := list.Metadata.Continue
		if next == "" || next == query.Get("continue") {
			return tokens, nil
		}
		query.Set("continue", next)
	}
}

// boardAPI returns the path of the dashboards in the newer API, or "" if there is none.
func (o *orgRun) boardAPI(ctx context.Context) (string, error) {
	const group = "/apis/dashboard.grafana.app"
	var found struct {
		Versions []struct {
			Version string `json:"version"`
		} `json:"versions"`
		Preferred struct {
			Version string `json:"version"`
		} `json:"preferredVersion"`
	}
	err := o.get(ctx, callTokens, group, nil, &found)
	switch {
	case fatal(err) || ctx.Err() != nil:
		return "", err
	case err != nil:
		return "", nil //nolint:nilerr // an older Grafana has no such API, and the older one does
	}
	version := found.Preferred.Version
	if version == "" && len(found.Versions) > 0 {
		version = found.Versions[0].Version
	}
	if !plain(version) {
		return "", nil
	}
	return group + "/" + version + "/namespaces/" + o.namespace() + "/dashboards", nil
}

// resource is one thing of the newer API, without its content.
type resource struct {
	Metadata struct {
		Name            string            `json:"name"`
		ResourceVersion string            `json:"resourceVersion"`
		Generation      int               `json:"generation"`
		Created         time.Time         `json:"creationTimestamp"`
		Annotations     map[string]string `json:"annotations"`
	} `json:"metadata"`
}

// Names of annotations of resources.
const (
	createdBy = "grafana.app/createdBy"
	updatedBy = "grafana.app/updatedBy"
	updatedAt = "grafana.app/updatedTimestamp"
	managedBy = "grafana.app/managedBy"
	repoName  = "grafana.app/repoName"
)

// managed reports whether a tool keeps the resource as a file says.
func (r resource) managed() bool {
	return cmp.Or(r.Metadata.Annotations[managedBy], r.Metadata.Annotations[repoName]) != ""
}

// digest is a short keyed hash of texts.
func (g *Inventory) digest(texts ...string) string {
	return g.Key.Text(strings.Join(texts, "\x00")).String()[:16]
}
