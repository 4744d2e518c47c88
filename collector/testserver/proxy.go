package testserver

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

// Fault is what a Proxy does to a connection that commits.
type Fault int

// The faults of a Proxy.
const (
	Pass        Fault = iota // nothing
	LoseCommit               // the commit never reaches the server, and the connection is cut
	LoseAnswer               // the server commits, and the connection is cut before the client learns it
	CutOnAnswer              // as LoseAnswer, but the client's side is cut at once, while the server may still be at it
)

// Proxy stands between clients and a PostgreSQL server, and breaks their connections in the moments that matter.
type Proxy struct {
	Addr string

	to     string
	choose func() Fault
	mu     sync.Mutex
	cut    map[Fault]int
}

// NewProxy forwards connections to a server until the test ends. choose is asked for each commit.
func NewProxy(t testing.TB, to string, choose func() Fault) *Proxy {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), to: to, choose: choose, cut: map[Fault]int{}}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

// Cut is how many connections were cut with a fault.
func (p *Proxy) Cut(f Fault) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut[f]
}

func (p *Proxy) count(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut[f]++
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close() //nolint:errcheck // it may be cut already
	var d net.Dialer
	server, err := d.DialContext(context.Background(), "tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // the same
	c := &connection{proxy: p, client: client, server: server}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.answers()
	}()
	c.requests()
	_ = client.Close()
	_ = server.Close()
	<-done
}

// connection is one client's.
type connection struct {
	proxy          *Proxy
	client, server net.Conn
	mu             sync.Mutex
	losing         bool // the next answer is not passed on
}

// requests passes on what the client sends until it commits with a fault. A commit is a message of its own, "commit".
func (c *connection) requests() {
	buf := make([]byte, 64<<10)
	for {
		n, err := c.client.Read(buf)
		if err != nil {
			return
		}
		fault := Pass
		if bytes.Contains(buf[:n], []byte("commit\x00")) {
			fault = c.proxy.choose()
		}
		if fault != Pass {
			c.proxy.count(fault)
		}
		switch fault {
		case LoseCommit:
			return
		case LoseAnswer:
			c.mu.Lock()
			c.losing = true
			c.mu.Unlock()
		}
		if _, err := c.server.Write(buf[:n]); err != nil || fault == CutOnAnswer {
			return
		}
	}
}

// answers passes on what the server sends, until an answer is to be lost.
func (c *connection) answers() {
	defer c.client.Close() //nolint:errcheck // it may be cut already
	buf := make([]byte, 64<<10)
	for {
		n, err := c.server.Read(buf)
		if err != nil {
			return
		}
		c.mu.Lock()
		losing := c.losing
		c.mu.Unlock()
		if losing {
			return // the server has answered: it has committed
		}
		if _, err := io.Copy(c.client, bytes.NewReader(buf[:n])); err != nil {
			return
		}
	}
}
