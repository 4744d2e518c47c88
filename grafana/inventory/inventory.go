// Package inventory reads what a Grafana has through its HTTP API: dashboards with their folders and the metrics that they use,
// teams with their members, who may edit which folder, data sources, annotations, the versions of dashboards and of alert and
// recording rules with their authors. It works for Grafana 9 to 12.
//
// What is there at the first read is a baseline, and no event. After it, a version of a dashboard or rule is an act of its author, on
// the day it was made, however long ago that is: nothing is lost while a read fails. Annotations carry their own date and are
// acts even if they are older than the first read. A rule without versions (Grafana before 11.5) is compared with what is remembered
// of it; after a gap of two days that, too, is a baseline.
//
// A call that is refused is noted, with the role that it needs and what is lost, and everything else goes on. What has not
// changed is not read again: dashboards and rules are told apart by their version.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

const (
	// workers is how many requests are under way at once, where nothing else is configured.
	workers = 8
	// batchBoards is how many dashboards are saved together.
	batchBoards = 500
	// gap is how long nothing may have been read for a difference to be an act of a known day.
	gap = 48 * time.Hour
)

// Inventory is the API of one Grafana. Source, HTTP, Fingerprint, Diff and Key are required. Every organisation is read if HTTP names
// a user, who may be a server administrator; a token is of one organisation.
type Inventory struct {
	Source string
	HTTP   httpclient.Config

	Fingerprint func(text string) activity.Query
	Diff        func(before, after string) string // how two expressions of a rule differ: "", activity.RuleThresholdChanged or RuleExprChanged
	Key         activity.Key                      // hashes what is remembered of rules

	KeepAnnotations []string // names of the annotations of rules that owner rules use
	Workers         int      // requests at once; 0 is 8

	Location *time.Location   // whose days coverage speaks of; nil is UTC
	Now      func() time.Time // nil is time.Now
	Logger   *slog.Logger     // nil is silent

	notes *notes // of the last Fetch
}

// Save stores a batch together with the cursor that it reached and the days that are now covered. It owns the batch.
type Save = func(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error

// Notes returns what a reader of the report should know of the last Fetch: the calls that were refused.
func (g *Inventory) Notes() []string {
	if g.notes == nil {
		return nil
	}
	return slices.Clone(g.notes.lines)
}

// Fetch reads what is new since cursor (nil: all) and saves it piece by piece. If a piece fails the others go on, unless nothing else
// can be expected to succeed; days are covered if none failed.
func (g *Inventory) Fetch(ctx context.Context, saved []byte, save Save) error {
	g.notes = &notes{}
	cur, err := parseCursor(saved)
	if err != nil {
		return err
	}
	client, err := httpclient.New(g.HTTP)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	r := &run{Inventory: g, http: client, cursor: cur, save: save, now: g.time()}
	orgs, err := r.orgs(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, id := range orgs {
		err := r.org(ctx, id)
		failed = errors.Join(failed, err)
		if err != nil && (fatal(err) || ctx.Err() != nil) {
			break
		}
	}
	for _, note := range g.notes.lines {
		g.logger().Warn("grafana", "source", g.Source, "reason", note)
	}
	if failed != nil {
		return failed
	}
	days := cur.cover(g.Source, activity.DateOf(r.now))
	data, err := cur.encode()
	if err != nil {
		return err
	}
	return save(activity.Batch{}, data, days)
}

// run is one Fetch.
type run struct {
	*Inventory
	http   *http.Client
	cursor *cursor
	save   Save
	now    time.Time
}

// keep saves a batch with what is remembered so far.
func (r *run) keep(b activity.Batch) error {
	data, err := r.cursor.encode()
	if err != nil {
		return err
	}
	if err := r.save(b, data, nil); err != nil {
		return errSave{err}
	}
	return nil
}

// errSave marks an error of the store: nothing else is of use then.
type errSave struct{ error }

func (e errSave) Unwrap() error { return e.error }

// orgs returns the organisations to read.
func (r *run) orgs(ctx context.Context) ([]int64, error) {
	c, err := newClient(r.HTTP.URL, r.http, 0, r.notes)
	if err != nil {
		return nil, err
	}
	var own struct {
		ID int64 `json:"id"`
	}
	if r.allOrgs() {
		var all []struct {
			ID int64 `json:"id"`
		}
		err := c.get(ctx, callOrgs, "/api/orgs", nil, &all)
		if err == nil {
			var ids []int64
			for _, o := range all {
				ids = append(ids, o.ID)
			}
			slices.Sort(ids)
			return ids, nil
		}
		if !refused(err) {
			return nil, err
		}
	}
	// Which organisation a token is of is told to nearly everybody; who may not know it is mostly in the first.
	err = c.get(ctx, callOrg, "/api/org", nil, &own)
	switch {
	case refused(err):
		own.ID = 1
	case err != nil:
		return nil, err
	case own.ID <= 0:
		return nil, &DecodeError{Endpoint: "GET /api/org", Field: "id", Why: "no number of an organisation"}
	}
	return []int64{own.ID}, nil
}

// org reads one organisation, the parts that others need first.
func (r *run) org(ctx context.Context, id int64) error {
	header := int64(0)
	if r.allOrgs() {
		header = id
	}
	c, err := newClient(r.HTTP.URL, r.http, header, r.notes)
	if err != nil {
		return err
	}
	o := &orgRun{
		run: r, client: c, known: r.cursor.org(id), id: id, scope: "org:" + strconv.FormatInt(id, 10),
		users: users{logins: map[string]string{}}, library: library{}, folders: map[string]folder{}, sources: dataSources{byName: map[string]string{}},
	}
	var failed error
	for _, part := range []struct {
		name string
		read func(context.Context) error
	}{
		{"users", o.readUsers}, {"data sources", o.readSources}, {"folders", o.readFolders}, {"teams", o.readTeams},
		{"library panels", o.readLibrary}, {"dashboards", o.readBoards}, {"rules", o.readRules}, {"annotations", o.readNotes},
	} {
		err := part.read(ctx)
		if err == nil || refused(err) {
			continue
		}
		failed = errors.Join(failed, fmt.Errorf("%s of organisation %d: %w", part.name, id, err))
		if _, broken := errors.AsType[errSave](err); broken || fatal(err) || ctx.Err() != nil {
			break
		}
	}
	return failed
}

// orgRun is one organisation in one Fetch.
type orgRun struct {
	*run
	*client
	known *orgCursor
	id    int64
	scope string

	users    users
	sources  dataSources
	library  library
	folders  map[string]folder
	boardUID map[int64]string // uids of dashboards by their number, which older annotations name

	boardsPath string // of the dashboards in the newer API; empty if there is none
}

// namespace is what the newer APIs call the organisation.
func (o *orgRun) namespace() string {
	if o.id == 1 {
		return "default"
	}
	return "org-" + strconv.FormatInt(o.id, 10)
}

// allOrgs reports whether there may be more organisations than the credentials' own.
func (g *Inventory) allOrgs() bool { return g.HTTP.Username != "" }

func (g *Inventory) time() time.Time { return activity.Now(g.Now, g.Location) }

func (g *Inventory) logger() *slog.Logger {
	if g.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return g.Logger
}

func (g *Inventory) limit() int {
	if g.Workers > 0 {
		return g.Workers
	}
	return workers
}
