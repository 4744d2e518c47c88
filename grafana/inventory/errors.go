package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

// DecodeError is an answer of 200 that is not what the call answers in any known Grafana. It holds nothing of the answer.
type DecodeError struct {
	Endpoint string // method and path: "GET /api/teams/search"
	Field    string // as in "teams.name"; empty if the answer is no JSON at all, or not of this shape from the start
	Why      string
}

func (e *DecodeError) Error() string {
	field := ""
	if e.Field != "" {
		field = ": field " + e.Field
	}
	return fmt.Sprintf("%s%s: %s\nhint: see that url is a Grafana, of version 9 or later, and that no proxy answers in its place", e.Endpoint, field, e.Why)
}

// goField is how encoding/json names a field in errors that were made text on the way.
var goField = regexp.MustCompile(`cannot unmarshal (\w+).* into Go (?:struct field \w+\.([\w.]+)|value) of type (\S+)`)

// decodeError describes why an answer could not be decoded. The error may quote the answer: nothing of that is kept.
func decodeError(endpoint string, err error) *DecodeError {
	e := &DecodeError{Endpoint: endpoint, Why: "the answer is no JSON"}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kind, _, _ := strings.Cut(wrong.Value, " ") // "number 1.5"
		e.Field, e.Why = wrong.Field, fmt.Sprintf("a %s where a %s is expected", kind, wrong.Type)
		return e
	}
	if _, wrong := errors.AsType[*time.ParseError](err); wrong {
		e.Why = "a text where a time is expected"
		return e
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	if m := goField.FindStringSubmatch(line); m != nil {
		e.Field, e.Why = m[2], fmt.Sprintf("a %s where a %s is expected", m[1], m[3])
	}
	return e
}

// call is one thing that is asked of a Grafana.
type call struct {
	role string // the least role that may
	lost string // what is not known without it
}

// What is asked, the role that Grafana wants for it (seen with tokens of each role against 12.4), and what is lost without it.
var (
	callUsers       = call{"Admin (org.users:read)", "who wrote versions of dashboards and rules that are known by user id alone"}
	callAccounts    = call{"Admin (serviceaccounts:read)", "which changes of rules were a service account's"}
	callSources     = call{"Viewer (datasources:read)", "which data sources answer PromQL: the foundation query_tooling, and which queries of dashboards are PromQL"}
	callSearch      = call{"Viewer (dashboards:read, folders:read)", "dashboards and folders: the foundation dashboards, and whose a dashboard is"}
	callFolder      = call{"Viewer (folders:read)", "the folders around a dashboard's own"}
	callPermissions = call{"Admin (folders.permissions:read)", "which team may edit which folder: teams own the folders that are listed under folders: alone"}
	callTeams       = call{"Admin (teams:read)", "Grafana's teams: grafana_teams and teams_from: [grafana_teams] name nobody"}
	callMembers     = call{"Admin (teams.permissions:read)", "members of Grafana's teams: grafana_teams and teams_from: [grafana_teams] name nobody"}
	callLibrary     = call{"Viewer (library.panels:read)", "the metrics that library panels use"}
	callDashboard   = call{"Viewer (dashboards:read)", "the metrics that the dashboard uses"}
	callTokens      = call{} // only saves requests
	callVersions    = call{"Editor of the dashboard (dashboards:write)", "who saved it before the last time, but for people whose id another save gave away"}
	callRules       = call{"Viewer (alert.rules:read)", "Grafana-managed alert and recording rules"}
	callHistory     = call{"Viewer (alert.rules:read)", "who changed a rule before the last time, and what"}
	callNotes       = call{"Viewer (annotations:read)", "annotations: baselines, targets, follow-ups, actions, decisions, deployments"}
	callOrg         = call{"Viewer (orgs:read)", "the number of the organisation: it is taken for 1"}
	callOrgs        = call{"server administrator (orgs:read)", "organisations other than the credentials' own"}
)

// refusal says what a refused call costs.
func (c call) refusal(endpoint string, status int) string {
	return fmt.Sprintf("%s was refused (%d): it needs the role %s; without it are not known: %s", endpoint, status, c.role, c.lost)
}

// refused reports whether an error is that of rights that lack, after which everything else may go on.
func refused(err error) bool { return httpclient.IsStatus(err, http.StatusForbidden) }

// absent reports whether a Grafana does not have what was asked for: an older one, or a thing that is gone.
func absent(err error) bool {
	return httpclient.IsStatus(err, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented)
}

// fatal reports whether nothing else can be expected to succeed: no connection, no valid credentials, a server that fails.
func fatal(err error) bool {
	e, ok := errors.AsType[*httpclient.Error](err)
	if !ok {
		return false
	}
	return e.Step != httpclient.StepStatus && e.Step != httpclient.StepSize || e.Status == http.StatusUnauthorized || e.Status == http.StatusTooManyRequests || e.Status >= 500
}
