package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// schedule collects and assesses now and at every interval, until ctx ends. What is stored already is shown first.
func (s *server) schedule(ctx context.Context) {
	if _, filled, err := s.desk.store.FirstDay(ctx); err == nil && filled {
		s.log("assessment failed", s.assess(ctx))
	}
	unwatch := s.watchSources(ctx)
	s.repeat(ctx, s.cycle, func(ctx context.Context, c *config) {
		unwatch()
		s.adopt(ctx, c)
		unwatch = s.watchSources(ctx)
	})
	unwatch()
	s.log("export was not handed over", s.leader.resign(ctx))
}

// repeat calls cycle, one after the other, each an interval after the last began. A new configuration is adopted between two, and
// the next begins at once.
func (s *server) repeat(ctx context.Context, cycle func(context.Context), adopt func(context.Context, *config)) {
	for ctx.Err() == nil {
		began := time.Now()
		cycle(ctx)
		timer := time.NewTimer(pause(s.desk.Serve.Interval, time.Since(began)))
		for resting := true; resting; {
			select {
			case name := <-s.woken:
				s.readNow(ctx, name)
				continue
			case <-ctx.Done():
			case c := <-s.next:
				adopt(ctx, c)
			case <-timer.C:
			}
			resting = false
		}
		timer.Stop()
	}
}

// pause is how long to wait after a cycle that took some time: up to a tenth more or less than the interval, so that many servers
// that started together do not ask Loki or Grafana together for ever. After a cycle that took longer than that there is still
// some peace.
func pause(interval, took time.Duration) time.Duration {
	tenth := interval / 10
	return max(interval-tenth+rand.N(2*tenth+1)-took, tenth)
}

// adopt puts a configuration into use. Owner rules apply to what is stored already, so the result is shown at once.
func (s *server) adopt(ctx context.Context, c *config) {
	d := *s.desk
	d.config = c
	s.desk = &d
	s.log("assessment failed", s.assess(ctx))
}

// cycle collects and assesses once. What fails is logged and tried again: the last picture stays.
func (s *server) cycle(ctx context.Context) {
	// Sources that failed are logged by the collector and shown in metrics_maturity_source_up.
	err := s.app.underLease(ctx, s.desk.config, func(ctx context.Context) error {
		_, err := s.desk.collect(ctx, s.desk.buildSources(s.app.log, s.app.now), s.app.now, nil)
		return err
	})
	if stopped(ctx, err) {
		return
	}
	s.log("collection failed", err)
	s.log("assessment failed", s.assess(ctx))
}

func (s *server) log(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.app.log.Error(what, "error", err)
	}
}

// assess makes the picture of now, shows it and exports it.
func (s *server) assess(ctx context.Context) error {
	p, err := s.desk.assemble(ctx, s.app.now().Truncate(time.Millisecond), true)
	if err != nil {
		return err
	}
	if err := s.show(ctx, p); err != nil {
		return err
	}
	s.app.log.Info("assessed", "teams", len(p.report.Teams), "as_of", p.report.AsOf)
	leads, err := s.leader.leads(ctx)
	if leads {
		err = s.desk.export(ctx, p, s.app.now())
	}
	s.log("export failed", err)
	return nil
}
