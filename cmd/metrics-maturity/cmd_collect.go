package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/collector"
)

func (a *app) collectCommand() *cobra.Command {
	var part string
	cmd := &cobra.Command{
		Use:   "collect --config FILE",
		Short: "Read what is new from every source into the store",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			shard, err := parseShard(part)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			return a.work(ctx, nil, func(d *desk) error {
				if shard.Count > 0 {
					return a.collectShards(ctx, d, shard)
				}
				return a.underLease(ctx, d.config, func(ctx context.Context) error {
					failed, err := a.collectWithBar(ctx, d, d.buildSources(a.log, a.now))
					return errors.Join(err, failed)
				})
			})
		},
	}
	a.memoryFlag(cmd)
	cmd.Flags().StringVar(&part, "shard", "", "read only part `i/n` of the work, 1/3 to 3/3, say, for several machines that share a store; /3 takes i from a Kubernetes Indexed Job")
	return cmd
}

// collectWithBar collects, with a progress bar if stderr is a terminal.
func (a *app) collectWithBar(ctx context.Context, d *desk, sources []collector.Source) (failed, err error) {
	update, done := newProgress(a.stderr, a.log, a.now)
	defer done()
	return d.collect(ctx, sources, a.now, update)
}
