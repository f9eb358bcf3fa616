package calendar

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseRefuses(t *testing.T) {
	for text, why := range map[string]string{
		"":                     "it names no weekday, date or time",
		"UTC":                  "it names no weekday, date or time",
		" daily":               "it begins or ends with a space",
		"daily ":               "it begins or ends with a space",
		"0 1 * * *":            "it looks like a cron expression",
		"someday":              `"someday" is no weekday (mon, tue, wed, thu, fri, sat, sun)`,
		"mon..":                `"" is no weekday`,
		"mo 01:00":             `"mo" is no weekday`,
		"Daily":                `"Daily" is no weekday`,
		"daily 01:00":          `"daily" is no weekday`,
		"24:00":                `hours are 0 to 23, not "24"`,
		"25:00":                `hours are 0 to 23, not "25"`,
		"01:60":                `minutes are 0 to 59, not "60"`,
		"60":                   `minutes are 0 to 59, not "60"`,
		"01:00:60":             `seconds are 0 to 59, not "60"`,
		"01:00:00:00":          `the time "01:00:00:00" has more than hours, minutes and seconds`,
		"1:":                   `minutes are 0 to 59, not ""`,
		"-1:00":                `months are 1 to 12, not ""`,
		"+1:00":                `hours are 0 to 23, not "+1"`,
		"5..3:00":              `the range of hours "5..3" ends before it begins`,
		"1..2..3:00":           `hours are 0 to 23, not "2..3"`,
		"*/0":                  `minutes repeat every 1 to 59, not "0"`,
		"0/60":                 `minutes repeat every 1 to 59, not "60"`,
		"*/":                   `minutes repeat every 1 to 59, not ""`,
		"*,5:00":               `hours are 0 to 23, not "*"`,
		"1,:00":                `hours are 0 to 23, not ""`,
		"*-13-01":              `months are 1 to 12, not "13"`,
		"00-01":                `months are 1 to 12, not "00"`,
		"*-00":                 `days are 1 to 31, not "00"`,
		"*-32":                 `days are 1 to 31, not "32"`,
		"2200-01-01":           `years are 0 to 2199, not "2200"`,
		"2026-01-01-01":        `the date "2026-01-01-01" has more than years, months and days`,
		"02-30":                "it names no date that exists",
		"2026-02-29":           "it names no date that exists",
		"4,6-31":               "it names no date that exists",
		"01:00 mon":            `the weekday "mon" stands after the time`,
		"01:00 2026-01-01":     `the date "2026-01-01" stands after the time`,
		"2026-01-01 mon":       `the weekday "mon" stands after the date`,
		"01:00 02:00":          `the time "02:00" stands after the time`,
		"99999999999999999999": `minutes are 0 to 59`,
	} {
		t.Run(text, func(t *testing.T) {
			err := Validate(text)
			require.ErrorContains(t, err, why)
			require.ErrorContains(t, err, `write for example "mon..fri 01:00"`)
		})
	}
	require.EqualError(t, Validate("mon 25:00"), `"mon 25:00" is not a calendar event of Proxmox VE: hours are 0 to 23, not "25"; write for example "mon..fri 01:00", "sat 02:30", "*/15" or "*-*-01 03:00"`)
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"mon..fri 8..17,22:0/15", "Sat *-1..7 15:00 UTC", "*-*-01 03:00", "semi-annually", "02-30"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		require.NotEmpty(t, e.hours)
		require.NotEmpty(t, e.minutes)
		require.NotEmpty(t, e.seconds)
		require.True(t, e.hasDate())
	})
}
