package inventory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/grafana-tools/sdk"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// boardVersion is one save of a dashboard.
type boardVersion struct {
	Version      int       `json:"version"`
	RestoredFrom int       `json:"restoredFrom"`
	Created      time.Time `json:"created"`
	CreatedBy    login     `json:"createdBy"`
}

// login is a user as the older API writes one. Some versions of Grafana 9 wrote a number, which names nobody here.
type login string

// UnmarshalJSON reads either form.
func (l *login) UnmarshalJSON(text []byte) error {
	if n := bytes.TrimSpace(text); len(n) > 0 && n[0] >= '0' && n[0] <= '9' {
		return nil
	}
	return json.Unmarshal(text, (*string)(l))
}

// readVersions returns the saves of a dashboard after a version and a time, oldest first.
func (o *orgRun) readVersions(ctx context.Context, b *board, meta sdk.BoardProperties, since int, after time.Time) ([]activity.Event, error) {
	versions, err := o.listVersions(ctx, b.UID, since)
	robots := map[int]string{}
	if refused(err) || absent(err) {
		versions, robots, err = o.history(ctx, b.UID, meta)
	}
	if err != nil && !refused(err) && !absent(err) {
		return nil, err
	}
	if !slices.ContainsFunc(versions, func(v boardVersion) bool { return v.Version == meta.Version }) {
		// What the dashboard itself tells is the last save alone.
		versions = append(versions, boardVersion{Version: meta.Version, Created: meta.Updated, CreatedBy: login(meta.UpdatedBy)})
	}
	slices.SortFunc(versions, func(x, y boardVersion) int { return x.Version - y.Version })
	var edits []activity.Event
	for _, v := range versions {
		if v.Version <= since || v.Version > meta.Version || v.Created.Before(after) || v.Created.IsZero() {
			continue
		}
		e := activity.Event{Time: v.Created, Kind: activity.KindEdit, Scope: o.scope, Subject: b.UID, Detail: activity.EditSaved}
		if v.RestoredFrom > 0 && v.RestoredFrom != v.Version { // equal: made by a migration
			e.Detail = activity.EditRestored
		}
		e.Who, e.Robot = author(string(v.CreatedBy))
		switch {
		case robots[v.Version] != "":
			e.Robot = robots[v.Version]
		case b.managed && e.Who.IsZero():
			e.Robot = activity.RobotProvisioning
		}
		edits = append(edits, e)
	}
	return edits, nil
}

// versionsPage is how many versions are asked for at once; Grafana keeps 20 of a dashboard if it is not told otherwise.
const versionsPage = 20

// versionList is the answer of Grafana 11.6 and later, or the plain list of earlier ones.
type versionList struct {
	Continue string         `json:"continueToken"`
	Versions []boardVersion `json:"versions"`
	plain    bool
}

// UnmarshalJSON reads either form.
func (l *versionList) UnmarshalJSON(text []byte) error {
	if l.plain = bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")); l.plain {
		return json.Unmarshal(text, &l.Versions)
	}
	type object versionList // without this method
	return json.Unmarshal(text, (*object)(l))
}

// listVersions returns the saves after a version, newest first; it may return older ones, too.
func (o *orgRun) listVersions(ctx context.Context, uid string, since int) ([]boardVersion, error) {
	var all []boardVersion
	query := url.Values{"limit": {strconv.Itoa(versionsPage)}}
	for {
		var page versionList
		if err := o.get(ctx, callVersions, "/api/dashboards/uid/"+uid+"/versions", query, &page); err != nil {
			return all, err
		}
		fresh := false
		for _, v := range page.Versions {
			known := func(o boardVersion) bool { return o.Version == v.Version }
			if v.Version > since && !slices.ContainsFunc(all, known) {
				all = append(all, v)
				fresh = true
			}
		}
		switch {
		case !fresh || len(page.Versions) < versionsPage:
			return all, nil
		case page.plain:
			query.Set("start", strconv.Itoa(len(all)))
		case page.Continue == "":
			return all, nil
		default:
			query.Set("continueToken", page.Continue)
		}
	}
}

// history returns the saves of a dashboard as the newer API tells them, which needs no right to edit: by user ids alone. Whose id
// that is the credentials may not be allowed to ask; the dashboard itself tells of its first and its last save.
func (o *orgRun) history(ctx context.Context, uid string, meta sdk.BoardProperties) (versions []boardVersion, robots map[int]string, err error) {
	robots = map[int]string{}
	if o.boardsPath == "" {
		return nil, robots, nil
	}
	query := url.Values{"labelSelector": {"grafana.app/get-history=true"}, "fieldSelector": {"metadata.name=" + uid}, "limit": {"100"}}
	var list struct {
		Items []resource `json:"items"`
	}
	if err := o.get(ctx, callVersions, o.boardsPath, query, &list); err != nil {
		return nil, robots, err
	}
	for _, item := range list.Items {
		m := item.Metadata
		v := boardVersion{Version: m.Generation, Created: m.Created}
		by := m.Annotations[createdBy]
		if text, ok := m.Annotations[updatedBy]; ok && m.Generation > 1 {
			by = text
		}
		if at, err := time.Parse(time.RFC3339, m.Annotations[updatedAt]); err == nil && m.Generation > 1 {
			v.Created = at
		}
		switch v.Version {
		case 1:
			o.learnAuthor(by, meta.CreatedBy)
		case meta.Version:
			o.learnAuthor(by, meta.UpdatedBy)
		}
		who, robot := o.subject(by)
		v.CreatedBy = login(who.Login)
		if robot != "" {
			robots[v.Version] = robot
		}
		versions = append(versions, v)
	}
	return versions, robots, nil
}

// learnAuthor remembers for this run which login is behind an author of the newer API.
func (o *orgRun) learnAuthor(text, login string) {
	if who, robot := author(login); robot == "" && !who.IsZero() && len(text) > len("user:") && text[:len("user:")] == "user:" {
		o.users.learn(text[len("user:"):], who.Login)
	}
}

func isDecode(err error) bool {
	_, ok := errors.AsType[*DecodeError](err)
	return ok
}
