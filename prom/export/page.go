package export

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// Page answers scrapes from metrics that do not change until there is another Page. They are encoded and compressed once for
// each format that somebody asks for: with thousands of teams, doing it at every scrape would take most of its time.
type Page struct {
	families []*dto.MetricFamily

	mu     sync.Mutex
	packed map[expfmt.Format][]byte // by format, of which there are a handful
}

// NewPage returns a page of families, which must not be changed any more.
func NewPage(families []*dto.MetricFamily) *Page {
	return &Page{families: families, packed: map[expfmt.Format][]byte{}}
}

// Prepare encodes the page in every format that the one before it, which may be nil, was asked for: scrapers come again.
func (p *Page) Prepare(before *Page) error {
	if before == nil {
		return nil
	}
	before.mu.Lock()
	formats := slices.Collect(maps.Keys(before.packed))
	before.mu.Unlock()
	for _, f := range formats {
		if _, err := p.pack(f); err != nil {
			return err
		}
	}
	return nil
}

// ServeHTTP answers in the format that is asked for, compressed if that is welcome.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	packed, err := p.pack(format)
	if err != nil { // names and labels were checked before: this is a mistake of the program
		http.Error(w, "the metrics can't be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", string(format))
	h.Set("Vary", "Accept, Accept-Encoding")
	if AcceptsGzip(r.Header) {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed) // the reader may have gone
		return
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err == nil {
		_, _ = io.Copy(w, z)
	}
}

// pack returns the metrics in a format, compressed.
func (p *Page) pack(format expfmt.Format) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if packed, ok := p.packed[format]; ok {
		return packed, nil
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := Encode(z, p.families, format); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	p.packed[format] = b.Bytes()
	return b.Bytes(), nil
}

// AcceptsGzip reads Accept-Encoding as far as scrapers and browsers write it.
func AcceptsGzip(h http.Header) bool {
	for part := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) == "gzip" && strings.TrimSpace(weight) != "q=0" {
			return true
		}
	}
	return false
}
