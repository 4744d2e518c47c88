package main

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/metrics-maturity/metrics-maturity/prom/export"
)

// reloader reads the configuration again when it changes, and hands a good one to the server.
type reloader struct {
	server *server
	load   func() (*config, error)
	every  time.Duration // between two looks at the file

	fixed config // as the server began: some of it can't change while it runs
	keyID string

	text []byte // of the file when it was last read
	read fileState
	seen fileState // at the last look
}

// fileState tells two versions of a file apart without reading it. It follows links: Kubernetes changes a mounted
// configuration by turning one.
type fileState struct {
	modified time.Time
	size     int64
}

// newReloader returns a reloader for the configuration that the server began with, which load reads.
func newReloader(s *server, load func() (*config, error)) (*reloader, error) {
	r := &reloader{server: s, load: load, every: s.app.watchEvery, fixed: *s.desk.config, keyID: s.desk.key.ID()}
	var err error
	if r.read, err = stateOf(r.fixed.Path); err != nil {
		return nil, err
	}
	r.seen = r.read
	if r.text, err = readFile(r.fixed.Path); err != nil {
		return nil, err
	}
	return r, r.tell(true)
}

// watch reloads on SIGHUP and when the file changes, until ctx ends.
func (r *reloader) watch(ctx context.Context) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	ticker := time.NewTicker(r.every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			r.reload()
		case <-ticker.C:
			if r.changed() {
				r.reload()
			}
		}
	}
}

// changed says whether the file holds something else than when it was last read. One that changed since the last look may still be
// being written: it is left until the next.
func (r *reloader) changed() bool {
	state, err := stateOf(r.fixed.Path)
	if err != nil { // an editor may have moved it away for a moment
		return false
	}
	if state != r.seen || state == r.read {
		r.seen = state
		return false
	}
	r.read = state
	text, err := readFile(r.fixed.Path)
	return err == nil && !bytes.Equal(text, r.text)
}

func stateOf(path string) (fileState, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}, err
	}
	return fileState{info.ModTime(), info.Size()}, nil
}

// reload reads the configuration. A good one is used from the next cycle on, which begins at once unless one is going on; a bad
// one is refused.
func (r *reloader) reload() {
	log := r.server.app.log
	if text, err := readFile(r.fixed.Path); err == nil {
		r.text = text
	}
	c, err := r.load()
	if err == nil {
		err = r.fits(c)
	}
	r.server.log("metrics can't be made", r.tell(err == nil))
	if err != nil {
		log.Error("the configuration is refused; the one before stays in use", "error", err)
		return
	}
	log.Info("configuration read again", "sources", len(c.Sources), "teams", len(c.Owner.Teams))
	r.hand(c)
}

// fits refuses what can't change while the server runs.
func (r *reloader) fits(c *config) error {
	var changed string
	key, err := c.hashKey()
	switch {
	case err != nil:
		return err
	case key.ID() != r.keyID:
		changed = "privacy.hash_key_file"
	case c.StoreURL != r.fixed.StoreURL || c.StoreFile != r.fixed.StoreFile:
		changed = "store.url"
	case c.Owner.Location.String() != r.fixed.Owner.Location.String():
		changed = "timezone"
	case c.Serve.Listen != r.fixed.Serve.Listen:
		changed = "serve.listen"
	case c.Serve.WebConfig != r.fixed.Serve.WebConfig:
		changed = "serve.web_config"
	default:
		return nil
	}
	return usageErrorf("%s: %s can't change while serve runs\nhint: restart it, or set %s back", c.Path, changed, changed)
}

// hand gives a configuration to the scheduler, in place of one that it has not taken yet.
func (r *reloader) hand(c *config) {
	select {
	case <-r.server.next:
	default:
	}
	r.server.next <- c // nobody else sends
}

// tell shows in the metrics how it went.
func (r *reloader) tell(successful bool) error {
	return r.server.refresh(func(s *export.Snapshot) {
		last := export.Reload{Successful: successful}
		if s.Reload != nil {
			last.LastSuccess = s.Reload.LastSuccess
		}
		if successful {
			last.LastSuccess = r.server.app.now()
		}
		s.Reload = &last
	})
}
