// Package sim invents an organisation whose true stages are known every week, and writes it as real input: Grafana
// request logs, Prometheus query logs, a git repository of rules, and the configuration to read them with. Demo,
// eval and tests push that input through the production path and compare the answer with the truth (Measure).
//
// It goes in three steps. A cast of people and teams with a story each (cast.go, story.go), then what they do and
// when (behave.go, project.go, trouble.go, robots.go), then the lines, commits and files which that leaves behind
// (grafana.go, prometheus.go, rules.go, config.go). People have habits, days off and moods; they know nothing of the
// criteria by which they are judged, and no number here is taken from those.
//
// Everything follows from the seed: no clock is read, and the same options give the same bytes.
package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
	_ "time/tzdata" // the organisation lives in its own timezone, wherever it is simulated

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Timezone is where the organisation works; its configuration says so too.
const Timezone = "Europe/Stockholm"

// Options say which organisation to invent.
type Options struct {
	Seed  uint64
	Teams int           // default 12
	Weeks int           // default 52
	End   activity.Date // the Monday after the last week; default 2026-11-23

	// Drawn lets chance write the teams' stories. Otherwise the first twelve teams live the fixed stories of the
	// demo, which show every stage, and only further teams live drawn ones.
	Drawn bool

	Scenarios []Scenario // complications, each also mixed with others; none is a plain year
	JSON      bool       // Grafana logs in JSON instead of logfmt
}

// Names of what Generate writes into its folder.
const (
	ConfigFile = "metrics-maturity.yaml"
	KeyFile    = "key"
	TruthFile  = "truth.json"
	RulesRepo  = "rules.git"
	LogFolder  = "logs"
)

// Truth is what really was, week by week.
type Truth struct {
	Seed      uint64      `json:"seed"`
	Scenarios []Scenario  `json:"scenarios,omitempty"`
	Teams     []TeamTruth `json:"teams"`
}

// TeamTruth is the truth of one team.
type TeamTruth struct {
	Name  string      `json:"name"`
	Size  int         `json:"size"` // people who were in it at any time
	Weeks []WeekTruth `json:"weeks"`
}

// WeekTruth is the truth of one week.
type WeekTruth struct {
	Monday activity.Date `json:"monday"`
	Stage  int           `json:"stage"`
	Exists bool          `json:"exists"` // false before the team was formed and after it was dissolved: not scored
	Outage bool          `json:"outage"` // Grafana's log of most of the week was lost
	Away   bool          `json:"away"`   // a holiday: fewer than half of the organisation's usual people were at work
}

func (o Options) withDefaults() (Options, error) {
	if o.Teams == 0 {
		o.Teams = 12
	}
	if o.Weeks == 0 {
		o.Weeks = 52
	}
	if o.End == 0 {
		o.End = activity.DateOf(time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC))
	}
	switch {
	case o.Teams < 1 || o.Teams > 1000:
		return o, fmt.Errorf("simulated teams: %d is not between 1 and 1000\nhint: an organisation of the demo has 12", o.Teams)
	case o.Weeks < 1 || o.Weeks > 520:
		return o, fmt.Errorf("simulated weeks: %d is not between 1 and 520\nhint: a year has 52", o.Weeks)
	case o.End.Weekday() != time.Monday:
		return o, fmt.Errorf("simulated end %s is a %s\nhint: give the Monday after the last week, %s", o.End, o.End.Weekday(), o.End.Monday()+7)
	}
	for _, s := range o.Scenarios {
		if !slices.Contains(Scenarios(), s) {
			return o, fmt.Errorf("unknown scenario %q\nhint: one of %v", s, Scenarios())
		}
	}
	return o, nil
}

// Generate writes an organisation into dir, which is made if needed and must be empty, and returns its truth.
func Generate(dir string, o Options) (Truth, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Truth{}, err
	}
	if err := os.MkdirAll(filepath.Join(dir, LogFolder), 0o750); err != nil {
		return Truth{}, fmt.Errorf("make the simulated organisation's folder: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, TruthFile)); !errors.Is(err, os.ErrNotExist) {
		return Truth{}, fmt.Errorf("%s already holds a simulated organisation\nhint: give an empty folder", dir)
	}
	w, err := newWorld(o)
	if err != nil {
		return Truth{}, err
	}
	w.live()
	for _, write := range []func(string) error{w.writeGrafana, w.writePrometheus, w.writeRules, w.writeConfig} {
		if err := write(dir); err != nil {
			return Truth{}, err
		}
	}
	truth := w.truth()
	text, err := json.MarshalIndent(truth, "", " ")
	if err != nil {
		return Truth{}, fmt.Errorf("write the truth: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, TruthFile), append(text, '\n'), 0o600); err != nil {
		return Truth{}, fmt.Errorf("write the truth: %w", err)
	}
	return truth, nil
}
