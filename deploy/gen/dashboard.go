package main

import (
	"fmt"

	"github.com/metrics-maturity/metrics-maturity/stage"
)

// These select the installations chosen, and of them the team chosen. A restart, or a second replica, makes no second team.
const (
	byJob  = `{job=~"$job"}`
	byTeam = `{job=~"$job", team="$team"}`
)

// newDashboard is the whole dashboard: the organisation, then one team. It needs no recording rule.
func newDashboard() object {
	var l layout
	l.row("Organisation")
	organisation(&l)
	l.row("What the numbers rest on")
	trust(&l)
	l.row("Team $team")
	team(&l)
	return object{
		"title": "Metrics maturity", "uid": "metrics-maturity", "tags": []string{"metrics-maturity"},
		"description":   "Which behavioural stage of the metrics maturity model each team is at: what people do with metrics, not which tools they have.",
		"schemaVersion": 38, "version": 1, "editable": false, "graphTooltip": 1, "refresh": "", "timezone": "",
		"time": object{"from": "now-180d", "to": "now"}, "timepicker": object{}, "annotations": object{"list": []object{}},
		"links": []object{}, "liveNow": false, "weekStart": "monday", "fiscalYearStartMonth": 0,
		"templating": object{"list": variables()}, "panels": l.panels,
	}
}

func variables() []object {
	return []object{
		{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1, "hide": 0, "multi": false, "includeAll": false, "regex": "", "options": []object{}},
		query("job", "Job", `label_values(metrics_maturity_build_info, job)`, object{"multi": true, "includeAll": true, "allValue": ".+"}),
		query("team", "Team", `label_values(metrics_maturity_team_assessable{job=~"$job"}, team)`, object{"multi": false, "includeAll": false}),
	}
}

func query(name, label, expr string, more object) object {
	v := object{
		"name": name, "label": label, "type": "query", "datasource": prometheusSource(), "definition": expr, "refresh": 2, "sort": 1, "hide": 0, "regex": "",
		"query": object{"query": expr, "refId": "StandardVariableQuery"}, "options": []object{},
	}
	for k, o := range more {
		v[k] = o
	}
	return v
}

// ofTeams is a metric with one series a team, of the installations chosen.
func ofTeams(metric string) string {
	return "max by (job, team) (metrics_maturity_" + metric + byJob + ")"
}

// shareAt is the share of the teams that are at a stage or above.
func shareAt(least int) string {
	return fmt.Sprintf("avg(%s >= bool %d)", ofTeams("team_stage"), least)
}

// atEachStage has a query for each stage: one at which nobody is shows 0.
func atEachStage(instant bool) []target {
	var out []target
	for i, name := range stage.Names() {
		out = append(out, target{
			expr:   fmt.Sprintf("count(%s == %d) or vector(0)", ofTeams("team_stage"), i),
			legend: fmt.Sprintf("%d %s", i, name), instant: instant,
		})
	}
	return out
}

// stageColours gives each stage's series its colour.
func stageColours() []object {
	var out []object
	for i, name := range stage.Names() {
		out = append(out, object{
			"matcher":    object{"id": "byName", "options": fmt.Sprintf("%d %s", i, name)},
			"properties": []object{{"id": "color", "value": object{"mode": "fixed", "fixedColor": colours()[i]}}},
		})
	}
	return out
}

