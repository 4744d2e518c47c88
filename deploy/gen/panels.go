package main

import (
	"fmt"
	"strconv"

	"github.com/metrics-maturity/metrics-maturity/stage"
)

// object is a JSON object: Grafana's dashboard model has no Go types that are fit for writing.
type object map[string]any

// panel is what the panels of this dashboard have of their own.
type panel struct {
	kind, title, description string
	unit                     string // of Grafana's value formats
	width, height            int    // of 24 columns, of 30 pixels
	targets                  []target
	options                  object
	defaults                 object   // of fieldConfig, beside the unit
	overrides                []object // of fieldConfig
	transformations          []object
}

// target is one PromQL query.
type target struct {
	expr, legend string
	instant      bool // a table or a number of now
}

// prometheusSource is the data source by its variable: no uid is known before the dashboard is imported.
func prometheusSource() object { return object{"type": "prometheus", "uid": "${datasource}"} }

// layout gives panels their ids and places, row by row.
type layout struct {
	panels   []object
	id, x, y int
	low      int // where the present line of panels ends
}

// row begins a titled row.
func (l *layout) row(title string) {
	l.id++
	l.panels = append(l.panels, object{
		"id": l.id, "type": "row", "title": title, "collapsed": false, "panels": []object{},
		"gridPos": object{"x": 0, "y": l.low, "w": 24, "h": 1},
	})
	l.x, l.y, l.low = 0, l.low+1, l.low+1
}

// add places a panel beside the last, or below where the line is full.
func (l *layout) add(p panel) {
	if l.x+p.width > 24 {
		l.x, l.y = 0, l.low
	}
	l.id++
	var targets []object
	for i, t := range p.targets {
		o := object{
			"refId": string(rune('A' + i)), "expr": t.expr, "legendFormat": t.legend, "datasource": prometheusSource(), "range": !t.instant, "instant": t.instant,
		}
		if t.instant && p.kind == "table" {
			o["format"] = "table"
		}
		targets = append(targets, o)
	}
	defaults := object{"unit": p.unit}
	for k, v := range p.defaults {
		defaults[k] = v
	}
	l.panels = append(l.panels, object{
		"id": l.id, "type": p.kind, "title": p.title, "description": p.description, "datasource": prometheusSource(),
		"gridPos": object{"x": l.x, "y": l.y, "w": p.width, "h": p.height},
		"targets": targets, "options": orEmpty(p.options), "transformations": append([]object{}, p.transformations...),
		"fieldConfig": object{"defaults": defaults, "overrides": append([]object{}, p.overrides...)},
	})
	l.x += p.width
	l.low = max(l.low, l.y+p.height)
}

func orEmpty(o object) object {
	if o == nil {
		return object{}
	}
	return o
}

// colours of the stages, from none to acting: told apart by brightness too, for those who don't see the hue.
func colours() []string {
	return []string{"#5a5a5a", "#7a4b94", "#4f6fb5", "#3d9bb8", "#55b37e", "#a5cc52", "#f2d544"}
}

// stageMappings show a stage by number and name.
func stageMappings() []object {
	options := object{}
	for i, name := range stage.Names() {
		options[strconv.Itoa(i)] = object{"index": i, "text": fmt.Sprintf("%d %s", i, name), "color": colours()[i]}
	}
	return []object{{"type": "value", "options": options}}
}

// nextMappings show the step that leads to a stage, in the words of the maturity model.
func nextMappings() []object {
	steps := []string{
		1: "run one-off queries to understand something in detail",
		2: "for some project, write down where you stand and where you expect to end up",
		3: "for some project, go back to the target and check it",
		4: "make it a ritual that the team looks at its metrics every week",
		5: "regularly create the metrics that the team is missing, and use them",
		6: "regularly act or change course on what was seen",
		7: "keep acting",
	}
	options := object{}
	for i, step := range steps[1:] {
		options[strconv.Itoa(i+1)] = object{"index": i, "text": step}
	}
	return []object{{"type": "value", "options": options}}
}

// onOff maps 1 and 0 to words.
func onOff(on, off string) []object {
	return []object{{"type": "value", "options": object{
		"1": object{"index": 0, "text": on, "color": "green"}, "0": object{"index": 1, "text": off, "color": "orange"},
	}}}
}

// column overrides one field of a table: its title, unit and value mappings, each if given.
func column(field, title, unit string, mappings []object) object {
	properties := []object{{"id": "displayName", "value": title}}
	if unit != "" {
		properties = append(properties, object{"id": "unit", "value": unit})
	}
	if mappings != nil {
		properties = append(properties, object{"id": "mappings", "value": mappings},
			object{"id": "custom.cellOptions", "value": object{"type": "color-text"}})
	}
	return object{"matcher": object{"id": "byName", "options": field}, "properties": properties}
}

// joined makes one row of each label's value out of the instant queries of a table, and leaves out the labels nobody asked for.
func joined(label string, hide ...string) []object {
	exclude := object{"Time": true}
	for i := 1; i <= 8; i++ {
		exclude["Time "+strconv.Itoa(i)] = true
	}
	for _, h := range hide {
		exclude[h] = true
	}
	return []object{
		{"id": "joinByField", "options": object{"byField": label, "mode": "outer"}},
		{"id": "organize", "options": object{"excludeByName": exclude}},
	}
}

// number is how a stat panel shows one value.
func number() object {
	return object{
		"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		"colorMode":     "value", "graphMode": "none", "textMode": "auto", "justifyMode": "auto", "orientation": "auto",
	}
}
