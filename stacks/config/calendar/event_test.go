package calendar

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const layout = "Mon 2006-01-02 15:04:05"

// TestNext lists the first times of an event after a start. The events are
// those of the appendix of the manual, and the traps.
func TestNext(t *testing.T) {
	const thursday = "Thu 2026-01-01 00:00:00"
	for _, test := range []struct {
		event string
		after string
		want  []string
	}{
		{"mon,tue,wed,thu,fri", thursday, []string{"Fri 2026-01-02 00:00:00", "Mon 2026-01-05 00:00:00"}},
		{"mon..fri", thursday, []string{"Fri 2026-01-02 00:00:00", "Mon 2026-01-05 00:00:00"}},
		{"mon..fri 01:00", thursday, []string{"Thu 2026-01-01 01:00:00", "Fri 2026-01-02 01:00:00", "Mon 2026-01-05 01:00:00"}},
		{"sat 02:30", thursday, []string{"Sat 2026-01-03 02:30:00", "Sat 2026-01-10 02:30:00"}},
		{"sat..sun", thursday, []string{"Sat 2026-01-03 00:00:00", "Sun 2026-01-04 00:00:00", "Sat 2026-01-10 00:00:00"}},
		{"fri..mon", thursday, []string{"Fri 2026-01-02 00:00:00", "Sat 2026-01-03 00:00:00", "Sun 2026-01-04 00:00:00", "Mon 2026-01-05 00:00:00", "Fri 2026-01-09 00:00:00"}},
		{"mon,WED..Friday", thursday, []string{"Fri 2026-01-02 00:00:00", "Mon 2026-01-05 00:00:00", "Wed 2026-01-07 00:00:00"}},
		{"12:05", thursday, []string{"Thu 2026-01-01 12:05:00", "Fri 2026-01-02 12:05:00"}},
		{"*/5", thursday, []string{"Thu 2026-01-01 00:05:00", "Thu 2026-01-01 00:10:00"}},
		{"0/5", "Thu 2026-01-01 23:57:00", []string{"Fri 2026-01-02 00:00:00", "Fri 2026-01-02 00:05:00"}},
		{"mon..wed 30/10", thursday, []string{"Mon 2026-01-05 00:30:00", "Mon 2026-01-05 00:40:00", "Mon 2026-01-05 00:50:00", "Mon 2026-01-05 01:30:00"}},
		{"mon..fri 8..17,22:0/15", "Fri 2026-01-02 17:30:00", []string{"Fri 2026-01-02 17:45:00", "Fri 2026-01-02 22:00:00", "Fri 2026-01-02 22:15:00", "Fri 2026-01-02 22:30:00", "Fri 2026-01-02 22:45:00", "Mon 2026-01-05 08:00:00"}},
		{"fri 12..13:5/20", thursday, []string{"Fri 2026-01-02 12:05:00", "Fri 2026-01-02 12:25:00", "Fri 2026-01-02 12:45:00", "Fri 2026-01-02 13:05:00", "Fri 2026-01-02 13:25:00", "Fri 2026-01-02 13:45:00", "Fri 2026-01-09 12:05:00"}},
		{"12/2:5", "Thu 2026-01-01 20:00:00", []string{"Thu 2026-01-01 20:05:00", "Thu 2026-01-01 22:05:00", "Fri 2026-01-02 12:05:00"}},
		{"2..4,22/2:00", thursday, []string{"Thu 2026-01-01 02:00:00", "Thu 2026-01-01 03:00:00", "Thu 2026-01-01 04:00:00", "Thu 2026-01-01 22:00:00", "Fri 2026-01-02 02:00:00"}},
		{"4..10/3:0", thursday, []string{"Thu 2026-01-01 04:00:00", "Thu 2026-01-01 07:00:00", "Thu 2026-01-01 10:00:00", "Fri 2026-01-02 04:00:00"}},
		{"10,5:8,4", thursday, []string{"Thu 2026-01-01 05:04:00", "Thu 2026-01-01 05:08:00", "Thu 2026-01-01 10:04:00"}},
		{"*", thursday, []string{"Thu 2026-01-01 00:01:00", "Thu 2026-01-01 00:02:00"}},
		{"30", thursday, []string{"Thu 2026-01-01 00:30:00", "Thu 2026-01-01 01:30:00"}},
		{"*:3:5", thursday, []string{"Thu 2026-01-01 00:03:05", "Thu 2026-01-01 01:03:05"}},
		{"*:*:*", thursday, []string{"Thu 2026-01-01 00:00:01", "Thu 2026-01-01 00:00:02"}},
		{"*-05", thursday, []string{"Mon 2026-01-05 00:00:00", "Thu 2026-02-05 00:00:00"}},
		{"*-*-01 03:00", thursday, []string{"Thu 2026-01-01 03:00:00", "Sun 2026-02-01 03:00:00"}},
		{"Sat *-1..7 15:00", thursday, []string{"Sat 2026-01-03 15:00:00", "Sat 2026-02-07 15:00:00", "Sat 2026-03-07 15:00:00"}},
		{"*-31", thursday, []string{"Sat 2026-01-31 00:00:00", "Tue 2026-03-31 00:00:00", "Sun 2026-05-31 00:00:00"}},
		{"02-29", thursday, []string{"Tue 2028-02-29 00:00:00", "Sun 2032-02-29 00:00:00"}},
		{"2026-7..9-2/20", thursday, []string{"Thu 2026-07-02 00:00:00", "Wed 2026-07-22 00:00:00", "Sun 2026-08-02 00:00:00"}},
		{"2026,2027-12-31", thursday, []string{"Thu 2026-12-31 00:00:00", "Fri 2027-12-31 00:00:00", ""}},
		{"2015-10-21", thursday, []string{""}},
		{"mon 2026-12-31", thursday, []string{""}},
		{"minutely", thursday, []string{"Thu 2026-01-01 00:01:00"}},
		{"hourly", thursday, []string{"Thu 2026-01-01 01:00:00"}},
		{"daily", thursday, []string{"Fri 2026-01-02 00:00:00"}},
		{"weekly", thursday, []string{"Mon 2026-01-05 00:00:00", "Mon 2026-01-12 00:00:00"}},
		{"monthly", thursday, []string{"Sun 2026-02-01 00:00:00"}},
		{"quarterly", thursday, []string{"Wed 2026-04-01 00:00:00", "Wed 2026-07-01 00:00:00"}},
		{"semiannually", thursday, []string{"Wed 2026-07-01 00:00:00", "Fri 2027-01-01 00:00:00"}},
		{"semi-annually", thursday, []string{"Wed 2026-07-01 00:00:00"}},
		{"yearly", thursday, []string{"Fri 2027-01-01 00:00:00"}},
		{"annually", thursday, []string{"Fri 2027-01-01 00:00:00"}},
	} {
		t.Run(test.event, func(t *testing.T) {
			e, err := Parse(test.event)
			require.NoError(t, err)
			at, err := time.Parse(layout, test.after)
			require.NoError(t, err)
			for _, want := range test.want {
				next, ok := e.Next(at)
				require.Equal(t, want != "", ok)
				if ok {
					require.Equal(t, want, next.Format(layout))
				}
				at = next
			}
		})
	}
}

