package main

import (
	"context"
	"errors"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/metrics-maturity/metrics-maturity/prom/export"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Collect and assess on a schedule, with /metrics and the web page",
		Long: "serve collects, assesses and exports at every interval, and shows the last good result meanwhile. It reads its configuration\n" +
			"again when the file changes or on SIGHUP; one with a mistake is refused, and the one before stays in use.",
		Args: noArgs,
	}
	a.memoryFlag(cmd)
	cmd.Flags().String("listen", "", "`address` to listen on, over serve.listen")
	cmd.Flags().String("interval", "", "`time` from one collection to the next, over serve.interval")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		flags := map[string]*pflag.Flag{
			"serve.listen": cmd.Flags().Lookup("listen"), "serve.interval": cmd.Flags().Lookup("interval"),
		}
		return a.work(ctx, flags, func(d *desk) error {
			s := newServer(a, d)
			r, err := newReloader(s, func() (*config, error) { return a.config(flags) })
			if err != nil {
				return err
			}
			return s.run(ctx, s.schedule, r.watch)
		})
	}
	return cmd
}

// server shows the latest picture of a desk.
type server struct {
	app    *app
	desk   *desk // with the configuration in use; the scheduler's alone once that runs
	latest atomic.Pointer[site]

	leader *leader // exports, if it leads

	next  chan *config // a configuration that was found good, and is not in use yet
	woken chan string  // the name of a source that should be read before its time

	mu       sync.Mutex // guards what /metrics is made of
	snapshot export.Snapshot
	metrics  *export.Page
}

func newServer(a *app, d *desk) *server {
	return &server{app: a, desk: d, leader: newLeader(d, "export"), next: make(chan *config, 1), woken: make(chan string), snapshot: export.Snapshot{Build: readBuild()}}
}

// How long a server waits for a client that is slow, maybe on purpose, and for those that it serves when it stops.
const (
	headerTimeout   = 10 * time.Second
	requestTimeout  = time.Minute // to read a request, and again to answer it
	idleTimeout     = 2 * time.Minute
	maxHeaderBytes  = 32 << 10
	shutdownTimeout = 10 * time.Second
)

// run serves until ctx ends, while each of work goes on beside it.
func (s *server) run(ctx context.Context, work ...func(context.Context)) error {
	log, serve := s.app.log, s.desk.Serve
	if err := web.Validate(serve.WebConfig); err != nil {
		return usageErrorf("serve.web_config: %w\nhint: see the web configuration of Prometheus' exporter-toolkit", err)
	}
	if err := s.refresh(func(*export.Snapshot) {}); err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", serve.Listen)
	if err != nil {
		return usageErrorf("serve.listen: %w\nhint: choose a free address, as in :9095", err)
	}
	srv := newHTTPServer(s.handler(), log)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var working sync.WaitGroup
	for _, w := range work {
		working.Go(func() { w(ctx) })
	}
	served := make(chan error, 1)
	go func() {
		systemd := false
		served <- web.Serve(listener, srv, &web.FlagConfig{WebSystemdSocket: &systemd, WebConfigFile: &serve.WebConfig}, log)
	}()
	select {
	case err = <-served:
		cancel()
	case <-ctx.Done():
		stop, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer done()
		err = srv.Shutdown(stop)
	}
	working.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// newHTTPServer bounds what a client can hold: time, and memory for its headers.
func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: stdlog.New(complaints{log}, "", 0),
	}
}

// complaints is what the HTTP server has to say of clients, logged without their addresses.
type complaints struct{ log *slog.Logger }

var clientAddress = regexp.MustCompile(` (from|serving) \S+:`)

// Write implements io.Writer: a message a call.
func (c complaints) Write(p []byte) (int, error) {
	text, _, _ := strings.Cut(clientAddress.ReplaceAllString(string(p), ":"), "\n") // a panic goes on with its stack
	c.log.Warn("http server", "error", strings.TrimPrefix(text, "http: "))
	return len(p), nil
}
