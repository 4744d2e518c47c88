package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run --config FILE",
		Short: "Collect, assess and export once: what a CronJob runs",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.work(ctx, nil, func(d *desk) error {
				return a.underLease(ctx, d.config, func(ctx context.Context) error {
					failed, err := a.collectWithBar(ctx, d, d.buildSources(a.log, a.now))
					if err == nil {
						err = a.assessAndExport(ctx, d)
					}
					return errors.Join(err, failed)
				})
			})
		},
	}
	a.memoryFlag(cmd)
	return cmd
}

// assessAndExport makes the picture of now and puts it where the configuration says.
func (a *app) assessAndExport(ctx context.Context, d *desk) error {
	now := a.now().Truncate(time.Millisecond) // as samples have it: two runs in one second say different things
	p, err := d.assemble(ctx, now, d.Export.DashboardLimit > 0)
	if err != nil {
		return err
	}
	for _, r := range ladder(p.report.Teams) {
		a.log.Info("teams", "stage", r.Name, "count", len(r.Teams))
	}
	return d.alone(ctx, "export", func(ctx context.Context) error { return d.export(ctx, p, now) })
}
