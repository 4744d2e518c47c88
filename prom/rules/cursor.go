package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// cursor is what is remembered between two reads of a repository.
type cursor struct {
	Version    int           `json:"version"`
	Repository string        `json:"repository"`        // another repository is read from its start
	Tips       []string      `json:"tips,omitempty"`    // commits read with all their ancestors, newest first
	Pass       *pass         `json:"pass,omitempty"`    // what is being read
	First      activity.Date `json:"first,omitempty"`   // day of the oldest commit seen
	Covered    activity.Date `json:"covered,omitempty"` // last day covered so far
	Counted    ledger        `json:"counted"`
	Owners     string        `json:"owners,omitempty"` // blob of the CODEOWNERS file whose unreadable lines were counted
}

// pass is a range of commits, read in the order that git gives: parents first.
type pass struct {
	To        string   `json:"to"`                  // read up to this commit
	Not       []string `json:"not,omitempty"`       // but nothing that these reach
	Done      string   `json:"done,omitempty"`      // the commit read last
	Rewritten bool     `json:"rewritten,omitempty"` // To does not contain all that was read: some commits may be known
}

const (
	cursorVersion = 1
	cursorTips    = 16 // of branches left by force-pushes, beside the current one
)

func parseCursor(data []byte, repository string) (*cursor, error) {
	fresh := &cursor{Version: cursorVersion, Repository: repository}
	if len(data) == 0 {
		return fresh, nil
	}
	c := &cursor{}
	err := json.Unmarshal(data, c)
	if err == nil && c.Version != cursorVersion {
		err = fmt.Errorf("its version is %d, not %d", c.Version, cursorVersion)
	}
	for _, id := range c.ids() {
		if err == nil && !isHash(id) {
			err = fmt.Errorf("%.60q is not a commit", id)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the saved position in the history of rules can't be read: %w\nhint: was the store written by a newer version?", err)
	}
	if c.Repository != repository {
		return fresh, nil
	}
	return c, nil
}

func (c *cursor) ids() []string {
	ids := slices.Clone(c.Tips)
	if p := c.Pass; p != nil {
		ids = append(append(ids, p.To), p.Not...)
		if p.Done != "" {
			ids = append(ids, p.Done)
		}
	}
	return ids
}

func (c *cursor) encode() ([]byte, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("position in the history of rules: %w", err)
	}
	return data, nil
}

// plan sets Pass to what is to be read next: the rest of an interrupted pass, else what the tip of repo has more
// than the tips; nil if there is nothing.
func (c *cursor) plan(ctx context.Context, repo *repository) error {
	lost := false
	if c.Pass != nil {
		all := c.ids()
		there, err := repo.has(ctx, all)
		if err != nil || len(there) == len(all) {
			return err
		}
		// A force-push took commits away, and git forgot them. What was read of them is in the ledger.
		c.Pass, lost = nil, true
	}
	if len(c.Tips) > 0 && c.Tips[0] == repo.tip {
		return nil
	}
	not, err := repo.has(ctx, c.Tips)
	if err != nil {
		return err
	}
	p := &pass{To: repo.tip, Not: not, Rewritten: lost || len(not) < len(c.Tips)}
	if len(c.Tips) > 0 && !p.Rewritten {
		held, err := repo.contains(ctx, repo.tip, c.Tips[0])
		if err != nil {
			return err
		}
		p.Rewritten = !held
	}
	if p.Rewritten {
		c.Counted.rewind()
	}
	c.Pass = p
	return nil
}

// finish turns the pass, read to its end, into a tip. Tips of a history that was left stay, because a later
// force-push may bring it back.
func (c *cursor) finish() {
	tips := []string{c.Pass.To}
	if c.Pass.Rewritten {
		tips = append(tips, c.Pass.Not...)
		c.Counted.settle()
	} else if len(c.Pass.Not) > 1 {
		tips = append(tips, c.Pass.Not[1:]...)
	}
	slices.Sort(tips[1:])
	tips = append(tips[:1], slices.Compact(tips[1:])...)
	c.Tips = tips[:min(len(tips), 1+cursorTips)]
	c.Pass = nil
}

// saw notes the day of a commit: coverage begins with the oldest.
func (c *cursor) saw(d activity.Date) {
	if c.Covered == 0 && (c.First == 0 || d < c.First) {
		c.First = d
	}
}

// cover returns the days up to today that were not covered yet.
func (c *cursor) cover(source string, today activity.Date) []activity.CoveredDay {
	from := c.First
	if c.Covered != 0 {
		from = c.Covered + 1
	}
	if from == 0 {
		return nil
	}
	var days []activity.CoveredDay
	for d := from; d <= today; d++ {
		days = append(days, activity.CoveredDay{Source: source, Class: activity.ClassView, Date: d})
	}
	c.Covered = max(c.Covered, today)
	return days
}
