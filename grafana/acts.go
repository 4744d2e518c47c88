package grafana

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Details that the activity package does not name for these kinds.
const (
	detailAdded   = activity.RuleAdded
	detailChanged = "changed"
	detailRemoved = activity.RuleRemoved
)

// teller turns one request into events.
type teller struct {
	request
	page  page
	uid   string // of the page's dashboard or rule
	robot string // why no person asked, as far as login and page tell
	batch *activity.Batch
}

// tell appends what the request tells to b.
func (r *request) tell(b *activity.Batch) {
	if !mayTell(r.path) {
		return
	}
	path := b.Text(r.path)
	t := teller{request: *r, page: readPage(r.referer), batch: b}
	t.uid = t.page.name(b)
	switch {
	case IsServiceAccount(r.login):
		t.robot = activity.RobotServiceAccount
	case t.page.kind == pageNone:
		t.robot = activity.RobotAPI
	}
	switch {
	case strings.HasPrefix(path, "/apis/"):
		t.resource(path)
	case strings.HasPrefix(path, "/goto/"):
		t.opened(path)
	case strings.HasPrefix(path, "/playlists/play/"):
		t.playlist()
	default:
		t.api(path)
	}
}

// telling are the beginnings of the paths that may be part of an act.
var telling = [...]string{
	"/api/dashboards/", "/api/folders/", "/api/ds/query", "/api/query-history", "/api/short-urls", "/api/snapshots",
	"/api/annotations", "/api/public/dashboards/", "/api/ruler/", "/api/alertmanager/", "/api/v1/provisioning/",
	"/api/datasources/proxy/", "/api/playlists/", "/goto/", "/playlists/play/",
	"/apis/dashboard.", "/apis/folder.", "/apis/shorturl.", "/apis/playlist.", "/apis/query.",
}

// mayTell turns most requests away before more is read of them.
func mayTell(path []byte) bool {
	const api, apis = "/api/", "/apis/"
	switch {
	case len(path) <= len(apis):
		return false
	case string(path[:len(api)]) == api && bytes.IndexByte(tellingLetters, path[len(api)]) < 0:
		return false
	}
	for _, prefix := range telling {
		if len(path) >= len(prefix) && string(path[:len(prefix)]) == prefix {
			return true
		}
	}
	return string(path[:len(apis)]) == apis && bytes.Contains(path, []byte(".datasource.grafana.app/"))
}

// tellingLetters are those that may follow /api/.
var tellingLetters = []byte("dfqsaprv")

// resource reads a request to /apis/<group>/<version>/namespaces/<ns>/<resource>[/<name>[/<sub>]].
func (t *teller) resource(path string) {
	s := strings.Split(path[len("/apis/"):], "/")
	if len(s) < 5 || s[2] != "namespaces" {
		return
	}
	group, kind, rest := s[0], s[4], s[5:]
	switch {
	case group == "dashboard.grafana.app" && kind == "dashboards":
		t.dashboardResource(s[1], rest)
	case group == "folder.grafana.app" && kind == "folders" && len(rest) == 1:
		t.folder(rest[0])
	case group == "shorturl.grafana.app" && kind == "shorturls" && len(rest) == 0 && t.is("POST"):
		t.share(activity.ShareShortLink)
	case group == "playlist.grafana.app" && kind == "playlists" && len(rest) == 1 && t.page.kind == pagePlaylist:
		t.playlist()
	case group == "query.grafana.app" && kind == "query" && len(rest) == 0,
		strings.HasSuffix(group, ".datasource.grafana.app") && len(rest) == 2 && rest[1] == "query":
		if t.is("POST") {
			t.query()
		}
	}
}

// dashboardResource reads a request to .../<version>/.../dashboards[/<uid>[/dto]].
func (t *teller) dashboardResource(version string, rest []string) {
	switch {
	case len(rest) == 2 && rest[1] == "dto" && t.is("GET"):
		t.dashboard(rest[0], strings.HasPrefix(version, "v2"))
	case len(rest) == 1 && (t.is("PUT") || t.is("PATCH")):
		t.saved(rest[0])
	case len(rest) == 1 && t.is("DELETE"):
		t.deleted(rest[0])
	case len(rest) == 0 && t.is("POST"):
		t.created()
	}
}

