package main

import (
	"context"
	"slices"
	"sync"

	"github.com/metrics-maturity/metrics-maturity/collector"
)

// watcher is a transport that tells when lines must be read at once, because they can't be read later: logs of pods go with the pods.
type watcher interface {
	// Watch calls wake until ctx ends. It returns before if it can't watch.
	Watch(ctx context.Context, wake func()) error
}

// watchSources watches all sources that can be, until the function that it returns is called.
func (s *server) watchSources(ctx context.Context) (unwatch func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	for _, src := range s.desk.buildSources(s.app.log, s.app.now) {
		w, ok := src.Lines.(watcher)
		if !ok {
			continue
		}
		watching.Go(func() {
			err := w.Watch(ctx, func() {
				select {
				case s.woken <- src.Name:
				case <-ctx.Done():
				}
			})
			if err != nil && ctx.Err() == nil {
				s.app.log.Warn("source can't be watched: what pods write before they are deleted may be lost", "source", src.Name, "error", err)
			}
		})
	}
	return func() {
		cancel()
		watching.Wait()
	}
}

// readNow reads one source between two cycles. What it brings is assessed with the next one.
func (s *server) readNow(ctx context.Context, name string) {
	sources := slices.DeleteFunc(s.desk.buildSources(s.app.log, s.app.now), func(src collector.Source) bool { return src.Name != name })
	err := s.app.underLease(ctx, s.desk.config, func(ctx context.Context) error {
		_, err := s.desk.collect(ctx, sources, s.app.now, nil)
		return err
	})
	if !stopped(ctx, err) {
		s.log("collection failed", err)
	}
}
