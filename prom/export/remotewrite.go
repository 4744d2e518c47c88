package export

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

// Memory keeps what an export must know of itself from one run to the next. Load returns nil if nothing was saved.
type Memory interface {
	Load(ctx context.Context) ([]byte, error)
	Save(ctx context.Context, state []byte) error
}

// maxSamples are sent in one request: some hundred KiB, far below what receivers refuse.
const maxSamples = 10_000

// RemoteWriter sends samples by remote write 1.0, which every receiver understands.
type RemoteWriter struct {
	api    *remote.API
	last   *lastError
	labels map[string]string
}

// NewRemoteWriter returns a writer to the receiver at address, the whole of its URL, through client, which repeats what can be
// repeated. labels are added to every series.
func NewRemoteWriter(address string, client *http.Client, labels map[string]string) (*RemoteWriter, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	path := u.Path
	u.Path, u.RawPath = "", "" // the library joins them again
	last := &lastError{client: client}
	api, err := remote.NewAPI(u.String(), remote.WithAPIPath(path), remote.WithAPIHTTPClient(&http.Client{Transport: last}))
	if err != nil {
		return nil, err
	}
	return &RemoteWriter{api: api, last: last, labels: labels}, nil
}

// Write sends families as of a time. Series that were sent before and are no more get a staleness marker, so that a team which
// was renamed or removed ends at once; what was sent is kept in memory.
func (w *RemoteWriter) Write(ctx context.Context, families []*dto.MetricFamily, at time.Time, memory Memory) error {
	values := flatten(families, w.labels)
	now := slices.Sorted(maps.Keys(values))
	state, err := memory.Load(ctx)
	if err != nil {
		return err
	}
	before, err := unpackSeries(state)
	if err != nil {
		return fmt.Errorf("what was sent last can't be read: %w", err)
	}
	for _, s := range before {
		if _, ok := values[s]; !ok {
			values[s] = math.Float64frombits(value.StaleNaN)
		}
	}
	// Whatever this attempt comes to, the next one knows of every series that a receiver may have.
	all := slices.Sorted(maps.Keys(values))
	if err := keep(ctx, memory, before, all); err != nil {
		return err
	}
	b := batch{writer: w}
	for _, s := range all {
		if err := b.add(ctx, s, at, values[s]); err != nil {
			return err
		}
	}
	if err := b.send(ctx); err != nil {
		return err
	}
	return keep(ctx, memory, all, now)
}

// keep replaces the sorted series that memory knows.
func keep(ctx context.Context, memory Memory, known, all []series) error {
	if slices.Equal(known, all) {
		return nil
	}
	packed, err := packSeries(all)
	if err != nil {
		return err
	}
	return memory.Save(ctx, packed)
}

// batch collects the samples of one request.
type batch struct {
	writer  *RemoteWriter
	at      map[series]int // in request
	request prompb.WriteRequest
	samples int
}

// add appends a sample, which must be later than the last of its series, and sends the batch when it is full.
func (b *batch) add(ctx context.Context, s series, at time.Time, v float64) error {
	i, ok := b.at[s]
	if !ok {
		if b.at == nil {
			b.at = map[series]int{}
		}
		i = len(b.request.Timeseries)
		b.at[s] = i
		b.request.Timeseries = append(b.request.Timeseries, prompb.TimeSeries{Labels: s.labels()})
	}
	ts := &b.request.Timeseries[i]
	ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: at.UnixMilli(), Value: v})
	if b.samples++; b.samples < maxSamples {
		return nil
	}
	return b.send(ctx)
}

// send sends what was collected, if anything.
func (b *batch) send(ctx context.Context) error {
	if b.samples == 0 {
		return nil
	}
	request := b.request
	b.at, b.request, b.samples = nil, prompb.WriteRequest{}, 0
	return b.writer.send(ctx, &request)
}

func (w *RemoteWriter) send(ctx context.Context, request *prompb.WriteRequest) error {
	w.last.err = nil
	if _, err := w.api.Write(ctx, remote.WriteV1MessageType, request); err != nil {
		if w.last.err != nil {
			return w.last.err
		}
		return err
	}
	return nil
}

// lastError stands between the library and the client. The client repeats what fails, so the library must not: every failure
// looks to it like one that no repetition helps, and what it was is kept here. The library would also quote the answer's body.
type lastError struct {
	client *http.Client
	err    error
}

// RoundTrip implements http.RoundTripper.
func (l *lastError) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.client.Do(req)
	switch {
	case err != nil:
		l.err = httpclient.Cause(err)
	case resp.StatusCode/100 == 2:
		return resp, nil
	default:
		l.err = refusal(resp)
	}
	return &http.Response{StatusCode: http.StatusBadRequest, Status: "400 Bad Request", Body: http.NoBody, Request: req, Header: http.Header{}}, nil
}

// refusal is the error of an answer, with a hint where Prometheus or Mimir says why in words that are known.
func refusal(resp *http.Response) error {
	defer resp.Body.Close()
	e := httpclient.StatusError(resp)
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil || resp.StatusCode != http.StatusBadRequest {
		return e
	}
	e.Hint = "the receiver refuses what it is sent: its own log says why"
	for _, known := range []struct{ words, hint string }{
		{"out of bounds", olderHint}, {"out of order", olderHint}, {"out-of-order", olderHint}, {"too old", olderHint},
		{"duplicate sample", "something else sends the same series: give each sender labels of its own"},
		{"too far in the future", "compare the clocks of this machine and the receiver's"},
	} {
		if strings.Contains(string(text), known.words) {
			e.Hint = known.hint
			break
		}
	}
	return e
}

const olderHint = "the receiver has later samples and takes none that are older: let it (Prometheus: storage.tsdb.out_of_order_time_window), " +
	"or make blocks of a file (promtool tsdb create-blocks-from openmetrics)"
