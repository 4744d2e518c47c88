package inventory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
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

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/grafana/inventory"
	"github.com/metrics-maturity/metrics-maturity/prom"
)

var (
	now = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	key = activity.NewKey([]byte("a key for tests"))
)

// recording is one recorded answer of Grafana 12.4.
type recording struct {
	file, identity, path string
	status               int
	body                 []byte
}

func recordings(t *testing.T) []recording {
	t.Helper()
	all, err := readRecordings()
	if err != nil || len(all) < 90 {
		t.Fatal(len(all), err)
	}
	return all
}

var readRecordings = sync.OnceValues(func() (all []recording, err error) {
	index, err := os.ReadFile(filepath.Join("testdata", "12.4", "INDEX.tsv"))
	if err != nil {
		return nil, err
	}
	for _, line := range strings.Split(strings.TrimSpace(string(index)), "\n")[1:] { // without the names of the columns
		columns := strings.Split(line, "\t")
		parts := strings.Split(columns[0], ".")
		r := recording{file: columns[0], identity: parts[len(parts)-3], path: columns[2]}
		if r.status, err = strconv.Atoi(columns[3]); err != nil {
			return nil, err
		}
		if r.body, err = os.ReadFile(filepath.Join("testdata", "12.4", r.file)); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
})

// server is a Grafana that answers as was recorded, or as a test wants. Answers are by path, with the query if that matters.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]answer
	asked   []string // paths with their queries
	delay   time.Duration
}

type answer struct {
	status int
	body   []byte
}

// newServer answers as Grafana 12.4 did to an identity. What was recorded for administrators alone is taken to be open to all.
func newServer(t *testing.T, identity string) *server {
	t.Helper()
	s := &server{answers: map[string]answer{}}
	for _, want := range []string{"adminSA", identity} {
		for _, r := range recordings(t) {
			if r.identity == want {
				s.answers[r.path] = answer{r.status, r.body}
			}
		}
	}
	// Asked with other words than when it was recorded.
	s.alias("/api/search?type=dash-folder", "/api/search?type=dash-folder&limit=1000")
	s.alias("/api/search?type=dash-db", "/api/search?type=dash-db&limit=1000&page=1")
	s.alias("/api/teams/search", "/api/teams/search?perpage=1000&page=1")
	s.alias("/api/serviceaccounts/search", "/api/serviceaccounts/search?perpage=100&page=1")
	s.alias("/api/library-elements", "/api/library-elements?perPage=100")
	s.alias("/api/ruler/grafana/api/v1/rules", "/api/ruler/grafana/api/v1/rules?subtype=cortex")
	s.alias("/api/annotations", "/api/annotations?from=1795283763217&to=1795370163217&limit=100&type=annotation")
	const boards = "/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards"
	s.alias(boards, boards+"?limit=2")
	s.alias(boards+"?labelSelector", boards+"?labelSelector=grafana.app%2Fget-history%3Dtrue&fieldSelector=metadata.name%3Dcheckout-overview&limit=10")
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) alias(path, recorded string) { s.answers[path] = s.answers[recorded] }

// set gives a path another answer. v is JSON text, or a value to write as JSON.
func (s *server) set(t *testing.T, path string, status int, v any) {
	t.Helper()
	body, isText := v.(string)
	if !isText {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		body = string(text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = answer{status, []byte(body)}
}

// edit changes the answer of a path.
func (s *server) edit(t *testing.T, path string, change func(v any) any) {
	t.Helper()
	s.mu.Lock()
	a := s.answers[path]
	s.mu.Unlock()
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	s.set(t, path, a.status, change(v))
}

// ServeHTTP looks for an answer to the whole request, then to the path with the first word of its query, then to the path.
func (s *server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	time.Sleep(s.delay)
	path, query := req.URL.Path, req.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, req.URL.RequestURI())
	if query.Get("page") != "" && query.Get("page") != "1" {
		path += "?page=" + query.Get("page")
	} else if kind := query.Get("type"); path == "/api/search" {
		path += "?type=" + kind
	} else if query.Has("labelSelector") {
		path += "?labelSelector"
	} else if query.Has("continueToken") || query.Has("start") {
		path += "?next"
	}
	a, ok := s.answers[path]
	if !ok {
		a = answer{http.StatusNotFound, []byte(`{"message":"Not found"}`)}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// requests counts the requests for paths that begin alike, and forgets all.
func (s *server) requests(prefix string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range s.asked {
		if strings.HasPrefix(path, prefix) {
			n++
		}
	}
	return n
}

func (s *server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = nil
}

// reader reads a server again and again, as the collector does.
type reader struct {
	*inventory.Inventory
	cursor  []byte
	batch   activity.Batch // of the last read
	covered []activity.CoveredDay
	at      time.Time
	log     bytes.Buffer
}

func newReader(t *testing.T, url string) *reader {
	t.Helper()
	t.Helper()
	r := &reader{at: now}
	r.Inventory = &inventory.Inventory{
		Source: "inventory", HTTP: httpclient.Config{URL: url, Retries: -1}, Key: key, Fingerprint: prom.NewFingerprinter(nil).Once, Diff: diff,
		Now: func() time.Time { return r.at }, Logger: slog.New(slog.NewTextHandler(&r.log, nil)),
	}
	return r
}

// diff is what the command passes.
func diff(before, after string) string {
	switch prom.Diff(before, after) {
	case prom.SameExpr:
		return ""
	case prom.ThresholdOnly:
		return activity.RuleThresholdChanged
	}
	return activity.RuleExprChanged
}

func (r *reader) read(ctx context.Context) error {
	r.batch, r.covered = activity.Batch{}, nil
	return r.Fetch(ctx, r.cursor, func(b activity.Batch, cursor []byte, covered []activity.CoveredDay) error {
		r.batch.Events = append(r.batch.Events, b.Events...)
		r.batch.Dashboards = append(r.batch.Dashboards, b.Dashboards...)
		r.batch.Rules = append(r.batch.Rules, b.Rules...)
		r.batch.Folders = append(r.batch.Folders, b.Folders...)
		r.batch.DataSources = append(r.batch.DataSources, b.DataSources...)
		r.batch.Teams = append(r.batch.Teams, b.Teams...)
		r.batch.Malformed += b.Malformed
		r.cursor, r.covered = cursor, append(r.covered, covered...)
		return nil
	})
}

func (r *reader) mustRead(t *testing.T) {
	t.Helper()
	if err := r.read(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// events describes events without their times, in order: "edit checkout-overview saved alice".
func (r *reader) events() []string {
	var out []string
	for _, e := range r.batch.Events {
		out = append(out, strings.TrimSpace(strings.Join([]string{string(e.Kind), e.Subject, e.Detail, e.Who.Login, e.Robot}, " ")))
	}
	slices.Sort(out)
	return out
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
