package export

import (
	"fmt"
	"io"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// Gather returns the metrics of a snapshot, sorted by name and labels, each checked against what the Collector describes.
func Gather(s Snapshot) ([]*dto.MetricFamily, error) {
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(NewCollector(func() Snapshot { return s })); err != nil {
		return nil, err
	}
	families, err := r.Gather()
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return families, nil
}

// Encode writes families in a format, and its end if it has one.
func Encode(w io.Writer, families []*dto.MetricFamily, format expfmt.Format) error {
	enc := expfmt.NewEncoder(w, format)
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	if c, ok := enc.(expfmt.Closer); ok {
		return c.Close() // "# EOF"
	}
	return nil
}
