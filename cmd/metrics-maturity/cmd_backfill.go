package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/prom/export"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// backfill is what the command of that name was asked for.
type backfill struct {
	from, to, step string
	labels         []string
	output         string
	remoteWrite    bool
}

func (a *app) backfillCommand() *cobra.Command {
	var b backfill
	cmd := &cobra.Command{
		Use:   "backfill --config FILE [--from TIME] [--to TIME]",
		Short: "Write the stage history with timestamps, for a Prometheus that was not there",
		Long: "backfill writes what /metrics would have said of each team all along, as far as it is told week by week (stage, confidence, since\n" +
			"when, the stage before, assessable): as OpenMetrics, of which promtool makes blocks, or by remote write. A week counts from its end,\n" +
			"when it could first be assessed, to the end of the next.\n\n" +
			"  metrics-maturity backfill --config metrics-maturity.yaml --from 2026-01-01 --to 2026-11-01 --output history.om\n" +
			"  promtool tsdb create-blocks-from openmetrics --max-block-duration=744h history.om /var/lib/prometheus\n\n" +
			"(promtool reads the file once for each block, so blocks of a month are much faster than its two hours.)\n" +
			"Prometheus shows a sample for five minutes. Samples every hour are met by the steps of graphs over weeks and months, which are whole\n" +
			"hours; --step 5m leaves no gap at any zoom, and takes twelve times the space.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.backfill(cmd.Context(), b) },
	}
	flags := cmd.Flags()
	flags.StringVar(&b.from, "from", "", "first `time`: RFC 3339, or a date, whose 00:00 it means (default the first week)")
	flags.StringVar(&b.to, "to", "", "last `time`: the last week is the last that ended by then (default now)")
	flags.StringVar(&b.step, "step", "1h", "`time` between two samples of a series")
	flags.StringArrayVar(&b.labels, "label", nil, "add a label, `name=value`, to every series, as in job=maturity; may be repeated")
	flags.StringVar(&b.output, "output", "", "write to a `file` instead of stdout")
	flags.BoolVar(&b.remoteWrite, "remote-write", false, "send to export.remote_write instead")
	return cmd
}

func (a *app) backfill(ctx context.Context, b backfill) error {
	c, err := a.config(nil)
	if err != nil {
		return err
	}
	loc := c.Owner.Location
	from, to := time.Time{}, a.now().UTC().Truncate(time.Second)
	if b.from != "" {
		if from, err = parseTime("from", b.from, loc); err != nil {
			return err
		}
	}
	if b.to != "" {
		until, err := parseTime("to", b.to, loc)
		if err != nil {
			return err
		}
		if until.Before(to) { // nothing is known of what is to come
			to = until
		}
	}
	step, err := parseDuration(b.step)
	if err != nil {
		return usageErrorf("--step: %w", err)
	}
	labels, err := parseLabels(b.labels)
	if err != nil {
		return err
	}
	switch {
	case !from.Before(to):
		return usageErrorf("--from %s is not before --to %s\nhint: swap them, or choose a time that has passed", from.Format(time.RFC3339), to.Format(time.RFC3339))
	case b.remoteWrite && b.output != "":
		return usageErrorf("--output and --remote-write are two places\nhint: choose one")
	case b.remoteWrite && c.Export.RemoteWrite == nil:
		return usageErrorf("--remote-write: %s names no receiver\nhint: add export: {remote_write: {url: \"http://prometheus:9090/api/v1/write\"}}", c.Path)
	}
	var samples int64
	err = a.look(ctx, c, func(d *desk) (err error) {
		if b.remoteWrite {
			samples, err = d.sendHistory(ctx, labels, from, to, step)
		} else {
			samples, err = a.writeHistoryTo(ctx, d, b.output, labels, from, to, step)
		}
		return err
	})
	if err != nil {
		return err
	}
	a.log.Info("history written", "samples", samples, "step", b.step, "to", to)
	if samples == 0 {
		a.log.Warn("no week was assessed in that time", "hint", "report --history shows the weeks that are known")
	}
	return nil
}

// history assesses what is stored as of a time, and makes series of the weeks.
func (d *desk) history(ctx context.Context, asOf time.Time, labels map[string]string) (*export.History, error) {
	p, err := d.assemble(ctx, asOf, false)
	if err != nil {
		return nil, err
	}
	var assessments []stage.Assessment
	for _, t := range p.report.Teams {
		assessments = append(assessments, t.assessment)
	}
	return export.NewHistory(assessments, labels, d.Owner.Location)
}

func (d *desk) sendHistory(ctx context.Context, labels map[string]string, from, to time.Time, step time.Duration) (int64, error) {
	all := maps.Clone(labels) // over those that are configured
	for name, value := range d.Export.RemoteWrite.Labels {
		if _, ok := all[name]; !ok {
			all[name] = value
		}
	}
	h, err := d.history(ctx, to, all)
	if err != nil {
		return 0, err
	}
	w, err := d.remoteWriter()
	if err != nil {
		return 0, err
	}
	samples, err := h.Send(ctx, w, from, to, step)
	return samples, exportError("remote_write", err)
}

// writeHistoryTo writes to a file, or to stdout if that is empty.
func (a *app) writeHistoryTo(ctx context.Context, d *desk, file string, labels map[string]string, from, to time.Time, step time.Duration) (samples int64, err error) {
	h, err := d.history(ctx, to, labels)
	if err != nil {
		return 0, err
	}
	write := func(w io.Writer) error {
		samples, err = h.WriteOpenMetrics(w, from, to, step)
		return err
	}
	if file == "" {
		return samples, ignoreClosed(write(a.stdout))
	}
	if err := replaceFile(file, write); err != nil {
		return 0, fmt.Errorf("--output: %w\nhint: the folder must exist and be writable for this user", err)
	}
	return samples, nil
}

// parseLabels reads the values of --label.
func parseLabels(pairs []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usageErrorf("--label: %q is no label\nhint: write it as job=maturity", pair)
		}
		if err := checkLabel(name, value); err != nil {
			return nil, usageErrorf("--label: %w", err)
		}
		labels[name] = value
	}
	return labels, nil
}
