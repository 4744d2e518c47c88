package main

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// testKept: a kept assessment is given to who asks the same again, makes the same report, and is made anew when anything differs.
func testKept(t *testing.T, o organisation) {
	asOf := o.picture.report.AsOf
	from := func(d *desk, asOf time.Time, kept bool) *report {
		t.Helper()
		p, err := d.assemble(t.Context(), asOf, false)
		if err != nil {
			t.Fatal(err)
		}
		if (p.tally == nil) != kept {
			t.Errorf("as of %s: kept is %t, want %t", asOf, p.tally == nil, kept)
		}
		return p.report
	}
	same := func(d *desk, asOf time.Time) {
		t.Helper()
		made := from(d, asOf, false)
		if diff := cmp.Diff(printed(t, made), printed(t, from(d, asOf, true))); diff != "" {
			t.Errorf("as of %s: -made +kept:\n%s", asOf, diff)
		}
		for i, team := range from(d, asOf, true).Teams {
			if diff := cmp.Diff(made.Teams[i].assessment, team.assessment); diff != "" {
				t.Errorf("%s: -made +kept:\n%s", team.Team, diff)
			}
		}
	}
	d := *o.desk
	from(&d, asOf, true) // of the picture
	from(&d, asOf.Add(time.Hour), false)
	same(&d, asOf.AddDate(0, 0, -70))

	for what, change := range map[string]func(c *config){
		"smaller teams": func(c *config) { c.Privacy.MinTeamSize++ },
		"criteria": func(c *config) {
			c.Criteria.ByName = maps.Clone(c.Criteria.ByName)
			k := c.Criteria.ByName["query_days"]
			k.Enter++
			c.Criteria.ByName["query_days"] = k
		},
		"a source less": func(c *config) { c.Sources = c.Sources[:len(c.Sources)-1] },
		"a robot":       func(c *config) { c.Owner.Automation.Logins = []string{"somebody"} },
		"a member": func(c *config) {
			c.Owner.Teams = append([]owner.Team{}, c.Owner.Teams...)
			c.Owner.Teams[0].Members = append([]owner.Member{{Login: "somebody"}}, c.Owner.Teams[0].Members...)
		},
	} {
		t.Run(what, func(t *testing.T) {
			other, c := d, *d.config
			change(&c)
			other.config = &c
			same(&other, asOf)
		})
	}
	same(&d, asOf)
	more := store.NewFolded("new")
	more.AddDay(&activity.Day{Date: dayOf(asOf, time.UTC) - 9, Kind: activity.KindView, Count: 1})
	if _, err := d.store.Save(t.Context(), store.Commit{Source: "new", Days: more}); err != nil {
		t.Fatal(err)
	}
	same(&d, asOf)

	reader := d
	reader.readOnly = true
	from(&reader, asOf.AddDate(0, 0, -7), false)
	from(&reader, asOf.AddDate(0, 0, -7), false) // which keeps nothing
	from(&reader, asOf, true)
}

// printed is what the report command prints.
func printed(t *testing.T, r *report) map[string]any {
	t.Helper()
	var v map[string]any
	roundTrip(t, r.withHistory(true), &v)
	return v
}
