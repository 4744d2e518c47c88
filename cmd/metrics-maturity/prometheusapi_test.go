package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// promServer is a server with Prometheus' API whose answers a test changes, and an organisation that reads it and an access log.
type promServer struct {
	t    *testing.T
	dir  string
	addr string

	mu     sync.Mutex
	server *httptest.Server
	broken http.HandlerFunc // answers instead, if set
	groups string           // rules, as the API writes them
	names  string
}

const goodToken = "a token that is good"

func newPromServer(t *testing.T) *promServer {
	t.Helper()
	p := &promServer{t: t, dir: t.TempDir(), addr: "127.0.0.1:0", names: `"up"`}
	p.start()
	p.write("key", "a key that only tests know")
	p.write("token", goodToken)
	p.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})))
	p.write("metrics-maturity.yaml", `sources:
  - {name: nginx, type: nginx-log, files: [access.log]}
  - {name: prom, type: prometheus-api, url: "https://`+p.addr+`", token_file: token, tls: {ca_file: ca.pem}, timeout: 300ms}
teams: [{name: payments, clients: [10.0.0.0/8], metrics: ['{__name__=~"pay_.*"}'], rules: {labels: {team: payments}}}]
privacy: {hash_key_file: key}
`)
	p.write("access.log", "")
	return p
}

func (p *promServer) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// start listens where the server listened before.
func (p *promServer) start() {
	p.t.Helper()
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.addr = l.Addr().String()
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	if err := p.server.Listener.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.server.Listener = l
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	p.server.StartTLS()
	p.t.Cleanup(p.server.Close)
}

func (p *promServer) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	broken, groups, names := p.broken, p.groups, p.names
	p.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+goodToken:
		http.Error(w, "who is alice@corp.example", http.StatusUnauthorized)
	case broken != nil:
		broken(w, r)
	case r.URL.Path == "/api/v1/rules":
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"groups":[{"name":"g","file":"pay.yml","rules":[%s]}]}}`, groups)
	case r.URL.Path == "/api/v1/label/__name__/values":
		_, _ = fmt.Fprintf(w, `{"status":"success","data":[%s]}`, names)
	default:
		http.NotFound(w, r)
	}
}

// set changes what the server answers.
func (p *promServer) set(broken http.HandlerFunc, rules ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = broken
	if len(rules) > 0 {
		p.groups = strings.Join(rules, ",")
		p.names = `"up","pay_requests:rate5m"`
	}
}

// run executes a command, and returns what it wrote and its exit code.
func (p *promServer) run(args ...string) (out, said string, code int) {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	err := Run(p.t.Context(), append(args, "--config", filepath.Join(p.dir, "metrics-maturity.yaml")), strings.NewReader(""), &stdout, &stderr)
	if err != nil {
		printError(&stderr, err)
	}
	for _, secret := range []string{"alice", goodToken, "pay_requests_total"} {
		if strings.Contains(stderr.String(), secret) {
			p.t.Errorf("%q is told:\n%s", secret, &stderr)
		}
	}
	return stdout.String(), stderr.String(), exitCode(err)
}

// up returns what the metric of a source says.
func (p *promServer) up(source string) string {
	p.t.Helper()
	out, _, _ := p.run("report", "--format", "openmetrics")
	m := regexp.MustCompile(`metrics_maturity_source_up\{source="` + source + `"\} (\S+)`).FindStringSubmatch(out)
	if m == nil {
		p.t.Fatalf("no metrics_maturity_source_up of %s in\n%s", source, out)
	}
	return m[1]
}

// asked is a line of the access log.
func asked(n int) string {
	return fmt.Sprintf("10.0.0.7 - - [%s] \"GET /api/v1/query?query=up HTTP/1.1\" 200 %d \"-\" \"curl/8\"\n", time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700"), n)
}

// TestPrometheusAPIFails: whatever ails the server, the other source goes on, the exit code, the metric and one line of the log say
// it, and the next run tells each change once.
func TestPrometheusAPIFails(t *testing.T) {
	if testing.Short() {
		t.Skip("attempts are repeated for half a minute")
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	dies := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/rules" {
			_, _ = w.Write([]byte(`{"status":"success","data":{"groups":[]}}`)) // all rules are gone, it says
			return
		}
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"status":"success","data":["a`))
	}
	tests := map[string]struct {
		breaks func(*promServer)
		mends  func(*promServer)
		want   string // of the one line of the log
	}{
		"down": {func(p *promServer) { p.server.Close() }, func(p *promServer) { p.start() }, "can't connect: connection refused"},
		"dies": {func(p *promServer) { p.set(dies) }, func(p *promServer) { p.set(nil) }, "the connection broke before the answer was whole"},
		"slow": {func(p *promServer) { p.set(hang) }, func(p *promServer) { p.set(nil) }, "no whole answer in time"},
		"rubbish": {func(p *promServer) {
			p.set(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>alice")) })
		}, func(p *promServer) { p.set(nil) }, "the answer is no JSON"},
		"expired token": {func(p *promServer) { p.write("token", "another") }, func(p *promServer) { p.write("token", goodToken) }, "401 Unauthorized"},
		"wrong CA": {func(p *promServer) {
			good, err := os.ReadFile(filepath.Join(p.dir, "ca.pem"))
			if err != nil {
				p.t.Fatal(err)
			}
			p.write("good.pem", string(good))
			p.write("ca.pem", anotherCA(p.t))
		}, func(p *promServer) {
			good, err := os.ReadFile(filepath.Join(p.dir, "good.pem"))
			if err != nil {
				p.t.Fatal(err)
			}
			p.write("ca.pem", string(good))
		}, "signed by an authority that is not trusted"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPromServer(t)
			if _, said, code := p.run("collect"); code != 0 {
				t.Fatalf("exit %d\n%s", code, said)
			}
			p.set(nil, `{"type":"recording","name":"pay_requests:rate5m","query":"rate(pay_requests_total[5m])","labels":{"team":"payments"}}`)
			tt.breaks(p)
			p.write("access.log", asked(1))
			_, said, code := p.run("collect")
			lines := regexp.MustCompile(`(?m)^.*level=ERROR.*$`).FindAllString(said, -1)
			if code != exitFailed || len(lines) != 1 || !strings.Contains(lines[0], "source=prom") || !strings.Contains(lines[0], tt.want) {
				t.Errorf("exit %d\n%s", code, said)
			}
			if prom, nginx := p.up("prom"), p.up("nginx"); prom != "0.0" || nginx != "1.0" {
				t.Errorf("up: prom %s, nginx %s", prom, nginx)
			}
			tt.mends(p)
			for range 2 {
				if _, said, code := p.run("collect"); code != 0 {
					t.Errorf("exit %d\n%s", code, said)
				}
				out, _, _ := p.run("days", "--format", "csv")
				for _, want := range []string{",query,payments,nginx,", ",rule,payments,prom:pay.yml,pay_requests:rate5m,added,counted,", ",metric,payments,prom,pay_requests:rate5m,recorded,counted,"} {
					if strings.Count(out, want) != 1 || strings.Count(out, "\n") != 4 {
						t.Errorf("not once %q in\n%s", want, out)
					}
				}
			}
			if up := p.up("prom"); up != "1.0" {
				t.Errorf("up: prom %s", up)
			}
		})
	}
}

// anotherCA is a certificate that signed nothing.
func anotherCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
