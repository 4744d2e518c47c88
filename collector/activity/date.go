package activity

import (
	"fmt"
	"time"
)

// Date is a civil day, counted in days since 1970-01-01. Which instants it holds depends on the
// configured timezone: DateOf decides that once, when an event is folded.
type Date int32

// DateOf returns the civil day of t in t's own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParseDate reads a date written as 2006-01-02.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("date %q is not written as 2006-01-02", s)
	}
	return DateOf(t), nil
}

// Start returns the first instant of the day in loc.
func (d Date) Start(loc *time.Location) time.Time {
	y, m, day := d.utc().Date()
	return time.Date(y, m, day, 0, 0, 0, 0, loc)
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// Monday returns the first day of the week that holds d.
func (d Date) Monday() Date { return d - Date((int(d.Weekday())+6)%7) }

// String writes the date as 2006-01-02.
func (d Date) String() string { return d.utc().Format(time.DateOnly) }

// MarshalText writes the date as 2006-01-02.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a date written as 2006-01-02.
func (d *Date) UnmarshalText(text []byte) error {
	v, err := ParseDate(string(text))
	if err == nil {
		*d = v
	}
	return err
}

func (d Date) utc() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Now is the time in a location. A nil clock is time.Now, a nil location UTC.
func Now(clock func() time.Time, loc *time.Location) time.Time {
	if clock == nil {
		clock = time.Now
	}
	if loc == nil {
		loc = time.UTC
	}
	return clock().In(loc)
}
