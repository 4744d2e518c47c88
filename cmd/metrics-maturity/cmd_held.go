package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// holdings is what the store holds on somebody: what a person who asks may be given.
type holdings struct {
	Schema      int              `json:"schema"`
	ForgottenOn *activity.Date   `json:"forgotten_on"` // the first day on which nothing of this will be anybody's any more; null if nothing is held
	Identities  []identityHeld   `json:"identities"`
	Memberships []membershipHeld `json:"memberships"`
	Acts        []actHeld        `json:"acts"`

	actors map[activity.ActorID]bool
}

// identityHeld is an actor, of which the store has hashes alone.
type identityHeld struct {
	MatchedBy string `json:"matched_by"` // login, author, address
	Acts      int64  `json:"acts"`
}

// membershipHeld is a time in a team of a Grafana.
type membershipHeld struct {
	Scope string         `json:"scope"`
	Team  string         `json:"team"`
	From  *activity.Date `json:"from"` // null: since before teams were read first
	To    *activity.Date `json:"to"`   // exclusive; null: still there when teams were read last
}

// actHeld is a row of days of one actor.
type actHeld struct {
	Day     activity.Date    `json:"day"`
	Source  string           `json:"source"`
	Kind    activity.Kind    `json:"kind"`
	Scope   string           `json:"scope"`
	Subject string           `json:"subject"`
	Detail  string           `json:"detail"`
	Tenant  string           `json:"tenant"`
	Count   int64            `json:"count"`
	First   time.Time        `json:"first"`
	Last    time.Time        `json:"last"`
	Hours   []int            `json:"hours"` // of the day, in which it happened
	Team    string           `json:"team"`  // whose act it is by today's owner rules
	Outcome activity.Outcome `json:"outcome"`
	Reason  string           `json:"reason"`
}

func (a *app) heldCommand() *cobra.Command {
	var who person
	var format string
	cmd := &cobra.Command{
		Use:   "held --login NAME --config FILE",
		Short: "Show what is held on one person: for somebody who asks, and for nobody else",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := formatFlag(format, "json"); err != nil {
				return err
			}
			c, err := a.config(nil)
			if err != nil {
				return err
			}
			return a.look(cmd.Context(), c, func(d *desk) error {
				found, err := who.digests(d.key)
				if err != nil {
					return err
				}
				h, err := d.held(cmd.Context(), found)
				if err != nil {
					return err
				}
				return a.printJSON(h)
			})
		},
	}
	who.flags(cmd)
	cmd.Flags().StringVar(&format, "format", "json", "json")
	return cmd
}

// held gathers what is kept of who is found by digests.
func (d *desk) held(ctx context.Context, found map[activity.Digest]string) (holdings, error) {
	h := holdings{Schema: 1, Identities: []identityHeld{}, Memberships: []membershipHeld{}, Acts: []actHeld{}, actors: map[activity.ActorID]bool{}}
	facts, err := d.store.Facts(ctx, slices.Collect(maps.Keys(found)))
	if err != nil {
		return h, err
	}
	by := map[activity.ActorID]string{}
	for digest, ids := range facts.Actors {
		for _, id := range ids {
			by[id] = cmp.Or(by[id], found[digest])
		}
	}
	acts, _, err := d.acts(ctx, func(a *activity.Act) bool { return a.Actor != 0 && by[a.Actor] != "" })
	if err != nil {
		return h, err
	}
	counts := map[activity.ActorID]int64{}
	var last activity.Date
	for _, a := range acts {
		counts[a.Actor] += a.Count
		last = max(last, a.Date)
		h.Acts = append(h.Acts, newActHeld(a))
	}
	for _, id := range slices.Sorted(maps.Keys(by)) {
		h.actors[id] = true
		h.Identities = append(h.Identities, identityHeld{by[id], counts[id]})
	}
	memberships, err := d.store.Memberships(ctx)
	if err != nil {
		return h, err
	}
	for _, m := range memberships {
		if slices.ContainsFunc(m.Digests, func(x activity.Digest) bool { return found[x] != "" }) {
			h.Memberships = append(h.Memberships, membershipHeld{m.Scope, m.Team, known(m.From), known(m.To)})
			last = max(last, cmp.Or(m.To-1, dayOf(time.Now(), d.Owner.Location)))
		}
	}
	if last != 0 {
		on := last + 1 + activity.Date(d.Privacy.ActorRetention/(24*time.Hour))
		h.ForgottenOn = &on
	}
	return h, nil
}

func newActHeld(a activity.Act) actHeld {
	row := actHeld{
		a.Date, a.Source, a.Kind, a.Scope, a.Subject, a.Detail, a.Tenant, a.Count, a.First.UTC(), a.Last.UTC(), []int{}, a.Team, a.Outcome, a.Reason,
	}
	for hour := range 24 {
		if a.Hours&(1<<hour) != 0 {
			row.Hours = append(row.Hours, hour)
		}
	}
	return row
}

// known is nil for a date that is none.
func known(d activity.Date) *activity.Date {
	if d == 0 {
		return nil
	}
	return &d
}
