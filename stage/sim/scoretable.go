package sim

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteTable prints a score for people.
func (s Score) WriteTable(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "team weeks %d: exact %s, off by two or more %s, unknown %s; false falls per team and year %.3f\n",
		s.Weeks, percent(s.ExactShare()), percent(s.OffByTwoShare()), percent(s.UnknownShare()), s.FalseFallsPerYear())
	fmt.Fprintf(&b, "false falls %d: in an outage or the %d weeks after it %d, in a holiday or the %d weeks after it %d\n",
		s.FalseFalls, aftermath, s.OutageFalls, aftermath, s.HolidayFalls)
	s.Rises.write(&b, "rises")
	s.Falls.write(&b, "falls")
	if e, brier, n := s.Calibration(); n > 0 {
		fmt.Fprintf(&b, "confidence of %d assessments: expected calibration error %.3f, Brier score %.3f\n", n, e, brier)
	}
	b.WriteByte('\n')
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	row(t, "true stage", "weeks", "exact", "off by two", "unknown", "rise to it", "fall to it", "missed", "false falls", "|", "reported 0", "1", "2", "3", "4", "5", "6", "unknown")
	for i, st := range s.ByStage {
		known := st.Weeks - st.Unknown
		cells := []any{i, st.Weeks, percent(ratio(st.Exact, known)), percent(ratio(st.OffByTwo, known)), percent(ratio(st.Unknown, st.Weeks)),
			st.Rises.delays(), st.Falls.delays(), st.Rises.Missed + st.Falls.Missed, st.FalseFalls, "|"}
		for _, n := range s.Confusion[i] {
			cells = append(cells, n)
		}
		row(t, cells...)
	}
	if err := t.Flush(); err != nil { // a buffer never fails
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// WriteReliability prints how often assessments were right, by how sure they were.
func (s Score) WriteReliability(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row(t, "confidence", "assessments", "mean", "right")
	for i, b := range s.Reliability {
		if b.Assessments > 0 {
			row(t, fmt.Sprintf("%.1f-%.1f", float64(i)/10, float64(i+1)/10), b.Assessments,
				fmt.Sprintf("%.3f", b.Confidence/float64(b.Assessments)), fmt.Sprintf("%.3f", ratio(b.Right, b.Assessments)))
		}
	}
	return t.Flush()
}

// delays are the weeks in which half of the changes were noticed, and 90 % of them.
func (c Changes) delays() string {
	if len(c.Delays) == 0 {
		return "-"
	}
	return fmt.Sprintf("%d, %d", c.Quantile(0.5), c.Quantile(0.9))
}

func (c Changes) write(b *bytes.Buffer, name string) {
	fmt.Fprintf(b, "%s %d: noticed %d", name, len(c.Delays)+c.Missed+c.Open, len(c.Delays))
	if len(c.Delays) > 0 {
		fmt.Fprintf(b, " (weeks: median %d, 90 %% within %d)", c.Quantile(0.5), c.Quantile(0.9))
	}
	fmt.Fprintf(b, ", missed %d, too late to tell %d\n", c.Missed, c.Open)
}

// row writes cells; what it writes to reports errors when it is flushed.
func row(t *tabwriter.Writer, cells ...any) {
	for _, c := range cells {
		_, _ = fmt.Fprintf(t, "%v\t", c)
	}
	_, _ = fmt.Fprintln(t)
}

func percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }
