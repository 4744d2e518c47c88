package sim

import (
	"math"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/stage"
)

const stages = 7 // 0 to 6

// patience is after how many covered weeks a change that was not noticed counts as missed, rather than as still
// open when the data ends.
const patience = 13

// Score compares assessments with the truth. Scores of several organisations add up (Add).
type Score struct {
	Weeks    int // team weeks of teams that existed, after the warm-up
	Unknown  int // no stage reported; all that follows counts the others
	Exact    int
	OffByTwo int // two stages or more away

	Rises, Falls Changes
	FalseFalls   int // a report fell, and to below the truth

	// Of the false falls, those reported during an outage or a holiday, or soon after one (see aftermath).
	OutageFalls, HolidayFalls int

	ByStage [stages]StageScore

	// Confusion counts weeks by true stage and reported stage; the last column is unknown.
	Confusion [stages][stages + 1]int

	// Reliability holds one bin per tenth of confidence.
	Reliability [10]Bin
	brier       float64
}

// StageScore is the score of weeks at one true stage, and of the changes that led to it.
type StageScore struct {
	Weeks, Unknown, Exact, OffByTwo int
	FalseFalls                      int
	Rises, Falls                    Changes
}

// aftermath is for how many weeks after an outage or a holiday a false fall may be its work.
const aftermath = 2

// Changes says when true changes were noticed.
type Changes struct {
	Delays []int // covered weeks from the change to the report that noticed it, 1 being the same week
	Missed int   // never noticed before the team changed back, or for a quarter
	Open   int   // not noticed yet when the data ended
}

// Bin is a range of confidence: how sure the assessments in it were, and how often they were right.
type Bin struct {
	Assessments, Right int
	Confidence         float64 // sum
}

// Measure scores the histories of assessments against the truth. The first warmup weeks of every team are left
// out: nothing can be known of habits that were not yet watched.
func Measure(truth Truth, got []stage.Assessment, warmup int) Score {
	var s Score
	byTeam := make(map[string]stage.Assessment, len(got))
	for _, a := range got {
		byTeam[a.Team] = a
	}
	for _, t := range truth.Teams {
		a := byTeam[t.Name]
		s.team(t, reported(t, a), warmup)
		s.confidence(t, a, warmup)
	}
	return s
}

// confidence holds what each week's report was sure of against the truth; criteria that tell it only as of the end are held against
// the last week.
func (s *Score) confidence(t TeamTruth, a stage.Assessment, warmup int) {
	at := make(map[activity.Date]stage.WeekStage, len(a.History))
	weekly := false
	for _, h := range a.History {
		at[h.Week] = h
		weekly = weekly || h.Confidence != nil
	}
	first := slices.IndexFunc(t.Weeks, func(w WeekTruth) bool { return w.Exists })
	for i := max(first, 0) + warmup; i < len(t.Weeks) && t.Weeks[i].Exists; i++ {
		if h := at[t.Weeks[i].Monday]; h.Stage != nil && h.Confidence != nil {
			s.sure(*h.Confidence, *h.Stage == t.Weeks[i].Stage)
		}
	}
	if n := len(t.Weeks); !weekly && n > 0 && a.Stage != nil && a.Confidence != nil && t.Weeks[n-1].Exists {
		s.sure(*a.Confidence, *a.Stage == t.Weeks[n-1].Stage)
	}
}

// unknown is the report of a week without a stage.
const unknown = -1

// reported lines up the history of an assessment with the weeks of the truth.
func reported(t TeamTruth, a stage.Assessment) []int {
	at := make(map[activity.Date]int, len(a.History))
	for _, h := range a.History {
		if h.Stage != nil {
			at[h.Week] = *h.Stage
		}
	}
	out := make([]int, len(t.Weeks))
	for i, w := range t.Weeks {
		out[i] = unknown
		if v, ok := at[w.Monday]; ok && v >= 0 && v < stages {
			out[i] = v
		}
	}
	return out
}

func (s *Score) team(t TeamTruth, got []int, warmup int) {
	first := slices.IndexFunc(t.Weeks, func(w WeekTruth) bool { return w.Exists })
	if first < 0 {
		return
	}
	for i := first + warmup; i < len(t.Weeks) && t.Weeks[i].Exists; i++ {
		s.week(t.Weeks[i].Stage, got[i])
		if i == 0 {
			continue
		}
		if before := lastKnown(got[:i]); got[i] != unknown && got[i] < before && got[i] < t.Weeks[i].Stage {
			s.falseFall(t.Weeks, i)
		}
		if t.Weeks[i].Stage != t.Weeks[i-1].Stage && t.Weeks[i-1].Exists {
			s.change(t.Weeks, got, i)
		}
	}
}

func (s *Score) falseFall(weeks []WeekTruth, i int) {
	s.FalseFalls++
	s.ByStage[weeks[i].Stage].FalseFalls++
	recent := weeks[max(i-aftermath, 0) : i+1]
	if slices.ContainsFunc(recent, func(w WeekTruth) bool { return w.Outage }) {
		s.OutageFalls++
	}
	if slices.ContainsFunc(recent, func(w WeekTruth) bool { return w.Away }) {
		s.HolidayFalls++
	}
}

