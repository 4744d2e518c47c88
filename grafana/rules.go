package grafana

import (
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// rule returns the uid of the rule whose page asked, or "".
func (t *teller) rule() string {
	if t.page.kind == pageRule {
		return t.uid
	}
	return ""
}

// ruler reads a request to /api/ruler/<data source>/api/v1/rules/<folder>[/<group>]. The line of a create, an edit and
// a pause are alike but for the page; what an edit changed is not in it.
func (t *teller) ruler(rest string) {
	s := strings.Split(rest, "/")
	if len(s) < 5 || s[1] != "api" || s[2] != "v1" || s[3] != "rules" || !t.done() {
		return
	}
	switch {
	case t.is("POST") && len(s) == 5 && t.page.kind == pageRuleNew:
		t.event(activity.KindRule, "", activity.RuleAdded)
	case t.is("POST") && len(s) == 5:
		t.event(activity.KindRule, t.rule(), activity.RuleOtherChanged)
	case t.is("DELETE"):
		t.event(activity.KindRule, t.rule(), activity.RuleRemoved)
	}
}

// provisioned reads a request to /api/v1/provisioning/...: rules written by a script.
func (t *teller) provisioned(name string) {
	uid, one := strings.CutPrefix(name, "alert-rules/")
	group := strings.HasPrefix(name, "folder/") && strings.Contains(name, "/rule-groups/")
	switch {
	case !t.done() || strings.Contains(uid, "/") && one:
	case name == "alert-rules" && t.is("POST"):
		t.event(activity.KindRule, "", activity.RuleAdded)
	case one && t.is("PUT"):
		t.event(activity.KindRule, uid, activity.RuleOtherChanged)
	case one && t.is("DELETE"):
		t.event(activity.KindRule, uid, activity.RuleRemoved)
	case group && t.is("PUT"):
		t.event(activity.KindRule, "", activity.RuleOtherChanged)
	case group && t.is("DELETE"):
		t.event(activity.KindRule, "", activity.RuleRemoved)
	}
}
