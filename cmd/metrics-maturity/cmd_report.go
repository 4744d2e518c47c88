package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) reportCommand() *cobra.Command {
	var asOf, format string
	var history, dashboards bool
	var against int
	cmd := &cobra.Command{
		Use:   "report --config FILE",
		Short: "Show the stage of every team, from what is stored",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := formatFlag(format, "table", "json", "openmetrics", "html", "csv"); err != nil {
				return err
			}
			if dashboards {
				if history || against != 0 {
					return usageErrorf("--dashboards goes with neither --history nor --compare-criteria\nhint: leave one of them out")
				}
				return a.reportDashboards(cmd.Context(), asOf, format)
			}
			if format == "csv" {
				return usageErrorf("--format csv is for --dashboards\nhint: choose one of table, json, openmetrics, html")
			}
			return a.withPicture(cmd.Context(), asOf, against != 0 || format == "html" || format == "openmetrics", func(d *desk, p *picture) error {
				if against != 0 {
					return a.compareCriteria(d, p, against, format)
				}
				switch format {
				case "json":
					return a.printJSON(p.report.withHistory(history))
				case "openmetrics":
					return ignoreClosed(d.writeOpenMetrics(cmd.Context(), a.stdout, p))
				case "html":
					pages, err := d.newSite(p)
					if err != nil {
						return err
					}
					return ignoreClosed(pages.writeMail(a.stdout))
				}
				if err := writeTable(a.stdout, p.report, d.Owner.Location); err != nil || !history {
					return ignoreClosed(err)
				}
				return ignoreClosed(writeHistory(a.stdout, p.report.Teams))
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "table, json, openmetrics or html; with --dashboards table, json or csv")
	cmd.Flags().BoolVar(&history, "history", false, "with the stage of every week since the first data")
	cmd.Flags().BoolVar(&dashboards, "dashboards", false, "instead, say how each dashboard is used: views, people, teams, the last look")
	cmd.Flags().IntVar(&against, "compare-criteria", 0, "instead, say which teams another `version` of the criteria places elsewhere, when and why")
	asOfFlag(cmd, &asOf)
	return cmd
}

func asOfFlag(cmd *cobra.Command, asOf *string) {
	cmd.Flags().StringVar(asOf, "as-of", "", "assess as of a `time`: RFC 3339, or a date, whose 00:00 it means (default now)")
}

// withPicture opens the store for reading and calls show with the report as of a time, in a whole picture if that is wanted.
func (a *app) withPicture(ctx context.Context, asOf string, whole bool, show func(*desk, *picture) error) error {
	c, err := a.config(nil)
	if err != nil {
		return err
	}
	at := a.now().UTC().Truncate(time.Second)
	if asOf != "" {
		if at, err = parseTime("as-of", asOf, c.Owner.Location); err != nil {
			return err
		}
	}
	return a.look(ctx, c, func(d *desk) error {
		p, err := d.assemble(ctx, at, whole)
		if err != nil {
			return err
		}
		return show(d, p)
	})
}

// withHistory returns the report with or without the weeks of each team.
func (r report) withHistory(keep bool) report {
	if keep {
		return r
	}
	teams := make([]teamReport, len(r.Teams))
	for i, t := range r.Teams {
		t.History = nil
		teams[i] = t
	}
	r.Teams = teams
	return r
}

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(&plainWriter{w: a.stdout, json: true})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return ignoreClosed(enc.Encode(v))
}
