package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/metrics-maturity/metrics-maturity/prom/export"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Collect and assess on a schedule, with /metrics and the web page",
		Args:  noArgs,
	}
	cmd.Flags().String("listen", "", "`address` to listen on, over serve.listen")
	cmd.Flags().String("interval", "", "`time` from one collection to the next, over serve.interval")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		ctx := cmd.Context()
		c, err := a.config(map[string]*pflag.Flag{
			"serve.listen": cmd.Flags().Lookup("listen"), "serve.interval": cmd.Flags().Lookup("interval"),
		})
		if err != nil {
			return err
		}
		d, err := openDesk(ctx, c, false, a.log)
		if err != nil {
			return err
		}
		defer d.close(&err)
		s := &server{app: a, desk: d}
		return s.run(ctx, func(ctx context.Context) { s.schedule(ctx) })
	}
	return cmd
}

// server shows the latest picture of a desk.
type server struct {
	app    *app
	desk   *desk
	latest atomic.Pointer[shown]
}

// shown is what is served, made once for all readers.
type shown struct {
	snapshot export.Snapshot
	page     []byte
}

// run serves until ctx ends, while work goes on beside it.
func (s *server) run(ctx context.Context, work func(context.Context)) error {
	log := s.app.log
	if err := web.Validate(s.desk.Serve.WebConfig); err != nil {
		return usageErrorf("serve.web_config: %w\nhint: see the web configuration of Prometheus' exporter-toolkit", err)
	}
	handler, err := s.handler()
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", s.desk.Serve.Listen)
	if err != nil {
		return usageErrorf("serve.listen: %w\nhint: choose a free address, as in :9095", err)
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		work(ctx)
	}()
	served := make(chan error, 1)
	go func() {
		systemd := false
		served <- web.Serve(listener, srv, &web.FlagConfig{WebSystemdSocket: &systemd, WebConfigFile: &s.desk.Serve.WebConfig}, log)
	}()
	select {
	case err = <-served:
		cancel()
	case <-ctx.Done():
		stop, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer done()
		err = srv.Shutdown(stop)
	}
	<-worked
	log.Info("stopped")
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// schedule collects and assesses now and at every interval, until ctx ends. What is stored already is shown first.
func (s *server) schedule(ctx context.Context) {
	if _, filled, err := s.desk.store.FirstDay(ctx); err == nil && filled {
		s.log("assessment failed", s.assess(ctx))
	}
	ticker := time.NewTicker(s.desk.Serve.Interval)
	defer ticker.Stop()
	for {
		s.cycle(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// cycle collects and assesses once. What fails is logged and tried again: the last picture stays.
func (s *server) cycle(ctx context.Context) {
	// Sources that failed are logged by the collector and shown in metrics_maturity_source_up.
	_, err := s.desk.collect(ctx, s.desk.buildSources(s.app.log), s.app.now, nil)
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

// assess makes the picture of now, exports it and shows it.
func (s *server) assess(ctx context.Context) error {
	p, err := s.desk.assemble(ctx, s.app.now().Truncate(time.Second))
	if err != nil {
		return err
	}
	if err := s.show(ctx, p); err != nil {
		return err
	}
	s.app.log.Info("assessed", "teams", len(p.report.Teams), "as_of", p.report.AsOf)
	return s.desk.export(ctx, p, s.app.now())
}

// show serves a picture from now on.
func (s *server) show(ctx context.Context, p *picture) error {
	snapshot, err := s.desk.snapshot(ctx, p)
	if err != nil {
		return err
	}
	var page pageBuffer
	if err := writeHTML(&page, p.report, s.desk.Owner.Location); err != nil {
		return err
	}
	s.latest.Store(&shown{snapshot: snapshot, page: page})
	return nil
}

// pageBuffer collects the bytes of a page.
type pageBuffer []byte

func (b *pageBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// handler answers requests from the latest picture.
func (s *server) handler() (http.Handler, error) {
	reg := prometheus.NewRegistry()
	err := reg.Register(export.NewCollector(func() export.Snapshot {
		if l := s.latest.Load(); l != nil {
			return l.snapshot
		}
		return export.Snapshot{Build: readBuild()}
	}))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true, ErrorLog: promLog{s}}))
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
	return mux, nil
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
}

// promLog writes what promhttp complains about to the log.
type promLog struct{ s *server }

func (l promLog) Println(v ...any) { l.s.app.log.Error("metrics", "error", fmt.Sprint(v...)) }