func organisation(l *layout) {
	stat := func(title, description, unit, expr string) {
		l.add(panel{kind: "stat", title: title, description: description, unit: unit, width: 4, height: 4, options: number(), targets: []target{{expr: expr, instant: true}}})
	}
	stat("Teams", "Teams that owner rules name.", "none", "count("+ofTeams("team_assessable")+")")
	stat("Look every week", "Share of the assessed teams at stage 4 or above: they look at their metrics regularly.", "percentunit", shareAt(4))
	stat("Add what is missing", "Share of the assessed teams at stage 5 or above: they also create the metrics that they are missing.", "percentunit", shareAt(5))
	stat("Act on it", "Share of the assessed teams at stage 6: they also act on what they see.", "percentunit", shareAt(6))
	stat("Mean stage", "Mean of the stages of the assessed teams.", "none", "avg("+ofTeams("team_stage")+")")
	stat("Can't be assessed", "Teams about which too little is known now. Unknown is not zero: they are in no other figure, or keep their last stage.", "none",
		"count("+ofTeams("team_assessable")+" == 0) or vector(0)")

	l.add(panel{
		kind: "bargauge", title: "Teams at each stage", description: "How many teams are at each stage now.", unit: "none", width: 8, height: 9, targets: atEachStage(true),
		options:   object{"displayMode": "basic", "orientation": "horizontal", "showUnfilled": true, "valueMode": "color", "minVizHeight": 16, "reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}},
		defaults:  object{"min": 0},
		overrides: stageColours(),
	})
	l.add(panel{
		kind: "timeseries", title: "Teams at each stage over time", description: "How many teams were at each stage, as exported at the time.", unit: "none", width: 16, height: 9, targets: atEachStage(false),
		options: object{"legend": object{"displayMode": "list", "placement": "right"}, "tooltip": object{"mode": "multi", "sort": "none"}},
		defaults: object{"min": 0, "decimals": 0, "custom": object{
			"fillOpacity": 70, "lineWidth": 0, "lineInterpolation": "stepAfter", "stacking": object{"mode": "normal", "group": "A"}, "showPoints": "never",
		}},
		overrides: stageColours(),
	})
	l.add(panel{
		kind: "state-timeline", title: "Stage by team", unit: "none", width: 24, height: 12,
		description: "The forty teams whose stage changed most often in the time shown. All others are in the tables and, one by one, below.",
		// Chosen once, as of the end: a choice at every step would draw hundreds of broken lines.
		targets: []target{{
			expr: ofTeams("team_stage") + " and on (job, team) topk(40, max by (job, team) (changes(metrics_maturity_team_stage" + byJob + "[$__range] @ end())))", legend: "{{team}}",
		}},
		options: object{
			"mergeValues": true, "showValue": "never", "alignValue": "left", "rowHeight": 0.85, "perPage": 40,
			"legend": object{"displayMode": "list", "placement": "bottom", "showLegend": true}, "tooltip": object{"mode": "single"},
		},
		defaults: object{"mappings": stageMappings(), "custom": object{"fillOpacity": 90, "lineWidth": 0, "spanNulls": false}},
	})
	changed := func(title, description, op string) {
		moved := "(" + ofTeams("team_stage") + " " + op + " " + ofTeams("team_stage_previous") + ")"
		recent := moved + " and " + ofTeams("team_stage_since_timestamp_seconds") + " > $__from / 1000"
		of := func(metric string) string {
			return ofTeams(metric) + " and on (job, team) (" + recent + ")"
		}
		l.add(panel{
			kind: "table", title: title, description: description, unit: "none", width: 8, height: 9,
			targets: []target{
				{expr: of("team_stage_previous"), instant: true}, {expr: of("team_stage"), instant: true},
				{expr: "1000 * (" + of("team_stage_since_timestamp_seconds") + ")", instant: true},
			},
			transformations: joined("team", "job", "job 1", "job 2", "job 3"),
			overrides: []object{
				column("team", "Team", "", nil), column("Value #A", "From", "", stageMappings()), column("Value #B", "To", "", stageMappings()),
				column("Value #C", "Since", "dateTimeAsIso", nil),
			},
		})
	}
	changed("Who rose", "Teams whose last change, in the time shown, was a rise.", ">")
	changed("Who fell", "Teams whose last change, in the time shown, was a fall. A fall takes two weekly evaluations in a row, in weeks whose logs were read.", "<")
	l.add(panel{
		kind: "table", title: "Who can't be assessed", unit: "none", width: 8, height: 9,
		description:     "Teams about which too little is known now, with the stage they are held at, if they ever had one. The team's page says what is missing.",
		targets:         []target{{expr: ofTeams("team_assessable") + " == 0", instant: true}, {expr: ofTeams("team_stage") + " and on (job, team) (" + ofTeams("team_assessable") + " == 0)", instant: true}},
		transformations: joined("team", "job", "job 1", "job 2", "Value #A"),
		overrides:       []object{column("team", "Team", "", nil), column("Value #B", "Held at", "", stageMappings())},
	})
}

func trust(l *layout) {
	l.add(panel{
		kind: "bargauge", title: "Foundations", unit: "percentunit", width: 6, height: 8,
		description: "Share of the teams that have metrics of their own, that can and did query, and that own dashboards. Needed, and no stage by themselves.",
		targets:     []target{{expr: "avg by (foundation) (max by (job, team, foundation) (metrics_maturity_team_foundation" + byJob + "))", legend: "{{foundation}}", instant: true}},
		options:     object{"displayMode": "basic", "orientation": "horizontal", "reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}},
		defaults:    object{"min": 0, "max": 1},
	})
	l.add(panel{
		kind: "timeseries", title: "Confidence", unit: "percentunit", width: 6, height: 8,
		description: "Probability that the exported stage is the true one: of the team in the middle, and of the one that nine in ten teams are above.",
		targets: []target{
			{expr: "quantile(0.5, " + ofTeams("team_stage_confidence") + ")", legend: "half of the teams"},
			{expr: "quantile(0.1, " + ofTeams("team_stage_confidence") + ")", legend: "nine in ten teams"},
		},
		defaults: object{"min": 0, "max": 1},
	})
	l.add(panel{
		kind: "timeseries", title: "Acts that nobody owns", unit: "percentunit", width: 6, height: 8,
		description: "Of people's acts of a week, those that no owner rule claims. Where it is high, teams look less mature than they are.",
		targets: []target{{
			expr: `sum(increase(metrics_maturity_events_total{job=~"$job", outcome="unattributed"}[7d])) / sum(increase(metrics_maturity_events_total{job=~"$job", outcome=~"counted|unattributed"}[7d]))`, legend: "unattributed",
		}},
		defaults: object{"min": 0, "max": 1},
	})
	ofSources := func(metric string) string {
		return "max by (job, source) (metrics_maturity_" + metric + byJob + ")"
	}
	l.add(panel{
		kind: "table", title: "Sources", description: "When each source was last read, how many of the recent days were really read, and how many lines nobody could read.", unit: "none", width: 6, height: 8,
		targets: []target{
			{expr: ofSources("source_up"), instant: true}, {expr: "time() - " + ofSources("source_last_success_timestamp_seconds"), instant: true},
			{expr: ofSources("source_covered_ratio"), instant: true}, {expr: ofSources("malformed_lines_total"), instant: true},
		},
		transformations: joined("source", "job", "job 1", "job 2", "job 3", "job 4"),
		overrides: []object{
			column("source", "Source", "", nil), column("Value #A", "State", "", onOff("read", "failed")), column("Value #B", "Age", "s", nil),
			column("Value #C", "Covered", "percentunit", nil), column("Value #D", "Malformed", "short", nil),
		},
	})
}

func team(l *layout) {
	stat := func(title, description, unit, expr string, width int, defaults object) {
		l.add(panel{kind: "stat", title: title, description: description, unit: unit, width: width, height: 4, options: number(), defaults: defaults, targets: []target{{expr: expr, instant: true}}})
	}
	stat("Stage", "The team's stage; none is shown while too little is known.", "none", "max(metrics_maturity_team_stage"+byTeam+")", 4, object{"mappings": stageMappings(), "noValue": "not known yet"})
	stat("Before", "The stage before.", "none", "max(metrics_maturity_team_stage_previous"+byTeam+")", 4, object{"mappings": stageMappings(), "noValue": "-"})
	stat("Since", "The first week of the present stage.", "dateTimeFromNow", "1000 * max(metrics_maturity_team_stage_since_timestamp_seconds"+byTeam+")", 3, object{"noValue": "-"})
	stat("Confidence", "Probability that this is the true stage.", "percentunit", "max(metrics_maturity_team_stage_confidence"+byTeam+")", 3, object{"noValue": "-"})
	stat("Data", "Whether the stage rests on recent data.", "none", "max(metrics_maturity_team_assessable"+byTeam+")", 2, object{"mappings": onOff("recent", "missing")})
	stat("Next step", "What leads to the next stage.", "none", "max(metrics_maturity_team_stage"+byTeam+") + 1", 8, object{"mappings": nextMappings(), "noValue": "wait for data"})
	l.add(panel{
		kind: "table", title: "Criteria against their thresholds", unit: "none", width: 12, height: 8,
		description: "What was counted within each criterion's window; from where it is met, and below which it is lost again.",
		targets: []target{
			{expr: "max by (criterion) (metrics_maturity_team_criterion_value" + byTeam + ")", instant: true},
			{expr: "max by (criterion) (metrics_maturity_criterion_enter" + byJob + ")", instant: true}, {expr: "max by (criterion) (metrics_maturity_criterion_leave" + byJob + ")", instant: true},
			{expr: "max by (criterion) (metrics_maturity_team_criterion_value" + byTeam + ") >= bool max by (criterion) (metrics_maturity_criterion_enter" + byJob + ")", instant: true},
		},
		transformations: joined("criterion"),
		overrides: []object{
			column("criterion", "Criterion", "", nil), column("Value #A", "Counted", "none", nil), column("Value #B", "Met from", "none", nil), column("Value #C", "Lost below", "none", nil),
			column("Value #D", "Above the threshold", "", onOff("yes", "not yet")),
		},
	})
	l.add(panel{
		kind: "timeseries", title: "Criteria over time", description: "What was counted within each criterion's window.", unit: "none", width: 12, height: 8,
		targets:  []target{{expr: "max by (criterion) (metrics_maturity_team_criterion_value" + byTeam + ")", legend: "{{criterion}}"}},
		defaults: object{"min": 0, "custom": object{"lineInterpolation": "stepAfter", "showPoints": "never"}},
	})
	l.add(panel{
		kind: "state-timeline", title: "Stage over time", description: "The team's stage, as exported at the time. A gap is a time about which too little was known.", unit: "none", width: 24, height: 5,
		targets:  []target{{expr: "max(metrics_maturity_team_stage" + byTeam + ")", legend: "{{team}}stage"}},
		options:  object{"mergeValues": true, "showValue": "auto", "alignValue": "left", "rowHeight": 0.9, "legend": object{"displayMode": "list", "placement": "bottom", "showLegend": false}, "tooltip": object{"mode": "single"}},
		defaults: object{"mappings": stageMappings(), "custom": object{"fillOpacity": 90, "lineWidth": 0}},
	})
}
