package grafana

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// What people explored in the browser capture.
const (
	askedRate  = "q:sum by (handler) (rate(prometheus_http_requests_total[5m]))"
	askedHead  = "q:prometheus_tsdb_head_series"
	ruleAlert  = "dg53h8oyxh5ogc"
	ruleRecord = "ag53hf3vwk4jkb"
)

// browserSteps says which acts a step of the browser truth is: kind, subject, detail. A step that is not here is no
// act. "$" is the first word of the step's detail.
var browserSteps = map[string][]act{
	"1_open_dashboard":                  {{kind: "view", subject: "$"}},
	"3_open_dashboard":                  {{kind: "view", subject: "$"}},
	"5_open_dashboard":                  {{kind: "view", subject: "$"}},
	"7_open_dashboard":                  {{kind: "view", subject: "$"}},
	"8_open_dashboard":                  {{kind: "view", subject: "$"}},
	"7_open_moved_dashboard":            {{kind: "view", subject: "imported-acts"}},
	"9_click_starred_on_home":           {{kind: "view", subject: "checkout-overview"}},
	"9_open_search_hit":                 {{kind: "view", subject: "checkout-payments"}},
	"10_tab_visible_open":               {{kind: "view", subject: "$"}},
	"1_share_internally_menu":           {{kind: "share", subject: "checkout-payments", detail: "short_link"}},
	"1_open_goto_as_other_user":         {{kind: "open", subject: "checkout-payments"}, {kind: "view", subject: "checkout-payments"}},
	"1_open_goto_clicked_from_page":     {{kind: "open", subject: "checkout-payments"}, {kind: "view", subject: "checkout-payments"}},
	"1_goto_login_then_redirect":        {{who: "bob", kind: "open", subject: "checkout-payments"}, {who: "bob", kind: "view", subject: "checkout-payments"}},
	"1_own_goto":                        {{kind: "open", subject: "checkout-payments"}, {kind: "view", subject: "checkout-payments"}},
	"1_share_button_direct":             {{kind: "view", subject: "growth-funnel"}, {kind: "share", subject: "growth-funnel", detail: "short_link"}},
	"2_explore_open_with_query":         {{kind: "query", subject: askedRate}},
	"2_explore_run_button":              {{kind: "query", subject: askedRate}},
	"2_explore_share_short_link":        {{kind: "share", subject: askedRate, detail: "short_link"}},
	"2_open_explore_goto_as_other_user": {{kind: "open", subject: askedRate}},
	"4_star_query":                      {{kind: "share", subject: askedRate, detail: "starred_query"}},
	"4_star_again":                      {{kind: "share", subject: askedRate, detail: "starred_query"}},
	"4_add_comment":                     {{kind: "comment", subject: askedRate}},
	"4_run_starred_query":               {{kind: "query", subject: askedRate}},
	"4_copy_short_link_of_history_item": {{kind: "share", subject: askedRate, detail: "short_link"}},
	"3_publish_snapshot":                {{kind: "share", subject: "platform-prom", detail: "snapshot"}},
	"3_open_snapshot_as_other_user":     {{kind: "open", detail: "snapshot"}},
	"3_snapshot_not_logged_in":          {{kind: "open", detail: "snapshot"}},
	"5_annotation_save":                 {{kind: "annotation", subject: "platform-prom", detail: "added"}},
	"5_annotation_edit_save":            {{kind: "annotation", subject: "platform-prom", detail: "changed"}},
	"5_annotation_delete":               {{kind: "annotation", subject: "platform-prom", detail: "removed"}},
	"6_save_new_alert_rule":             {{kind: "rule", detail: "added"}},
	"6_save_new_recording_rule":         {{kind: "rule", detail: "added"}},
	"6_save_rule_threshold_only":        {{kind: "rule", subject: ruleAlert, detail: "other_changed"}},
	"6_pause_rule":                      {{kind: "rule", subject: ruleAlert, detail: "other_changed"}},
	"6_resume_rule":                     {{kind: "rule", subject: ruleAlert, detail: "other_changed"}},
	"6_delete_rule":                     {{kind: "rule", subject: ruleRecord, detail: "removed"}},
	"6_save_silence":                    {{kind: "silence"}},
	"6_save_silence_from_rule_drawer":   {{kind: "silence", subject: ruleAlert}},
	"6_detail_view_in_explore":          {{kind: "query", subject: askedHead}},
	"7_save_with_message":               {{kind: "edit", subject: "checkout-overview", detail: "saved"}},
	"7_restore_confirm":                 {{kind: "edit", subject: "checkout-overview", detail: "restored"}},
	"7_import_submit":                   {{kind: "edit", subject: "imported-acts", detail: "saved"}},
	"7_delete_confirm":                  {{kind: "edit", subject: "imported-acts", detail: "deleted"}},
	"7_save_new_dashboard":              {{kind: "edit", subject: "al6jjsz", detail: "saved"}},
	"7_delete_from_browse":              {{kind: "edit", subject: "al6jjsz", detail: "deleted"}},
	"8_panel_menu_explore":              {{kind: "query", subject: askedHead}},
	"V_share_button_direct":             {{kind: "view", subject: "checkout-payments"}, {kind: "share", subject: "checkout-payments", detail: "short_link"}},
	"V_open_goto_as_other_user":         {{kind: "open", subject: "checkout-payments"}, {kind: "view", subject: "checkout-payments"}},
}

