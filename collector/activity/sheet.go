package activity

import "time"

// Sheet is the days of one source and date by numbers: there may be millions of them, of few names. It is only valid until the next
// is read.
type Sheet struct {
	Source string
	Date   Date
	Epoch  uint32   // sheets of one source and epoch have the same numbers
	Names  []string // subjects, by number
	Sorts  []Sort   // by number
	Rows   []SheetRow
}

// SheetRow is one day of a sheet.
type SheetRow struct {
	Sort, Subject uint32
	Hours         uint32
	Actor         ActorID
	Count         int64
	First, Last   int64 // nanoseconds since 1970
}

// Sort is what many days have in common: everything of a day's key but when, whose and about what it is.
type Sort struct {
	Kind                 Kind
	Scope, Detail, Robot string
	Tenant               string
	Team, TeamReason     string // of a day whose actor was forgotten, like the next two
	TeamAuthor           Tri
	Retired              bool
}

// Day returns a row as the day that it stands for.
func (s *Sheet) Day(r *SheetRow) Day {
	of := &s.Sorts[r.Sort]
	return Day{
		Date: s.Date, Source: s.Source, Kind: of.Kind, Scope: of.Scope, Subject: s.Names[r.Subject], Detail: of.Detail, Robot: of.Robot,
		Actor: r.Actor, Tenant: of.Tenant, Count: r.Count, First: time.Unix(0, r.First).UTC(), Last: time.Unix(0, r.Last).UTC(), Hours: r.Hours,
		Team: of.Team, TeamReason: of.TeamReason, TeamAuthor: of.TeamAuthor, Retired: of.Retired,
	}
}
