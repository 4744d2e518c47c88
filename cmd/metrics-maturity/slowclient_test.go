package main

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections have the clock of a synctest bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error { close(p); return nil } // the server calls it once

func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// connect starts the server that serve has, with its own time limits, and returns a client's end of a connection to it.
func connect(t *testing.T, h http.Handler) net.Conn {
	t.Helper()
	srv := newHTTPServer(h, slog.New(slog.DiscardHandler))
	listener := make(pipes, 1)
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(listener) }()
	client, server := net.Pipe()
	listener <- server
	t.Cleanup(func() {
		if err := errors.Join(client.Close(), srv.Close()); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		time.Sleep(time.Second) // the server lingers where it refused something
	})
	return client
}

// trickle sends text, then more of x, a byte a second, and returns how long it was let.
func trickle(c net.Conn, text string) time.Duration {
	go func() { _, _ = io.Copy(io.Discard, c) }() // what it refuses with would wait for a reader
	began := time.Now()
	for i := 0; time.Since(began) < 24*time.Hour; i++ {
		b := byte('x')
		if i < len(text) {
			b = text[i]
		}
		if _, err := c.Write([]byte{b}); err != nil {
			break
		}
		time.Sleep(time.Second)
	}
	return time.Since(began)
}

// TestSlowClients: who sends, reads or keeps silent slowly on purpose is cut off after the time that the listener allows.
func TestSlowClients(t *testing.T) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "hello")
	})
	const get = "GET / HTTP/1.1\r\nHost: a\r\n"
	for name, tt := range map[string]struct {
		handler http.Handler
		client  func(t *testing.T, c net.Conn) time.Duration
		limit   time.Duration
	}{
		"nothing":        {hello, func(_ *testing.T, c net.Conn) time.Duration { return untilClosed(c) }, headerTimeout},
		"a request line": {hello, func(_ *testing.T, c net.Conn) time.Duration { return trickle(c, "GET /") }, headerTimeout},
		"headers": {hello, func(t *testing.T, c net.Conn) time.Duration {
			send(t, c, get)
			return trickle(c, "X-Slow: ")
		}, headerTimeout},
		"a body": {hello, func(t *testing.T, c net.Conn) time.Duration {
			send(t, c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
			return trickle(c, "")
		}, requestTimeout},
		"the next request": {hello, func(t *testing.T, c net.Conn) time.Duration {
			send(t, c, get+"\r\n")
			return untilClosed(c)
		}, idleTimeout},
		"reading": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, io.LimitReader(endless{}, 1<<20))
		}), func(t *testing.T, c net.Conn) time.Duration {
			began := time.Now()
			send(t, c, get+"\r\n")
			for b := make([]byte, 1); ; time.Sleep(time.Second) {
				if _, err := c.Read(b); err != nil {
					return time.Since(began)
				}
			}
		}, requestTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if took := tt.client(t, connect(t, tt.handler)); took < tt.limit/2 || took > tt.limit+2*time.Second {
					t.Errorf("held a connection for %v, the limit is %v", took, tt.limit)
				}
			})
		})
	}
}

// TestLargeHeaders: headers above the limit, in one or in many, are refused before anybody holds them; those of real clients pass.
func TestLargeHeaders(t *testing.T) {
	for name, tt := range map[string]struct {
		headers string
		want    int
	}{
		"usual":     {"Cookie: " + strings.Repeat("a", 8<<10) + "\r\n", http.StatusOK},
		"one":       {"Cookie: " + strings.Repeat("a", 1<<20) + "\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"many":      {strings.Repeat("A: b\r\n", 1<<20), http.StatusRequestHeaderFieldsTooLarge},
		"just over": {"X: " + strings.Repeat("x", maxHeaderBytes+8<<10) + "\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"no header": {"X\r\n", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := connect(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				go func() { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n"+tt.headers+"\r\n") }()
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if resp.StatusCode != tt.want {
					t.Errorf("status %d, want %d", resp.StatusCode, tt.want)
				}
			})
		})
	}
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// untilClosed reads until the server ends the connection, and returns how long that took.
func untilClosed(c net.Conn) time.Duration {
	began := time.Now()
	_, _ = io.Copy(io.Discard, c)
	return time.Since(began)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
