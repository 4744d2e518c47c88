package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

// topStage is the highest stage.
var topStage = len(stage.Names()) - 1

// mostWeeks is how many weeks a drawing shows at most: three years.
const mostWeeks = 156

// lastWeeks returns at most n of the latest weeks.
func lastWeeks(weeks []historyWeekReport, n int) []historyWeekReport {
	return weeks[max(0, len(weeks)-n):]
}

// spark is a team's stages of the last year, small: a line of steps, broken where nothing is known.
type spark struct {
	Path  string
	Label string
}

// The size of a spark; each stage is as high as each week is wide, or twice.
const (
	sparkWeek, sparkStage = 2, 3
	sparkWeeks            = 52
)

func newSpark(weeks []historyWeekReport) spark {
	weeks = lastWeeks(weeks, sparkWeeks)
	var path strings.Builder
	at, known := -1, 0
	offset := sparkWeeks - len(weeks)
	for i, w := range weeks {
		switch {
		case w.Stage == nil:
			at = -1
			continue
		case at < 0:
			fmt.Fprintf(&path, "M%d %d", (offset+i)*sparkWeek, 1+sparkStage*(topStage-*w.Stage))
		case at != *w.Stage:
			fmt.Fprintf(&path, "V%d", 1+sparkStage*(topStage-*w.Stage))
		}
		at = *w.Stage
		known++
		fmt.Fprintf(&path, "H%d", (offset+i+1)*sparkWeek)
	}
	if known == 0 {
		return spark{}
	}
	return spark{Path: steps(path.String()), Label: sparkLabel(weeks)}
}

// steps leaves out of a path all but the last of horizontal moves that follow each other.
func steps(path string) string {
	var out strings.Builder
	last := ""
	for _, part := range strings.SplitAfter(strings.NewReplacer("H", " \nH", "V", " \nV", "M", " \nM").Replace(path), "\n") {
		part = strings.TrimSpace(part)
		if last != "" && !(strings.HasPrefix(last, "H") && strings.HasPrefix(part, "H")) {
			out.WriteString(last)
		}
		last = part
	}
	return out.String() + last
}

// sparkLabel says in words what a spark shows.
func sparkLabel(weeks []historyWeekReport) string {
	var words []string
	var last *int
	for _, w := range weeks {
		if w.Stage != nil && (last == nil || *last != *w.Stage) {
			words = append(words, fmt.Sprint(*w.Stage))
			last = w.Stage
		}
	}
	if most := 8; len(words) > most {
		words = append([]string{"…"}, words[len(words)-most:]...)
	}
	return "stages, oldest first: " + strings.Join(words, ", ")
}

// weekRun is weeks in a row alike.
type weekRun struct {
	From, To      activity.Date // the first and the last Monday
	Stage         *int
	Status        string
	X, Y          int
	Width, Height int
}

// Title says what the run is.
func (r weekRun) Title() string {
	when := "week of " + r.From.String()
	if r.To != r.From {
		when = fmt.Sprintf("weeks of %s to %s", r.From, r.To)
	}
	switch {
	case r.Stage == nil:
		return when + ": too little is known to tell a stage"
	case r.Status != stage.StatusOK:
		return fmt.Sprintf("%s: stage %d, held through weeks of which nothing is known", when, *r.Stage)
	}
	return fmt.Sprintf("%s: stage %d, %s", when, *r.Stage, stage.Names()[*r.Stage])
}

// tick is a mark on an axis.
type tick struct {
	At    int
	Label string
}

// chart is a team's history drawn: a block for every run of weeks, the higher the stage the higher.
type chart struct {
	Width, Height, Left, Bottom int
	Runs                        []weekRun
	Stages, Months              []tick
	Stale, Unknown              int // weeks
}

// The measures of a chart.
const (
	chartLeft, chartTop, chartStep, chartAxis = 124, 8, 24, 22
	chartWidth                                = 960 // of the weeks together, about
)