func TestNextIsAfter(t *testing.T) {
	e, err := Parse("00:00:30")
	require.NoError(t, err)
	at := time.Date(2026, 1, 1, 0, 0, 29, 999, time.UTC)
	next, _ := e.Next(at)
	require.Equal(t, time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC), next)
	next, _ = e.Next(next)
	require.Equal(t, time.Date(2026, 1, 2, 0, 0, 30, 0, time.UTC), next)
}

func TestNextIsLocal(t *testing.T) {
	east := time.FixedZone("east", 2*60*60)
	after := time.Date(2026, 1, 1, 23, 30, 0, 0, east)
	for event, want := range map[string]string{
		"01:00":      "2026-01-02T01:00:00+02:00",
		"22:00 UTC":  "2026-01-02T00:00:00+02:00",
		"fri UTC":    "2026-01-02T02:00:00+02:00",
		"weekly UTC": "2026-01-05T02:00:00+02:00",
	} {
		e, err := Parse(event)
		require.NoError(t, err)
		next, ok := e.Next(after)
		require.True(t, ok)
		require.Equal(t, want, next.Format(time.RFC3339), event)
	}
}

// TestNextAcrossDaylightSaving holds that an event happens once a day, always
// later than before, though clocks in Berlin skip 02:30 on March 29th and have
// it twice on October 25th.
func TestNextAcrossDaylightSaving(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	e, err := Parse("02:30")
	require.NoError(t, err)
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, berlin)
	for day := 2; day <= 365; day++ {
		next, ok := e.Next(at)
		require.True(t, ok)
		require.True(t, next.After(at))
		require.Equal(t, day, next.YearDay())
		at = next
	}
}
