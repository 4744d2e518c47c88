package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// envJobIndex is what Kubernetes tells each pod of an Indexed Job: its number, from 0.
const envJobIndex = "JOB_COMPLETION_INDEX"

// parseShard reads "2/4", the second of four parts, or "/4", whose number an Indexed Job gives. Empty is all of the work. Who counts from 0,
// as an Indexed Job does, gets each part once too: "0/4" is "4/4".
func parseShard(text string) (collector.Shard, error) {
	if text == "" {
		return collector.Shard{}, nil
	}
	first, last, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(first)
	if first == "" {
		if i, err = strconv.Atoi(os.Getenv(envJobIndex)); err != nil {
			return collector.Shard{}, usageErrorf("--shard: %q takes its number from %s, which is not set\nhint: run it in a Job of Kubernetes with completionMode: Indexed, or write 1%s to %s%s", text, envJobIndex, text, last, text)
		}
		i++
	}
	n, err2 := strconv.Atoi(last)
	if err != nil || err2 != nil || i < 0 || n < 1 || i > n || n > collector.MaxShards {
		return collector.Shard{}, usageErrorf("--shard: %q is no part of a whole\nhint: write it as 1/3, 2/3 or 3/3, or as /3 in a Job of Kubernetes with completionMode: Indexed; at most %d parts", text, collector.MaxShards)
	}
	return collector.Shard{Index: (i + n - 1) % n, Count: n}, nil
}

// leaseName is that of a shard's work.
func leaseName(s collector.Shard) string { return "collect " + s.String() }

// collectShards reads a shard, and then those of collectors that have died meanwhile. Whoever is started for a shard has it: a pod that
// takes the place of a dead one need not wait, and one that is not dead is refused at its next commit.
func (a *app) collectShards(ctx context.Context, d *desk, shard collector.Shard) error {
	mine, err := d.store.Seize(ctx, leaseName(shard))
	if err != nil {
		return err
	}
	err = a.collectShard(ctx, d, shard, mine)
	if ctx.Err() != nil || errors.Is(err, store.ErrLost) {
		return err
	}
	others := map[string]collector.Shard{}
	var names []string
	for i := range shard.Count {
		if other := (collector.Shard{Index: i, Count: shard.Count}); other != shard {
			others[leaseName(other)] = other
			names = append(names, leaseName(other))
		}
	}
	for {
		lease, failure := d.store.Abandoned(ctx, names, store.Silence)
		if failure != nil || lease == nil {
			return errors.Join(err, failure)
		}
		a.log.Warn("a collector gives no sign of life: its work is taken over", "work", lease.Name())
		if failure := a.collectShard(ctx, d, others[lease.Name()], lease); errors.Is(failure, store.ErrLost) {
			a.log.Info("the work is done where it belongs again", "work", lease.Name())
		} else {
			err = errors.Join(err, failure)
		}
	}
}

// collectShard reads a shard while its lease is held, and gives the lease back. A source that failed has been tried: the lease is
// given back too.
func (a *app) collectShard(ctx context.Context, d *desk, shard collector.Shard, lease *store.Lease) error {
	held, end := context.WithCancelCause(ctx)
	defer end(nil)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		if err := lease.Keep(held); err != nil {
			end(err)
		}
	}()
	sharded := *d
	sharded.lease = lease
	failed, err := a.collectWithBar(held, &sharded, shard.Of(d.buildSources(a.log, a.now)))
	if cause := context.Cause(held); cause != nil && ctx.Err() == nil {
		err = cause
	}
	end(nil)
	<-kept
	err = errors.Join(err, failed, lease.Release(context.WithoutCancel(ctx)))
	if err != nil {
		return fmt.Errorf("shard %s: %w", shard, err)
	}
	return nil
}
