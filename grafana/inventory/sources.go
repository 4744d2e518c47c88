package inventory

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// dataSources tells what a data source answers.
type dataSources struct {
	byName   map[string]string // type, by uid and by name: old dashboards use the name
	standard string            // type of the one that is used where none is named
}

// answersPromQL lists the types of data sources whose queries are PromQL, or read as it.
func answersPromQL(kind string) bool {
	switch kind {
	case "prometheus", "grafana-amazonprometheus-datasource", "grafana-azureprometheus-datasource", "victoriametrics-metrics-datasource", "victoriametrics-datasource":
		return true
	}
	return false
}

// readSources saves the data sources.
func (o *orgRun) readSources(ctx context.Context) error {
	const path = "/api/datasources"
	found, err := o.sdk.GetAllDatasources(ctx)
	if err != nil {
		return o.failed(callSources, path, err)
	}
	var b activity.Batch
	var uids []string
	for _, d := range found {
		uid := d.UID
		if uid == "" {
			uid = d.Name
		}
		o.sources.byName[uid], o.sources.byName[d.Name] = d.Type, d.Type
		if d.IsDefault {
			o.sources.standard = d.Type
		}
		uids = append(uids, uid)
		b.DataSources = append(b.DataSources, activity.DataSource{Seen: o.now, Scope: o.scope, UID: uid, Type: d.Type, Metrics: answersPromQL(d.Type)})
	}
	for _, uid := range o.known.Sources {
		if !slices.Contains(uids, uid) {
			b.DataSources = append(b.DataSources, activity.DataSource{Seen: o.now, Scope: o.scope, UID: uid, Removed: true})
		}
	}
	slices.Sort(uids)
	o.known.Sources = uids
	return o.keep(b)
}

// library is the panels that several dashboards share, by uid.
type library map[string]libraryPanel

type libraryPanel struct {
	version int
	model   any
}

// readLibrary reads the library panels.
func (o *orgRun) readLibrary(ctx context.Context) error {
	const perPage = 100
	for page := 1; ; page++ {
		var found struct {
			Result struct {
				Total    int `json:"totalCount"`
				Elements []struct {
					UID     string `json:"uid"`
					Version int    `json:"version"`
					Model   any    `json:"model"`
				} `json:"elements"`
			} `json:"result"`
		}
		query := url.Values{"kind": {"1"}, "perPage": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}
		if err := o.get(ctx, callLibrary, "/api/library-elements", query, &found); err != nil {
			if absent(err) {
				return nil
			}
			return err
		}
		before := len(o.library)
		for _, e := range found.Result.Elements {
			o.library[e.UID] = libraryPanel{e.Version, e.Model}
		}
		if len(o.library) == before || len(o.library) >= found.Result.Total {
			return nil
		}
	}
}
