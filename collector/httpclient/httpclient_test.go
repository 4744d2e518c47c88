package httpclient_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

// secret is in every credential and body of these tests, and must be in no error.
const secret = "hunter2"

func client(t *testing.T, c httpclient.Config) *http.Client {
	t.Helper()
	cl, err := httpclient.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.CloseIdleConnections)
	return cl
}

func get(t *testing.T, cl *http.Client, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := httpclient.Do(cl, req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// wantError checks an error's step, what it says, that it says what to do, and that it tells no secret.
func wantError(t *testing.T, err error, step httpclient.Step, says string) {
	t.Helper()
	e, ok := errors.AsType[*httpclient.Error](err)
	if !ok {
		t.Fatalf("%v (%T) is no *Error", err, err)
	}
	text := e.Error()
	if e.Step != step || !strings.Contains(text, says) {
		t.Errorf("step %s: %s\nwant step %s, and %q in it", e.Step, text, step, says)
	}
	if !strings.Contains(text, "\nhint: ") && step != httpclient.StepRefused {
		t.Errorf("%q says not what to do", text)
	}
	if strings.Contains(text, secret) || strings.Contains(text, "query=") {
		t.Errorf("%q tells what is for no log", text)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestWhatIsSent(t *testing.T) {
	var got http.Header
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	for name, c := range map[string]struct {
		config httpclient.Config
		want   map[string]string
	}{
		"token":  {httpclient.Config{TokenFile: write(t, "token", "abc\n")}, map[string]string{"Authorization": "Bearer abc"}},
		"basic":  {httpclient.Config{Username: "u", PasswordFile: write(t, "p", "p\n")}, map[string]string{"Authorization": "Basic dTpw"}},
		"tenant": {httpclient.Config{Tenant: "team-a"}, map[string]string{"X-Scope-OrgID": "team-a"}},
		"others": {httpclient.Config{Headers: map[string]string{"X-Extra": "1"}, UserAgent: "metrics-maturity/1"}, map[string]string{"X-Extra": "1", "User-Agent": "metrics-maturity/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.URL = s.URL
			if _, err := get(t, client(t, c.config), s.URL+"/x"); err != nil {
				t.Fatal(err)
			}
			for name, want := range c.want {
				if got.Get(name) != want {
					t.Errorf("%s: %q, want %q", name, got.Get(name), want)
				}
			}
		})
	}
}

func TestTokenIsReadAgain(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer new" {
			http.Error(w, "no such token: "+secret, http.StatusUnauthorized)
		}
	})
	token := write(t, "token", secret)
	cl := client(t, httpclient.Config{URL: s.URL, TokenFile: token})
	_, err := get(t, cl, s.URL+"/x?query="+secret)
	wantError(t, err, httpclient.StepStatus, "401 Unauthorized")
	if !httpclient.IsStatus(err, 403, 401) || httpclient.IsStatus(err, 403) {
		t.Error("IsStatus")
	}
	if err := os.WriteFile(token, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, cl, s.URL); err != nil {
		t.Error(err)
	}
	if err := os.Remove(token); err != nil {
		t.Fatal(err)
	}
	_, err = get(t, cl, s.URL)
	wantError(t, err, httpclient.StepCredentials, token)
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})

	if got, err := get(t, client(t, httpclient.Config{URL: s.URL, CAFile: write(t, "ca", ca)}), s.URL); err != nil || got != "ok" {
		t.Errorf("right CA: %q, %v", got, err)
	}
	_, err := get(t, client(t, httpclient.Config{URL: s.URL}), s.URL)
	wantError(t, err, httpclient.StepTLS, "authority that is not trusted")
	_, err = get(t, client(t, httpclient.Config{URL: s.URL, CAFile: write(t, "ca", ca), ServerName: "other.test"}), s.URL)
	wantError(t, err, httpclient.StepTLS, "for another name")
	url := "https://localhost" + port
	if _, err = get(t, client(t, httpclient.Config{URL: url, CAFile: write(t, "ca", ca), ServerName: "example.com"}), url); err != nil {
		t.Errorf("server_name: %v", err)
	}
	_, err = get(t, client(t, httpclient.Config{URL: s.URL, CAFile: write(t, "ca", "no certificate")}), s.URL)
	wantError(t, err, httpclient.StepCredentials, "no certificate")
	url = "https" + strings.TrimPrefix(plain.URL, "http")
	_, err = get(t, client(t, httpclient.Config{URL: url, Retries: -1}), url)
	wantError(t, err, httpclient.StepTLS, "does not speak https")

	// A file that is not there yet is no reason to give up the client.
	late := filepath.Join(t.TempDir(), "ca")
	cl := client(t, httpclient.Config{URL: s.URL, CAFile: late})
	_, err = get(t, cl, s.URL)
	wantError(t, err, httpclient.StepCredentials, late)
	if err := os.WriteFile(late, []byte(ca), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, cl, s.URL); err != nil {
		t.Error(err)
	}
}

