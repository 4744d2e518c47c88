package main

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/metrics-maturity/metrics-maturity/collector/kube"
	"github.com/metrics-maturity/metrics-maturity/collector/lease"
)

// resolveLease reads which Kubernetes Lease a run takes; nil if it takes none.
func resolveLease(s *settings) (*lease.Config, error) {
	c := &lease.Config{Name: s.text("lease.name"), Namespace: s.text("lease.namespace")}
	if c.Name == "" {
		for _, key := range []string{"lease.namespace", "lease.wait", "lease.kubeconfig"} {
			if s.text(key) != "" {
				return nil, usageErrorf("%s: there is no lease.name\nhint: name the Lease, as in lease: {namespace: observability, name: metrics-maturity}", s.where(key))
			}
		}
		return nil, nil
	}
	if why := validation.IsDNS1123Subdomain(c.Name); len(why) > 0 {
		return nil, usageErrorf("%s: %q is no name for a Lease\nhint: use small letters, digits and dashes", s.where("lease.name"), c.Name)
	}
	if c.Namespace == "" {
		return nil, usageErrorf("%s: there is no lease.namespace\nhint: name the one that this runs in, as in lease: {namespace: observability, name: %s}", s.where("lease.name"), c.Name)
	}
	if err := checkNamespace(c.Namespace); err != nil {
		return nil, usageErrorf("%s: %w", s.where("lease.namespace"), err)
	}
	if s.text("lease.wait") != "" {
		var err error
		if c.Wait, err = s.duration("lease.wait"); err != nil {
			return nil, err
		}
	}
	c.Store = kube.New(kube.Config{Kubeconfig: s.file("lease.kubeconfig")})
	return c, nil
}

// releaseTimeout is how long giving a Lease back may take; after that others wait until it has run out.
const releaseTimeout = 10 * time.Second

// underLease does work while the Kubernetes Lease of the configuration is held, if there is one. If another run holds it and is at work,
// nothing is done, which is no failure: the other one does it.
func (a *app) underLease(ctx context.Context, c *config, do func(context.Context) error) error {
	if c.Lease == nil {
		return do(ctx)
	}
	taking := *c.Lease
	taking.Holder, taking.Duration, taking.Logger = lease.Holder(), a.leaseDuration, a.log
	work, held, err := lease.Take(ctx, taking)
	if busy, ok := errors.AsType[*lease.HeldError](err); ok {
		a.log.Info("nothing was read: another run is at work", "lease", busy.Name, "holder", busy.Holder)
		return nil
	}
	if err != nil {
		return err
	}
	err = do(work)
	if errors.Is(context.Cause(work), lease.ErrLost) {
		err = lease.ErrLost // what do ended with follows from that
	}
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if failure := held.Release(release); failure != nil {
		a.log.Warn("the lease could not be given back; it runs out by itself", "error", firstLine(failure.Error()))
	}
	return err
}
