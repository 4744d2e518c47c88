package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/metrics-maturity/metrics-maturity/prom/export"
)

// policy lets a page load its own style, script and icon, and nothing else from anywhere.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// answer is what a request gets.
type answer struct {
	status int
	typ    string
	body   []byte
	etag   string // of the body before it is compressed; made from it if empty
}

// siteRoutes adds the pages and the JSON of everything to mux.
func (s *server) siteRoutes(mux *http.ServeMux) {
	get := func(pattern string, fill func(*site, *http.Request) (answer, error)) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, fill) })
	}
	get("/{$}", func(l *site, r *http.Request) (answer, error) {
		return l.html(page{Name: "organisation", Title: "Metrics maturity", Body: l.organisation(r.URL.Query())})
	})
	get("/teams/{$}", func(l *site, r *http.Request) (answer, error) { return l.teamPage(r.URL.Query().Get("name")) })
	get("/teams/{team}", func(l *site, r *http.Request) (answer, error) { return l.teamPage(r.PathValue("team")) })
	get("/dashboards", func(l *site, r *http.Request) (answer, error) {
		return l.html(page{Name: "dashboards", Title: "Dashboards · Metrics maturity", Body: l.boards(r.URL.Query(), boardsPage)})
	})
	get("/sources", func(l *site, _ *http.Request) (answer, error) {
		return l.html(page{Name: "sources", Title: "Sources · Metrics maturity"})
	})
	s.apiRoutes(get)
	mux.HandleFunc("GET /static/{file}", static)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, func(l *site, r *http.Request) (answer, error) {
			return l.notFound("There is no page here.", strings.Repeat("../", strings.Count(r.URL.Path, "/")-1))
		})
	})
	// Any other method on any path that exists only for reading.
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed, "only GET and HEAD are answered")
	})
}

// answer sends what fill makes of the latest picture: whole, or an error instead.
func (s *server) answer(w http.ResponseWriter, r *http.Request, fill func(*site, *http.Request) (answer, error)) {
	l := s.latest.Load()
	if l == nil {
		w.Header().Set("Retry-After", "10")
		plain(w, http.StatusServiceUnavailable, "the first assessment is not done yet: reload in a moment")
		return
	}
	a, err := fill(l, r)
	if err != nil {
		s.app.log.Error("a page can't be made", "error", err)
		plain(w, http.StatusInternalServerError, "the page can't be made: the log of the server says why")
		return
	}
	w.Header().Set("Cache-Control", "no-cache") // ask each time; an unchanged answer is not sent again
	a.send(w, r)
}

// send writes an answer, compressed if that is welcome, and not at all if the reader has it already.
func (a answer) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.typ)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Add("Vary", "Accept-Encoding")
	if a.status == http.StatusOK {
		if a.etag == "" {
			a.etag = etagOf(a.body)
		}
		h.Set("ETag", a.etag)
		if hasETag(r.Header.Get("If-None-Match"), a.etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	body := a.body
	if len(body) > 1400 && export.AcceptsGzip(r.Header) {
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // the level is one
		if _, err := z.Write(body); err == nil && z.Close() == nil {
			h.Set("Content-Encoding", "gzip")
			body = packed.Bytes()
		}
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // the reader may have gone; of a HEAD nothing is sent
}

// etagOf is weak: the same page may be sent compressed or not.
func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + hex.EncodeToString(sum[:12]) + `"`
}

// hasETag reads If-None-Match.
func hasETag(header, etag string) bool {
	for have := range strings.SplitSeq(header, ",") {
		if have = strings.TrimSpace(have); have == "*" || strings.TrimPrefix(have, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

func (s *site) html(p page) (answer, error) {
	body, err := s.render(p)
	return answer{status: http.StatusOK, typ: "text/html; charset=utf-8", body: body}, err
}

func (s *site) teamPage(name string) (answer, error) {
	i, ok := s.at[name]
	if !ok {
		return s.notFound("There is no team of that name.", "../")
	}
	return s.html(page{Name: "team", Title: name + " · Metrics maturity", Root: "../", Body: s.teamView(s.Teams[i])})
}

func (s *site) notFound(text, root string) (answer, error) {
	a, err := s.html(page{Name: "notice", Title: "Not found · Metrics maturity", Root: root, Body: text})
	a.status = http.StatusNotFound
	return a, err
}

// static serves the files that pages load. Their names carry what is in them, so they may be kept for long.
func static(w http.ResponseWriter, r *http.Request) {
	name, version, _ := strings.Cut(r.PathValue("file"), "@")
	body, err := webFiles.ReadFile("web/" + name)
	typ := mime.TypeByExtension(path.Ext(name))
	if err != nil || path.Ext(name) == ".html" {
		plain(w, http.StatusNotFound, "no such file")
		return
	}
	if version != "" {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	answer{status: http.StatusOK, typ: typ, body: body}.send(w, r)
}

// Static is the address of a file that the page loads.
func (p page) Static(name string) (string, error) {
	body, err := webFiles.ReadFile("web/" + name)
	return p.Root + "static/" + name + "@" + strings.Trim(etagOf(body), `W/"`), err
}

// apiRoutes adds the JSON of everything, by the same names as report --format json has.
func (s *server) apiRoutes(get func(string, func(*site, *http.Request) (answer, error))) {
	get("/api/v1/report", func(l *site, r *http.Request) (answer, error) {
		return asJSON(http.StatusOK, l.withHistory(isTrue(r.URL.Query(), "history")))
	})
	team := func(l *site, name string) (answer, error) {
		i, ok := l.at[name]
		if !ok {
			return asJSON(http.StatusNotFound, map[string]string{"error": "no such team"})
		}
		return asJSON(http.StatusOK, l.teamJSON(l.Teams[i]))
	}
	get("/api/v1/teams/{$}", func(l *site, r *http.Request) (answer, error) { return team(l, r.URL.Query().Get("name")) })
	get("/api/v1/teams/{team}", func(l *site, r *http.Request) (answer, error) { return team(l, r.PathValue("team")) })
	get("/api/v1/dashboards", func(l *site, _ *http.Request) (answer, error) { return asJSON(http.StatusOK, l.Usage) })
	get("/api/v1/sources", func(l *site, _ *http.Request) (answer, error) { return asJSON(http.StatusOK, l.Reading) })
	get("/api/", func(*site, *http.Request) (answer, error) {
		return asJSON(http.StatusNotFound, map[string]string{"error": "no such path: there are /api/v1/report, /api/v1/teams/TEAM, /api/v1/dashboards and /api/v1/sources"})
	})
}

func isTrue(q url.Values, key string) bool { v := q.Get(key); return v == "true" || v == "1" }

// teamDetail is a team's report with what its page shows beside it.
type teamDetail struct {
	explanation
	SetAside   []setAside        `json:"set_aside"` // in the last asideWeeks
	Dashboards []dashboardReport `json:"dashboards"`
}

func (s *site) teamJSON(t teamReport) teamDetail {
	v := s.teamView(t)
	d := teamDetail{SetAside: v.SetAside, Dashboards: v.Boards}
	d.explanation = newExplanation(t)
	if d.SetAside == nil {
		d.SetAside = []setAside{}
	}
	if d.Dashboards == nil {
		d.Dashboards = []dashboardReport{}
	}
	return d
}

func asJSON(status int, v any) (answer, error) {
	body, err := json.Marshal(v)
	return answer{status: status, typ: "application/json", body: append(body, '\n')}, err
}
