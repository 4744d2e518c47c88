package owner

import (
	"hash/maphash"
	"math/bits"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// clockSurvey finds the routines that may be a clock's (see clockwork.go) among millions, in little memory. It may suspect too many,
// and never too few: who is suspected is looked at closely in a second pass.
//
// A routine that is punctual happens within one of the two minutes of a clock that has a mark every two minutes, or of one whose
// marks lie between, on nearly all of its days. So for each routine the minutes that may be its majority's are kept, with a count
// that rises with each row in them and falls with each other row (a vote as Boyer and Moore count it). What happens seldom has no
// routine: its first rows are only counted, with those of others that have the same number by chance.
type clockSurvey struct {
	book     *Book
	seed     maphash.Seed
	few      []byte // how often each number was seen, two bits for each, at most often
	routines map[uint64]votes
	suspect  map[uint64]bool

	names map[string]*hashedNames
	now   sheetClock
}

// often is from which row on a routine has votes.
const often = 3

// fewBits is the logarithm of how many numbers there are.
const fewBits = 26

// votes are the candidates of a routine by each of some clocks.
type votes struct {
	rows   uint16 // that had a vote
	clocks [4]vote
}

type vote struct {
	minutes uint16
	count   uint16
}

// cast counts a row.
func (v *vote) cast(minutes uint16) {
	switch {
	case v.count == 0:
		v.minutes, v.count = minutes, 1
	case v.minutes == minutes:
		v.count++
	default:
		v.count--
	}
}

// hashedNames are hashes of the names and sorts of a source, by number.
type hashedNames struct {
	epoch        uint32
	names, sorts []uint64
}

func (c *clockSurvey) begin(b *Book) {
	c.book, c.seed = b, maphash.MakeSeed()
	c.few, c.routines, c.suspect = make([]byte, 1<<(fewBits-2)), map[uint64]votes{}, map[uint64]bool{}
	c.names = map[string]*hashedNames{}
}

// sheetClock tells the routines of a sheet and the time of day of its rows.
type sheetClock struct {
	survey *clockSurvey
	names  *hashedNames
	offset time.Duration // of the local time from UTC
	steady bool          // all day
}

func (c *clockSurvey) sheet(s *activity.Sheet) *sheetClock {
	n := c.names[s.Source]
	if n == nil || n.epoch != s.Epoch {
		n = &hashedNames{epoch: s.Epoch}
		c.names[s.Source] = n
	}
	for len(n.names) < len(s.Names) {
		n.names = append(n.names, maphash.String(c.seed, s.Names[len(n.names)]))
	}
	for len(n.sorts) < len(s.Sorts) {
		of := &s.Sorts[len(n.sorts)]
		n.sorts = append(n.sorts, maphash.Comparable(c.seed, routine{source: s.Source, kind: of.Kind, scope: of.Scope}))
	}
	start := s.Date.Start(c.book.location)
	_, first := start.Zone()
	_, last := start.Add(36 * time.Hour).Zone()
	_, before := start.Add(-12 * time.Hour).Zone()
	c.now = sheetClock{c, n, time.Duration(first) * time.Second, last == first && before == first}
	return &c.now
}

// routine is the number of the routine of a row.
func (s *sheetClock) routine(r *activity.SheetRow) uint64 {
	h := s.names.names[r.Subject] ^ bits.RotateLeft64(s.names.sorts[r.Sort], 17) ^ uint64(r.Actor)*0x9e3779b97f4a7c15
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}

// see takes in a row of a routine.
func (s *sheetClock) see(key uint64, r *activity.SheetRow) {
	c := s.survey
	if restlessDay(r.Hours, r.Count, true) {
		c.suspect[key] = true
	}
	cell, shift := &c.few[key>>(64-fewBits)>>2], key>>(64-fewBits)&3*2
	if n := *cell >> shift & 3; n < often {
		*cell += 1 << shift
		return
	}
	v := c.routines[key]
	if v.rows == 1<<16-1 { // more rows than days: enough to look closely
		c.suspect[key] = true
		return
	}
	v.rows++
	first := time.Unix(0, r.First)
	utc := time.Duration(r.First % int64(24*time.Hour))
	local := (utc + s.offset + 24*time.Hour) % (24 * time.Hour)
	if !s.steady || utc < 0 {
		utc, local = timeOfDay(first.UTC()), timeOfDay(first.In(c.book.location))
	}
	for i, at := range [...]time.Duration{utc, utc + time.Minute, local, local + time.Minute} {
		v.clocks[i].cast(uint16(at / (2 * time.Minute)))
	}
	c.routines[key] = v
}

// suspects judges what was seen, and reports whether anybody is to be looked at closely.
func (c *clockSurvey) suspects() bool {
	for key, v := range c.routines {
		rows := int(v.rows) + often // or fewer
		if rows < punctualDays {
			continue
		}
		off := int((1-punctualPart)*float64(rows) + 1e-6) // at most so many are at another time
		for _, clock := range v.clocks {
			if int(clock.count) >= int(v.rows)-2*off {
				c.suspect[key] = true
			}
		}
	}
	c.routines, c.few = nil, nil
	return len(c.suspect) > 0
}
