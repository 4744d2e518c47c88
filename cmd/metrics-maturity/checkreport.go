package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
)

// checkReport is what check found.
type checkReport struct {
	Config      string        `json:"config"`
	Teams       int           `json:"teams"`
	Sources     []sourceCheck `json:"sources"`
	Findings    []finding     `json:"findings"`
	Attribution []ownerCheck  `json:"attribution"`
}

// sourceCheck is what a sample of a source showed.
type sourceCheck struct {
	Name         string     `json:"name"`
	Type         string     `json:"type"`
	Reachable    bool       `json:"reachable"`
	Permitted    string     `json:"permitted"` // yes, partly, no; empty if it was not reached
	Oldest       *time.Time `json:"oldest"`    // of what was looked at: null if nothing has a time
	Newest       *time.Time `json:"newest"`
	Lines        int64      `json:"lines"`
	Malformed    int64      `json:"malformed"`
	Counted      int64      `json:"counted"`
	Automated    int64      `json:"automated"`
	Unattributed int64      `json:"unattributed"`
	Attributed   *float64   `json:"attributed"` // share of people's acts that belong to a team, 0..1; null without such acts
}

// finding is one thing that is wrong, or may be.
type finding struct {
	Level  string   `json:"level"`            // problem or warning
	Source string   `json:"source,omitempty"` // empty if it is about no source
	Text   string   `json:"text"`
	Hints  []string `json:"hints"`
}

// ownerCheck is whose acts of the sample were.
type ownerCheck struct {
	Owner   string           `json:"owner"` // a team, "(automated)" or "(no team)"
	Acts    int64            `json:"acts"`
	Reasons map[string]int64 `json:"reasons"`
}

func (r *checkReport) problems() (n int) {
	for _, f := range r.Findings {
		if f.Level == "problem" {
			n++
		}
	}
	return n
}

// newFinding parts a text: its lines that begin with "hint: " say what to do.
func newFinding(level, source, text string) finding {
	f := finding{Level: level, Source: source, Hints: []string{}}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if hint, ok := strings.CutPrefix(line, "hint: "); ok {
			f.Hints = append(f.Hints, hint)
		} else {
			f.Text = strings.TrimPrefix(f.Text+"\n"+line, "\n")
		}
	}
	return f
}

// count takes up to whom a source's acts belong.
func (s *sourceCheck) count(acts []activity.Act) {
	for _, a := range acts {
		if a.Source != s.Name {
			continue
		}
		switch a.Outcome {
		case activity.Counted:
			s.Counted += a.Count
		case activity.Automated:
			s.Automated += a.Count
		default:
			s.Unattributed += a.Count
		}
		s.saw(a.First)
		s.saw(a.Last)
	}
	if people := s.Counted + s.Unattributed; people > 0 {
		share := float64(s.Counted) / float64(people)
		s.Attributed = &share
	}
}

// saw takes up a time of which there is data.
func (s *sourceCheck) saw(at time.Time) {
	if at.IsZero() {
		return
	}
	at = at.UTC()
	if s.Oldest == nil || at.Before(*s.Oldest) {
		s.Oldest = &at
	}
	if s.Newest == nil || at.After(*s.Newest) {
		s.Newest = &at
	}
}

// attribute says to whom the acts of the sample belong, and why; every team is named.
func (r *checkReport) attribute(acts []activity.Act, teams []owner.Team) {
	owners := map[string]*ownerCheck{}
	of := func(name string) *ownerCheck {
		if owners[name] == nil {
			owners[name] = &ownerCheck{Owner: name, Reasons: map[string]int64{}}
		}
		return owners[name]
	}
	for _, c := range owner.Summary(acts) {
		name := c.Team
		switch c.Outcome {
		case activity.Automated:
			name = "(automated)"
		case activity.Unattributed:
			name = "(no team)"
		}
		o := of(name)
		o.Acts += c.Acts
		o.Reasons[c.Reason] += c.Acts
	}
	for _, t := range teams {
		of(t.Name)
	}
	for _, name := range slices.SortedFunc(maps.Keys(owners), func(x, y string) int { return strings.Compare(sortName(x), sortName(y)) }) {
		r.Attribution = append(r.Attribution, *owners[name])
	}
}

// sortName puts what belongs to no team last.
func sortName(owner string) string {
	if strings.HasPrefix(owner, "(") {
		return "\xff" + owner
	}
	return owner
}

func (r *checkReport) writeTable(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) } // what fails, fails in Flush too
	put("configuration %s: %d sources, %d teams\n\n", r.Config, len(r.Sources), r.Teams)
	put("SOURCE\tTYPE\tREACHED\tPERMITTED\tOLDEST\tNEWEST\tLINES\tMALFORMED\tACTS\tOWNED\n")
	for _, s := range r.Sources {
		reached, permitted := "no", "-"
		if s.Reachable {
			reached, permitted = "yes", s.Permitted
		}
		put("%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", s.Name, s.Type, reached, permitted, shortTime(s.Oldest), shortTime(s.Newest),
			s.Lines, s.Malformed, s.Counted+s.Automated+s.Unattributed, orDash(percentOf(s.Attributed)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, f := range r.Findings {
		if i == 0 {
			put("\n")
		}
		about := ""
		if f.Source != "" {
			about = "source " + f.Source + ": "
		}
		put("%s: %s%s\n", f.Level, about, f.Text)
		for _, h := range f.Hints {
			put("hint: %s\n", h)
		}
	}
	if len(r.Attribution) > 0 {
		put("\na sample of what is there would be attributed so:\nTEAM\tACTS\tWHY\n")
	}
	for _, o := range r.Attribution {
		why := strings.Join(reasonWords(eventsReport{Reasons: o.Reasons}), ", ")
		if why == "" {
			why = "-"
		}
		put("%s\t%d\t%s\n", o.Owner, o.Acts, why)
	}
	if r.problems() == 0 {
		put("\nno problem found\n")
	}
	return w.Flush()
}

// shortTime writes a time as people compare it.
func shortTime(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format("2006-01-02 15:04Z")
}

func percentOf(share *float64) *string {
	if share == nil {
		return nil
	}
	text := percent(*share)
	return &text
}
