// Package fakeapi is a Kubernetes API server for tests: it listens on loopback and speaks the API's paths, JSON, status
// answers and log streams, with what a test wants to happen in the cluster: pods replaced, containers restarted, logs
// rotated by the kubelet, requests refused, tokens expired, the server away for a while.
package fakeapi

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a cluster of which one API server can be reached. Its methods may be called while it answers.
type Server struct {
	URL string
	ca  string // PEM in base64

	mu       sync.Mutex
	version  int // resourceVersion of the last change
	pods     []*Pod
	rules    []map[string]any
	leases   map[string]map[string]any
	denied   map[string]bool
	token    string
	hook     func(w http.ResponseWriter, r *http.Request) bool
	requests []string
	expired  int // how many continue tokens are to be refused
	pageSize int
	changed  chan struct{} // closed and replaced with every change
}

// New starts a cluster with nothing in it.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{leases: map[string]map[string]any{}, denied: map[string]bool{}, version: 1000, changed: make(chan struct{})}
	h := httptest.NewUnstartedServer(s)
	h.EnableHTTP2 = true
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // tests that break connections would fill it
	h.StartTLS()                                   // client-go sends no token over plain HTTP
	t.Cleanup(h.Close)
	t.Cleanup(h.CloseClientConnections)
	s.URL = h.URL
	s.ca = base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}))
	return s
}

// Kubeconfig writes a kubeconfig that leads to the server, with the token that a file holds if one is named.
func (s *Server) Kubeconfig(t testing.TB, tokenFile string) string {
	t.Helper()
	user := "{}"
	if tokenFile != "" {
		user = fmt.Sprintf("{tokenFile: %q}", tokenFile)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: fake, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: fake, user: %s}]
contexts: [{name: fake, context: {cluster: fake, user: fake}}]
current-context: fake
`, s.URL, s.ca, user)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Deny refuses a verb on a resource, as RBAC calls them, or allows it again.
func (s *Server) Deny(verb, resource string, deny bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied[verb+" "+resource] = deny
}

// Token makes the server refuse everybody who does not send it.
func (s *Server) Token(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// Hook is called before each request is answered; if it returns true it has answered by itself. nil takes it away.
func (s *Server) Hook(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = f
}

// Pages makes lists come in pages of n, and the next expire continue tokens refused.
func (s *Server) Pages(n, expire int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pageSize, s.expired = n, expire
}

// Requests are those that were made so far: verb, resource and query.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	hook, token := s.hook, s.token
	s.mu.Unlock()
	if hook != nil && hook(w, r) {
		return
	}
	if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
		Refuse(w, http.StatusUnauthorized, "Unauthorized", 0)
		return
	}
	p := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(p) >= 5 && p[0] == "api" && p[1] == "v1" && p[2] == "namespaces" && p[4] == "pods":
		s.servePods(w, r, p[3], p[5:])
	case strings.HasPrefix(r.URL.Path, "/apis/coordination.k8s.io/v1/namespaces/") && len(p) >= 6 && p[5] == "leases":
		s.serveLease(w, r, p[4], strings.Join(p[6:], "/"))
	case strings.HasPrefix(r.URL.Path, "/apis/monitoring.coreos.com/v1/") && p[len(p)-1] == "prometheusrules":
		namespace := ""
		if len(p) == 6 {
			namespace = p[4]
		}
		s.serveRules(w, r, namespace)
	default:
		Refuse(w, http.StatusNotFound, "NotFound", 0)
	}
}

// allow notes a request, and refuses it if RBAC does.
func (s *Server) allow(w http.ResponseWriter, r *http.Request, verb, resource string) bool {
	s.mu.Lock()
	s.requests = append(s.requests, strings.TrimSpace(verb+" "+resource+" "+r.URL.RawQuery))
	denied := s.denied[verb+" "+resource]
	s.mu.Unlock()
	if denied {
		Refuse(w, http.StatusForbidden, "Forbidden", 0)
	}
	return !denied
}

// Refuse answers with a Status, as the API server does. Its message names a person, as a real one's may.
func Refuse(w http.ResponseWriter, code int, reason string, retryAfter int) {
	w.Header().Set("Content-Type", "application/json")
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	w.WriteHeader(code)
	answer(w, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code,
		"message": `User "alice@corp.example" cannot do this`})
}

func answer(w http.ResponseWriter, v any) {
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}

// change counts a change of the cluster. The caller holds s.mu.
func (s *Server) change() string {
	s.version++
	close(s.changed)
	s.changed = make(chan struct{})
	return strconv.Itoa(s.version)
}

// list answers with a page of items.
func (s *Server) list(w http.ResponseWriter, r *http.Request, kind string, items []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	if from > 0 && s.expired > 0 {
		s.expired--
		Refuse(w, http.StatusGone, "Expired", 0)
		return
	}
	size, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	if s.pageSize > 0 {
		size = s.pageSize
	}
	meta := map[string]any{"resourceVersion": strconv.Itoa(s.version)}
	from = min(from, len(items))
	to := min(len(items), from+size)
	if to < len(items) {
		meta["continue"] = strconv.Itoa(to)
	}
	answer(w, map[string]any{"kind": kind, "apiVersion": "v1", "metadata": meta, "items": append([]any{}, items[from:to]...)})
}

// selects reports whether a label selector of the forms a=b, a!=b and a matches.
func selects(selector string, labels map[string]string) bool {
	if selector == "" {
		return true
	}
	for part := range strings.SplitSeq(selector, ",") {
		key, value, equal := strings.Cut(part, "=")
		not := strings.HasSuffix(key, "!")
		got, there := labels[strings.TrimSuffix(key, "!")]
		switch {
		case equal && (got == value) == not, !equal && !there:
			return false
		}
	}
	return true
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
