// Package calendar reads the calendar events that Proxmox VE uses as schedules
// of backup and replication jobs, such as "mon..fri 01:00", and tells when they
// happen.
//
// An event is `[WEEKDAYS] [[YEARS-]MONTHS-DAYS] [HOURS:]MINUTES[:SECONDS]`, in
// this order, separated by spaces, with at least one of the three parts. A part
// that is missing means every day, or 00:00. A field is `*`, or a list of
// numbers (`5`), ranges (`8..17`) and repetitions (`0/15`, `8..17/2`, `*/15`).
// A lone number is a minute of every hour. Weekdays are English names, short or
// long, and may be ranges too. Times are local to the node unless the event
// ends in UTC. The keywords minutely, hourly, daily, weekly, monthly,
// quarterly, semiannually and yearly stand for the obvious.
//
// The grammar is that of proxmox-time's calendar_event.rs, described in the
// appendix "Calendar Events" of the Proxmox VE manual, less what is accepted
// there but hardly meant: an hour above 23 (Proxmox VE takes "25:00" for minute
// 25 of every hour), the day or month 0, dates that do not exist, a repetition
// of 0, and parts without a space between them.
package calendar

import (
	"slices"
	"time"
)

// Event is a parsed calendar event.
type Event struct {
	utc      bool
	weekdays [7]bool // by time.Weekday
	years    []int   // all fields are sorted lists of the values that match
	months   []int
	days     []int
	hours    []int
	minutes  []int
	seconds  []int
}

// Next returns the first time after the given one at which the event happens,
// in the same location, whose local time the event is in unless it ends in UTC.
// It returns false when the event does not happen any more, as all its years
// are over. A local time that daylight saving skips is moved by the difference.
func (e Event) Next(after time.Time) (next time.Time, ok bool) {
	location := after.Location()
	if e.utc {
		location = time.UTC
	}
	from := after.In(location)
	day := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, time.UTC)
	second := (from.Hour()*60+from.Minute())*60 + from.Second()
	for ; day.Year() <= maxYear; day = day.AddDate(0, 0, 1) {
		for second = e.secondOfDay(day, second); second >= 0; second = e.secondOfDay(day, second+1) {
			next = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, second, 0, location)
			if next.After(after) {
				return next.In(after.Location()), true
			}
		}
		second = 0
	}
	return time.Time{}, false
}

// secondOfDay returns the first second of a day, not before from, at which the
// event happens, or -1.
func (e Event) secondOfDay(day time.Time, from int) int {
	if !e.happensOn(day) {
		return -1
	}
	for _, hour := range e.hours {
		if (hour+1)*3600 <= from {
			continue
		}
		for _, minute := range e.minutes {
			if hour*3600+(minute+1)*60 <= from {
				continue
			}
			for _, second := range e.seconds {
				if at := hour*3600 + minute*60 + second; at >= from {
					return at
				}
			}
		}
	}
	return -1
}

func (e Event) happensOn(day time.Time) bool {
	return e.weekdays[day.Weekday()] &&
		contains(e.years, day.Year()) &&
		contains(e.months, int(day.Month())) &&
		contains(e.days, day.Day())
}

func contains(sorted []int, value int) bool {
	_, found := slices.BinarySearch(sorted, value)
	return found
}

// hasDate reports whether any of the event's dates exists, whatever its
// weekday.
func (e Event) hasDate() bool {
	for _, month := range e.months {
		for _, day := range e.days {
			if slices.ContainsFunc(e.years, func(year int) bool {
				return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() == day
			}) {
				return true
			}
		}
	}
	return false
}
