package main

import (
	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/stage"
)

// explanation is a team's report with the same in sentences.
type explanation struct {
	teamReport
	Sentences []string `json:"sentences"`
}

func newExplanation(t teamReport) explanation { return explanation{t, stage.Explain(t.assessment)} }

func (a *app) explainCommand() *cobra.Command {
	var asOf, format string
	cmd := &cobra.Command{
		Use:   "explain TEAM --config FILE",
		Short: "Say why a team is at its stage, and what is missing for the next",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageErrorf("explain takes one team, got %d arguments\nhint: metrics-maturity explain TEAM --config metrics-maturity.yaml", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := formatFlag(format, "text", "json"); err != nil {
				return err
			}
			return a.withPicture(cmd.Context(), asOf, false, func(_ *desk, p *picture) error {
				t, err := p.report.team(args[0])
				if err != nil {
					return err
				}
				e := newExplanation(t)
				if format == "json" {
					return a.printJSON(e)
				}
				for _, s := range e.Sentences {
					if err := a.print("%s\n", visible(s)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	asOfFlag(cmd, &asOf)
	return cmd
}

// team finds a team by name.
func (r *report) team(name string) (teamReport, error) {
	var names []string
	for _, t := range r.Teams {
		if t.Team == name {
			return t, nil
		}
		names = append(names, t.Team)
	}
	if len(names) == 0 {
		return teamReport{}, usageErrorf("unknown team %q: no team is configured\nhint: add it under teams:", name)
	}
	return teamReport{}, usageErrorf("unknown team %q\nhint: %s", name, suggest(name, names))
}
