package grafana

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/go-logfmt/logfmt"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// UsageInsights reads the usage insights of Grafana Enterprise and Grafana Cloud: objects in JSON, as Grafana sends them to Loki, or
// the same keys in logfmt, as they stand in its server log.
//
// Person: username, a login; nobody for a public dashboard or anonymous access. Place: orgId. What was looked at: dashboardUid in
// versions that have it; else dashboardId, a number that no other source uses. Then the subject is "id:<number>", and the
// dashboard is known by dashboardName and folderName: owner rules on folders find it, and an inventory that has one dashboard of
// this title in this folder tells its uid (see package owner).
//
// It can't know the text of a query: a data-request whose source is explore says that somebody asked, not what. Data requests of
// dashboards are panels that load and refresh, and no acts. Shares, saves, annotations and rules are not there, and neither a
// kiosk nor a playlist is told from a person.
type UsageInsights struct{}

// NewUsageInsights returns a reader of usage insights.
func NewUsageInsights() *UsageInsights { return &UsageInsights{} }

// SubjectByID marks the subject of an act on a dashboard that is known by its number alone.
const SubjectByID = "id:"

// Why a line of usage insights can't be read. None of them quotes the line.
var (
	errInsight     = errors.New("usage insights: neither JSON nor logfmt")
	errInsightTime = errors.New("usage insights: no timestamp in RFC 3339")
	errInsightOrg  = errors.New("usage insights: no number in orgId")
)

// eventName is in every line of usage insights.
var eventName = []byte("eventName")

// insight is a line, as logged. Numbers are kept as text: logfmt knows no other.
type insight struct {
	EventName     string      `json:"eventName"`
	Timestamp     string      `json:"timestamp"`
	Username      string      `json:"username"`
	OrgID         json.Number `json:"orgId"`
	DashboardID   json.Number `json:"dashboardId"`
	DashboardUID  string      `json:"dashboardUid"`
	DashboardName string      `json:"dashboardName"`
	FolderName    string      `json:"folderName"`
	Source        string      `json:"source"`
}

// Parse appends to b what one line tells. Every line proves that views are logged. A line of another kind gives the zero Line.
func (u *UsageInsights) Parse(line []byte, b *activity.Batch) (activity.Line, error) {
	line = bytes.TrimSpace(line)
	if !bytes.Contains(line, eventName) {
		return activity.Line{}, nil
	}
	var i insight
	if err := i.read(line); err != nil {
		return activity.Line{}, err
	}
	if i.EventName == "" {
		return activity.Line{}, nil // the word stands in another message
	}
	at, err := time.Parse(time.RFC3339Nano, i.Timestamp)
	if err != nil || at.IsZero() {
		return activity.Line{}, errInsightTime
	}
	org, err := i.OrgID.Int64()
	if err != nil {
		return activity.Line{}, errInsightOrg
	}
	e := activity.Event{Time: at.UTC(), Scope: "org:" + strconv.FormatInt(org, 10), Who: activity.Identity{Login: b.Text([]byte(i.Username))}}
	switch {
	case i.Username == "":
		e.Robot = activity.RobotPublicDashboard
	case IsServiceAccount([]byte(i.Username)):
		e.Robot = activity.RobotServiceAccount
	}
	switch {
	case i.EventName == "dashboard-view":
		if e.Kind, e.Subject = activity.KindView, i.subject(); e.Subject != "" { // the home page has none
			b.Dashboards = append(b.Dashboards, i.dashboard(&e))
			b.Events = append(b.Events, e)
		}
	case i.EventName == "data-request" && i.Source == "explore":
		e.Kind = activity.KindQuery
		b.Events = append(b.Events, e)
	}
	return activity.Line{Time: e.Time, Class: activity.ClassView}, nil
}

func (i *insight) read(line []byte) error {
	if line[0] == '{' {
		if json.Unmarshal(line, i) != nil {
			return errInsight
		}
		return nil
	}
	if bytes.IndexByte(line, '\n') >= 0 {
		return errInsight
	}
	values := map[string]string{}
	d := logfmt.NewDecoderSize(bytes.NewReader(line), len(line)+2)
	for d.ScanRecord() {
		for d.ScanKeyval() {
			values[string(d.Key())] = string(d.Value())
		}
	}
	if d.Err() != nil {
		return errInsight
	}
	*i = insight{
		EventName: values["eventName"], Timestamp: values["timestamp"], Username: values["username"], OrgID: json.Number(values["orgId"]),
		DashboardID: json.Number(values["dashboardId"]), DashboardUID: values["dashboardUid"], DashboardName: values["dashboardName"],
		FolderName: values["folderName"], Source: values["source"],
	}
	return nil
}

// subject names the dashboard, by its number if the line has no uid.
func (i *insight) subject() string {
	if i.DashboardUID != "" {
		return i.DashboardUID
	}
	if id, err := i.DashboardID.Int64(); err == nil && id > 0 {
		return SubjectByID + strconv.FormatInt(id, 10)
	}
	return ""
}

// dashboard is what the line tells of the dashboard that e is about.
func (i *insight) dashboard(e *activity.Event) activity.Dashboard {
	d := activity.Dashboard{Seen: e.Time, Scope: e.Scope, UID: e.Subject, Title: i.DashboardName}
	if i.FolderName != "" {
		d.Folders = []string{i.FolderName}
	}
	return d
}
