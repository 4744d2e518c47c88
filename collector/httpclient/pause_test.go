package httpclient

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// script answers one attempt after another, and notes when each was made and what it held.
type script struct {
	answers []any // a status, a *http.Response or an error
	began   time.Time
	at      []time.Duration
	bodies  []string
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	s.at = append(s.at, time.Since(s.began))
	text := ""
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		text = string(b)
	}
	s.bodies = append(s.bodies, text)
	answer := s.answers[min(len(s.at), len(s.answers))-1]
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: req}
	switch a := answer.(type) {
	case error:
		return nil, a
	case string:
		resp.StatusCode = 429
		resp.Header.Set("Retry-After", a)
	case int:
		resp.StatusCode = a
	}
	return resp, nil
}

func newScripted(c Config, answers ...any) (*http.Client, *script) {
	s := &script{answers: answers, began: time.Now()}
	c.Timeout, c.MaxBytes, c.Logger = time.Minute, 1<<20, slog.New(slog.DiscardHandler)
	base := &url.URL{Scheme: "http", Host: "h"}
	return &http.Client{Transport: &transport{Config: c, base: base, dial: func() (http.RoundTripper, error) { return s, nil }}}, s
}

func send(t *testing.T, cl *http.Client, method, body string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://h/p", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := Do(cl, req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

var errRefused = &net.OpError{Op: "dial", Err: errors.New("connection refused")}

func TestPauses(t *testing.T) {
	for name, c := range map[string]struct {
		config  Config
		method  string
		answers []any
		tries   int
		status  int // of the error; 0: none
		least   time.Duration
		most    time.Duration
	}{
		"grow and end":                {Config{Retries: 6}, "GET", []any{500}, 7, 500, 15 * time.Second, 32 * time.Second},
		"connection errors count":     {Config{Retries: 3}, "GET", []any{errRefused, errRefused, 200}, 3, 0, 750 * time.Millisecond, 1500 * time.Millisecond},
		"what the server asks for":    {Config{Retries: 3}, "GET", []any{"7", "3", 200}, 3, 0, 10 * time.Second, 10 * time.Second},
		"a date":                      {Config{Retries: 3}, "GET", []any{"Sat, 01 Jan 2000 00:00:40 GMT", 200}, 2, 0, 40 * time.Second, 40 * time.Second},
		"asks for too much":           {Config{Retries: 3}, "GET", []any{"3600"}, 1, 429, 0, 0},
		"a mistake is not repeated":   {Config{Retries: 3}, "GET", []any{400}, 1, 400, 0, 0},
		"a POST is not repeated":      {Config{Retries: 3}, "POST", []any{503}, 1, 503, 0, 0},
		"a POST that may be is":       {Config{Retries: 3, RetryPOST: true}, "POST", []any{503, 200}, 2, 0, 250 * time.Millisecond, 500 * time.Millisecond},
		"a PUT is":                    {Config{Retries: 3}, "PUT", []any{502, 200}, 2, 0, 250 * time.Millisecond, 500 * time.Millisecond},
		"no retries":                  {Config{}, "GET", []any{503}, 1, 503, 0, 0},
		"an expired token is at once": {Config{Retries: 3}, "GET", []any{401}, 1, 401, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cl, s := newScripted(c.config, c.answers...)
				err := send(t, cl, c.method, "payload")
				if took := time.Since(s.began); took < c.least || took > c.most {
					t.Errorf("took %v, want %v to %v", took, c.least, c.most)
				}
				if len(s.at) != c.tries || (err != nil) != (c.status != 0) || err != nil && !IsStatus(err, c.status) {
					t.Errorf("%d attempts, %v", len(s.at), err)
				}
				for _, b := range s.bodies {
					if b != "payload" {
						t.Errorf("sent %q", b)
					}
				}
			})
		})
	}
}

func TestPauseEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl, s := newScripted(Config{Retries: 6}, 503)
		cl.Timeout = time.Second
		if err := send(t, cl, "GET", ""); err == nil || IsStatus(err, 503) {
			t.Errorf("%v", err)
		}
		if took := time.Since(s.began); took > 1100*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}
