package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxYear is the last year that Proxmox VE and systemd accept.
const maxYear = 2199

// unit is what a field counts.
type unit struct {
	name     string // plural
	min, max int    // inclusive
}

var (
	years   = unit{"years", 0, maxYear}
	months  = unit{"months", 1, 12}
	days    = unit{"days", 1, 31}
	hours   = unit{"hours", 0, 23}
	minutes = unit{"minutes", 0, 59}
	seconds = unit{"seconds", 0, 59}
)

// keywords are short for these events.
var keywords = map[string]string{
	"minutely":      "*-*-* *:*:00",
	"hourly":        "*-*-* *:00:00",
	"daily":         "*-*-* 00:00:00",
	"weekly":        "mon *-*-* 00:00:00",
	"monthly":       "*-*-01 00:00:00",
	"quarterly":     "*-01,04,07,10-01 00:00:00",
	"semiannually":  "*-01,07-01 00:00:00",
	"semi-annually": "*-01,07-01 00:00:00",
	"yearly":        "*-01-01 00:00:00",
	"annually":      "*-01-01 00:00:00",
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// Validate returns the error of Parse.
func Validate(text string) error {
	_, err := Parse(text)
	return err
}

// Parse reads a calendar event. Its error says what is wrong and shows valid
// events.
func Parse(text string) (Event, error) {
	e, err := parse(text)
	if err != nil {
		return Event{}, fmt.Errorf(`%q is not a calendar event of Proxmox VE: %w; write for example "mon..fri 01:00", "sat 02:30", "*/15" or "*-*-01 03:00"`, text, err)
	}
	return e, nil
}

func parse(text string) (Event, error) {
	if text != strings.TrimSpace(text) {
		return Event{}, errors.New("it begins or ends with a space")
	}
	local, utc := strings.CutSuffix(text, "UTC")
	local = strings.TrimRight(local, " ")
	if event, found := keywords[local]; found {
		local = event
	}
	e := Event{
		utc:      utc,
		weekdays: [7]bool{true, true, true, true, true, true, true},
		years:    years.all(1),
		months:   months.all(1),
		days:     days.all(1),
		hours:    []int{0},
		minutes:  []int{0},
		seconds:  []int{0},
	}
	parts := strings.Fields(local)
	switch {
	case len(parts) == 0:
		return Event{}, errors.New("it names no weekday, date or time")
	case len(parts) == 5:
		return Event{}, errors.New("it looks like a cron expression")
	}
	done := ""
	for _, part := range parts {
		kind, err := e.parsePart(part)
		if err != nil {
			return Event{}, err
		}
		if order[kind] <= order[done] {
			return Event{}, fmt.Errorf("the %s %q stands after the %s", kind, part, done)
		}
		done = kind
	}
	if !e.hasDate() {
		return Event{}, errors.New("it names no date that exists")
	}
	return e, nil
}

// order is that of the parts of an event.
var order = map[string]int{"weekday": 1, "date": 2, "time": 3}

// parsePart reads one part and says which it was.
func (e *Event) parsePart(part string) (kind string, err error) {
	switch {
	case isLetter(part[0]):
		return "weekday", e.parseWeekdays(part)
	case strings.Contains(part, "-"):
		return "date", e.parseDate(part)
	}
	return "time", e.parseTime(part)
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func (e *Event) parseWeekdays(part string) error {
	e.weekdays = [7]bool{}
	for item := range strings.SplitSeq(part, ",") {
		first, last, isRange := strings.Cut(item, "..")
		from, err := parseWeekday(first)
		if err != nil {
			return err
		}
		to := from
		if isRange {
			if to, err = parseWeekday(last); err != nil {
				return err
			}
		}
		for day := from; ; day = (day + 1) % 7 {
			e.weekdays[day] = true
			if day == to {
				break
			}
		}
	}
	return nil
}

func parseWeekday(name string) (time.Weekday, error) {
	lower := strings.ToLower(name)
	for day, long := range weekdays {
		if lower == long || lower == long[:3] {
			return time.Weekday(day), nil
		}
	}
	return 0, fmt.Errorf("%q is no weekday (mon, tue, wed, thu, fri, sat, sun)", name)
}

func (e *Event) parseDate(part string) (err error) {
	fields := strings.Split(part, "-")
	if len(fields) > 3 {
		return fmt.Errorf("the date %q has more than years, months and days", part)
	}
	if len(fields) == 3 {
		if e.years, err = years.parse(fields[0]); err != nil {
			return err
		}
		fields = fields[1:]
	}
	if e.months, err = months.parse(fields[0]); err != nil {
		return err
	}
	e.days, err = days.parse(fields[1])
	return err
}

func (e *Event) parseTime(part string) (err error) {
	fields := strings.Split(part, ":")
	e.hours = hours.all(1)
	switch len(fields) {
	case 1:
		e.minutes, err = minutes.parse(fields[0])
		return err
	case 2:
	case 3:
		if e.seconds, err = seconds.parse(fields[2]); err != nil {
			return err
		}
	default:
		return fmt.Errorf("the time %q has more than hours, minutes and seconds", part)
	}
	if e.hours, err = hours.parse(fields[0]); err != nil {
		return err
	}
	e.minutes, err = minutes.parse(fields[1])
	return err
}

// all returns every step-th value of the unit.
func (u unit) all(step int) []int { return sequence(u.min, u.max, step) }

func sequence(first, last, step int) []int {
	var values []int
	for value := first; value <= last; value += step {
		values = append(values, value)
	}
	return values
}

// parse reads a field and returns its values, sorted.
func (u unit) parse(field string) ([]int, error) {
	if field == "*" {
		return u.all(1), nil
	}
	if step, isRepeated := strings.CutPrefix(field, "*/"); isRepeated {
		step, err := u.step(step)
		if err != nil {
			return nil, err
		}
		return u.all(step), nil
	}
	var values []int
	for item := range strings.SplitSeq(field, ",") {
		more, err := u.parseItem(item)
		if err != nil {
			return nil, err
		}
		values = append(values, more...)
	}
	slices.Sort(values)
	return slices.Compact(values), nil
}

// parseItem reads a number, a range, or either with a repetition.
func (u unit) parseItem(item string) ([]int, error) {
	span, stepText, isRepeated := strings.Cut(item, "/")
	firstText, lastText, isRange := strings.Cut(span, "..")
	first, err := u.number(firstText)
	if err != nil {
		return nil, err
	}
	last, step := first, 1
	switch {
	case isRange:
		if last, err = u.number(lastText); err != nil {
			return nil, err
		}
		if last < first {
			return nil, fmt.Errorf("the range of %s %q ends before it begins", u.name, span)
		}
	case isRepeated:
		last = u.max
	}
	if isRepeated {
		if step, err = u.step(stepText); err != nil {
			return nil, err
		}
	}
	return sequence(first, last, step), nil
}

func (u unit) number(text string) (int, error) {
	value, err := strconv.ParseUint(text, 10, 16)
	if err != nil || int(value) < u.min || int(value) > u.max {
		return 0, fmt.Errorf("%s are %d to %d, not %q", u.name, u.min, u.max, text)
	}
	return int(value), nil
}

func (u unit) step(text string) (int, error) {
	value, err := strconv.ParseUint(text, 10, 16)
	if err != nil || value < 1 || int(value) > u.max {
		return 0, fmt.Errorf("%s repeat every 1 to %d, not %q", u.name, u.max, text)
	}
	return int(value), nil
}
