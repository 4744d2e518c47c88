package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/metrics-maturity/metrics-maturity/prom/export"
)

// show serves a picture from now on.
func (s *server) show(ctx context.Context, p *picture) error {
	snapshot, err := s.desk.snapshot(ctx, p)
	if err != nil {
		return err
	}
	pages, err := s.desk.newSite(p)
	if err != nil {
		return err
	}
	err = s.refresh(func(now *export.Snapshot) {
		snapshot.Reload = now.Reload
		*now = snapshot
	})
	if err != nil {
		return err
	}
	s.latest.Store(pages)
	return nil
}

// refresh changes what /metrics is made of, and makes it. What can't be made is not shown.
func (s *server) refresh(change func(*export.Snapshot)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	snapshot := s.snapshot
	change(&snapshot)
	families, err := export.Gather(snapshot)
	if err != nil {
		return err
	}
	page := export.NewPage(families)
	if err := page.Prepare(s.metrics); err != nil {
		return err
	}
	s.snapshot, s.metrics = snapshot, page
	return nil
}

// metricsPage is /metrics as of now.
func (s *server) metricsPage() *export.Page {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.metrics
}

// handler answers requests from the latest picture.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) { s.metricsPage().ServeHTTP(w, r) })
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "healthy") })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if s.latest.Load() == nil {
			plain(w, http.StatusServiceUnavailable, "not ready: the first assessment is not done yet")
			return
		}
		plain(w, http.StatusOK, "ready")
	})
	s.siteRoutes(mux)
	return mux
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
}