func TestClientCertificateIsAskedFor(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := write(t, "ca", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	_, err := get(t, client(t, httpclient.Config{URL: s.URL, CAFile: ca, Retries: -1}), s.URL)
	wantError(t, err, httpclient.StepTLS, "handshake failed")
}

func TestNoAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = get(t, client(t, httpclient.Config{URL: closed, Retries: 1}), closed+"/a?query="+secret)
	wantError(t, err, httpclient.StepConnect, "GET "+closed+"/a: can't connect: connection refused (2 attempts)")

	slow := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	_, err = get(t, client(t, httpclient.Config{URL: slow.URL, Timeout: 50 * time.Millisecond, Retries: -1}), slow.URL)
	wantError(t, err, httpclient.StepTimeout, "no whole answer in time")

	url := "http://no-such-host.invalid"
	_, err = get(t, client(t, httpclient.Config{URL: url, Retries: -1}), url)
	wantError(t, err, httpclient.StepDNS, "no-such-host.invalid")
}

func TestCallerEnds(t *testing.T) {
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, slow.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := httpclient.Do(client(t, httpclient.Config{URL: slow.URL}), req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is not the caller's own end", err)
	}
}

// TestBrokenAnswerIsRepeated: a connection that breaks in the middle of an answer is an attempt that failed.
func TestBrokenAnswerIsRepeated(t *testing.T) {
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, secret)
			return
		}
		fmt.Fprint(w, "whole")
	})
	got, err := get(t, client(t, httpclient.Config{URL: s.URL}), s.URL)
	if err != nil || got != "whole" || n.Load() != 2 {
		t.Errorf("%q, %v after %d attempts", got, err, n.Load())
	}
}

func TestAnswersAreBounded(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Error("no compressed answer is asked for")
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	if got, err := get(t, client(t, httpclient.Config{URL: s.URL}), s.URL); err != nil || len(got) != 1<<20 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	_, err := get(t, client(t, httpclient.Config{URL: s.URL, MaxBytes: 1 << 19}), s.URL)
	wantError(t, err, httpclient.StepSize, "larger than 524288 bytes")
	rubbish := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(w, secret+" is no gzip at all")
	})
	_, err = get(t, client(t, httpclient.Config{URL: rubbish.URL, Retries: -1}), rubbish.URL)
	wantError(t, err, httpclient.StepAnswer, "broke")
}

func TestOtherServersGetNothing(t *testing.T) {
	var told atomic.Int64
	other := serve(t, func(http.ResponseWriter, *http.Request) { told.Add(1) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/near":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			fmt.Fprint(w, r.Header.Get("Authorization"))
		}
	})
	cl := client(t, httpclient.Config{URL: s.URL, TokenFile: write(t, "token", secret), RetryPOST: true})
	_, err := get(t, cl, s.URL+"/away")
	wantError(t, err, httpclient.StepRefused, "redirected to "+other.URL)
	_, err = get(t, cl, other.URL)
	wantError(t, err, httpclient.StepRefused, "not sent")
	_, err = get(t, cl, s.URL+"/loop")
	wantError(t, err, httpclient.StepRefused, "too often")
	if got, err := get(t, cl, s.URL+"/near"); err != nil || got != "Bearer "+secret {
		t.Errorf("a redirect within the server: %q, %v", got, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/near", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := httpclient.Do(cl, req)
	if err == nil {
		resp.Body.Close()
	}
	wantError(t, err, httpclient.StepRefused, "drop what is sent")
	if told.Load() != 0 {
		t.Error("another server was asked")
	}
}

func TestMistakes(t *testing.T) {
	for want, c := range map[string]httpclient.Config{
		"holds a user or password": {URL: "http://u:" + secret + "@h"},
		"not the address":          {URL: "loki:3100"},
		"can't be read":            {URL: "http://h:\x00" + secret},
		"more than scheme":         {URL: "http://h/?token=" + secret},
		"both a token":             {URL: "http://h", TokenFile: "t", Username: "u"},
		"no username":              {URL: "http://h", PasswordFile: "p"},
		"no password_file":         {URL: "http://h", Username: "u"},
		"one of cert_file":         {URL: "http://h", CertFile: "c"},
		"not allowed":              {URL: "http://h", Headers: map[string]string{"authorization": secret}},
		"can't be sent":            {URL: "http://h", Headers: map[string]string{"Cookie": secret}},
		"line break":               {URL: "http://h", Tenant: "a\nb"},
	} {
		_, err := httpclient.New(c)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\nhint: ") || strings.Contains(err.Error(), secret) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}
