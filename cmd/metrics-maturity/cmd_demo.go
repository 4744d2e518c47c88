package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/stage/sim"
)

func (a *app) demoCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a sample organisation: no Grafana or Prometheus needed, only git",
		Long: "demo invents a year of a dozen teams, writes it as the log lines and commits that it would have left, reads those\n" +
			"as any others, and shows the result. Nothing stays behind.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			err := a.withOrganisation(ctx, sim.Options{}, (*desk).assemble, func(o organisation) error {
				if err := writeTable(a.stdout, o.picture.report, o.desk.Owner.Location); err != nil {
					return ignoreClosed(err)
				}
				if listen == "" {
					return nil
				}
				o.desk.Serve.Listen = listen
				s := newServer(a, o.desk)
				if err := s.show(ctx, o.picture); err != nil {
					return err
				}
				return s.run(ctx)
			})
			if stopped(ctx, err) {
				return nil
			}
			return err
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "then serve it at this `address`, as in :9095, until stopped")
	return cmd
}

// organisation is a simulated one that was read.
type organisation struct {
	desk    *desk
	truth   sim.Truth
	picture *picture
}

// withOrganisation simulates an organisation in a temporary folder, reads it through the production path, and calls use
// with the result, of which paint makes the picture.
func (a *app) withOrganisation(
	ctx context.Context, options sim.Options, paint func(*desk, context.Context, time.Time, bool) (*picture, error), use func(organisation) error,
) (err error) {
	dir, err := os.MkdirTemp("", "metrics-maturity-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	truth, err := sim.Generate(dir, options)
	if err != nil {
		return err
	}
	c, err := loadConfig(filepath.Join(dir, sim.ConfigFile), overrides{alone: true})
	if err != nil {
		return err
	}
	d, err := openDesk(ctx, c, false, slog.New(quiet{a.log.Handler()}))
	if err != nil {
		return err
	}
	defer d.close(&err)
	// The organisation lives in its own time: what it did last was yesterday.
	end := truth.Teams[0].Weeks[len(truth.Teams[0].Weeks)-1].Monday + 7
	asOf := end.Start(c.Owner.Location)
	clock := func() time.Time { return asOf }
	update, done := newProgress(a.stderr, a.log, a.now)
	failed, err := d.collect(ctx, d.buildSources(d.log, clock), clock, update)
	done()
	if err := errors.Join(err, failed); err != nil {
		return fmt.Errorf("the sample organisation could not be read: %w", err)
	}
	p, err := paint(d, ctx, asOf, true)
	if err != nil {
		return err
	}
	return use(organisation{desk: d, truth: truth, picture: p})
}

// quiet lets warnings and errors through: how a sample organisation is read is of no interest.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}
