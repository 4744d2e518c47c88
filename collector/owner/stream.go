package owner

import (
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// Stream says whose acts days are, sheet by sheet, as Attribute does of all at once.
type Stream struct {
	book     *Book
	survey   *Survey
	sheets   int
	about    recordings
	subjects sortCache[*subjectsOf]
	evidence *groundwork
	act      activity.Act
	span     span // of its subject
}

// subjectOf is what is known of a subject of a sort.
type subjectOf struct {
	class class
	spans []span
	about [][]string // metrics of each span, and what they are recorded from
}

// subjectsOf are those of a sort, by number; nil for those not asked for yet.
type subjectsOf []*subjectOf

// Stream returns a stream of the sheets that a survey saw, which must come in the same order.
func (b *Book) Stream(s *Survey) *Stream {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &Stream{
		book: b, survey: s, about: b.recordings(), evidence: b.groundwork(),
		subjects: sortCache[*subjectsOf]{of: func(*activity.Sheet, *activity.Sort) *subjectsOf { return new(subjectsOf) }},
	}
}

// Each calls yield with an act for each row of a sheet, in their order. An act is valid until the next. The book must not be used in
// yield.
func (s *Stream) Each(sheet *activity.Sheet, yield func(*activity.Act)) {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	marks := s.survey.marks[s.sheets]
	s.sheets++
	subjects := s.subjects.sorts(sheet)
	s.evidence.source(sheet.Source, len(sheet.Rows) > 0)
	a := &s.act
	var last *activity.SheetRow // whose judgement is that of all rows of its sort and actor; nil for none
	for i := range sheet.Rows {
		row := &sheet.Rows[i]
		if m, ok := marks[i]; ok || byNumber(sheet.Names[row.Subject]) {
			s.evidence.add(a, s.single(sheet.Day(row), m), s.span)
			last = nil
			yield(a)
			continue
		}
		fresh := last == nil || last.Sort != row.Sort || last.Actor != row.Actor
		if fresh {
			*a = activity.Act{Day: sheet.Day(row)}
		} else {
			a.Subject, a.Count, a.Hours = sheet.Names[row.Subject], row.Count, row.Hours
			a.First, a.Last = time.Unix(0, row.First).UTC(), time.Unix(0, row.Last).UTC()
		}
		of := s.subject(subjects[row.Sort], row.Subject)
		at := of.at(a.Date)
		s.span = of.spans[at]
		if fresh {
			last = nil
			if s.book.judge(a, of.class, s.span, s.survey.known) == activity.ByActor {
				last = row
			}
		} else if a.Outcome == activity.Counted {
			a.Own = s.book.own(s.book.byName[a.Team], of.class, s.span)
		}
		a.Metrics, a.Records = of.about[at], s.span.records
		s.evidence.add(a, of.class, s.span)
		yield(a)
	}
}

// Few calls yield with an act for each row of all sheets but views and queries, of which there may be many. An act is valid until the
// next.
func (s *Stream) Few(yield func(*activity.Act)) {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	few := &s.survey.few
	for i, d := range few.days {
		at := few.places[i]
		s.single(d, s.survey.marks[at.sheet][at.row])
		yield(&s.act)
	}
}

// single judges a row of which the survey may have something to tell, or whose dashboard may be known by its number.
func (s *Stream) single(d activity.Day, m mark) (c class) {
	b, a := s.book, &s.act
	*a = activity.Act{Day: b.named(d)}
	m.apply(&a.Day)
	if m.robot != "" {
		a.Robot = m.robot
	}
	c, s.span = b.subject(&a.Day)
	b.judge(a, c, s.span, s.survey.known)
	a.Metrics, a.Records = s.about.about(s.span.metrics), s.span.records
	if m.regular && a.Outcome != activity.Automated {
		a.Outcome, a.Reason, a.Team = activity.Automated, activity.RobotClockwork, ""
	}
	return c
}

// SubjectTeams returns the teams that own what the act that was yielded last is about, on its day. Several of them conflict; nil
// means none.
func (s *Stream) SubjectTeams() []string { return s.book.names(s.span.owners) }

// subject finds what the subject of s.act is, among those that are known of its sort.
func (s *Stream) subject(known *subjectsOf, number uint32) *subjectOf {
	if int(number) >= len(*known) {
		*known = append(*known, make(subjectsOf, int(number)+1-len(*known))...)
	}
	of := (*known)[number]
	if of == nil {
		of = &subjectOf{}
		of.class, of.spans = s.book.subjectSpans(&s.act.Day)
		for _, sp := range of.spans {
			of.about = append(of.about, s.about.about(sp.metrics))
		}
		(*known)[number] = of
	}
	return of
}

// at is the number of the span of a date.
func (o *subjectOf) at(date activity.Date) int { return spanOn(o.spans, date) }

// Foundations returns the foundations of every configured team, from the acts that were streamed and from the facts of the book.
func (s *Stream) Foundations() map[string]Foundation {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	return s.evidence.foundations()
}
