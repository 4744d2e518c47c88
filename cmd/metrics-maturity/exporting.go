package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
	s := export.Snapshot{Location: d.Owner.Location, Build: readBuild(), KnownSince: map[string]time.Time{}}
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
	for _, t := range totals {
		s.Events = append(s.Events, export.EventTotal{Source: t.Source, Kind: t.Kind, Outcome: t.Outcome, Count: t.Count})
	}
	return s, nil
}

// registry returns a registry of its own with nothing but the collector of s.
func registry(s export.Snapshot) (*prometheus.Registry, error) {
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(export.NewCollector(func() export.Snapshot { return s })); err != nil {
		return nil, err
	}
	return r, nil
}

// writeOpenMetrics writes a picture in the OpenMetrics format.
func (d *desk) writeOpenMetrics(ctx context.Context, w io.Writer, p *picture) error {
	return d.writeMetrics(ctx, w, p, expfmt.NewFormat(expfmt.TypeOpenMetrics))
}

func (d *desk) writeMetrics(ctx context.Context, w io.Writer, p *picture, format expfmt.Format) error {
	s, err := d.snapshot(ctx, p)
	if err != nil {
		return err
	}
	r, err := registry(s)
	if err != nil {
		return err
	}
	families, err := r.Gather()
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	enc := expfmt.NewEncoder(w, format)
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	if c, ok := enc.(expfmt.Closer); ok {
		return c.Close() // "# EOF"
	}
	return nil
}

// export puts a picture where the configuration says, and keeps what was said.
func (d *desk) export(ctx context.Context, p *picture, now time.Time) error {
	if d.Textfile != "" {
		var text bytes.Buffer
		if err := d.writeMetrics(ctx, &text, p, expfmt.NewFormat(expfmt.TypeTextPlain)); err != nil {
			return err
		}
		if err := replaceFile(d.Textfile, text.Bytes()); err != nil {
			return fmt.Errorf("export.textfile: %w\nhint: the folder must exist and be writable for this user", err)
		}
	}
	return d.keepExported(ctx, p, now)
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
func replaceFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(content); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
