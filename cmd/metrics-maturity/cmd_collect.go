package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/collector"
)

func (a *app) collectCommand() *cobra.Command {
	var shard string
	cmd := &cobra.Command{
		Use:   "collect --config FILE",
		Short: "Read what is new from every source into the store",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.work(ctx, nil, func(d *desk) error {
				sources, err := pickShard(d.buildSources(a.log), shard)
				if err != nil {
					return err
				}
				failed, err := a.collectWithBar(ctx, d, sources)
				return errors.Join(err, failed)
			})
		},
	}
	cmd.Flags().StringVar(&shard, "shard", "", "read only part `i/n` of the sources, 1/3 to 3/3, say: for several machines that share a store")
	return cmd
}

// collectWithBar collects, with a progress bar if stderr is a terminal.
func (a *app) collectWithBar(ctx context.Context, d *desk, sources []collector.Source) (failed, err error) {
	update, done := newProgress(a.stderr)
	defer done()
	return d.collect(ctx, sources, a.now, update)
}

// pickShard returns every n-th source, by name: sources are the unit because each has cursors of its own.
func pickShard(sources []collector.Source, shard string) ([]collector.Source, error) {
	if shard == "" {
		return sources, nil
	}
	first, last, _ := strings.Cut(shard, "/")
	i, err := strconv.Atoi(first)
	n, err2 := strconv.Atoi(last)
	if err != nil || err2 != nil || i < 1 || n < 1 || i > n {
		return nil, usageErrorf("--shard: %q is no part of a whole\nhint: write it as 1/3, 2/3 or 3/3", shard)
	}
	slices.SortFunc(sources, func(x, y collector.Source) int { return strings.Compare(x.Name, y.Name) })
	var mine []collector.Source
	for k, s := range sources {
		if k%n == i-1 {
			mine = append(mine, s)
		}
	}
	return mine, nil
}