func newChart(weeks []historyWeekReport) chart {
	weeks = lastWeeks(weeks, mostWeeks)
	if len(weeks) == 0 {
		return chart{}
	}
	unit := min(max(chartWidth/len(weeks), 4), 24)
	c := chart{Left: chartLeft, Bottom: chartTop + chartStep*(topStage+1), Width: chartLeft + unit*len(weeks) + 8}
	c.Height = c.Bottom + chartAxis
	for s, name := range stage.Names() {
		c.Stages = append(c.Stages, tick{c.Bottom - chartStep*s - chartStep/2, fmt.Sprintf("%d %s", s, strings.ReplaceAll(name, "_", " "))})
	}
	for i, w := range weeks {
		switch {
		case w.Stage == nil:
			c.Unknown++
		case w.Status != stage.StatusOK:
			c.Stale++
		}
		if n := len(c.Runs); n > 0 && c.Runs[n-1].Status == w.Status && same(c.Runs[n-1].Stage, w.Stage) {
			c.Runs[n-1].To, c.Runs[n-1].Width = w.Week, c.Runs[n-1].Width+unit
			continue
		}
		height := c.Bottom - chartTop
		if w.Stage != nil {
			height = chartStep*(*w.Stage) + chartStep/2
		}
		c.Runs = append(c.Runs, weekRun{From: w.Week, To: w.Week, Stage: w.Stage, Status: w.Status, X: c.Left + i*unit, Y: c.Bottom - height, Width: unit, Height: height})
	}
	c.Months = months(weeks, c.Left, unit)
	return c
}

// months marks the first weeks of months: of each, of every second, third or sixth or of each year, as there is room.
func months(weeks []historyWeekReport, left, unit int) []tick {
	const room, weeksOfMonth = 56, 4
	every := 12
	for _, n := range []int{6, 3, 2, 1} {
		if n*weeksOfMonth*unit >= room {
			every = n
		}
	}
	var out []tick
	for i, w := range weeks {
		year, month, day := w.Week.Start(time.UTC).Date()
		if day <= 7 && (int(month)-1)%every == 0 && (len(weeks)-i)*unit >= room {
			out = append(out, tick{left + i*unit, fmt.Sprintf("%d-%02d", year, month)})
		}
	}
	return out
}

// trend is how many teams were at each stage, week by week.
type trend struct {
	Width, Height, Bottom int
	Areas                 []area // the highest stage first, at the bottom
	Months                []tick
	Rows                  []trendRow // the same in numbers, every fourth week
	From, To              activity.Date
}

// area is the teams at one stage, as a band.
type area struct {
	Stage   int
	Unknown bool
	Path    string
	Title   string
}

type trendRow struct {
	Week   activity.Date
	Counts []int // by stage, from 0; those of whom too little is known last
}

const trendHeight = 190

func newTrend(teams []teamReport) trend {
	var weeks []historyWeekReport
	for _, t := range teams {
		if len(t.History) > len(weeks) {
			weeks = t.History
		}
	}
	weeks = lastWeeks(weeks, mostWeeks)
	if len(weeks) < 2 {
		return trend{}
	}
	counts := countWeeks(teams, weeks)
	unit := max(600/len(weeks), 4)
	t := trend{Width: unit * len(weeks), Bottom: trendHeight, Height: trendHeight + chartAxis, Months: months(weeks, 0, unit), From: weeks[0].Week, To: weeks[len(weeks)-1].Week}
	below := make([]int, len(weeks))
	for k := topStage; k >= -1; k-- {
		s, a := k, area{Stage: k}
		if k < 0 {
			s, a.Unknown = topStage+1, true
		}
		upper, lower, some := "", "", false
		for i := range weeks {
			y0 := trendHeight - below[i]*trendHeight/max(1, len(teams))
			below[i] += counts[i][s]
			some = some || counts[i][s] > 0
			y1 := trendHeight - below[i]*trendHeight/max(1, len(teams))
			upper += fmt.Sprintf("L%d %dH%d", i*unit, y1, (i+1)*unit)
			lower = fmt.Sprintf("L%d %dH%d", (i+1)*unit, y0, i*unit) + lower
		}
		if !some {
			continue
		}
		a.Path = "M" + upper[1:] + lower + "Z"
		first, last := counts[0][s], counts[len(counts)-1][s]
		a.Title = fmt.Sprintf("not enough data: %d teams at first, %d now", first, last)
		if !a.Unknown {
			a.Title = fmt.Sprintf("stage %d, %s: %d teams at first, %d now", k, stage.Names()[k], first, last)
		}
		t.Areas = append(t.Areas, a)
	}
	for i := len(weeks) - 1; i >= 0; i -= 4 {
		t.Rows = append(t.Rows, trendRow{weeks[i].Week, counts[i]})
	}
	return t
}

// countWeeks counts teams by week and stage; those of whom too little is known come last.
func countWeeks(teams []teamReport, weeks []historyWeekReport) [][]int {
	at := make(map[activity.Date]int, len(weeks))
	counts := make([][]int, len(weeks))
	for i, w := range weeks {
		at[w.Week], counts[i] = i, make([]int, topStage+2)
		counts[i][topStage+1] = len(teams)
	}
	for _, t := range teams {
		for _, h := range t.History {
			if i, ok := at[h.Week]; ok && h.Stage != nil {
				counts[i][*h.Stage]++
				counts[i][topStage+1]--
			}
		}
	}
	return counts
}
