// Package lease keeps two runs from colliding: a run takes a Kubernetes Lease before it reads anything, renews it while it works,
// and gives it back at the end.
//
// A Lease spares work; it does not make totals right. That is the store's doing: a commit of a reader that lost its place is
// refused whatever clocks and Leases say.
//
// Clocks of two machines are never compared. A Lease is free if it has no holder, or if it did not change for as long as
// its holder promised to renew it, measured by this process from when it first saw it so. So a run that finds
// the Lease of a holder which was killed waits that long, and takes it over; one that sees it renewed knows that the
// holder lives, and gives up.
package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/kube"
)

// DefaultDuration is how long a Lease lasts without being renewed.
const DefaultDuration = 30 * time.Second

// Store keeps Leases; *kube.Client is one.
type Store interface {
	// Lease reads a Lease; the zero Lease if there is none.
	Lease(ctx context.Context, namespace, name string) (kube.Lease, error)
	// SaveLease writes a Lease unless somebody else did since l.Version, and reports whether it did.
	SaveLease(ctx context.Context, namespace, name string, l kube.Lease) (kube.Lease, bool, error)
}

// Config says which Lease to take.
type Config struct {
	Store     Store
	Namespace string
	Name      string
	Holder    string        // who takes it, different for each process; see Holder
	Duration  time.Duration // 0: DefaultDuration; it is renewed three times in that
	Wait      time.Duration // how long to wait for a holder that lives
	Logger    *slog.Logger
}

// HeldError says that somebody else holds the Lease.
type HeldError struct {
	Name, Holder string
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("the lease %s is held by %s, which is at work\nhint: to wait for it, set lease: {wait: 10m}", e.Name, e.Holder)
}

// ErrLost is the cause with which a run's context ends if its Lease was lost.
var ErrLost = errors.New("the lease was lost: another run may be at work\nhint: what was read is saved, and the next run goes on from here; can the API server be reached all the time?")

// Holder names this process: its pod, and something that tells processes of one pod apart. Outside of a cluster a host's name may be
// a person's, and is left out.
func Holder() string {
	name := "outside-the-cluster"
	if os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		if host, err := os.Hostname(); err == nil {
			name = host
		}
	}
	return name + "_" + strings.ToLower(rand.Text()[:8])
}

// Held is a Lease that was taken.
type Held struct {
	config Config
	lease  kube.Lease
	stop   context.CancelFunc
	done   chan struct{}
}

// Take takes the Lease, and returns a context for the work done under it: it ends with ErrLost if the Lease is lost. The
// error is a *HeldError if somebody else holds it. Release must be called in the end.
func Take(ctx context.Context, c Config) (context.Context, *Held, error) {
	if c.Duration <= 0 {
		c.Duration = DefaultDuration
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Held{config: c, done: make(chan struct{})}
	if err := h.take(ctx); err != nil {
		return nil, nil, err
	}
	renewing, stop := context.WithCancel(ctx)
	h.stop = stop
	work, lost := context.WithCancelCause(ctx)
	go func() {
		defer close(h.done)
		if h.renew(renewing) {
			lost(ErrLost)
		}
	}()
	return work, h, nil
}

// take tries until the Lease is ours, or it is known that its holder lives and has been waited for.
func (h *Held) take(ctx context.Context) error {
	c := h.config
	began := time.Now()
	var seen kube.Lease
	var since time.Time // when seen was first seen
	for {
		l, err := c.Store.Lease(ctx, c.Namespace, c.Name)
		if err != nil {
			return err
		}
		if since.IsZero() || l.Version != seen.Version {
			renewed := !since.IsZero() && l.Holder == seen.Holder && l.Holder != ""
			seen, since = l, time.Now()
			if renewed && time.Since(began) >= c.Wait {
				return &HeldError{c.Namespace + "/" + c.Name, printable(l.Holder)}
			}
		}
		promised := l.Duration
		if promised <= 0 {
			promised = c.Duration
		}
		if l.Holder == "" || l.Holder == c.Holder || time.Since(since) >= promised {
			if taken, err := h.write(ctx, l); taken || err != nil {
				return err
			}
			continue // somebody else was faster
		}
		// A lease that does not last long is renewed often.
		if err := sleep(ctx, min(promised, c.Duration)/6); err != nil {
			return err
		}
	}
}

// write takes or renews the Lease of which l is what is known.
func (h *Held) write(ctx context.Context, l kube.Lease) (bool, error) {
	c := h.config
	now := time.Now()
	next := kube.Lease{Version: l.Version, Holder: c.Holder, Duration: c.Duration, Acquired: l.Acquired, Renewed: now, Transitions: l.Transitions}
	if l.Holder != c.Holder {
		next.Acquired = now
		if l.Version != "" {
			next.Transitions++
		}
		if l.Holder != "" {
			c.Logger.Warn("the lease has run out and is taken over", "lease", c.Namespace+"/"+c.Name, "holder", printable(l.Holder))
		}
	}
	saved, ok, err := c.Store.SaveLease(ctx, c.Namespace, c.Name, next)
	if ok {
		h.lease = saved
	}
	return ok, err
}

// renew renews the Lease until ctx ends. It reports true if the Lease was lost.
func (h *Held) renew(ctx context.Context) bool {
	c := h.config
	renewed, pause := time.Now(), c.Duration/3
	for {
		if sleep(ctx, pause) != nil {
			return false
		}
		began := time.Now()
		// Less than Duration: nobody else may think it has run out before this process does.
		attempt, cancel := context.WithTimeout(ctx, max(renewed.Add(c.Duration*5/6).Sub(began), c.Duration/12))
		mine, err := h.again(attempt)
		cancel()
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil && mine:
			renewed, pause = began, c.Duration/3
		case err == nil:
			c.Logger.Error("the lease was taken by somebody else", "lease", c.Namespace+"/"+c.Name)
			return true
		case time.Since(renewed) >= c.Duration*5/6:
			c.Logger.Error("the lease could not be renewed in time", "lease", c.Namespace+"/"+c.Name, "error", err)
			return true
		default:
			pause = c.Duration / 12
			c.Logger.Warn("the lease can't be renewed; trying again", "lease", c.Namespace+"/"+c.Name, "error", err)
		}
	}
}

// again renews the Lease once, and reports whether it is still ours.
func (h *Held) again(ctx context.Context) (bool, error) {
	if ok, err := h.write(ctx, h.lease); ok || err != nil {
		return ok, err
	}
	// It was changed: by somebody else, or by an attempt of ours whose answer was lost.
	l, err := h.config.Store.Lease(ctx, h.config.Namespace, h.config.Name)
	if err != nil || l.Holder != h.config.Holder {
		return false, err
	}
	return h.write(ctx, l)
}

// Release gives the Lease back, so that nobody has to wait until it has run out. ctx bounds how long that may take.
func (h *Held) Release(ctx context.Context) error {
	h.stop()
	<-h.done
	c := h.config
	l, err := c.Store.Lease(ctx, c.Namespace, c.Name)
	if err != nil || l.Holder != c.Holder {
		return err
	}
	l.Holder, l.Renewed, l.Duration = "", time.Now(), time.Second
	_, _, err = c.Store.SaveLease(ctx, c.Namespace, c.Name, l)
	return err
}

// printable is a holder's name fit for a message: anybody may write into a Lease.
func printable(holder string) string {
	const longest = 80
	clean := strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && r != '@' {
			return r
		}
		return '?'
	}, holder)
	return clean[:min(len(clean), longest)]
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