func (s *Score) week(truth, got int) {
	st := &s.ByStage[truth]
	s.Weeks++
	st.Weeks++
	if got == unknown {
		s.Unknown++
		st.Unknown++
		s.Confusion[truth][stages]++
		return
	}
	s.Confusion[truth][got]++
	switch off := max(got-truth, truth-got); {
	case off == 0:
		s.Exact++
		st.Exact++
	case off >= 2:
		s.OffByTwo++
		st.OffByTwo++
	}
}

// change finds out when the true change of week i was noticed: when the report moved in its direction, away from
// where it stood. A report that stood beyond the new stage already has nothing to notice.
func (s *Score) change(weeks []WeekTruth, got []int, i int) {
	from, to := weeks[i-1].Stage, weeks[i].Stage
	stood := lastKnown(got[:i])
	if stood == unknown {
		stood = from
	}
	list, ofStage, sign := &s.Rises, &s.ByStage[to].Rises, 1
	if to < from {
		list, ofStage, sign = &s.Falls, &s.ByStage[to].Falls, -1
	}
	var c Changes
	defer func() {
		list.add(c)
		ofStage.add(c)
	}()
	if sign*(stood-from) > 0 {
		if sign*(stood-to) >= 0 {
			return
		}
	} else {
		stood = from // it lags behind the truth: what is to be noticed is the new change
	}
	waited := 0
	for j := i; j < len(weeks) && weeks[j].Exists; j++ {
		if sign*(weeks[j].Stage-from) <= 0 { // changed back
			c.Missed++
			return
		}
		if !weeks[j].Outage {
			waited++
		}
		if got[j] != unknown && sign*(got[j]-stood) > 0 {
			c.Delays = append(c.Delays, max(waited, 1))
			return
		}
	}
	if waited >= patience {
		c.Missed++
	} else {
		c.Open++
	}
}

func lastKnown(got []int) int {
	for i := len(got) - 1; i >= 0; i-- {
		if got[i] != unknown {
			return got[i]
		}
	}
	return unknown
}

func (s *Score) sure(confidence float64, right bool) {
	bin := &s.Reliability[min(max(int(confidence*10), 0), 9)]
	bin.Assessments++
	bin.Confidence += confidence
	outcome := 0.0
	if right {
		bin.Right++
		outcome = 1
	}
	s.brier += (confidence - outcome) * (confidence - outcome)
}

// Add adds the score of another organisation.
func (s *Score) Add(o Score) {
	s.Weeks += o.Weeks
	s.Unknown += o.Unknown
	s.Exact += o.Exact
	s.OffByTwo += o.OffByTwo
	s.FalseFalls += o.FalseFalls
	s.OutageFalls += o.OutageFalls
	s.HolidayFalls += o.HolidayFalls
	s.brier += o.brier
	s.Rises.add(o.Rises)
	s.Falls.add(o.Falls)
	for i := range stages {
		a, b := &s.ByStage[i], o.ByStage[i]
		a.Weeks, a.Unknown, a.Exact, a.OffByTwo = a.Weeks+b.Weeks, a.Unknown+b.Unknown, a.Exact+b.Exact, a.OffByTwo+b.OffByTwo
		a.FalseFalls += b.FalseFalls
		a.Rises.add(b.Rises)
		a.Falls.add(b.Falls)
		for j := range s.Confusion[i] {
			s.Confusion[i][j] += o.Confusion[i][j]
		}
	}
	for i, b := range o.Reliability {
		a := &s.Reliability[i]
		a.Assessments, a.Right, a.Confidence = a.Assessments+b.Assessments, a.Right+b.Right, a.Confidence+b.Confidence
	}
}

func (c *Changes) add(o Changes) {
	c.Delays = append(c.Delays, o.Delays...)
	c.Missed += o.Missed
	c.Open += o.Open
}

// Seen is how many changes were noticed or missed: those of which it is known.
func (c Changes) Seen() int { return len(c.Delays) + c.Missed }

// Quantile returns the delay within which a share q of the noticed changes was noticed; 0 if none was.
func (c Changes) Quantile(q float64) int {
	if len(c.Delays) == 0 {
		return 0
	}
	d := slices.Sorted(slices.Values(c.Delays))
	return d[min(max(int(math.Ceil(q*float64(len(d))))-1, 0), len(d)-1)]
}

// ExactShare is the share of weeks with a reported stage in which it was the true one.
func (s Score) ExactShare() float64 { return ratio(s.Exact, s.Weeks-s.Unknown) }

// OffByTwoShare is the share of weeks with a reported stage in which it was two or more away.
func (s Score) OffByTwoShare() float64 { return ratio(s.OffByTwo, s.Weeks-s.Unknown) }

// UnknownShare is the share of weeks without a reported stage.
func (s Score) UnknownShare() float64 { return ratio(s.Unknown, s.Weeks) }

// FalseFallsPerYear is per team and year of 52 weeks.
func (s Score) FalseFallsPerYear() float64 { return 52 * ratio(s.FalseFalls, s.Weeks-s.Unknown) }

// Calibration returns the expected calibration error and the Brier score of the confidences; n is how many there
// were.
func (s Score) Calibration() (expectedError, brier float64, n int) {
	for _, b := range s.Reliability {
		n += b.Assessments
		expectedError += math.Abs(b.Confidence - float64(b.Right))
	}
	if n == 0 {
		return 0, 0, 0
	}
	return expectedError / float64(n), s.brier / float64(n), n
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
