package logs

import (
	"net/url"
	"strings"
)

// uri reads the path and the query of a request's URI: "/api/v1/query?query=up".
func (r *request) uri(uri string) {
	path, rest, _ := strings.Cut(uri, "?")
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	r.path, r.tenant = path, clusterTenant(path)
	r.form(rest)
}

// form takes the query out of a form, which may be cut off or partly broken.
func (r *request) form(text string) {
	for pair := range strings.SplitSeq(text, "&") {
		value, ok := strings.CutPrefix(pair, "query=")
		if !ok {
			continue
		}
		if query, err := url.QueryUnescape(value); err == nil && query != "" {
			r.query = query
		}
		return
	}
}

// clusterTenant returns the tenant in a path of a VictoriaMetrics cluster, /select/<accountID>[:<projectID>]/...
func clusterTenant(path string) string {
	_, rest, ok := strings.Cut(path, "/select/")
	tenant, _, more := strings.Cut(rest, "/")
	if !ok || !more || tenant == "" || strings.Trim(tenant, "0123456789:") != "" {
		return ""
	}
	return tenant
}

// fromDashboard reports whether a Referer is the page of a dashboard, in a Grafana under whatever address.
func fromDashboard(referer string) bool {
	u, err := url.Parse(referer)
	return err == nil && (strings.Contains(u.Path, "/d/") || strings.Contains(u.Path, "/d-solo/"))
}
