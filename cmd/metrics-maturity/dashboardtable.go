package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// writeUsage shows how dashboards are used in a terminal.
func writeUsage(w io.Writer, u *usageReport) error {
	var b strings.Builder
	n := u.counts()
	fmt.Fprintf(&b, "dashboards from %s to %s: views of people would have been seen on %d of %d days\n", u.From, u.To-1, u.CoveredDays, usageDays)
	fmt.Fprintf(&b, "%d looked at, %d not looked at, %d new, %d of which too little is known\n\n", n[boardViewed], n[boardNotViewed], n[boardNew], n[boardUnknown])
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "DASHBOARD\tFOLDER\tOWNER\tSTATE\tVIEWS 30D\tVIEWS 90D\tPEOPLE\tTEAMS\tROBOTS\tLAST LOOK")
	for _, d := range u.Dashboards {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%d\t%d\t%s\n", visible(d.Name()), dash(visible(d.Folder)), dash(visible(strings.Join(d.Owners, ","))), d.State,
			d.Views30d, d.Views90d, orDash(d.People90d), len(d.Teams90d), d.Automated90d, orDash(d.LastViewed))
	}
	_ = t.Flush() // a strings.Builder takes everything
	_, err := io.WriteString(w, b.String())
	return err
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func writeUsageCSV(w io.Writer, u *usageReport) error {
	c := csv.NewWriter(w)
	head := []string{"scope", "uid", "title", "folder", "owners", "state", "views_30d", "views_90d", "people_90d", "teams_90d", "automated_90d", "last_viewed", "known_since"}
	if err := c.Write(head); err != nil {
		return err
	}
	for _, d := range u.Dashboards {
		people, last := "", ""
		if d.People90d != nil {
			people = strconv.Itoa(*d.People90d)
		}
		if d.LastViewed != nil {
			last = d.LastViewed.String()
		}
		err := c.Write([]string{
			cell(d.Scope), cell(d.UID), cell(d.Title), cell(d.Folder), cell(strings.Join(d.Owners, " ")), d.State, strconv.FormatInt(d.Views30d, 10),
			strconv.FormatInt(d.Views90d, 10), people, cell(strings.Join(d.Teams90d, " ")), strconv.FormatInt(d.Automated90d, 10), last, d.KnownSince.String(),
		})
		if err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// visible writes what a terminal would obey, and what turns the direction of text, as escapes.
func visible(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// cell keeps a spreadsheet from taking a text for a formula.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		s = "'" + s
	}
	return visible(s)
}

// reportDashboards is report --dashboards.
func (a *app) reportDashboards(ctx context.Context, asOf, format string) error {
	if err := formatFlag(format, "table", "json", "csv"); err != nil {
		return err
	}
	return a.withPicture(ctx, asOf, true, func(_ *desk, p *picture) error {
		u := p.usage
		switch format {
		case "json":
			return a.printJSON(u)
		case "csv":
			return ignoreClosed(writeUsageCSV(a.stdout, u))
		}
		return ignoreClosed(writeUsage(a.stdout, u))
	})
}
