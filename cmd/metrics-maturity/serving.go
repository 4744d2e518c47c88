package main

import (
	"bytes"
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
	var page bytes.Buffer
	if err := writeHTML(&page, p.report, s.desk.Owner.Location); err != nil {
		return err
	}
	err = s.refresh(func(now *export.Snapshot) {
		snapshot.Reload = now.Reload
		*now = snapshot
	})
	if err != nil {
		return err
	}
	s.latest.Store(&shown{page: page.Bytes()})
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
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		l := s.latest.Load()
		if l == nil {
			w.Header().Set("Retry-After", "10")
			plain(w, http.StatusServiceUnavailable, "the first assessment is not done yet: reload in a moment")
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		_, _ = w.Write(l.page) // the reader may have gone
	})
	return mux
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
}
