package grafana

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// maxQueries is how many different queries of one page are told: more than people can read beside each other.
const maxQueries = 32

// exploration is what the URL of an Explore page asks.
type exploration struct {
	exprs []string // distinct, in the page's order; hidden and empty ones left out
	panes int      // how many panes hold queries
	live  bool     // it asks again by itself
}

type exploreQuery struct {
	Expr any `json:"expr"`
	Hide any `json:"hide"`
}

type explorePane struct {
	Queries         []exploreQuery `json:"queries"`
	RefreshInterval any            `json:"refreshInterval"`
}

// readExplore reads the queries in the URL of an Explore page: `panes` (an object of panes by id), or before Grafana
// 10 `left` and `right` (a pane each, and before Grafana 9 that as an array of range, data source and queries).
func readExplore(p *page) exploration {
	var e exploration
	if v, ok := p.param("refreshInterval"); ok && len(v) > 0 {
		e.live = true
	}
	if text, ok := p.param("panes"); ok {
		var panes map[string]json.RawMessage
		unpack(text, &panes)
		for _, id := range slices.Sorted(maps.Keys(panes)) {
			e.add(panes[id])
		}
		return e
	}
	for _, side := range [...]string{"left", "right"} {
		if text, ok := p.param(side); ok {
			var pane json.RawMessage
			unpack(text, &pane)
			e.add(pane)
		}
	}
	return e
}

// unpack decodes a parameter's JSON. A proxy may have encoded the URL once more; what is no JSON stays empty.
func unpack(text []byte, into any) {
	s := string(text)
	for range 2 {
		decoded, err := url.QueryUnescape(s)
		if err != nil || json.Unmarshal([]byte(decoded), into) == nil || decoded == s {
			return
		}
		s = decoded
	}
}

func (e *exploration) add(raw json.RawMessage) {
	var pane explorePane
	if len(raw) > 0 && raw[0] == '[' {
		var parts []json.RawMessage
		if json.Unmarshal(raw, &parts) != nil {
			return
		}
		for _, part := range parts {
			var q exploreQuery
			if json.Unmarshal(part, &q) == nil {
				pane.Queries = append(pane.Queries, q)
			}
		}
	} else if json.Unmarshal(raw, &pane) != nil {
		return
	}
	if s, ok := pane.RefreshInterval.(string); ok && s != "" {
		e.live = true
	}
	asks := false
	for _, q := range pane.Queries {
		expr, _ := q.Expr.(string)
		if expr = strings.TrimSpace(expr); expr == "" || q.Hide == true {
			continue
		}
		asks = true
		if len(e.exprs) < maxQueries && !slices.Contains(e.exprs, expr) {
			e.exprs = append(e.exprs, expr)
		}
	}
	if asks {
		e.panes++
	}
}