// untoldLoads are page loads of the browser's driver before a step, which the truth has no step for: the log's
// GET /d/<uid>/<slug> are the witness.
var untoldLoads = map[act]int{
	{who: "alice", kind: "view", subject: "platform-prom"}: 2, // 19:17:40 8_panel_menu_explore, 19:18:47 the same again
	{who: "carol", kind: "view", subject: "platform-prom"}: 6, // 19:19:31, 19:21:00, 19:21:18, 19:22:09, 19:22:19, 19:23:21: panel menu steps
}

type browserStep struct {
	Who, Step, Detail, Note, Run string
	OK                           bool
}

func browserTruth(t *testing.T, run string) map[act]int {
	want := map[act]int{}
	for _, s := range readTruth[browserStep](t, "browser.truth.jsonl") {
		if !s.OK || s.Run != run || strings.HasPrefix(s.Note, "no request") {
			continue
		}
		for _, a := range browserSteps[s.Step] {
			if a.who == "" && !strings.HasPrefix(s.Who, "(") {
				a.who = s.Who
			}
			if a.subject == "$" {
				a.subject = strings.Fields(s.Detail)[0]
				if parts := strings.Split(a.subject, "/"); len(parts) > 2 {
					a.subject = parts[2]
				}
			}
			want[a]++
		}
	}
	return want
}

func TestBrowserTruth(t *testing.T) {
	text := collect(t, readLines(t, "browser.text.log")...)
	if d := diff(text, collect(t, readLines(t, "browser.json.log")...)); d != "" {
		t.Errorf("text and JSON differ:\n%s", d)
	}
	want := browserTruth(t, "main")
	loads := regexp.MustCompile(`uname=(\w+) .* method=GET path=/d/([\w-]+)/\S+ status=200`)
	seen := map[act]int{}
	for _, line := range readLines(t, "browser.text.log") {
		if m := loads.FindSubmatch(line); m != nil {
			seen[act{who: string(m[1]), kind: "view", subject: string(m[2])}]++
		}
	}
	for a, n := range untoldLoads {
		want[a] += n
		if seen[a] < n {
			t.Errorf("%v: the log has %d page loads, not %d", a, seen[a], n)
		}
	}
	if d := diff(want, people(tally(text))); d != "" {
		t.Errorf("(-truth +events)\n%s", d)
	}
}

