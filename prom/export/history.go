package export

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// History is what would have been exported of teams, had it been exported all along: the series that a Collector exports of
// an assessment, as far as they are told week by week. A week counts from its end, when it could first be assessed, up to the
// end of the next.
type History struct {
	families []*historyFamily // by name
	ends     []time.Time      // when weeks were assessed, oldest first
}

type historyFamily struct {
	name, help string
	lines      []*line
}

// line is one series over time.
type line struct {
	series series
	spans  []span // in order of time, without overlaps
}

// span is how long a series has one value: from one assessment (inclusive) to another (exclusive), by their index.
type span struct {
	from, to int
	value    float64
}

// NewHistory reads the weeks of assessments of one time. labels are added to every series; the days of loc begin weeks.
func NewHistory(assessments []stage.Assessment, labels map[string]string, loc *time.Location) (*History, error) {
	h := &History{}
	var weeks int
	for _, a := range assessments {
		weeks = max(weeks, len(a.History))
	}
	known := make([]past, len(assessments))
	families, lines := map[string]*historyFamily{}, map[series]*line{}
	for w := range weeks {
		s := Snapshot{Location: loc}
		for i, a := range assessments {
			if w < len(a.History) {
				s.Assessments = append(s.Assessments, known[i].week(a.Team, a.History[w]))
				if len(h.ends) == w {
					h.ends = append(h.ends, (a.History[w].Week + 7).Start(loc))
				}
			}
		}
		found, err := Gather(s)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			to := families[f.GetName()]
			if to == nil {
				to = &historyFamily{name: f.GetName(), help: f.GetHelp()}
				families[f.GetName()] = to
				h.families = append(h.families, to)
			}
			to.add(w, f, labels, lines)
		}
	}
	h.sort()
	return h, nil
}

// add appends the values of week w to the lines of a family.
func (f *historyFamily) add(w int, now *dto.MetricFamily, labels map[string]string, lines map[series]*line) {
	for _, m := range now.GetMetric() {
		s, v := newSeries(f.name, labelsOf(m, labels)), valueOf(m)
		l := lines[s]
		if l == nil {
			l = &line{series: s}
			lines[s] = l
			f.lines = append(f.lines, l)
		}
		if last := len(l.spans) - 1; last >= 0 && l.spans[last].to == w && l.spans[last].value == v {
			l.spans[last].to = w + 1
			continue
		}
		l.spans = append(l.spans, span{w, w + 1, v})
	}
}

func (h *History) sort() {
	slices.SortFunc(h.families, func(a, b *historyFamily) int { return cmp.Compare(a.name, b.name) })
	for _, f := range h.families {
		slices.SortFunc(f.lines, func(a, b *line) int { return cmp.Compare(a.series, b.series) })
	}
}

// past is what the weeks so far say of a team.
type past struct {
	stage, previous *int
	since           activity.Date
}

// week is the assessment as of the end of a week, as far as the history tells.
func (p *past) week(team string, w stage.WeekStage) stage.Assessment {
	a := stage.Assessment{Team: team, Status: w.Status, Stage: w.Stage, Confidence: w.Confidence}
	if w.Stage == nil {
		return a
	}
	if p.stage == nil || *p.stage != *w.Stage {
		p.previous, p.stage, p.since = p.stage, w.Stage, w.Week
	}
	since := p.since
	a.StageName, a.Since, a.PreviousStage = stage.Names()[*w.Stage], &since, p.previous
	return a
}

// instants are the times from one to another, both inclusive, at which series have samples: each multiple of step, counted as
// Prometheus aligns ranges, and each assessment.
func (h *History) instants(from, to time.Time, step time.Duration) []time.Time {
	if len(h.ends) == 0 {
		return nil
	}
	if from.Before(h.ends[0]) {
		from = h.ends[0]
	}
	var at []time.Time
	ms := max(1, step.Milliseconds())
	for t := (from.UnixMilli() + ms - 1) / ms * ms; t <= to.UnixMilli(); t += ms {
		at = append(at, time.UnixMilli(t).UTC())
	}
	for _, end := range h.ends {
		if !end.Before(from) && !end.After(to) {
			at = append(at, end.UTC())
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return slices.CompactFunc(at, time.Time.Equal)
}

// week is the index of the last assessment made by t; -1 before the first.
func (h *History) week(t time.Time) int {
	return sort.Search(len(h.ends), func(i int) bool { return h.ends[i].After(t) }) - 1
}

// at returns the value of a series after the assessment w.
func (l *line) at(w int) (float64, bool) {
	i := sort.Search(len(l.spans), func(i int) bool { return l.spans[i].to > w })
	if i == len(l.spans) || l.spans[i].from > w {
		return 0, false
	}
	return l.spans[i].value, true
}

// Send writes the samples from one time to another, both inclusive, and returns how many. They go in the order of time: a
// receiver that is empty, or has nothing as late, takes them all.
func (h *History) Send(ctx context.Context, w *RemoteWriter, from, to time.Time, step time.Duration) (samples int64, err error) {
	b := batch{writer: w}
	for _, t := range h.instants(from, to, step) {
		week := h.week(t)
		for _, f := range h.families {
			for _, l := range f.lines {
				v, ok := l.at(week)
				if !ok {
					continue
				}
				if err := b.add(ctx, l.series, t, v); err != nil {
					return samples, err
				}
				samples++
			}
		}
	}
	return samples, b.send(ctx)
}
