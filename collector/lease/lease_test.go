package lease_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/kube"
	"github.com/metrics-maturity/metrics-maturity/collector/kube/fakeapi"
	"github.com/metrics-maturity/metrics-maturity/collector/lease"
)

// memory is a store in memory, for tests in which time is not real.
type memory struct {
	mu      sync.Mutex
	lease   kube.Lease
	version int
	down    bool
}

func (m *memory) Lease(context.Context, string, string) (kube.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return kube.Lease{}, errors.New("down")
	}
	return m.lease, nil
}

func (m *memory) SaveLease(_ context.Context, _, _ string, l kube.Lease) (kube.Lease, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return kube.Lease{}, false, errors.New("down")
	}
	if l.Version != m.lease.Version {
		return kube.Lease{}, false, nil
	}
	m.version++
	m.lease = l
	m.lease.Version = fmt.Sprint(m.version)
	return m.lease, true, nil
}

// now returns the lease as it is: those who hold it renew it meanwhile.
func (m *memory) now() kube.Lease {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lease
}

func (m *memory) set(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

func config(s lease.Store, holder string) lease.Config {
	return lease.Config{Store: s, Namespace: "observability", Name: "metrics-maturity", Holder: holder}
}

func take(t *testing.T, c lease.Config) (context.Context, *lease.Held) {
	t.Helper()
	ctx, h, err := lease.Take(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, h
}

func release(t *testing.T, h *lease.Held) {
	t.Helper()
	if err := h.Release(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestSecondRunGivesUpAndIsToldWhoHoldsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		work, first := take(t, config(m, "maturity-1"))
		began := time.Now()
		_, _, err := lease.Take(t.Context(), config(m, "maturity-2"))
		if want := "the lease observability/metrics-maturity is held by maturity-1, which is at work\nhint: to wait for it, set lease: {wait: 10m}"; fmt.Sprint(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if took := time.Since(began); took > lease.DefaultDuration {
			t.Errorf("it took %s to see that the holder lives", took)
		}
		time.Sleep(time.Hour) // it is renewed all the time
		if work.Err() != nil || m.now().Holder != "maturity-1" || m.now().Transitions != 0 {
			t.Errorf("after an hour: %v, %+v", work.Err(), m.now())
		}
		release(t, first)
		began = time.Now()
		_, second := take(t, config(m, "maturity-2"))
		if took := time.Since(began); took > 0 {
			t.Errorf("a lease that was given back took %s", took)
		}
		release(t, second)
	})
}

func TestKilledHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Its clock is wrong by years, which must not matter.
		m := &memory{lease: kube.Lease{Version: "7", Holder: "killed", Duration: 20 * time.Second, Renewed: time.Now().Add(10000 * time.Hour), Transitions: 3}}
		began := time.Now()
		_, h := take(t, config(m, "maturity-2"))
		if took := time.Since(began); took < 20*time.Second || took > 30*time.Second {
			t.Errorf("it was taken over after %s, want the 20 s that the holder promised and little more", took)
		}
		if m.now().Holder != "maturity-2" || m.now().Transitions != 4 {
			t.Errorf("the lease is %+v", m.now())
		}
		release(t, h)
	})
}

func TestWaitsForALivingHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		_, first := take(t, config(m, "maturity-1"))
		time.AfterFunc(5*time.Minute, func() { release(t, first) })
		c := config(m, "maturity-2")
		c.Wait = 4 * time.Minute
		if _, _, err := lease.Take(t.Context(), c); err == nil {
			t.Error("4 minutes were enough")
		}
		_, second := take(t, c)
		release(t, second)
	})
}

func TestLost(t *testing.T) {
	for name, happens := range map[string]func(*memory){
		"the server is away for too long": func(m *memory) { m.set(true) },
		"somebody takes it": func(m *memory) {
			l, _ := m.Lease(context.Background(), "", "")
			l.Holder = "somebody"
			_, _, _ = m.SaveLease(context.Background(), "", "", l)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &memory{}
				work, h := take(t, config(m, "maturity-1"))
				time.Sleep(time.Minute)
				happens(m)
				began := time.Now()
				<-work.Done()
				if took := time.Since(began); took > lease.DefaultDuration {
					t.Errorf("it took %s, longer than the lease lasts", took)
				}
				if !errors.Is(context.Cause(work), lease.ErrLost) {
					t.Errorf("work ended with %v", context.Cause(work))
				}
				m.set(false)
				release(t, h)
				if m.now().Holder == "maturity-1" && name == "somebody takes it" {
					t.Error("what is not ours was given back")
				}
			})
		})
	}
}

func TestServerAwayForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		work, h := take(t, config(m, "maturity-1"))
		for range 5 {
			m.set(true)
			time.Sleep(lease.DefaultDuration / 3)
			m.set(false)
			time.Sleep(lease.DefaultDuration)
		}
		if work.Err() != nil {
			t.Error("the lease was lost")
		}
		release(t, h)
	})
}

func TestOddHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		_, h := take(t, config(m, "alice@corp \x1b[31m"+strings.Repeat("x", 200)))
		_, _, err := lease.Take(t.Context(), config(m, "maturity-2"))
		var held *lease.HeldError
		if !errors.As(err, &held) || strings.ContainsAny(held.Holder, "@\x1b ") || len(held.Holder) > 80 {
			t.Errorf("got %q", err)
		}
		release(t, h)
	})
}

// TestManyAtOnce lets many processes want the Lease of a real API at the same time, some of which are killed: never do two hold it.
func TestManyAtOnce(t *testing.T) {
	s := fakeapi.New(t)
	var wait sync.WaitGroup
	var holding, turns atomic.Int32
	for i := range 8 {
		client := kube.New(kube.Config{Kubeconfig: s.Kubeconfig(t, "")})
		wait.Go(func() {
			c := config(client, fmt.Sprint("maturity-", i))
			c.Duration, c.Wait = 600*time.Millisecond, time.Minute
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			work, h, err := lease.Take(ctx, c)
			if err != nil {
				t.Error(err)
				return
			}
			if holding.Add(1) != 1 {
				t.Error("two hold the lease")
			}
			time.Sleep(20 * time.Millisecond)
			holding.Add(-1)
			turns.Add(1)
			if work.Err() != nil {
				t.Error(context.Cause(work))
			}
			if i%4 == 0 {
				cancel() // killed: it is not given back
				return
			}
			if err := h.Release(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if turns.Load() != 8 {
		t.Errorf("%d of 8 had their turn", turns.Load())
	}
	if spec := s.Lease("observability", "metrics-maturity"); spec["leaseTransitions"] != float64(7) {
		t.Errorf("the lease says %v, want 7 transitions", spec)
	}
}

func TestLeaseRefused(t *testing.T) {
	s := fakeapi.New(t)
	s.Deny("create", "leases", true)
	client := kube.New(kube.Config{Kubeconfig: s.Kubeconfig(t, "")})
	_, _, err := lease.Take(t.Context(), config(client, "maturity-1"))
	if err == nil || !strings.Contains(err.Error(), `hint: allow it in a Role (ClusterRole for all namespaces) bound to the service account: {apiGroups: ["coordination.k8s.io"], resources: [leases], verbs: [create]}`) {
		t.Errorf("got %v", err)
	}
}

func TestHolderNamesNobodysMachine(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	a, b := lease.Holder(), lease.Holder()
	if !strings.HasPrefix(a, "outside-the-cluster_") || a == b {
		t.Errorf("got %s and %s", a, b)
	}
}