// api reads a request to /api/.... The path without its ids picks the act.
func (t *teller) api(path string) {
	rest := strings.TrimPrefix(path, "/api/")
	if ruler, ok := strings.CutPrefix(rest, "ruler/"); ok {
		t.ruler(ruler)
		return
	}
	if name, ok := strings.CutPrefix(rest, "v1/provisioning/"); ok {
		t.provisioned(name)
		return
	}
	if isDataSourceQuery(rest) {
		t.query()
		return
	}
	if am, ok := strings.CutPrefix(rest, "alertmanager/"); ok {
		if _, what, _ := strings.Cut(am, "/"); what == "api/v2/silences" && t.is("POST") && t.done() {
			t.event(activity.KindSilence, t.rule(), "")
		}
		return
	}
	switch name, id := cutID(rest); {
	case name == "dashboards/uid" && t.is("GET"):
		t.dashboard(id, false)
	case name == "dashboards/uid" && t.is("DELETE"):
		t.deleted(id)
	case rest == "dashboards/db" && t.is("POST"):
		t.savedLegacy()
	case rest == "dashboards/import" && t.is("POST"):
		t.created()
	case name == "folders":
		t.folder(id)
	case rest == "ds/query" && t.is("POST"):
		t.query()
	case rest == "query-history" && t.is("POST"):
		t.history()
	case name == "query-history" && t.is("PATCH"):
		t.about(activity.KindComment, "")
	case name == "query-history/star" && t.is("POST"):
		t.share(activity.ShareStarredQuery)
	case rest == "short-urls" && t.is("POST"):
		t.share(activity.ShareShortLink)
	case rest == "snapshots" && t.is("POST"):
		t.share(activity.ShareSnapshot)
	case name == "snapshots" && t.is("GET"):
		t.snapshotOpened(id)
	case rest == "annotations" && t.is("POST"), rest == "annotations/graphite" && t.is("POST"):
		t.annotation(detailAdded)
	case name == "annotations" && (t.is("PUT") || t.is("PATCH")):
		t.annotation(detailChanged)
	case name == "annotations" && t.is("DELETE"):
		t.annotation(detailRemoved)
	case name == "public/dashboards" && t.is("GET") && t.seen():
		// The token in the path is a secret, and the line does not tell the dashboard.
		t.robot = activity.RobotPublicDashboard
		t.event(activity.KindView, "", "")
	case name == "playlists" && t.page.kind == pagePlaylist:
		t.playlist()
	default:
		t.restored(rest)
	}
}

// cutID splits a path before its last segment.
func cutID(path string) (name, id string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return path, ""
	}
	return path[:i], path[i+1:]
}

func (t *teller) is(method string) bool { return string(t.method) == method }

// done reports whether the request changed something.
func (t *teller) done() bool { return t.status >= 200 && t.status < 300 }

// seen reports whether the request was answered, perhaps from the browser's cache.
func (t *teller) seen() bool { return t.status == 200 || t.status == 304 }

// IsServiceAccount recognises the login sa-<org>-<name>.
func IsServiceAccount(login []byte) bool {
	const prefix = "sa-"
	if len(login) < len(prefix) || !bytes.EqualFold(login[:len(prefix)], []byte(prefix)) {
		return false
	}
	org, name, ok := bytes.Cut(login[len(prefix):], []byte("-"))
	_, err := strconv.ParseUint(string(org), 10, 63)
	return ok && err == nil && len(name) > 0
}

func (t *teller) scope() string {
	if t.org == 1 { // most Grafanas have no other
		return "org:1"
	}
	return "org:" + strconv.FormatInt(t.org, 10)
}

// user is the login in lower case, as Grafana compares them.
func (t *teller) user() string {
	for _, c := range t.login {
		if c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			return strings.ToLower(string(t.login))
		}
	}
	return t.batch.Text(t.login)
}

// who is the login, else, of somebody anonymous, the address: it may tell the network of a team.
func (t *teller) who() activity.Identity {
	if len(t.login) > 0 || t.robot != "" {
		return activity.Identity{Login: t.user()}
	}
	addr, err := netip.ParseAddr(string(t.addr))
	if err != nil {
		return activity.Identity{}
	}
	return activity.Identity{Addr: addr}
}

// event appends an event about subject, told completely by this line.
func (t *teller) event(kind activity.Kind, subject, detail string) *activity.Event {
	t.batch.Events = append(t.batch.Events, activity.Event{
		Time: t.time, Kind: kind, Scope: t.scope(), Subject: subject, Detail: detail, Robot: t.robot,
		Who: t.who(),
	})
	return &t.batch.Events[len(t.batch.Events)-1]
}

// step appends an event that is part of an act over several lines. Nobody's and a robot's lines are not joined: the
// lines of different clients can't be told apart.
func (t *teller) step(step string, kind activity.Kind, subject, detail string) {
	e := t.event(kind, subject, detail)
	if len(t.login) > 0 && t.robot == "" {
		e.Step = step
	}
}

// about appends an event about what the page shows: the dashboard, or the queries in Explore (an event each, so that
// each can be found again).
func (t *teller) about(kind activity.Kind, detail string) {
	if !t.done() {
		return
	}
	switch t.page.kind {
	case pageDashboard, pageSolo:
		t.event(kind, t.uid, detail)
	case pageExplore:
		asked := readExplore(&t.page)
		if len(asked.exprs) == 0 {
			t.event(kind, "", detail)
		}
		for _, expr := range asked.exprs {
			t.event(kind, "", detail).Query = expr
		}
	default:
		t.event(kind, "", detail)
	}
}
