package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/prom/export"
)

// snapshot is a picture as metrics.
func (d *desk) snapshot(ctx context.Context, p *picture) (export.Snapshot, error) {
	totals, err := d.store.Totals(ctx)
	if err != nil {
		return export.Snapshot{}, err
	}
	s := export.Snapshot{Location: d.Owner.Location, Build: readBuild(), Assessed: p.report.AsOf, KnownSince: map[string]time.Time{}}
	for _, t := range p.report.Teams {
		s.Assessments = append(s.Assessments, t.assessment)
		if !t.knownSince.IsZero() {
			s.KnownSince[t.Team] = t.knownSince
		}
	}
	for name, c := range d.Criteria.ByName {
		s.Criteria = append(s.Criteria, export.Criterion{Name: name, Enter: float64(c.Enter), Leave: float64(c.Leave)})
	}
	for _, src := range p.report.Sources {
		if src.neverRead() {
			continue // nothing is known of it, not even that it is down
		}
		status := activity.SourceStatus{Source: src.Name, Up: src.Up, Malformed: src.Malformed}
		if src.LastSuccess != nil {
			status.LastSuccess = *src.LastSuccess
		}
		s.Sources = append(s.Sources, export.Source{SourceStatus: status, CoveredRatio: src.coveredRatio})
	}
	if d.Export.DashboardLimit > 0 {
		s.Dashboards = dashboardMetrics(p.usage, d.Export.DashboardLimit)
	}
	for _, t := range totals {
		s.Events = append(s.Events, export.EventTotal{Source: t.Source, Kind: t.Kind, Outcome: t.Outcome, Count: t.Count})
	}
	return s, nil
}

// writeOpenMetrics writes a picture in the OpenMetrics format.
func (d *desk) writeOpenMetrics(ctx context.Context, w io.Writer, p *picture) error {
	s, err := d.snapshot(ctx, p)
	if err != nil {
		return err
	}
	families, err := export.Gather(s)
	if err != nil {
		return err
	}
	return export.Encode(w, families, expfmt.NewFormat(expfmt.TypeOpenMetrics))
}

// export puts a picture wherever the configuration says, and keeps what was said. What fails does not stop the others.
func (d *desk) export(ctx context.Context, p *picture, now time.Time) error {
	var errs []error
	if d.Export != (exportConfig{}) {
		snapshot, err := d.snapshot(ctx, p)
		if err != nil {
			return err
		}
		families, err := export.Gather(snapshot)
		if err != nil {
			return err
		}
		var push, remote error
		var sending sync.WaitGroup // a receiver that does not answer holds up no other
		sending.Go(func() { push = d.push(ctx, families) })
		sending.Go(func() { remote = d.writeRemote(ctx, families, p.report.AsOf) })
		errs = append(errs, d.writeTextfile(families))
		sending.Wait()
		errs = append(errs, push, remote)
	}
	return errors.Join(append(errs, d.keepExported(ctx, p, now))...)
}

// writeTextfile writes the file that node_exporter's textfile collector reads.
func (d *desk) writeTextfile(families []*dto.MetricFamily) error {
	if d.Export.Textfile == "" {
		return nil
	}
	err := replaceFile(d.Export.Textfile, func(w io.Writer) error {
		return export.Encode(w, families, expfmt.NewFormat(expfmt.TypeTextPlain))
	})
	if err != nil {
		return fmt.Errorf("export.textfile: %w\nhint: the folder must exist and be writable for this user", err)
	}
	return nil
}

// keepExported keeps the answer for the last assessed week of each team: history is recomputed with the rules of the
// day, and a difference to what was said at the time is shown.
func (d *desk) keepExported(ctx context.Context, p *picture, now time.Time) error {
	var said []store.Assessment
	for _, t := range p.report.Teams {
		if len(t.History) == 0 {
			continue
		}
		last := t.History[len(t.History)-1]
		said = append(said, store.Assessment{
			Team: t.Team, Monday: last.Week, Made: now, Version: p.report.CriteriaVersion, Status: last.Status, Stage: last.Stage,
		})
	}
	return d.store.SaveAssessments(ctx, said)
}

// replaceFile writes a file that readers see whole: the old one, or the new one.
func replaceFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := write(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
