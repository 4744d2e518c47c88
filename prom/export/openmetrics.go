package export

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"
)

// WriteOpenMetrics writes the samples from one time to another, both inclusive, as OpenMetrics with timestamps: what
// `promtool tsdb create-blocks-from openmetrics` makes blocks of. It returns how many.
func (h *History) WriteOpenMetrics(w io.Writer, from, to time.Time, step time.Duration) (samples int64, err error) {
	b := bufio.NewWriterSize(w, 1<<16)
	instants := h.instants(from, to, step)
	weeks := make([]int, len(instants))
	for i, t := range instants {
		weeks[i] = h.week(t)
	}
	for _, f := range h.families {
		_, _ = b.WriteString("# HELP " + f.name + " " + escape(f.help) + "\n# TYPE " + f.name + " gauge\n") // Flush tells
		for _, l := range f.lines {
			prefix := l.series.text() + " "
			for i, t := range instants {
				v, ok := l.at(weeks[i])
				if !ok {
					continue
				}
				samples++
				_, _ = b.WriteString(prefix)
				_, _ = b.Write(appendSample(b.AvailableBuffer(), v, t))
			}
		}
	}
	_, _ = b.WriteString("# EOF\n")
	return samples, b.Flush()
}

// appendSample writes a value and its time in seconds, and ends the line.
func appendSample(to []byte, v float64, t time.Time) []byte {
	to = strconv.AppendFloat(to, v, 'g', -1, 64)
	to = append(to, ' ')
	ms := t.UnixMilli()
	to = strconv.AppendInt(to, ms/1000, 10)
	if ms %= 1000; ms != 0 {
		to = append(to, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	}
	return append(to, '\n')
}

// text is the series as it stands in front of a sample.
func (s series) text() string {
	var name string
	var pairs []string
	for _, l := range s.labels() {
		if l.Name == "__name__" {
			name = l.Value
			continue
		}
		pairs = append(pairs, l.Name+`="`+escape(l.Value)+`"`)
	}
	return name + "{" + strings.Join(pairs, ",") + "}"
}

func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(text)
}
