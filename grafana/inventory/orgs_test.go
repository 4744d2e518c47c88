package inventory_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOrganisations: a server administrator's credentials read every organisation, each by its own scope; others read their own.
func TestOrganisations(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		identity string
		want     []string // scopes
		notes    int
	}{
		"a server administrator": {"serverAdminBasic", []string{"org:1", "org:2"}, 0},
		"another user":           {"adminSA", []string{"org:1"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			recorded := newServer(t, tt.identity)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if user, _, _ := r.BasicAuth(); user != "root" {
					t.Errorf("%s as %q", r.URL.Path, user)
				}
				switch org := r.Header.Get("X-Grafana-Org-Id"); {
				case org == "2" && r.URL.Path == "/api/search":
					fmt.Fprint(w, "[]")
				case org == "2" && r.URL.Path == "/api/teams/search":
					fmt.Fprint(w, `{"totalCount":1,"teams":[{"id":9,"name":"second"}]}`)
				case org == "2" && strings.HasPrefix(r.URL.Path, "/api/annotations"):
					fmt.Fprint(w, `[{"id":1,"created":1795370000000,"login":"zoe","tags":["action"]}]`)
				default:
					recorded.ServeHTTP(w, r)
				}
			}))
			defer s.Close()
			r := newReader(t, s.URL)
			r.HTTP.Username, r.HTTP.PasswordFile = "root", password
			r.mustRead(t)
			var scopes []string
			for _, e := range r.batch.Events {
				scopes = append(scopes, e.Scope)
			}
			slices.Sort(scopes)
			if diff := cmp.Diff(tt.want, slices.Compact(scopes)); diff != "" {
				t.Error(diff)
			}
			if len(r.Notes()) != tt.notes || len(r.batch.Teams) != len(tt.want) {
				t.Errorf("notes %q, %d snapshots of teams", r.Notes(), len(r.batch.Teams))
			}
		})
	}
}

// TestRefusals: whatever call is refused, the read goes on, and the refusal is told once with the role and the loss; with no rights at
// all nothing is told but that.
func TestRefusals(t *testing.T) {
	for i, path := range endpoints {
		s := newServer(t, "adminSA")
		s.set(t, path, http.StatusForbidden, `{"message":"`+marker+`"}`)
		r := newReader(t, s.URL)
		if err := r.read(t.Context()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		silent := slices.Contains([]string{"/apis/dashboard.grafana.app", boardAPI, board + "/versions", ruler, "/api/ruler/grafana/api/v1/rule/cg53adomlvsowf/versions"}, path)
		if notes := r.Notes(); len(notes) > 1 || len(notes) == 0 && !silent {
			t.Errorf("%d: %s: %q", i, path, notes)
		}
		for _, note := range r.Notes() {
			if !strings.Contains(note, " was refused (403): it needs the role ") || strings.Contains(note, marker) {
				t.Errorf("%s: %q", path, note)
			}
		}
		if len(r.covered) != 1 {
			t.Errorf("%s: the day is not covered", path)
		}
	}
}

// TestExpiredToken: without valid credentials nothing is read, and that is an error with a hint.
func TestExpiredToken(t *testing.T) {
	s := newServer(t, "adminSA")
	for path := range s.answers {
		s.set(t, path, http.StatusUnauthorized, `{"message":"`+marker+`"}`)
	}
	r := newReader(t, s.URL)
	err := r.read(t.Context())
	if err == nil || !strings.Contains(err.Error(), "401 Unauthorized\nhint: check token_file") || strings.Contains(err.Error(), marker) {
		t.Fatal(err)
	}
	if len(s.asked) != 1 {
		t.Errorf("asked on: %q", s.asked)
	}
}
