package collector

import (
	"sync"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// What a query asks is found out beside the reading of lines, and needed when the batch commits: until then its text has a number,
// which stands for the subject of rows and of parts (store.OpenSubject).

// questions are the texts of a batch whose queries are not known yet.
type questions struct {
	sheets  []*sheet // all are full but the last
	working *sync.WaitGroup
	variant []bool              // by number: the detail of the act is the variant
	numbers map[question]uint32 // of texts that no glance remembers
	parts   []heldQuestion      // by number of an open part
	partIDs map[heldQuestion]uint32
	bytes   int64
}

// question is a text, and whether the matchers in it may tell whose it is.
type question struct {
	text    string
	variant bool
}

// heldQuestion is what a part is, but for its subject.
type heldQuestion struct {
	partKind
	number uint32 // of its question
}

func newQuestions() questions { return questions{working: &sync.WaitGroup{}} }

// ask gives a number to the query of an event. It is false if there is none, or if what it asks is known: then that is the subject.
// What is remembered by its glance is asked once.
func (f *folder) ask(e *activity.Event, remembered bool) (number uint32, open bool) {
	if e.Query == "" {
		return 0, false
	}
	// If no person is known, the matchers may tell whose query it is.
	q := question{e.Query, e.Kind == activity.KindQuery && e.Step == "" && e.Detail == ""}
	if remembered {
		return f.number(q), true
	}
	if a, ok := f.answers[q.text]; ok {
		e.Subject = a.Fingerprint
		if q.variant {
			e.Detail = a.Variant
		}
		return 0, false
	}
	number, ok := f.questions.numbers[q]
	if !ok {
		number = f.number(q)
		if f.questions.numbers == nil {
			f.questions.numbers = map[question]uint32{}
		}
		f.questions.numbers[q] = number
	}
	return number, true
}

// number gives a question the next number. Full sheets are answered by other goroutines.
func (f *folder) number(q question) uint32 {
	s := &f.questions
	n := len(s.variant)
	if n%sheetTexts == 0 {
		s.sheets = append(s.sheets, &sheet{texts: make([]string, 0, sheetTexts)})
	}
	last := s.sheets[len(s.sheets)-1]
	last.texts = append(last.texts, q.text)
	s.variant = append(s.variant, q.variant)
	s.bytes += int64(len(q.text)) + questionBytes
	if len(last.texts) == sheetTexts {
		s.working.Go(func() { f.texts.answer(last) })
	}
	return uint32(n)
}

// answered waits until all full sheets are answered that can be without asking the store, and answers the last.
func (f *folder) answered() []*sheet {
	f.questions.working.Wait()
	if n := len(f.questions.sheets); n > 0 && f.questions.sheets[n-1].texts != nil {
		f.texts.answer(f.questions.sheets[n-1])
	}
	return f.questions.sheets
}

// answer is that of a question, once all are answered.
func (q *questions) answer(number uint32) asked {
	return q.sheets[number/sheetTexts].answers[number%sheetTexts]
}

// heldPart returns the number of a part whose subject is not known yet.
func (f *folder) heldPart(e *activity.Event, number uint32) uint32 {
	q := heldQuestion{partKindOf(e), number}
	id, ok := f.questions.partIDs[q]
	if !ok {
		id = uint32(len(f.questions.parts))
		f.questions.parts = append(f.questions.parts, q)
		if f.questions.partIDs == nil {
			f.questions.partIDs = map[heldQuestion]uint32{}
		}
		f.questions.partIDs[q] = id
	}
	return store.OpenSubject | id
}

// settleQuestions puts what queries are in the place of their numbers.
func (f *folder) settleQuestions() {
	q := &f.questions
	if len(q.variant) == 0 {
		return
	}
	subjects := make([]uint32, len(q.variant))
	for i := range subjects {
		subjects[i] = f.days.NameID(q.answer(uint32(i)).Fingerprint)
	}
	place := func(sort, subject uint32) (uint32, uint32) {
		n := subject &^ store.OpenSubject
		if q.variant[n] {
			if detail := q.answer(n).Variant; detail != "" {
				s := *f.days.SortOf(sort)
				s.Detail = detail
				sort = f.days.SortID(s)
			}
		}
		return sort, subjects[n]
	}
	f.days.MapOpen(place)
	parts := make([]uint32, len(q.parts))
	for i, p := range q.parts {
		p.Subject = q.answer(p.number).Fingerprint
		parts[i] = f.held.numberOf(p.partKind)
	}
	for i := range f.parts {
		if what := &f.parts[i].what; *what&store.OpenSubject != 0 {
			*what = parts[*what&^store.OpenSubject]
		}
	}
	f.memory.settle(place, parts)
	f.keepAnswers()
}

// keepAnswers remembers the answers to texts that no glance does.
func (f *folder) keepAnswers() {
	if len(f.answers) > f.budget.answers {
		f.answers = nil
	}
	if f.answers == nil {
		f.answers = make(map[string]asked, len(f.questions.numbers))
	}
	for q, n := range f.questions.numbers {
		f.answers[q.text] = f.questions.answer(n)
	}
}
