package main

import (
	"fmt"
	"io"
	"strings"
)

// writeHistory draws the stage of each team week by week, the oldest first: a digit is a stage, a dot a week of which
// too little is known, and a letter the stage held through a gap (a is 0, g is 6).
func writeHistory(w io.Writer, teams []teamReport) error {
	var b strings.Builder
	width := 0
	for _, t := range teams {
		width = max(width, len(visible(t.Team)))
	}
	if len(teams) > 0 && len(teams[0].History) > 0 {
		fmt.Fprintf(&b, "\nweeks from %s (letters: held through a gap, a is 0; dots: not enough data)\n", teams[0].History[0].Week)
	}
	for _, t := range teams {
		fmt.Fprintf(&b, "%-*s  ", width, visible(t.Team))
		for _, h := range t.History {
			switch {
			case h.Stage == nil:
				b.WriteByte('.')
			case h.Status == "ok":
				fmt.Fprintf(&b, "%d", *h.Stage)
			default:
				b.WriteByte(byte('a' + *h.Stage))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
