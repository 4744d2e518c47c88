package grafana

import (
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// sight is what it means that a page asked for the JSON of a dashboard.
type sight uint8

const (
	sightNone     sight = iota // a picker, an editor, an embedded panel, an alerting page
	sightScript                // no page asked
	sightRendered              // the image renderer opened it
	sightEdited                // it came up for editing
	sightKiosk                 // a wall screen shows it
	sightOpened                // somebody opened it
)

// sight tells it of a page and whether that has the dashboard's uid.
func (p *page) sight(own bool) sight {
	if p.kind == pageNone {
		return sightScript
	}
	if p.kind != pageDashboard && p.kind != pageSolo || !own {
		return sightNone
	}
	switch m := p.marks(); {
	case m&markRendered != 0:
		return sightRendered
	case p.kind == pageSolo:
		return sightNone
	case m&markEditing != 0:
		return sightEdited
	case m&markKiosk != 0:
		return sightKiosk
	}
	return sightOpened
}

// dashboard is told when the JSON of a dashboard was fetched. A page asks in one schema, and again in the other (second) if it was
// saved in that.
func (t *teller) dashboard(uid string, second bool) {
	opened, edited := stepView, stepLanding
	if second {
		opened, edited = stepView+secondSchema, stepLanding+secondSchema
	}
	if !t.seen() {
		return
	}
	if t.robot != "" {
		t.event(activity.KindView, uid, "")
		return
	}
	switch t.page.sight(t.uid == uid) {
	case sightRendered:
		t.robot = activity.RobotRender
		t.event(activity.KindView, uid, "")
	case sightEdited:
		if len(t.login) > 0 { // a mark for joining, and never an act by itself
			t.step(edited, activity.KindView, uid, "")
		}
	case sightKiosk:
		t.step(opened, activity.KindView, uid, "")
		t.last().Robot = activity.RobotKiosk
	case sightOpened:
		t.step(opened, activity.KindView, uid, "")
	}
}

// last returns the event appended last.
func (t *teller) last() *activity.Event { return &t.batch.Events[len(t.batch.Events)-1] }

// folder is told when a folder was fetched: the page of a dashboard asks for the one that holds it.
func (t *teller) folder(uid string) {
	if uid == "" || !t.is("GET") || !t.seen() || t.page.kind != pageDashboard || t.page.marks()&markEditing != 0 {
		return
	}
	t.batch.Dashboards = append(t.batch.Dashboards, activity.Dashboard{
		Seen: t.time, Scope: t.scope(), UID: t.uid, Folders: []string{uid},
	})
}

// opened is told when a short link was followed. Without a login it is the detour to the login page, after which the
// same line follows once more.
func (t *teller) opened(path string) {
	id := strings.TrimPrefix(path, "/goto/")
	if id == "" || strings.Contains(id, "/") || !t.is("GET") || t.status != 302 || len(t.login) == 0 {
		return
	}
	if t.robot == activity.RobotAPI { // a link is followed from anywhere, so the lack of a page says nothing
		t.robot = ""
	}
	t.step(stepGoto, activity.KindOpen, id, "")
}

// snapshotOpened never tells the key: who knows it can read the snapshot.
func (t *teller) snapshotOpened(key string) {
	if key != "" && t.seen() {
		t.event(activity.KindOpen, "", activity.ShareSnapshot)
	}
}

func (t *teller) share(detail string) { t.about(activity.KindShare, detail) }

// playlist is told when somebody starts a playlist. It is no act, but tells what the views that follow are.
func (t *teller) playlist() {
	if t.is("GET") && len(t.login) > 0 && t.robot != activity.RobotServiceAccount {
		t.robot = ""
		t.step(stepPlaylist, activity.KindView, "", "")
	}
}

// saved is told when a dashboard of known uid was written. Written from the list of dashboards, it was only moved.
func (t *teller) saved(uid string) {
	switch {
	case !t.done() || t.page.kind == pageBrowse:
	case t.restoring():
		t.event(activity.KindEdit, uid, activity.EditRestored)
	case t.page.kind == pageImport:
		t.step(stepImport, activity.KindEdit, uid, activity.EditSaved)
	default:
		t.event(activity.KindEdit, uid, activity.EditSaved)
	}
}

func (t *teller) restoring() bool {
	v, _ := t.page.param("editview")
	return t.page.kind == pageDashboard && string(v) == "versions"
}

// created is told on the first save of a dashboard, whose uid only the landing that follows tells.
func (t *teller) created() {
	if t.done() {
		t.step(stepCreate, activity.KindEdit, "", activity.EditSaved)
	}
}

// savedLegacy is told on a save through the old API: what was saved is known if its own page did.
func (t *teller) savedLegacy() {
	switch t.page.kind {
	case pageDashboard:
		t.saved(t.uid)
	case pageBrowse:
	case pageNone, pageUnknown, pageOther:
		if t.done() {
			t.event(activity.KindEdit, "", activity.EditSaved)
		}
	default:
		t.created()
	}
}

func (t *teller) deleted(uid string) {
	if t.done() {
		t.event(activity.KindEdit, uid, activity.EditDeleted)
	}
}

// restored reads POST dashboards/uid/<uid>/restore and dashboards/id/<n>/restore, the restore of Grafana 11 and earlier.
func (t *teller) restored(rest string) {
	name, ok := strings.CutSuffix(rest, "/restore")
	if !ok || !t.is("POST") || !t.done() {
		return
	}
	if uid, ok := strings.CutPrefix(name, "dashboards/uid/"); ok && !strings.Contains(uid, "/") {
		t.event(activity.KindEdit, uid, activity.EditRestored)
	} else if strings.HasPrefix(name, "dashboards/id/") {
		uid := ""
		if t.page.kind == pageDashboard {
			uid = t.uid
		}
		t.event(activity.KindEdit, uid, activity.EditRestored)
	}
}

func (t *teller) annotation(detail string) {
	if !t.done() {
		return
	}
	uid := ""
	if t.page.kind == pageDashboard || t.page.kind == pageSolo {
		uid = t.uid
	}
	t.event(activity.KindAnnotation, uid, detail)
}
