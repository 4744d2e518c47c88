package inventory

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// cursor is what is remembered between two reads: enough to know what is new, and nothing that names a person or holds a query.
type cursor struct {
	Version int                  `json:"version"`
	Covered activity.Date        `json:"covered,omitempty"` // the last day covered so far
	Orgs    map[int64]*orgCursor `json:"orgs"`
}

// orgCursor is what is remembered of one organisation.
type orgCursor struct {
	Boards     map[string]*boardCursor `json:"boards"`
	BoardsRead time.Time               `json:"boards_read,omitzero"` // when all dashboards were last read; zero: what is there now is the baseline
	Rules      map[string]*ruleCursor  `json:"rules"`
	RulesRead  time.Time               `json:"rules_read,omitzero"`
	Note       int64                   `json:"note,omitempty"` // the highest id of annotations that were read
	NotesRead  time.Time               `json:"notes_read,omitzero"`
	Folders    []string                `json:"folders,omitempty"`      // uids
	Sources    []string                `json:"data_sources,omitempty"` // uids
}

// boardCursor is what is remembered of a dashboard.
type boardCursor struct {
	Version int            `json:"v"`
	Token   string         `json:"t,omitempty"` // changes with every save; empty where Grafana lists none
	Place   string         `json:"p"`           // of title and folders
	Library map[string]int `json:"l,omitempty"` // versions of the library panels in it
}

// ruleCursor is what is remembered of a rule: keyed hashes of its parts tell what was changed where Grafana keeps no versions.
type ruleCursor struct {
	Version int    `json:"v"`
	Kind    string `json:"k"`
	Name    string `json:"n"`
	Expr    string `json:"e"`
	Limits  string `json:"t"`
	Other   string `json:"o"`
	Fact    string `json:"f"`
}

const cursorVersion = 1

func parseCursor(saved []byte) (*cursor, error) {
	c := &cursor{Version: cursorVersion}
	if len(saved) > 0 {
		err := json.Unmarshal(saved, c)
		if err == nil && c.Version != cursorVersion {
			err = fmt.Errorf("its version is %d, not %d", c.Version, cursorVersion)
		}
		if err != nil {
			return nil, fmt.Errorf("what was remembered of Grafana can't be read: %w\nhint: was the store written by a newer version?", err)
		}
	}
	if c.Orgs == nil {
		c.Orgs = map[int64]*orgCursor{}
	}
	return c, nil
}

// org returns what is remembered of an organisation.
func (c *cursor) org(id int64) *orgCursor {
	o := c.Orgs[id]
	if o == nil {
		o = &orgCursor{}
		c.Orgs[id] = o
	}
	if o.Boards == nil {
		o.Boards = map[string]*boardCursor{}
	}
	if o.Rules == nil {
		o.Rules = map[string]*ruleCursor{}
	}
	return o
}

func (c *cursor) encode() ([]byte, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("what is remembered of Grafana: %w", err)
	}
	return data, nil
}

// cover returns the days that are covered now and were not: every day since the last, for what happened meanwhile is dated.
func (c *cursor) cover(source string, today activity.Date) []activity.CoveredDay {
	from := today
	if c.Covered != 0 && c.Covered < today {
		from = c.Covered + 1
	}
	c.Covered = max(c.Covered, today)
	var days []activity.CoveredDay
	for d := from; d <= today; d++ {
		days = append(days, activity.CoveredDay{Source: source, Class: activity.ClassAny, Date: d})
	}
	return days
}
