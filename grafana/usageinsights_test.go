package grafana

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// The lines of testdata/usage-insights.jsonl are written from Grafana's documentation of the fields: no server that logs them is
// free to run.
func TestUsageInsights(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return v.UTC()
	}
	alice, bob := activity.Identity{Login: "alice"}, activity.Identity{Login: "bob"}
	want := []activity.Event{
		{Time: at("2026-11-16T09:00:00.123456789Z"), Kind: activity.KindView, Scope: "org:1", Subject: "id:42", Who: alice},
		{Time: at("2026-11-16T09:05:00Z"), Kind: activity.KindQuery, Scope: "org:1", Who: alice},
		{Time: at("2026-11-16T09:10:00Z"), Kind: activity.KindView, Scope: "org:1", Subject: "id:42", Robot: activity.RobotPublicDashboard},
		{Time: at("2026-11-16T09:11:00Z"), Kind: activity.KindView, Scope: "org:1", Subject: "id:42", Robot: activity.RobotServiceAccount, Who: activity.Identity{Login: "sa-1-reports"}},
		{Time: at("2026-11-16T09:12:00Z"), Kind: activity.KindView, Scope: "org:2", Subject: "abc123", Who: bob},
	}
	var b activity.Batch
	for _, line := range readLines(t, "usage-insights.jsonl") {
		l, err := NewUsageInsights().Parse(line, &b)
		if err != nil || l.Class != activity.ClassView {
			t.Errorf("%s: %+v, %v", line, l, err)
		}
	}
	if d := diff(want, b.Events); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	first := activity.Dashboard{Seen: want[0].Time, Scope: "org:1", UID: "id:42", Title: "Checkout overview", Folders: []string{"Payments"}}
	if d := diff(first, b.Dashboards[0]); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestUsageInsightsInTheServerLog(t *testing.T) {
	var b activity.Batch
	line := `logger=usage-insights t=2026-11-16T09:00:01Z level=info msg="usage insights" eventName=dashboard-view timestamp=2026-11-16T09:00:00Z username=alice ` +
		`userId=2 orgId=1 orgName="Main Org." tokenId=11 dashboardId=42 dashboardName="Checkout \"new\"" folderName=Payments`
	if l, err := NewUsageInsights().Parse([]byte(line), &b); err != nil || l.Time.IsZero() {
		t.Fatal(l, err)
	}
	if e := b.Events[0]; e.Who.Login != "alice" || e.Subject != "id:42" || b.Dashboards[0].Title != `Checkout "new"` {
		t.Errorf("%+v, %+v", e, b.Dashboards)
	}
}

func TestUsageInsightsForeignAndBroken(t *testing.T) {
	good := string(readLines(t, "usage-insights.jsonl")[0])
	for _, line := range []string{"", `logger=context msg="Request Completed"`, `{"message":"no eventName here"}`, `{"x":"eventName"}`} {
		var b activity.Batch
		if l, err := NewUsageInsights().Parse([]byte(line), &b); err != nil || l != (activity.Line{}) || len(b.Events) > 0 {
			t.Errorf("%s: %+v, %v", line, l, err)
		}
	}
	for _, line := range []string{
		good[:60], strings.Replace(good, "2026-11-16T", "yesterday ", 1), strings.Replace(good, `"orgId":1`, `"orgId":"one"`, 1), strings.Replace(good, `"orgId":1,`, ``, 1),
		strings.Replace(good, `"username":"alice"`, `"username":{"name":"alice"}`, 1), `eventName=dashboard-view username="alice`,
	} {
		var b activity.Batch
		l, err := NewUsageInsights().Parse([]byte(line), &b)
		if err == nil || l != (activity.Line{}) || len(b.Events)+len(b.Dashboards) > 0 || strings.Contains(err.Error(), "alice") {
			t.Errorf("%s: %+v, %v", line, l, err)
		}
	}
}

// FuzzUsageInsights: whatever the bytes, nothing panics, and what can't be read tells nothing.
func FuzzUsageInsights(f *testing.F) {
	for _, line := range readLines(f, "usage-insights.jsonl") {
		f.Add(line)
	}
	f.Add([]byte(`logger=x eventName=data-request source=explore timestamp=2026-11-16T09:00:00Z orgId=1 username=a`))
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		var b activity.Batch
		l, err := NewUsageInsights().Parse(line, &b)
		if (err != nil || l.Time.IsZero()) && len(b.Events)+len(b.Dashboards) > 0 {
			t.Errorf("%q: %+v, %+v, %v", line, l, b, err)
		}
		for _, e := range b.Events {
			if e.Scope == "" || !e.Time.Equal(l.Time) || e.Kind == activity.KindView && e.Subject == "" || e.Robot == "" && e.Who.IsZero() {
				t.Errorf("%q: %+v", line, e)
			}
		}
		if !bytes.Equal(before, line) {
			t.Errorf("%q: the line was changed", before)
		}
	})
}
