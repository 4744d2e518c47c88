package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// leader is elected among the processes that share a store, to do what one of them does for all.
type leader struct {
	desk    *desk
	work    string
	silence time.Duration // after which another one is taken for dead

	mu    sync.Mutex
	lease *store.Lease // nil while it does not lead
	stop  func()
}

func newLeader(d *desk, work string) *leader {
	return &leader{desk: d, work: work, silence: store.Silence}
}

// leads reports whether this process leads. It does until it resigns or gives no sign of life; where somebody else seems to
// lead this takes as long as a dead one would have to be silent.
func (l *leader) leads(ctx context.Context) (bool, error) {
	l.mu.Lock()
	leading := l.lease != nil
	l.mu.Unlock()
	if leading || !l.desk.store.Shared() {
		return true, nil
	}
	lease, err := l.desk.store.Acquire(ctx, l.work, l.silence)
	if err != nil || lease == nil {
		return false, err
	}
	kept, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.mu.Lock()
	l.lease, l.stop = lease, stop
	l.mu.Unlock()
	go func() {
		if err := lease.Keep(kept); err != nil {
			l.desk.log.Warn("no longer the one that does it", "work", l.work, "error", firstLine(err.Error()))
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.lease == lease {
				l.lease = nil
			}
		}
	}()
	return true, nil
}

// resign lets somebody else lead.
func (l *leader) resign(ctx context.Context) error {
	l.mu.Lock()
	lease, stop := l.lease, l.stop
	l.lease = nil
	l.mu.Unlock()
	if stop != nil {
		stop()
	}
	if lease == nil {
		return nil
	}
	return lease.Release(context.WithoutCancel(ctx))
}

// alone does work unless another process does it at the moment.
func (d *desk) alone(ctx context.Context, work string, do func(context.Context) error) error {
	l := newLeader(d, work)
	leads, err := l.leads(ctx)
	if err != nil {
		return err
	}
	if !leads {
		d.log.Info("left to another process, which is doing it", "work", work)
		return nil
	}
	return errors.Join(do(ctx), l.resign(ctx))
}
