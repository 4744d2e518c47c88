package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// grafanaAPI is a small Grafana that may ail.
type grafanaAPI struct {
	name string // of the dashboard in it
	mu   sync.Mutex
	ails string
}

func (g *grafanaAPI) mend() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ails = ""
}

func (g *grafanaAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	ails := g.ails
	g.mu.Unlock()
	switch {
	case ails == "slow":
		time.Sleep(time.Second)
	case ails == "rubbish":
		fmt.Fprint(w, "<html>Welcome, alice@corp.example</html>")
		return
	case ails == "dies" && strings.HasPrefix(r.URL.Path, "/api/dashboards/"):
		panic(http.ErrAbortHandler)
	case r.Header.Get("Authorization") != "Bearer good" && ails == "expired":
		http.Error(w, `{"message":"alice's token has expired"}`, http.StatusUnauthorized)
		return
	}
	answers := map[string]string{
		"/api/org":                                `{"id":1,"name":"Main Org."}`,
		"/api/org/users":                          `[]`,
		"/api/datasources":                        `[]`,
		"/api/teams/search":                       `{"totalCount":1,"teams":[{"id":1,"name":"payments"}]}`,
		"/api/teams/1/members":                    `[{"login":"Alice"}]`,
		"/api/library-elements":                   `{"result":{"elements":[]}}`,
		"/api/dashboards/uid/" + g.name:           `{"meta":{"version":1},"dashboard":{"panels":[{"targets":[{"expr":"up"}]}]}}`,
		"/api/ruler/grafana/api/v1/rules":         `{}`,
		"/api/annotations":                        `[{"id":1,"created":1795000000000,"time":1795000000000,"dashboardUID":"` + g.name + `","login":"alice","tags":["decision"]}]`,
		"/api/search":                             `[{"uid":"` + g.name + `","title":"T"}]`,
		"/api/folders/" + g.name + "/permissions": `[]`,
	}
	text, ok := answers[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	fmt.Fprint(w, text)
}

// TestGrafanaAPIFails: whatever ails one Grafana, the others are read, and once it is mended the next run catches up.
func TestGrafanaAPIFails(t *testing.T) {
	want := map[string]string{ // the error of each
		"down": "can't connect", "dies": "the connection broke", "slow": "no whole answer in time", "rubbish": "GET /api/org: the answer is no JSON",
		"expired": "401 Unauthorized", "ca": "signed by an authority that is not trusted",
	}
	apis, urls := map[string]*grafanaAPI{}, map[string]string{}
	var start func()
	var trusted string
	for _, name := range []string{"good", "down", "dies", "slow", "rubbish", "expired", "ca"} {
		api := &grafanaAPI{name: name, ails: name}
		apis[name] = api
		s := httptest.NewUnstartedServer(api)
		switch name {
		case "ca":
			s.StartTLS()
		case "down":
			address := s.Listener.Addr().String()
			_ = s.Listener.Close() // nobody listens there yet
			urls[name] = "http://" + address
			start = func() {
				var err error
				if s.Listener, err = net.Listen("tcp", address); err != nil {
					t.Fatal(err)
				}
				s.Start()
				t.Cleanup(s.Close)
			}
			continue
		default:
			s.Start()
		}
		t.Cleanup(s.Close)
		urls[name] = s.URL
		if name == "ca" {
			trusted = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
		}
	}
	t.Setenv(envHashKey, "a key that only tests know")
	text := "export: {textfile: out.prom}\nteams: [{name: payments, grafana_teams: [payments]}]\nsources:\n"
	for name, url := range urls {
		text += fmt.Sprintf("  - {name: %s, type: grafana-api, url: %q, token_file: token, timeout: 500ms, retries: 0", name, url)
		if name == "ca" {
			text += ", tls: {ca_file: ca.pem}"
		}
		text += "}\n"
	}
	path := writeConfig(t, text)
	dir := filepath.Dir(path)
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("token", "bad\n")
	write("ca.pem", otherCA(t))
	run := func() (string, int) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		err := Run(t.Context(), []string{"run", "--config", path}, strings.NewReader(""), &stdout, &stderr)
		if strings.Contains(stderr.String(), "alice") {
			t.Errorf("an answer is quoted:\n%s", &stderr)
		}
		return stderr.String(), exitCode(err)
	}
	up := func(name string) bool {
		t.Helper()
		metrics, err := os.ReadFile(filepath.Join(dir, "out.prom"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(metrics), fmt.Sprintf("metrics_maturity_source_up{source=%q} 1", name))
	}
	out, code := run()
	if code != exitFailed {
		t.Errorf("exit %d\n%s", code, out)
	}
	for name := range urls {
		failed := 0
		for line := range strings.Lines(out) {
			if strings.Contains(line, "source failed") && strings.Contains(line, "source="+name+" ") {
				failed++
				if !strings.Contains(line, want[name]) {
					t.Errorf("%s: %s", name, line)
				}
			}
		}
		if ails := want[name] != ""; ails != (failed == 1) || ails == up(name) {
			t.Errorf("%s: %d lines, up %v\n%s", name, failed, up(name), out)
		}
	}
	for _, api := range apis {
		api.mend()
	}
	start()
	write("token", "good\n")
	write("ca.pem", trusted)
	for range 2 {
		if out, code := run(); code != 0 {
			t.Errorf("exit %d\n%s", code, out)
		}
		decisions := map[string]int64{}
		for line := range strings.Lines(runOK(t, "days", "--config", path)) {
			var d dayRow
			if err := json.Unmarshal([]byte(line), &d); err != nil {
				t.Fatal(err)
			}
			if d.Kind != "annotation" || d.Detail != "decision" || d.Team != "payments" {
				t.Errorf("day: %s", line)
			}
			decisions[d.Subject] += d.Count
		}
		for name := range urls {
			if decisions[name] != 1 || !up(name) {
				t.Errorf("%s: %d decisions, up %v", name, decisions[name], up(name))
			}
		}
	}
}

// TestTeamsAreKnownFirst: whose a line is may stand in Grafana alone, and is known before the line is counted.
func TestTeamsAreKnownFirst(t *testing.T) {
	s := httptest.NewServer(&grafanaAPI{name: "board"})
	t.Cleanup(s.Close)
	t.Setenv(envHashKey, "a key that only tests know")
	for name, teams := range map[string]string{
		"teams from Grafana":   "teams_from: [grafana_teams]",
		"members from Grafana": "teams: [{name: money, grafana_teams: [payments]}]",
	} {
		t.Run(name, func(t *testing.T) {
			path := writeConfig(t, fmt.Sprintf("export: {textfile: out.prom}\n%s\nsources:\n  - {name: log, type: grafana-log, files: [grafana.log]}\n  - {name: api, type: grafana-api, url: %q}\n", teams, s.URL))
			line := fmt.Sprintf("logger=context userId=2 orgId=1 uname=alice t=%s level=info msg=\"Request Completed\" method=GET path=/api/dashboards/uid/board status=200 "+
				"remote_addr=127.0.0.1 time_ms=1 duration=1ms size=1 referer=\"http://grafana/d/board/t?orgId=1\" handler=/api/dashboards/uid/:uid\n", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "grafana.log"), []byte(line), 0o600); err != nil {
				t.Fatal(err)
			}
			runOK(t, "run", "--config", path)
			metrics, err := os.ReadFile(filepath.Join(filepath.Dir(path), "out.prom"))
			if err != nil {
				t.Fatal(err)
			}
			if want := `metrics_maturity_events_total{kind="view",outcome="counted",source="log"} 1`; !strings.Contains(string(metrics), want) {
				t.Errorf("no %s in\n%s", want, metrics)
			}
		})
	}
}

// otherCA is the certificate of an authority that signed nothing here.
func otherCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
}
