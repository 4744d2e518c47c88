package main

import (
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// parseTime reads the value of a flag: RFC 3339, or a date, which begins at 00:00 in loc.
func parseTime(flag, text string, loc *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, loc); err == nil {
		return t, nil
	}
	return time.Time{}, usageErrorf("--%s: %q is neither a date nor a time\nhint: write it as 2026-11-22 or 2026-11-22T00:00:00Z", flag, text)
}

// firstWholeDay is the first day that begins at or after t.
func firstWholeDay(t time.Time, loc *time.Location) activity.Date {
	d := activity.DateOf(t.In(loc))
	if t.After(d.Start(loc)) {
		d++
	}
	return d
}

// dayOf is the day that holds t: as an exclusive bound it leaves the days that ended by t.
func dayOf(t time.Time, loc *time.Location) activity.Date {
	return activity.DateOf(t.In(loc))
}
