package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// volume is what a day's logs hold.
type volume struct {
	Lines, Bytes, Stored int64 // Bytes before they were compressed, Stored after
	Files                int64
	NewTexts             int64 // questions that nobody had asked before
	Requests             int64 // lines of Grafana's log, of Lines
}

func (v *volume) add(o volume) {
	v.Lines, v.Bytes, v.Stored, v.Files = v.Lines+o.Lines, v.Bytes+o.Bytes, v.Stored+o.Stored, v.Files+o.Files
	v.NewTexts, v.Requests = v.NewTexts+o.NewTexts, v.Requests+o.Requests
}

// office is how the acts of people spread over the hours of a day, in thousandths.
var office = [24]int{4, 3, 3, 3, 4, 8, 20, 48, 88, 100, 98, 92, 70, 88, 98, 94, 80, 48, 20, 10, 8, 6, 4, 3}

// maker writes the logs of days.
type maker struct {
	dir     string
	seed    uint64
	org     *organisation
	queries int64 // lines a day
	visits  int64 // lines of Grafana's log a day
	servers int   // Prometheus servers, each of which has a log
	mix     mix
}

// logFile is one file as rotation left it: an hour of a server.
type logFile struct {
	name  string
	seed  uint64
	begin time.Time
	write func(*lineWriter, time.Time)
}

// day writes the logs of a day into a folder of that name, unless they are there, and returns what they hold. Each file has a seed
// of its own, so that the same flags give the same bytes, in whatever order they are written.
func (m *maker) day(date time.Time) (total volume, err error) {
	dir := filepath.Join(m.dir, date.Format(time.DateOnly))
	if total, err = made(dir); err == nil {
		return total, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return total, err
	}
	files := m.files(date)
	volumes := make([]volume, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		g.Go(func() (err error) {
			volumes[i], err = f.make(dir)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return total, err
	}
	for _, v := range volumes {
		total.add(v)
	}
	text, err := json.Marshal(total)
	if err != nil {
		return total, err
	}
	return total, os.WriteFile(filepath.Join(dir, madeFile), text, 0o600)
}

// madeFile is written last: what the logs beside it hold.
const madeFile = "made.json"

func made(dir string) (v volume, err error) {
	text, err := os.ReadFile(filepath.Join(dir, madeFile))
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	return v, err
}

// files are those of a day: of each Prometheus and of each Grafana one an hour.
func (m *maker) files(date time.Time) (files []logFile) {
	for hour := range office {
		seed := m.seed<<40 + uint64(date.Unix()/86400*24+int64(hour))<<16
		begin := date.Add(time.Duration(hour) * time.Hour)
		name := begin.Format("2006010215") + ".zst"
		for server := range m.servers {
			n := spread(m.queries/int64(m.servers), m.mix, hour)
			files = append(files, logFile{fmt.Sprintf("query-prometheus-%02d.log-%s", server, name), seed + uint64(server), begin,
				func(w *lineWriter, at time.Time) { m.queryLog(w, at, n) }})
		}
		for replica := range min(grafanas, m.servers) {
			n := m.visits / int64(min(grafanas, m.servers)) * int64(office[hour]) / 1000
			if n > 0 {
				files = append(files, logFile{fmt.Sprintf("grafana-%d.log-%s", replica, name), seed + 1<<15 + uint64(replica), begin,
					func(w *lineWriter, at time.Time) { m.requestLog(w, at, n) }})
			}
		}
	}
	return files
}

// make writes the file.
func (f *logFile) make(dir string) (v volume, err error) {
	path := filepath.Join(dir, f.name)
	out, err := os.Create(path)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	z, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return v, err
	}
	w := &lineWriter{Rand: rand.New(rand.NewPCG(f.seed, 7)), out: bufio.NewWriterSize(z, 1<<18)}
	f.write(w, f.begin)
	if err := errors.Join(w.out.Flush(), z.Close()); err != nil {
		return v, err
	}
	info, err := out.Stat()
	if err != nil {
		return v, err
	}
	w.made.Files, w.made.Stored = 1, info.Size()
	return w.made, nil
}

// lineWriter writes lines; errors wait in out until it is flushed.
type lineWriter struct {
	*rand.Rand
	out  *bufio.Writer
	line []byte
	made volume
}

// end writes the line that was put together.
func (w *lineWriter) end() {
	w.line = append(w.line, '\n')
	_, _ = w.out.Write(w.line) // told by Flush
	w.made.Lines++
	w.made.Bytes += int64(len(w.line))
	w.line = w.line[:0]
}

func (w *lineWriter) put(parts ...string) {
	for _, p := range parts {
		w.line = append(w.line, p...)
	}
}

// moments are the times of n lines within an hour, as text.
type moments struct {
	hour, before string // up to the minute
	step, at     int64  // nanoseconds
}

func newMoments(begin time.Time, n int64) *moments {
	const upToHour = "2006-01-02T15:"
	return &moments{hour: begin.Format(upToHour), before: begin.Add(-time.Hour).Format(upToHour), step: int64(time.Hour) / max(n, 1)}
}

// next goes on to the next line's time.
func (m *moments) next(r *rand.Rand) { m.at += m.step/2 + r.Int64N(max(m.step, 1))*9/10 }

// append writes the time, with that many digits of the second, after one of the hours.
func (m *moments) append(to []byte, hour string, at int64, digits int) []byte {
	at = min(at, int64(time.Hour)-1)
	minute, second, fraction := at/6e10, at/1e9%60, at%1e9
	to = append(to, hour...)
	to = append(to, byte('0'+minute/10), byte('0'+minute%10), ':', byte('0'+second/10), byte('0'+second%10), '.')
	for unit := int64(1e8); digits > 0; digits, unit = digits-1, unit/10 {
		to = append(to, byte('0'+fraction/unit%10))
	}
	return append(to, 'Z')
}
