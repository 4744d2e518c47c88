package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
)

func (a *app) daysCommand() *cobra.Command {
	var from, to, format string
	cmd := &cobra.Command{
		Use:   "days --config FILE",
		Short: "Show what is stored: a row per day, kind, team, scope, subject, detail and outcome",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := formatFlag(format, "ndjson", "csv"); err != nil {
				return err
			}
			c, err := a.config(nil)
			if err != nil {
				return err
			}
			first, last, err := dayRange(from, to, c)
			if err != nil {
				return err
			}
			out := newDayWriter(a.stdout, format)
			return a.look(cmd.Context(), c, func(d *desk) error {
				if err := d.eachDay(cmd.Context(), first, last, out.write); err != nil {
					return ignoreClosed(err)
				}
				return ignoreClosed(out.flush())
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "ndjson", "ndjson or csv")
	cmd.Flags().StringVar(&from, "from", "", "first `time`: RFC 3339 or a date")
	cmd.Flags().StringVar(&to, "to", "", "`time` before which to stop")
	return cmd
}

// dayRange returns the whole days between two flags; 0 is open.
func dayRange(from, to string, c *config) (first, last activity.Date, err error) {
	if from != "" {
		t, err := parseTime("from", from, c.Owner.Location)
		if err != nil {
			return 0, 0, err
		}
		first = firstWholeDay(t, c.Owner.Location)
	}
	if to != "" {
		t, err := parseTime("to", to, c.Owner.Location)
		if err != nil {
			return 0, 0, err
		}
		last = dayOf(t, c.Owner.Location)
	}
	if from != "" && to != "" && last < first {
		return 0, 0, usageErrorf("--to %s is before --from %s\nhint: --to is exclusive, and later than --from", to, from)
	}
	return first, last, nil
}

// dayKey is what makes a row of days.
type dayKey struct {
	Day     activity.Date    `json:"day"`
	Kind    activity.Kind    `json:"kind"`
	Team    string           `json:"team"`
	Scope   string           `json:"scope"`
	Subject string           `json:"subject"`
	Detail  string           `json:"detail"`
	Outcome activity.Outcome `json:"outcome"`
	Reason  string           `json:"reason"`
	Source  string           `json:"source"`
	ByTeam  activity.Tri     `json:"-"`
}

type dayRow struct {
	dayKey
	Count  int64 `json:"count"`
	People *int  `json:"people"` // null if it is not known any more, or not to be told
	By     *bool `json:"by_team"`
	// Why says which owner rules made it the team's; an automated or unattributed row has its one reason instead.
	Why []string `json:"why,omitempty"`

	actors  map[activity.ActorID]bool
	retired bool
}

// errBegunAnew tells that rows were written that the database was then not sure of.
var errBegunAnew = errors.New("the database was interrupted while days were written\nhint: run it again")

// eachDay calls yield with the rows of each day from (inclusive) to (exclusive), oldest first; a bound of 0 is open.
func (d *desk) eachDay(ctx context.Context, from, to activity.Date, yield func([]dayRow) error) error {
	begun := false
	return d.judge(ctx, to, func(m *moment) error {
		if begun {
			return errBegunAnew
		}
		sizes, err := m.sizes(from, d.Privacy.MinTeamSize)
		if err != nil {
			return err
		}
		var acts []activity.Act // of a day
		end := func() {
			if len(acts) > 0 && m.failure == nil {
				begun = true
				m.failure = yield(newDayRows(acts, sizes))
			}
			acts = acts[:0]
		}
		_, err = m.each(func(a *activity.Act, _ *owner.Stream) {
			if len(acts) > 0 && acts[0].Date != a.Date {
				end()
			}
			if a.Date >= from && m.failure == nil {
				acts = append(acts, *a)
			}
		})
		if err != nil {
			return err
		}
		end()
		return m.failure
	})
}

// sizes are the sizes of teams as far as they tell of the acts from a date on.
func (m *moment) sizes(from activity.Date, least int) (teamSizes, error) {
	sizes := newTeamSizes(m.owners, nil, least)
	if !slices.ContainsFunc(m.owners.Teams, func(t owner.Team) bool { return !sizes.lists(t.Name) }) {
		return sizes, nil
	}
	_, err := m.each(func(a *activity.Act, _ *owner.Stream) {
		if a.Date >= from {
			sizes.see(a)
		}
	})
	return sizes, err
}

// newDayRows folds acts over actors: no row is anybody's.
func newDayRows(acts []activity.Act, sizes teamSizes) []dayRow {
	at := map[dayKey]int{}
	var rows []dayRow
	for _, a := range acts {
		key := dayKey{a.Date, a.Kind, a.Team, a.Scope, a.Subject, a.Detail, a.Outcome, a.Reason, a.Source, a.ByTeam}
		if a.Outcome == activity.Counted {
			key.Reason = "" // several owner rules may meet in one row
		}
		if a.Kind == activity.KindQuery {
			key.Detail = "" // tells questions apart for owner rules, and nobody else
		}
		i, ok := at[key]
		if !ok {
			i = len(rows)
			at[key] = i
			rows = append(rows, dayRow{dayKey: key, By: tri(a.ByTeam), actors: map[activity.ActorID]bool{}})
		}
		rows[i].Count += a.Count
		if a.Outcome == activity.Counted && !slices.Contains(rows[i].Why, a.Reason) {
			rows[i].Why = append(rows[i].Why, a.Reason)
		}
		if a.Actor != 0 {
			rows[i].actors[a.Actor] = true
		}
		rows[i].retired = rows[i].retired || a.Retired
	}
	for i := range rows {
		r := &rows[i]
		slices.Sort(r.Why)
		if n := len(r.actors); !r.retired && !sizes.hide(n, r.Team, r.Day) {
			r.People = &n
		}
	}
	slices.SortFunc(rows, func(x, y dayRow) int {
		return cmp.Or(cmp.Compare(x.Day, y.Day), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Team, y.Team), cmp.Compare(x.Scope, y.Scope),
			cmp.Compare(x.Subject, y.Subject), cmp.Compare(x.Detail, y.Detail), cmp.Compare(x.Outcome, y.Outcome),
			cmp.Compare(x.Reason, y.Reason), cmp.Compare(x.ByTeam, y.ByTeam), cmp.Compare(x.Source, y.Source))
	})
	return rows
}

// dayWriter writes rows of days in a format.
type dayWriter struct {
	write func([]dayRow) error
	flush func() error
}

func newDayWriter(w io.Writer, format string) dayWriter {
	if format == "csv" {
		return newDayCSV(w)
	}
	buf := bufio.NewWriter(&plainWriter{w: w, json: true})
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	return dayWriter{flush: buf.Flush, write: func(rows []dayRow) error {
		for _, r := range rows {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}}
}

func newDayCSV(w io.Writer) dayWriter {
	c := csv.NewWriter(w)
	headless := true
	head := func() error {
		if !headless {
			return nil
		}
		headless = false
		return c.Write([]string{"day", "kind", "team", "scope", "subject", "detail", "outcome", "reason", "count", "people", "by_team", "source"})
	}
	return dayWriter{
		write: func(rows []dayRow) error {
			if err := head(); err != nil {
				return err
			}
			for _, r := range rows {
				if err := c.Write(r.cells()); err != nil {
					return err
				}
			}
			return nil
		},
		flush: func() error {
			err := head()
			c.Flush()
			return errors.Join(err, c.Error())
		},
	}
}

// cells are the columns of a row.
func (r dayRow) cells() []string {
	people, by := "", ""
	if r.People != nil {
		people = strconv.Itoa(*r.People)
	}
	if r.By != nil {
		by = strconv.FormatBool(*r.By)
	}
	return []string{
		r.Day.String(), string(r.Kind), cell(r.Team), cell(r.Scope), cell(r.Subject), cell(r.Detail), string(r.Outcome), r.Reason,
		strconv.FormatInt(r.Count, 10), people, by, cell(r.Source),
	}
}
