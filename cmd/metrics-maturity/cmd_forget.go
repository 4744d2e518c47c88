package main

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

func (a *app) forgetCommand() *cobra.Command {
	var who person
	var dry bool
	cmd := &cobra.Command{
		Use:   "forget --login NAME --config FILE",
		Short: "Forget one person everywhere: what was done stays with the team, and nobody did it",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd.Context(), nil, func(d *desk) error {
				found, err := who.digests(d.key)
				if err != nil {
					return err
				}
				if dry {
					return a.wouldForget(cmd.Context(), d, found)
				}
				return a.forgetPerson(cmd.Context(), d, found)
			})
		},
	}
	who.flags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what there is to forget, and leave it")
	return cmd
}

func (a *app) wouldForget(ctx context.Context, d *desk, found map[activity.Digest]string) error {
	h, err := d.held(ctx, found)
	if err != nil {
		return err
	}
	return a.print("to forget: %d identities, %d rows of days, %d memberships of teams; nothing was changed\n", len(h.Identities), len(h.Acts), len(h.Memberships))
}

// errBusy tells that somebody else rewrites the days at the moment.
var errBusy = errors.New("another process is forgetting people at the moment: nothing was changed\nhint: run it again in a few minutes")

func (a *app) forgetPerson(ctx context.Context, d *desk, found map[activity.Digest]string) error {
	var done store.Erased
	ran := false
	err := d.alone(ctx, "forget", func(ctx context.Context) (err error) {
		ran = true
		done, err = d.erase(ctx, found)
		return err
	})
	if err == nil && !ran {
		err = errBusy
	}
	if err != nil {
		return err
	}
	if err := d.store.Scrub(ctx); err != nil {
		a.log.Warn("the person is forgotten, and what was deleted is still in the database's files", "error", err.Error(),
			"hint", "run this again when nothing else writes; on an engine without VACUUM it goes when its place is needed")
	}
	if d.listed(found) {
		a.log.Warn("the configuration still names this person: what is read from now on is counted again", "hint", "take the name out of teams:, and of Grafana")
	}
	return a.print("forgotten: %d identities, %d rows of days (kept without a person), %d parts of open acts, %d memberships of teams\n",
		done.Actors, done.Rows, done.Parts, done.Memberships)
}

// erase takes the person out of the store.
func (d *desk) erase(ctx context.Context, found map[activity.Digest]string) (store.Erased, error) {
	owners, facts, err := d.owners(ctx)
	if err != nil {
		return store.Erased{}, err
	}
	book, err := owner.New(owners, d.key, facts)
	if err != nil {
		return store.Erased{}, asUsage(err)
	}
	return d.store.Erase(ctx, slices.Collect(maps.Keys(found)), func(days []activity.Day, gone func(activity.ActorID) bool) ([]activity.Act, []store.TeamWeekPeople) {
		acts := book.Attribute(days)
		return acts, peopleBeside(acts, gone)
	})
}

// listed reports whether an owner rule of the configuration names the person.
func (d *desk) listed(found map[activity.Digest]string) bool {
	return slices.ContainsFunc(d.Owner.Digests(d.key), func(x activity.Digest) bool { return found[x] != "" })
}
