package main

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

func (a *app) daysCommand() *cobra.Command {
	var from, to, format string
	cmd := &cobra.Command{
		Use:   "days --config FILE",
		Short: "Show what is stored: a row per day, kind, team, scope, subject, detail and outcome",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
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
			d, err := openDesk(cmd.Context(), c, true, a.log)
			if err != nil {
				return err
			}
			defer d.close(&err)
			p, err := d.look(cmd.Context(), first, last)
			if err != nil {
				return err
			}
			rows := newDayRows(p.acts, newTeamSizes(p.owners, p.acts, c.Privacy.MinTeamSize))
			if format == "csv" {
				return ignoreClosed(writeDaysCSV(a.stdout, rows))
			}
			return ignoreClosed(writeDaysNDJSON(a.stdout, rows))
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

func writeDaysNDJSON(w io.Writer, rows []dayRow) error {
	buf := bufio.NewWriter(&plainWriter{w: w, json: true})
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	for _, r := range rows {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return buf.Flush()
}

func writeDaysCSV(w io.Writer, rows []dayRow) error {
	c := csv.NewWriter(w)
	if err := c.Write([]string{"day", "kind", "team", "scope", "subject", "detail", "outcome", "reason", "count", "people", "by_team", "source"}); err != nil {
		return err
	}
	for _, r := range rows {
		people, by := "", ""
		if r.People != nil {
			people = strconv.Itoa(*r.People)
		}
		if r.By != nil {
			by = strconv.FormatBool(*r.By)
		}
		err := c.Write([]string{
			r.Day.String(), string(r.Kind), cell(r.Team), cell(r.Scope), cell(r.Subject), cell(r.Detail), string(r.Outcome), r.Reason, strconv.FormatInt(r.Count, 10), people, by, cell(r.Source),
		})
		if err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
