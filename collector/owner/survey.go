package owner

import (
	"maps"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Survey learns from all days what no single one tells: whence Grafanas ask, who acts by the clock, what several sources tell. It
// reads them sheet by sheet, two times or less, and keeps the few that bear on that: all but views and queries, those of routines that
// may be a clock's, and where databases' logs tell of queries those that somebody explored in a Grafana (all, if a query can pass
// several such logs).
type Survey struct {
	book   *Book
	again  bool // it is the second pass
	sheets int  // read in this pass
	sorts  sortCache[surveyed]

	twice   bool // there are logs of databases that name people, or usage insights
	queries bool // logs of databases were read: who asked there takes all questions to tell
	clocks  clockSurvey
	few     gathered         // all but views and queries
	asked   gathered         // queries, if they are needed
	onWay   bool             // a query can pass several logs: all of them are needed
	others  map[crowdKey]int // rows of queries that are not
	crowd   crowdKey         // counted last, and
	count   int              // not in others yet
	inLogs  map[string]bool  // fingerprints of queries that logs of Grafanas show
	regular gathered         // of routines that may be a clock's
	beside  gathered         // of a date: acts of persons that a request log may tell too
	date    activity.Date
	first   activity.Date // of all

	marks map[int]map[int]mark // by sheet and row
	known map[client]bool      // that are Grafanas
}

// mark is what a survey learned of a row.
type mark struct {
	told
	robot   string // why it is left out, as a request log tells of it
	regular bool   // a clock made it
}

// gathered are days with the places where they were read.
type gathered struct {
	days   []activity.Day
	places []rowPlace
}

type rowPlace struct{ sheet, row int }

func (g *gathered) add(s *activity.Sheet, sheet, row int) {
	g.days = append(g.days, s.Day(&s.Rows[row]))
	g.places = append(g.places, rowPlace{sheet, row})
}

// crowdKey is what rows of queries that are not needed one by one have in common.
type crowdKey struct {
	source string
	sort   activity.Sort
	actor  activity.ActorID
	date   activity.Date
}

// surveyed says of a sort of rows what they are needed for.
type surveyed struct {
	few, query, explored, routine, beside bool
}

// Survey returns a survey that has seen nothing yet.
func (b *Book) Survey() *Survey {
	s := &Survey{book: b, marks: map[int]map[int]mark{}, others: map[crowdKey]int{}, inLogs: map[string]bool{}, onWay: b.stations() != nil}
	for _, t := range b.config.Types {
		s.twice = s.twice || t == typeInsights || t != typeQueryLog && station(t) > 0
	}
	s.sorts.of = s.surveyed
	s.clocks.begin(b)
	return s
}

func (s *Survey) surveyed(sheet *activity.Sheet, sort *activity.Sort) surveyed {
	b := s.book
	d := activity.Day{Source: sheet.Source, Kind: sort.Kind, Scope: sort.Scope, Robot: sort.Robot}
	var out surveyed
	switch sort.Kind {
	default:
		out.few = true
	case activity.KindQuery, activity.KindView:
		out.query = sort.Kind == activity.KindQuery
		out.explored = out.query && b.fromGrafana(&d)
		out.routine = sort.Robot == ""
		out.beside = sort.Robot == "" && s.twice && (b.config.Types[sheet.Source] == typeRequestLog || b.namesPeople(&d))
		if out.query && sort.Robot == "" && !out.explored {
			s.queries = true
		}
	}
	return out
}

// Add takes in a sheet. Sheets come in order of their dates.
func (s *Survey) Add(sheet *activity.Sheet) {
	b := s.book
	b.mu.Lock()
	defer b.mu.Unlock()
	if sheet.Date != s.date {
		s.endDate()
		s.date = sheet.Date
		if s.first == 0 {
			s.first = s.date
		}
	}
	kinds := s.sorts.sorts(sheet)
	clock := s.clocks.sheet(sheet)
	for i := range sheet.Rows {
		row := &sheet.Rows[i]
		kind := &kinds[row.Sort]
		switch {
		case !s.again && kind.few:
			s.few.add(sheet, s.sheets, i)
		case !s.again && kind.explored:
			s.inLogs[sheet.Names[row.Subject]] = true
		case s.again && kind.query && s.queries:
			if kind.explored || s.onWay || s.inLogs[sheet.Names[row.Subject]] {
				s.asked.add(sheet, s.sheets, i)
			} else {
				s.other(sheet, row)
			}
		}
		if !s.again && kind.beside && row.Actor != 0 {
			s.beside.add(sheet, s.sheets, i)
		}
		if !kind.routine || row.Actor == 0 || sheet.Names[row.Subject] == "" {
			continue
		}
		if key := clock.routine(row); !s.again {
			clock.see(key, row)
		} else if s.clocks.suspect[key] {
			s.regular.add(sheet, s.sheets, i)
		}
	}
	s.sheets++
}

// other counts a row of a query that nobody explored.
func (s *Survey) other(sheet *activity.Sheet, row *activity.SheetRow) {
	sort := &sheet.Sorts[row.Sort]
	if c := &s.crowd; s.count == 0 || c.actor != row.Actor || c.date != sheet.Date || c.source != sheet.Source || c.sort.Scope != sort.Scope || c.sort.Robot != sort.Robot {
		s.endCrowd()
		*c = crowdKey{sheet.Source, activity.Sort{Kind: sort.Kind, Scope: sort.Scope, Robot: sort.Robot}, row.Actor, sheet.Date}
	}
	s.count++
}

func (s *Survey) endCrowd() {
	if s.count > 0 {
		s.others[s.crowd] += s.count
	}
	s.count = 0
}

// crowds are the rows that were counted.
func (s *Survey) crowds() []crowd {
	s.endCrowd()
	all := make([]crowd, 0, len(s.others))
	for k, n := range s.others {
		all = append(all, crowd{activity.Day{Date: k.date, Source: k.source, Kind: k.sort.Kind, Scope: k.sort.Scope, Robot: k.sort.Robot, Actor: k.actor}, n})
	}
	return all
}

// Again ends a pass, and reports whether all sheets must be given once more.
func (s *Survey) Again() bool {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	s.endDate()
	if !s.again && (s.clocks.suspects() || s.queries) {
		s.again, s.sheets, s.date = true, 0, 0
		return true
	}
	s.conclude()
	return false
}

// First is the first date of all; 0 if there is none.
func (s *Survey) First() activity.Date { return s.first }

// endDate looks for what a request log of that date tells too.
func (s *Survey) endDate() {
	for i, reason := range s.book.toldByRequestLog(s.beside.days) {
		s.mark(s.beside.places[i], func(m *mark) { m.robot = reason })
	}
	s.beside = gathered{s.beside.days[:0], s.beside.places[:0]}
}

func (s *Survey) conclude() {
	b := s.book
	for i := range b.clockwork(s.regular.days) {
		s.mark(s.regular.places[i], func(m *mark) { m.regular = true })
	}
	s.known = b.learnGrafanas(s.asked.days, s.crowds())
	all := gathered{slices.Concat(s.few.days, s.asked.days), slices.Concat(s.few.places, s.asked.places)}
	twice := b.toldTwice(all.days)
	maps.Copy(twice, b.rulesToldTwice(all.days, twice))
	maps.Copy(twice, b.toldOnTheWay(all.days, s.known))
	for i, t := range twice {
		s.mark(all.places[i], func(m *mark) { m.told = t })
	}
	s.asked, s.regular, s.beside, s.clocks = gathered{}, gathered{}, gathered{}, clockSurvey{}
}

func (s *Survey) mark(at rowPlace, set func(*mark)) {
	if s.marks[at.sheet] == nil {
		s.marks[at.sheet] = map[int]mark{}
	}
	m := s.marks[at.sheet][at.row]
	set(&m)
	s.marks[at.sheet][at.row] = m
}

// sortCache keeps what was found out of the sorts of each source.
type sortCache[T any] struct {
	of    func(*activity.Sheet, *activity.Sort) T
	known map[string]*sortsOf[T]
}

type sortsOf[T any] struct {
	epoch uint32
	all   []T
}

// sorts returns what is known of the sorts of a sheet, by number.
func (c *sortCache[T]) sorts(sheet *activity.Sheet) []T {
	k := c.known[sheet.Source]
	if k == nil || k.epoch != sheet.Epoch {
		k = &sortsOf[T]{epoch: sheet.Epoch}
		if c.known == nil {
			c.known = map[string]*sortsOf[T]{}
		}
		c.known[sheet.Source] = k
	}
	for len(k.all) < len(sheet.Sorts) {
		k.all = append(k.all, c.of(sheet, &sheet.Sorts[len(k.all)]))
	}
	return k.all
}