func TestBrowserRobots(t *testing.T) {
	lines := readLines(t, "browser.text.log")
	asks := regexp.MustCompile(`uname=(\w+) .*method=POST path=/api/ds/query .*/d/([\w-]+)/.*[?&]refresh=\w`)
	want := map[act]int{}
	for _, line := range lines {
		if m := asks.FindSubmatch(line); m != nil {
			want[act{string(m[1]), "query", string(m[2]), "", "refresh"}]++
		}
	}
	got := tally(collect(t, lines...))
	for a := range people(got) {
		delete(got, a)
	}
	if d := diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestShortURLVariant(t *testing.T) {
	text := collect(t, readLines(t, "short_urls.text.log")...)
	if d := diff(text, collect(t, readLines(t, "short_urls.json.log")...)); d != "" {
		t.Errorf("text and JSON differ:\n%s", d)
	}
	if d := diff(browserTruth(t, "variant"), tally(text)); d != "" {
		t.Errorf("(-truth +events)\n%s", d)
	}
}

type imitatedEvent struct {
	TS                                          time.Time
	Event, Who, Dashboard, Expr, UID, API, Kind string
	Status, N, Cycles                           int
}

// imitatedTruth says which acts an event of the imitated truth is.
func imitatedTruth(t *testing.T) (want map[act]int, from, to time.Time) {
	want = map[act]int{}
	events := readTruth[imitatedEvent](t, "imitated.truth.jsonl")
	for _, e := range events {
		one := func(kind activity.Kind, subject, detail, robot string) {
			want[act{e.Who, string(kind), subject, detail, robot}]++
		}
		switch e.Event {
		case "dashboard_view":
			one(activity.KindView, e.Dashboard, "", "")
		case "kiosk_view":
			one(activity.KindView, e.Dashboard, "", "kiosk")
		case "playlist_view":
			one(activity.KindView, e.Dashboard, "", "playlist")
		case "explore_query":
			one(activity.KindQuery, fingerprint(e.Expr), "", "")
		case "drilldown_query":
			one(activity.KindQuery, "", "", "")
		case "dashboard_save":
			one(activity.KindEdit, e.Dashboard, "saved", "")
		case "dashboard_create": // its uid is in the answer only, and the script did not land on it
			one(activity.KindEdit, "", "saved", "")
		case "annotation": // the truth does not say where
			one(activity.KindAnnotation, map[string]string{"alice": "checkout-overview", "carol": "platform-prom"}[e.Who], "added", "")
		case "annotation_by_sa":
			one(activity.KindAnnotation, "", "added", "service_account")
		case "alert_create", "recording_create":
			one(activity.KindRule, "", "added", "")
		case "alert_edit":
			one(activity.KindRule, e.UID, "other_changed", "")
		case "alert_provision_by_sa":
			one(activity.KindRule, "", "added", "service_account")
		case "sa_poll": // two dashboards in turn
			want[act{e.Who, "view", "checkout-overview", "", "service_account"}] += e.N / 2
			want[act{e.Who, "view", "platform-prom", "", "service_account"}] += e.N / 2
		case "sa_ds_query": // the script also read the JSON of a dashboard
			one(activity.KindQuery, "", "", "service_account")
			one(activity.KindView, "checkout-overview", "", "service_account")
		case "sa_ds_proxy":
			one(activity.KindQuery, "", "", "service_account")
		case "basic_auth_api":
			one(activity.KindView, "platform-grafana", "", "api")
		case "public_dashboard_view":
			want[act{"", "view", "", "", "public_dashboard"}]++
		case "render_by_user":
			one(activity.KindView, "checkout-overview", "", "render")
		case "render_by_sa":
			one(activity.KindView, "checkout-overview", "", "service_account")
		}
	}
	return want, events[0].TS, events[len(events)-1].TS.Add(time.Second)
}

func TestImitatedTruth(t *testing.T) {
	text := collect(t, readLines(t, "imitated.text.log")...)
	if d := diff(text, collect(t, readLines(t, "imitated.json.log")...)); d != "" {
		t.Errorf("text and JSON differ:\n%s", d)
	}
	want, from, to := imitatedTruth(t)
	var acts []activity.Event
	refreshes := 0
	for _, e := range text {
		switch {
		case e.Time.Before(from) || e.Time.After(to): // the set-up before, and what was tried afterwards
		case e.Robot == activity.RobotRefresh:
			refreshes++
		default:
			acts = append(acts, e)
		}
	}
	if d := diff(want, tally(acts)); d != "" {
		t.Errorf("(-truth +events)\n%s", d)
	}
	asks := regexp.MustCompile(`path=/api/ds/query .*/d/.*[?&]refresh=\w`)
	n := 0
	for _, line := range readLines(t, "imitated.text.log") {
		if asks.Match(line) {
			n++
		}
	}
	// The renderer's page has no refresh, so every such line is a refresh.
	if refreshes != n || n == 0 {
		t.Errorf("%d refreshes, want %d", refreshes, n)
	}
}

func TestRedactedSecrets(t *testing.T) {
	for _, name := range []string{"browser.text.log", "imitated.text.log"} {
		for _, e := range collect(t, readLines(t, name)...) {
			for _, secret := range []string{"SNAPKEY", "587347a0620042739a5dd662d899cff9"} {
				if bytes.Contains([]byte(e.Subject+e.Detail), []byte(secret)) {
					t.Errorf("%s: the event tells the key of a snapshot or public dashboard: %+v", name, e)
				}
			}
		}
	}
}
