package export

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/prompb"
)

// series is one series by its labels, the metric's name among them as __name__: name and value in turn, each ended by a byte
// that no UTF-8 text holds, the name of the metric first. It is the same text for the same labels.
type series string

const endOfLabel = "\xff"

// newSeries names a metric with labels.
func newSeries(name string, labels map[string]string) series {
	var b strings.Builder
	add := func(name, value string) { b.WriteString(name + endOfLabel + value + endOfLabel) }
	add("__name__", name)
	for _, n := range slices.Sorted(maps.Keys(labels)) {
		if labels[n] != "" { // as good as left out
			add(n, labels[n])
		}
	}
	return series(b.String())
}

// labels are those of the series, sorted by name as remote write wants them.
func (s series) labels() []prompb.Label {
	parts := strings.Split(strings.TrimSuffix(string(s), endOfLabel), endOfLabel)
	labels := make([]prompb.Label, 0, len(parts)/2)
	for i := 0; i+1 < len(parts); i += 2 {
		labels = append(labels, prompb.Label{Name: parts[i], Value: parts[i+1]})
	}
	slices.SortFunc(labels, func(a, b prompb.Label) int { return strings.Compare(a.Name, b.Name) })
	return labels
}

// flatten returns the values of families by series, with labels added to those of each.
func flatten(families []*dto.MetricFamily, more map[string]string) map[series]float64 {
	values := map[series]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			values[newSeries(f.GetName(), labelsOf(m, more))] = valueOf(m)
		}
	}
	return values
}

// labelsOf returns the labels of a metric with more added; its own win.
func labelsOf(m *dto.Metric, more map[string]string) map[string]string {
	labels := maps.Clone(more)
	if labels == nil {
		labels = make(map[string]string, len(m.GetLabel()))
	}
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}

// valueOf is the value of a gauge or a counter: there are no others here.
func valueOf(m *dto.Metric) float64 {
	if c := m.GetCounter(); c != nil {
		return c.GetValue()
	}
	return m.GetGauge().GetValue()
}

const endOfSeries = "\xfe" // neither UTF-8 nor the end of a label

// packSeries writes a set of series down; unpackSeries reads it. Sorted series are much alike, and shrink to a few bytes each.
func packSeries(all []series) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, s := range all {
		if _, err := io.WriteString(z, string(s)+endOfSeries); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unpackSeries(packed []byte) ([]series, error) {
	if len(packed) == 0 {
		return nil, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	var all []series
	for s := range strings.SplitSeq(strings.TrimSuffix(string(text), endOfSeries), endOfSeries) {
		all = append(all, series(s))
	}
	return all, nil
}
